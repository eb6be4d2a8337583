"""Read rows page by page in the order of key or cursor, as one JSON object a line.

Nothing is derived on the way: decimals leave as exact text, instants in ISO 8601, and the place
after which a page goes on is a value that the database gave, never an offset.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from crossdock.errors import Misconfigured
from crossdock.sql.cursors import Place, earlier
from crossdock.sql.database import Database
from crossdock.sql.fetch import Nested, attach, bound, fetched, raw, reflected

_encode = json.JSONEncoder(default=lambda value: _plain(value), ensure_ascii=False).encode


@dataclass(frozen=True)
class Source:
    """What a stream reads: a table (or view), or a query where the account allows queries.

    ``overlap`` and ``horizon`` are in seconds, ``zone`` is that of a cursor without offset.
    """

    key: tuple[str, ...]
    table: str = ""
    query: str = ""
    schema: str | None = None
    fields: tuple[str, ...] = ()
    cursor: str | None = None
    page: int = 5_000
    overlap: float = 0.0
    horizon: float = 0.0
    zone: str = ""
    children: Mapping[str, Nested] = field(default_factory=dict)

    @property
    def order(self) -> tuple[str, ...]:
        """Columns that order the rows: the cursor, then the key."""
        return (*((self.cursor,) if self.cursor else ()), *self.key)


def pages(
    database: Database, source: Source, cursor: str | None, now: datetime
) -> Iterator[tuple[bytes, str | None]]:
    """Yield (rows as JSON lines, cursor after them); a source without cursor is read whole.

    ``now`` bounds the horizon on SQLite; PostgreSQL says its own. Raises Misconfigured where rows
    have no cursor value, as they would never be read.
    """
    place = Place.read(cursor) if cursor and source.cursor else None
    shift = source.overlap
    with database.reading() as connection:
        plan = _plan(connection, source, now)
    while True:
        with database.reading() as connection:
            rows = fetched(connection, _statement(source, plan, place, shift))
            for name, nested in source.children.items():
                attach(connection, source.key, name, nested, plan.children[name], rows)
        if not rows:
            return
        place = Place(tuple(rows[-1][name] for name in source.order))
        shift = 0.0
        lines = "".join(_encode(row) + "\n" for row in rows)
        yield lines.encode(), place.write() if source.cursor else None
        if len(rows) < source.page:
            return


@dataclass(frozen=True)
class _Plan:
    """What is read from, looked up once: columns by name, child tables, the newest cursor value."""

    origin: Any
    columns: Mapping[str, Any]
    children: Mapping[str, sa.Table]
    until: Any = None


def _plan(connection: sa.Connection, source: Source, now: datetime) -> _Plan:
    origin, columns = _selectable(connection, source)
    for name in (*source.order, *source.fields):
        if name not in columns:
            raise Misconfigured(
                f"{source.table or 'the query'} has no column {name!r}",
                fix=f"known: {', '.join(sorted(columns))}",
            )
    children = {
        name: reflected(connection, nested.table, source.schema)
        for name, nested in source.children.items()
    }
    plan = _Plan(origin, columns, children)
    _refuse_nulls(connection, source, plan)
    return dataclasses.replace(plan, until=_until(connection, source, plan, now))


def _selectable(connection: sa.Connection, source: Source) -> tuple[Any, dict[str, Any]]:
    """What is read from, and its columns by name, with the driver's own values."""
    if source.query:
        text = sa.text("(" + source.query.strip().rstrip(";").replace(":", "\\:") + ") AS source")
        probe = connection.execute(sa.select(sa.text("*")).select_from(text).limit(0))
        columns: dict[str, Any] = {name: sa.column(name) for name in probe.keys()}  # noqa: SIM118
        return text, columns
    table = reflected(connection, source.table, source.schema)
    return table, {column.name: column for column in table.columns}


def _statement(source: Source, plan: _Plan, place: Place | None, shift: float) -> sa.Select[Any]:
    """Select the page after ``place``, or what is ``shift`` seconds before its cursor value."""
    columns, until = plan.columns, plan.until
    chosen = list(dict.fromkeys((*source.fields, *source.order))) if source.fields else columns
    statement = sa.select(*(raw(columns[name]) for name in chosen)).select_from(plan.origin)
    if place is not None and shift:
        assert source.cursor is not None  # noqa: S101 - a place is only kept with a cursor
        statement = statement.where(
            columns[source.cursor] >= bound(earlier(place.values[0], shift))
        )
    elif place is not None:
        here = sa.tuple_(*(columns[name] for name in source.order))
        statement = statement.where(here > sa.tuple_(*map(bound, place.values)))
    if until is not None and source.cursor:
        statement = statement.where(columns[source.cursor] <= bound(until))
    statement = statement.order_by(*(columns[name] for name in source.order)).limit(source.page)
    return statement


def _until(connection: sa.Connection, source: Source, plan: _Plan, now: datetime) -> Any:
    """The newest cursor value that is read: rows of younger transactions may still be missing."""
    if not source.horizon or not source.cursor:
        return None
    if connection.dialect.name == "postgresql":
        now = connection.exec_driver_sql("SELECT now()").scalar_one()
    until = now - timedelta(seconds=source.horizon)
    column = plan.columns[source.cursor]
    some = connection.execute(
        sa.select(raw(column)).select_from(plan.origin).where(column.is_not(None)).limit(1)
    ).scalar()
    if some is None or (isinstance(some, datetime) and some.tzinfo):
        return until
    if not source.zone:
        raise Misconfigured(
            f"the cursor {source.cursor} has no offset from UTC, so a horizon needs its zone",
            fix="add zone: Europe/Berlin (or whichever it is) to the stream",
        )
    local = until.astimezone(ZoneInfo(source.zone)).replace(tzinfo=None)
    return local if isinstance(some, datetime) else earlier(some, 0.0, instead=local)


def _refuse_nulls(connection: sa.Connection, source: Source, plan: _Plan) -> None:
    if not source.cursor:
        return
    count = connection.execute(
        sa.select(sa.func.count())
        .select_from(plan.origin)
        .where(plan.columns[source.cursor].is_(None))
    ).scalar_one()
    if count:
        raise Misconfigured(
            f"{count} rows have no {source.cursor}, so they would never be read",
            fix="fill the column, or read without a cursor",
        )


def _plain(value: Any) -> Any:
    """Write what JSON does not know, without loss."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    return str(value)
