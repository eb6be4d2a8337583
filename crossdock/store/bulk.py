"""Arrow tables into and out of database tables, inside the transaction that is already open.

On PostgreSQL rows travel as CSV through COPY, in the same connection as everything else of the
transaction; on SQLite through executemany. Columns are converted by column, never by row.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from crossdock.sql.rows import copy
from crossdock.store.schema import SCALE, Exact, Instant


def insert(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
    """Add ``rows`` (columns named as in ``table``) to ``table``; fails on a double key."""
    if rows.num_rows == 0:
        return
    if connection.dialect.name == "postgresql":
        full = [n for n in rows.column_names if rows[n].null_count < rows.num_rows]
        copy(connection, _quoted(table.name), rows.select(full))
        return
    names = ", ".join(_quoted(name) for name in rows.column_names)
    marks = ", ".join("?" for _ in rows.column_names)
    _many(
        connection,
        f"INSERT INTO {_quoted(table.name)} ({names}) VALUES ({marks})",  # noqa: S608 - our names
        table,
        rows,
    )


def upsert(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
    """Add ``rows`` or replace the rows that have the same primary key."""
    if rows.num_rows == 0:
        return
    keys = [column.name for column in table.primary_key]
    names = ", ".join(_quoted(name) for name in rows.column_names)
    rest = [name for name in rows.column_names if name not in keys]
    changes = ", ".join(f"{_quoted(name)} = excluded.{_quoted(name)}" for name in rest)
    clash = f"ON CONFLICT ({', '.join(map(_quoted, keys))}) DO UPDATE SET {changes}"
    target = _quoted(table.name)
    if connection.dialect.name == "postgresql":
        stage = _stage(connection, table, rows)
        connection.exec_driver_sql(
            f"INSERT INTO {target} ({names}) SELECT {names} FROM {stage} {clash}"  # noqa: S608
        )
        return
    marks = ", ".join("?" for _ in rows.column_names)
    _many(
        connection,
        f"INSERT INTO {target} ({names}) VALUES ({marks}) {clash}",  # noqa: S608
        table,
        rows,
    )


def update(
    connection: sa.Connection,
    table: sa.Table,
    rows: pa.Table,
    by: Sequence[str],
    **same: Any,
) -> None:
    """Set every other column of ``rows`` where the columns ``by`` are equal.

    ``same`` are columns that get one value in all these rows.
    """
    if rows.num_rows == 0:
        return
    if connection.dialect.name == "postgresql":
        columns: list[Any] = [sa.column(name) for name in rows.column_names]
        stage = sa.table(_stage(connection, table, rows), *columns)
        values = {name: stage.c[name] for name in rows.column_names if name not in by}
        connection.execute(
            table.update()
            .where(*(table.c[name] == stage.c[name] for name in by))
            .values(**values, **same)
        )
        return
    rest = [name for name in rows.column_names if name not in by]
    target = _quoted(table.name)
    changes = ", ".join(f"{_quoted(name)} = ?" for name in [*rest, *same])
    match = " AND ".join(f"{_quoted(name)} = ?" for name in by)
    arrays = {name: rows[name] for name in rest}
    for name, value in same.items():
        bound = table.c[name].type.dialect_impl(connection.dialect).bind_processor(
            connection.dialect
        )
        arrays[name] = pa.repeat(pa.scalar(bound(value) if bound else value), rows.num_rows)
    arrays |= {name: rows[name] for name in by}
    _many(
        connection,
        f"UPDATE {target} SET {changes} WHERE {match}",  # noqa: S608
        table,
        pa.table(arrays),
    )


def delete(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
    """Remove the rows of ``table`` that equal ``rows`` in all columns of ``rows``."""
    if rows.num_rows == 0:
        return
    target = _quoted(table.name)
    if connection.dialect.name == "postgresql":
        stage = _stage(connection, table, rows)
        match = " AND ".join(
            f"t.{_quoted(name)} = s.{_quoted(name)}" for name in rows.column_names
        )
        connection.exec_driver_sql(f"DELETE FROM {target} t USING {stage} s WHERE {match}")  # noqa: S608
        return
    match = " AND ".join(f"{_quoted(name)} = ?" for name in rows.column_names)
    _many(connection, f"DELETE FROM {target} WHERE {match}", table, rows)  # noqa: S608


def select(connection: sa.Connection, statement: sa.Select[Any], schema: pa.Schema) -> pa.Table:
    """Run ``statement`` and give its rows as a table of ``schema`` (columns in that order)."""
    rows = connection.execute(statement).all()
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [[] for _ in schema]
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)],
        schema=schema,
    )


def among(column: sa.Column[Any], values: pa.Array, dialect: str) -> sa.ColumnElement[bool]:
    """Say ``column IN values`` with one bound parameter, however many values there are."""
    items = values.to_pylist()
    if dialect == "postgresql":
        kind = sa.ARRAY(column.type)
        return column == sa.any_(sa.bindparam(None, items, type_=kind))
    one = sa.func.json_each(json.dumps(items)).table_valued("value")
    return column.in_(sa.select(one.c.value))


def among_parameter(column: sa.Column[Any], name: str, dialect: str) -> sa.ColumnElement[bool]:
    """Say ``column IN :name`` for a statement that is built once; see ``listed``."""
    if dialect == "postgresql":
        return column == sa.any_(sa.bindparam(name, type_=sa.ARRAY(column.type)))
    one = sa.func.json_each(sa.bindparam(name, type_=sa.Text())).table_valued("value")
    return column.in_(sa.select(one.c.value))


def listed(values: pa.Array, connection: sa.Connection) -> Any:
    """Give ``values`` as the parameter of ``among_parameter``."""
    items = values.to_pylist()
    return items if connection.dialect.name == "postgresql" else json.dumps(items)


def _stage(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> str:
    stage = f"stage_{secrets.token_hex(6)}"
    names = ", ".join(_quoted(name) for name in rows.column_names)
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE {stage} ON COMMIT DROP AS "  # noqa: S608
        f"SELECT {names} FROM {_quoted(table.name)} WITH NO DATA"
    )
    copy(connection, stage, rows)
    return stage


def _many(connection: sa.Connection, sql: str, table: sa.Table, rows: pa.Table) -> None:
    columns = [_for_sqlite(rows.column(name), table.c[name].type) for name in rows.column_names]
    cursor: Any = connection.connection.cursor()
    try:
        cursor.executemany(sql, zip(*columns, strict=True))
    finally:
        cursor.close()


def _for_sqlite(column: pa.ChunkedArray, kind: Any) -> list[Any]:
    if isinstance(kind, Exact) and pa.types.is_decimal(column.type):
        scaled = pc.multiply(column.cast(pa.decimal128(18, SCALE)), pa.scalar(10**SCALE))
        return scaled.cast(pa.int64()).to_pylist()  # type: ignore[no-any-return]
    if isinstance(kind, Instant) and pa.types.is_timestamp(column.type):
        text = pc.strftime(column.cast(pa.timestamp("us", "UTC")), format="%Y-%m-%dT%H:%M:%SZ")
        return text.to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_date(column.type):
        return column.cast(pa.string()).to_pylist()  # type: ignore[no-any-return]
    return column.to_pylist()  # type: ignore[no-any-return]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
