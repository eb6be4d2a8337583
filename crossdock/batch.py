"""Step files: what a step made of a batch, immutable, encrypted, named by what made it.

A file's name carries step and a hash of everything that shaped it, so that a repeated step finds
its work done and a changed mapping or rule makes a new file beside the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from crossdock.objects import Objects


@dataclass(frozen=True)
class BatchFiles:
    """The step files of one batch; ``batch_id`` is ``<run>/<leg>-<number>``."""

    objects: Objects
    batch_id: str
    _open: dict[str, dict[str, pa.Table]] = field(default_factory=dict)

    def write(
        self, step: str, tables: Mapping[str, pa.Table], made_by: str = "", *, anew: bool = False
    ) -> str:
        """Store named tables as the result of ``step``; gives the name to read them by.

        ``anew`` replaces what a dead attempt left, for a step whose result is not what it read.
        """
        path = self.path(step, made_by)
        if anew or not self.objects.exists(path):
            self.objects.put(path, _packed(tables))
        return path

    def read(self, path: str) -> dict[str, pa.Table]:
        """Read the named tables of a step file back; what was read stays open as long as this."""
        if path not in self._open:
            self._open[path] = _unpacked(self.objects.get(path))
        return dict(self._open[path])

    def has(self, step: str, made_by: str = "") -> bool:
        """Say whether the result of ``step`` made by the same hash is there."""
        return self.objects.exists(self.path(step, made_by))

    def path(self, step: str, made_by: str = "") -> str:
        """Name the file of a step."""
        suffix = f"-{made_by[:16]}" if made_by else ""
        return f"batches/{self.batch_id}/{step}{suffix}"


def _packed(tables: Mapping[str, pa.Table]) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    for name, table in tables.items():
        part = pa.BufferOutputStream()
        with pa.ipc.new_stream(part, table.schema, options=options) as writer:
            writer.write_table(table)
        body = part.getvalue()
        label = name.encode()
        sink.write(len(label).to_bytes(2, "big") + label + body.size.to_bytes(8, "big"))
        sink.write(body)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _unpacked(body: bytes) -> dict[str, pa.Table]:
    tables = {}
    view = memoryview(body)
    at = 0
    while at < len(view):
        length = int.from_bytes(view[at : at + 2], "big")
        name = bytes(view[at + 2 : at + 2 + length]).decode()
        at += 2 + length
        size = int.from_bytes(view[at : at + 8], "big")
        tables[name] = pa.ipc.open_stream(view[at + 8 : at + 8 + size]).read_all()
        at += 8 + size
    return tables
