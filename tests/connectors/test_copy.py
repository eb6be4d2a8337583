"""Rows into PostgreSQL by COPY: every row once, whatever chunks they come in."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
import sqlalchemy as sa

from crossdock.sql.rows import copy

SCHEMA = pa.schema([("number", pa.int64()), ("text", pa.string()), ("bytes", pa.binary())])


@pytest.fixture
def connection(database_url: str) -> Iterator[sa.Connection]:
    url = database_url.replace("postgresql://", "postgresql+psycopg://")
    engine = sa.create_engine(url)
    with engine.connect() as open_:
        open_.exec_driver_sql(
            'CREATE TEMP TABLE copied ("number" bigint, "text" text, "bytes" bytea)'
        )
        yield open_
    engine.dispose()


def part(*numbers: int) -> pa.Table:
    return pa.table(
        {
            "number": list(numbers),
            "text": [f'n{n}, "quoted"' if n % 2 else None for n in numbers],
            "bytes": [bytes([n, 0, 255]) if n % 3 else None for n in numbers],
        },
        schema=SCHEMA,
    )


@pytest.mark.parametrize(
    "parts",
    [
        [part(), part(1, 2, 3)],
        [part(1, 2), part(), part(3)],
        [part(1), part(2, 3), part()],
        [part(9, 1, 2, 3).slice(1)],
    ],
    ids=["empty first", "empty between", "empty last", "a slice"],
)
def test_each_row_arrives_once_whatever_the_chunks(
    connection: sa.Connection, parts: list[pa.Table]
) -> None:
    copy(connection, "copied", pa.concat_tables(parts))
    rows = connection.exec_driver_sql('SELECT * FROM copied ORDER BY "number"').all()
    expected = part(1, 2, 3).to_pylist()
    assert [tuple(row) for row in rows] == [tuple(row.values()) for row in expected]
