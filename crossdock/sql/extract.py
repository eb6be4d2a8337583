"""Read rows page by page in the order of key or cursor, as one JSON object a line.

Nothing is derived on the way: decimals leave as exact text, instants in ISO 8601, and the place
after which a page goes on is a value that the database gave, never an offset.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from crossdock.errors import Misconfigured
from crossdock.sql.cursors import Place, earlier
from crossdock.sql.database import Database

_KEYS = 500  # how many keys one question about child rows names


@dataclass(frozen=True)
class Nested:
    """Child rows that are read with their document: ``parent`` are the key's names there."""

    table: str
    parent: tuple[str, ...]
    order: tuple[str, ...] = ()


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
        until = _until(connection, source, now)
        _refuse_nulls(connection, source)
    while True:
        with database.reading() as connection:
            rows = _rows(connection, source, place, shift, until)
            for name, nested in source.children.items():
                attach(connection, source, name, nested, rows)
        if not rows:
            return
        place = Place(tuple(rows[-1][name] for name in source.order))
        shift = 0.0
        lines = "".join(json.dumps(row, default=_plain, ensure_ascii=False) + "\n" for row in rows)
        yield lines.encode(), place.write() if source.cursor else None
        if len(rows) < source.page:
            return


def _selectable(connection: sa.Connection, source: Source) -> tuple[Any, dict[str, Any]]:
    """What is read from, and its columns by name, with the driver's own values."""
    if source.query:
        text = sa.text("(" + source.query.strip().rstrip(";").replace(":", "\\:") + ") AS source")
        probe = connection.execute(sa.select(sa.text("*")).select_from(text).limit(0))
        columns: dict[str, Any] = {name: sa.column(name) for name in probe.keys()}  # noqa: SIM118
        return text, columns
    table = reflected(connection, source.table, source.schema)
    return table, {column.name: column for column in table.columns}


def reflected(connection: sa.Connection, name: str, schema: str | None) -> sa.Table:
    """Find a table or view; raises Misconfigured with the names that there are."""
    inspector = sa.inspect(connection)
    known = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
    if name not in known:
        raise Misconfigured(
            f"there is no table {name!r}", fix=f"known: {', '.join(sorted(known)[:20]) or 'none'}"
        )
    return sa.Table(name, sa.MetaData(), schema=schema, autoload_with=connection)


def _rows(
    connection: sa.Connection,
    source: Source,
    place: Place | None,
    shift: float,
    until: Any,
) -> list[dict[str, Any]]:
    origin, columns = _selectable(connection, source)
    for name in (*source.order, *source.fields):
        if name not in columns:
            raise Misconfigured(
                f"{source.table or 'the query'} has no column {name!r}",
                fix=f"known: {', '.join(sorted(columns))}",
            )
    chosen = list(dict.fromkeys((*source.fields, *source.order))) if source.fields else columns
    statement = sa.select(*(raw(columns[name]) for name in chosen)).select_from(origin)
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
    return [dict(row) for row in connection.execute(statement).mappings()]


def attach(
    connection: sa.Connection,
    source: Source,
    name: str,
    nested: Nested,
    rows: Sequence[dict[str, Any]],
) -> None:
    """Put the child rows of each document under ``name``, in their declared order."""
    table = reflected(connection, nested.table, source.schema)
    for column in (*nested.parent, *nested.order):
        if column not in table.c:
            raise Misconfigured(f"{nested.table} has no column {column!r}")
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    parent = sa.tuple_(*(table.c[column] for column in nested.parent))
    statement = sa.select(*map(raw, table.columns)).order_by(
        *(table.c[column] for column in (*nested.parent, *nested.order))
    )
    keys = [tuple(row[column] for column in source.key) for row in rows]
    for start in range(0, len(keys), _KEYS):
        among = parent.in_([sa.tuple_(*map(bound, key)) for key in keys[start : start + _KEYS]])
        for child in connection.execute(statement.where(among)).mappings():
            owner = tuple(child[column] for column in nested.parent)
            rest = {key: value for key, value in child.items() if key not in nested.parent}
            found.setdefault(owner, []).append(rest)
    for key, row in zip(keys, rows, strict=True):
        row[name] = found.get(key, [])


def raw(column: Any) -> Any:
    """The column with the driver's own values: SQLAlchemy would pass decimals through floats."""
    return sa.type_coerce(column, sa.types.NullType()).label(column.name)


def bound(value: Any) -> Any:
    """A value as a parameter, whose type the database infers."""
    return sa.bindparam(None, value, type_=sa.types.NullType(), unique=True)


def _until(connection: sa.Connection, source: Source, now: datetime) -> Any:
    """The newest cursor value that is read: rows of younger transactions may still be missing."""
    if not source.horizon or not source.cursor:
        return None
    if connection.dialect.name == "postgresql":
        now = connection.exec_driver_sql("SELECT now()").scalar_one()
    until = now - timedelta(seconds=source.horizon)
    origin, columns = _selectable(connection, source)
    some = connection.execute(
        sa.select(raw(columns[source.cursor])).select_from(origin)
        .where(columns[source.cursor].is_not(None)).limit(1)
    ).scalar()  # fmt: skip
    if some is None or (isinstance(some, datetime) and some.tzinfo):
        return until
    if not source.zone:
        raise Misconfigured(
            f"the cursor {source.cursor} has no offset from UTC, so a horizon needs its zone",
            fix="add zone: Europe/Berlin (or whichever it is) to the stream",
        )
    local = until.astimezone(ZoneInfo(source.zone)).replace(tzinfo=None)
    return local if isinstance(some, datetime) else earlier(some, 0.0, instead=local)


def _refuse_nulls(connection: sa.Connection, source: Source) -> None:
    if not source.cursor:
        return
    origin, columns = _selectable(connection, source)
    if source.cursor not in columns:
        return  # the first page says what there is
    count = connection.execute(
        sa.select(sa.func.count()).select_from(origin).where(columns[source.cursor].is_(None))
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
