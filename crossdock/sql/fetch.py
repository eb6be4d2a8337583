"""Find tables by the names that the database knows, and fetch rows as the driver gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from crossdock.errors import Misconfigured

_KEYS = 500  # how many keys one question about child rows names


@dataclass(frozen=True)
class Nested:
    """Child rows that are read with their document: ``parent`` are the key's names there."""

    table: str
    parent: tuple[str, ...]
    order: tuple[str, ...] = ()


def reflected(connection: sa.Connection, name: str, schema: str | None) -> sa.Table:
    """Find a table or view; raises Misconfigured with the names that there are."""
    inspector = sa.inspect(connection)
    known = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
    if name not in known:
        raise Misconfigured(
            f"there is no table {name!r}", fix=f"known: {', '.join(sorted(known)[:20]) or 'none'}"
        )
    return sa.Table(name, sa.MetaData(), schema=schema, autoload_with=connection)


def attach(
    connection: sa.Connection,
    key: Sequence[str],
    name: str,
    nested: Nested,
    table: sa.Table,
    rows: Sequence[dict[str, Any]],
) -> None:
    """Put the child rows of each document under ``name``, in their declared order.

    ``key`` names the document's key, ``table`` holds the child rows. Raises Misconfigured for a
    column that it does not have.
    """
    for column in (*nested.parent, *nested.order):
        if column not in table.c:
            raise Misconfigured(f"{nested.table} has no column {column!r}")
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    parent = sa.tuple_(*(table.c[column] for column in nested.parent))
    statement = sa.select(*map(raw, table.columns)).order_by(
        *(table.c[column] for column in (*nested.parent, *nested.order))
    )
    keys = [tuple(row[column] for column in key) for row in rows]
    for start in range(0, len(keys), _KEYS):
        among = parent.in_(
            [sa.tuple_(*map(bound, values)) for values in keys[start : start + _KEYS]]
        )
        for child in fetched(connection, statement.where(among)):
            owner = tuple(child.pop(column) for column in nested.parent)
            found.setdefault(owner, []).append(child)
    for values, row in zip(keys, rows, strict=True):
        row[name] = found.get(values, [])


def fetched(connection: sa.Connection, statement: sa.Select[Any]) -> list[dict[str, Any]]:
    """Run a statement over ``raw`` columns; rows as dicts of the driver's own values.

    The driver's tuples are taken as they are: SQLAlchemy's rows would cost five times as much.
    """
    result = connection.execute(statement)
    names = list(result.keys())
    cursor: Any = result.cursor
    try:
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    finally:
        result.close()


def raw(column: Any) -> Any:
    """The column with the driver's own values: SQLAlchemy would pass decimals through floats."""
    return sa.type_coerce(column, sa.types.NullType()).label(column.name)


def bound(value: Any) -> Any:
    """A value as a parameter, whose type the database infers."""
    return sa.bindparam(None, value, type_=sa.types.NullType(), unique=True)
