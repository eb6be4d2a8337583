"""Arrow rows into statements: by COPY on PostgreSQL, by executemany on SQLite.

Columns are converted by column, never by row. Names are quoted here and nowhere else.
"""

from __future__ import annotations

import binascii
import io
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from pyarrow import csv

_BLOCK = 2_000  # rows of CSV; while the server reads one, we write the next


def copy(connection: sa.Connection, target: str, rows: pa.Table) -> None:
    """Send ``rows`` into the table or staging table ``target`` (quoted) as CSV."""
    names = listed(rows.column_names)
    options = csv.WriteOptions(include_header=False)
    driver: Any = connection.connection.driver_connection
    statement = f"COPY {target} ({names}) FROM STDIN (FORMAT csv)"
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as stream:
            for start in range(0, rows.num_rows, _BLOCK):
                buffer = io.BytesIO()
                csv.write_csv(_as_text(rows.slice(start, _BLOCK)), buffer, options)
                stream.write(buffer.getbuffer())
    except driver_errors(connection) as error:
        raise wrapped(connection, error) from error


def _as_text(rows: pa.Table) -> pa.Table:
    """Write what CSV cannot hold as text that PostgreSQL reads back, in one chunk a column.

    Arrow 26 writes the bytes of the chunk before, or of no chunk at all, for an empty chunk.
    """
    rows = rows.combine_chunks()
    arrays = []
    for column in rows.columns:
        kind = column.type
        if pa.types.is_timestamp(kind):
            column = column.cast(pa.timestamp("us", kind.tz)).cast(pa.string())
        elif pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
        elif _is_bytes(kind):
            column = _hexed(column)
        elif pa.types.is_nested(kind):
            column = pa.array(_as_json(column), pa.string())
        arrays.append(column)
    return pa.table(arrays, names=rows.column_names)


def _is_bytes(kind: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(test(kind) for test in tests)


def _hexed(column: pa.ChunkedArray) -> pa.Array:
    """Write bytes as PostgreSQL reads them, all values of a column at once."""
    bytes_ = column.cast(pa.large_binary()).combine_chunks()
    if isinstance(bytes_, pa.ChunkedArray):
        bytes_ = pa.concat_arrays(bytes_.chunks) if bytes_.num_chunks else bytes_.chunk(0)
    _, offsets, data = bytes_.buffers()
    ends = np.frombuffer(offsets, np.int64)[bytes_.offset : bytes_.offset + len(bytes_) + 1]
    text = binascii.hexlify(memoryview(data or b"")[ends[0] : ends[-1]])
    halves = pa.py_buffer((ends - ends[0]) * 2)
    words = pa.LargeStringArray.from_buffers(len(bytes_), halves, pa.py_buffer(text))
    mark, nothing = (pa.scalar(text, pa.large_string()) for text in ("\\x", ""))
    marked = pc.binary_join_element_wise(mark, words, nothing)
    return pc.if_else(pc.is_null(bytes_), pa.scalar(None, pa.large_string()), marked)


def _as_json(column: pa.ChunkedArray) -> list[str | None]:
    return [
        None if value is None else json.dumps(value, default=str, ensure_ascii=False)
        for value in column.to_pylist()
    ]


def many(connection: sa.Connection, statement: str, rows: pa.Table) -> None:
    """Run ``statement`` once for each row, its ``?`` being the columns in their order."""
    columns = [for_sqlite(column) for column in rows.columns]
    cursor: Any = connection.connection.cursor()
    try:
        cursor.executemany(statement, zip(*columns, strict=True))
    except driver_errors(connection) as error:
        raise wrapped(connection, error) from error
    finally:
        cursor.close()


def for_sqlite(column: pa.ChunkedArray) -> list[Any]:
    """Give the values as SQLite keeps them: decimals and instants as exact text."""
    kind = column.type
    if pa.types.is_decimal(kind):
        if kind.scale <= 6:
            return list(column.cast(pa.string()).to_pylist())
        return [None if value is None else f"{value:f}" for value in column.to_pylist()]
    if pa.types.is_timestamp(kind):
        form = "%Y-%m-%dT%H:%M:%SZ" if kind.tz else "%Y-%m-%dT%H:%M:%S"
        return list(pc.strftime(column.cast(pa.timestamp("us", kind.tz)), form).to_pylist())
    if pa.types.is_date(kind):
        return list(column.cast(pa.string()).to_pylist())
    if pa.types.is_nested(kind):
        return list(_as_json(column))
    return list(column.to_pylist())


def quoted(name: str) -> str:
    """Quote a name, which both databases do alike.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def listed(names: Iterable[str]) -> str:
    """Quote names with commas between them."""
    return ", ".join(quoted(name) for name in names)


def equal(names: Iterable[str], others: Iterable[str]) -> str:
    """Say that columns of ``t`` equal columns of ``s``, in their order.

    >>> equal(["id"], ["order_id"])
    't."id" = s."order_id"'
    """
    pairs = zip(names, others, strict=True)
    return " AND ".join(f"t.{quoted(name)} = s.{quoted(other)}" for name, other in pairs)


def table_name(table: sa.Table) -> str:
    """Quote the name of a table with its schema."""
    return ".".join(quoted(part) for part in (table.schema, table.name) if part)


def driver_errors(connection: sa.Connection) -> type[BaseException]:
    """The class of all errors of the driver below SQLAlchemy."""
    found: type[BaseException] = connection.dialect.loaded_dbapi.Error
    return found


def wrapped(connection: sa.Connection, error: BaseException) -> BaseException:
    """Make of a driver's error what SQLAlchemy would have made, so that one place names them."""
    module: Any = connection.dialect.loaded_dbapi
    gone = connection.dialect.is_disconnect(error, None, None)  # type: ignore[arg-type]
    return sa.exc.DBAPIError.instance(
        None, None, error, module.Error, connection_invalidated=gone, dialect=connection.dialect
    )
