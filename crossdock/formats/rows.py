"""The shape that every parser gives: fields, ``position``, ``_fault`` and ``_raw``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

OURS = ("position", "_fault", "_raw")
LONGEST_RAW = 100_000


def tabular(columns: Mapping[str, Any], position: Any) -> pa.Table:
    """Make a table of string columns and their positions, without faults."""
    empty = pa.nulls(len(position), pa.string())
    return pa.table({**columns, "position": position, "_fault": empty, "_raw": empty})


def nested(records: Sequence[str], positions: Sequence[int]) -> pa.Table:
    """Make a table with one JSON text a record."""
    texts = pa.array(records, pa.large_string())
    return tabular({"json": texts}, pa.array(positions, pa.int64()))


class Faults:
    """Rows that could not be taken apart, kept with their raw text so that none is lost."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, str, str]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, position: int, message: str, raw: str) -> None:
        """Note the row at ``position``; ``message`` says why, without its content."""
        self._rows.append((position, message, raw[:LONGEST_RAW]))

    def take(self, schema: pa.Schema) -> pa.Table:
        """Give the noted rows as a table of ``schema`` and forget them."""
        rows, self._rows = self._rows, []
        given = dict(zip(OURS, zip(*rows, strict=True), strict=True)) if rows else {}
        return pa.table(
            [
                pa.array(given[field.name], field.type)
                if field.name in given
                else pa.nulls(len(rows), field.type)
                for field in schema
            ],
            schema=schema,
        )


def schema_of(names: Sequence[str], kind: Any = None) -> pa.Schema:
    """Give the schema of a table with the fields ``names``."""
    kind = kind or pa.string()
    return pa.schema(
        [
            *((name, kind) for name in names),
            ("position", pa.int64()),
            ("_fault", pa.string()),
            ("_raw", pa.string()),
        ]
    )


JSON = schema_of(["json"], pa.large_string())
