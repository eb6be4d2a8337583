"""The latest known version of each record of a stream."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from crossdock.store import bulk, schema

LATEST = pa.schema(
    [
        ("key", pa.string()),
        ("hash", pa.binary(32)),
        ("entity", pa.string()),
        ("n", pa.int32()),
        ("id", pa.int64()),
    ]
)


def latest(connection: sa.Connection, system: str, stream: str, keys: pa.Array) -> pa.Table:
    """Read the latest version of each of ``keys``; unknown keys are left out."""
    table = schema.record_version
    return bulk.select(
        connection,
        sa.select(table.c.key, table.c.hash, table.c.entity, table.c.n, table.c.id).where(
            table.c.system == system,
            table.c.stream == stream,
            table.c.latest,
            bulk.among(table.c.key, keys, connection.dialect.name),
        ),
        LATEST,
    )
