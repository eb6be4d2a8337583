"""Faults: what keeps a record from becoming a document, all of them at once, each with a place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from crossdock.mapping.frames import Frame, Ints

LONGEST = 200
SCHEMA = pa.schema(
    [
        ("record", pa.int32()),
        ("path", pa.string()),
        ("value", pa.string()),
        ("message", pa.string()),
        ("rule", pa.string()),
    ]
)


class Faults:
    """Collects faults of one batch; ``held`` marks the records that have one."""

    def __init__(self, size: int) -> None:
        self.held = np.zeros(size, np.bool_)
        self._rows: list[tuple[int, str, str | None, str, str]] = []
        self._seen: set[tuple[int, str, str | None, str]] = set()

    def add(
        self,
        frame: Frame,
        rows: Ints,
        path: str,
        values: Sequence[str | None],
        messages: Sequence[str],
        rule: str,
    ) -> None:
        """Add one fault per row of ``frame``; ``values`` and ``messages`` go with the rows."""
        self.held[frame.records[rows]] = True
        for row, value, message in zip(rows.tolist(), values, messages, strict=True):
            record = int(frame.records[row])
            place = frame.place(row)
            self.one(record, place[:-1] if path == "." else place + path, value, message, rule)

    def one(self, record: int, path: str, value: str | None, message: str, rule: str) -> None:
        """Add a fault of a record; the same fault at the same place is not said twice."""
        self.held[record] = True
        if (record, path, value, message) not in self._seen:
            self._seen.add((record, path, value, message))
            shown = None if value is None else value[:LONGEST].replace("\0", "\ufffd")
            self._rows.append((record, path, shown, message, rule))

    def table(self) -> pa.Table:
        """All faults, ordered by record and then as found."""
        rows = sorted(self._rows, key=lambda row: row[0])
        columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in SCHEMA]
        return pa.table(
            [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)],
            schema=SCHEMA,
        )
