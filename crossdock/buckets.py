"""Rows by the hash of their key: in memory while they fit, then on disk, encrypted.

The key of the cipher is known to this process only; what a killed process leaves is noise.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BATCH_BYTES = 64 << 20
_BITS = 6
_BUCKETS = 1 << _BITS


class Buckets:
    """Takes tables with a column ``key_hash`` (uint64); gives them back, each key in one place."""

    def __init__(self, scratch: Path, memory_bytes: int) -> None:
        self._scratch = scratch
        self._limit = memory_bytes
        self._memory: list[pa.Table] = []
        self._bytes = 0
        self._lines = [0] * _BUCKETS
        self._cipher = AESGCM(secrets.token_bytes(32))
        self._name = secrets.token_hex(8)
        self._sizes = [0] * _BUCKETS
        self._marked = self._mark_bytes = 0
        self._mark_lines = list(self._lines)
        self._mark_sizes: list[int] | None = None

    def add(self, rows: pa.Table) -> None:
        """Take a block of rows; goes to disk when memory is full."""
        bucket = rows["key_hash"].to_numpy() & np.uint64(_BUCKETS - 1)
        self._lines = [
            have + more
            for have, more in zip(
                self._lines, np.bincount(bucket, minlength=_BUCKETS).tolist(), strict=True
            )
        ]
        self._memory.append(rows)
        self._bytes += rows.nbytes
        if self._bytes > self._limit:
            self._spill()

    def _spill(self) -> None:
        """Move what is in memory to disk, rows of before the mark in frames of their own."""
        for place, block in enumerate(self._memory):  # one by one: no second copy of it all
            if place == self._marked and self._mark_sizes is None:
                self._mark_sizes = list(self._sizes)
            self._write(block)
        if self._mark_sizes is None:
            self._mark_sizes = list(self._sizes)
        self._marked, self._memory, self._bytes = 0, [], 0

    def _write(self, block: pa.Table) -> None:
        for number, rows in _apart(block):
            sink = pa.BufferOutputStream()
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
                writer.write_table(rows)
            nonce = secrets.token_bytes(12)
            sealed = nonce + self._cipher.encrypt(nonce, sink.getvalue().to_pybytes(), None)
            with self._path(number).open("ab") as file:
                file.write(len(sealed).to_bytes(8, "big") + sealed)
            self._sizes[number] += 8 + len(sealed)

    def _sorted(self) -> Iterator[tuple[int, pa.Table]]:
        """Take what is in memory apart, by bucket; the memory is empty afterwards."""
        if self._memory:
            rows = _joined(self._memory)
            self._memory = []
            yield from _apart(rows)

    def _path(self, number: int) -> Path:
        return self._scratch / f"bucket-{self._name}-{number:02}"

    def _load(self, number: int) -> Iterator[pa.Table]:
        if not self._sizes[number]:
            return
        with self._path(number).open("rb") as file:
            while head := file.read(8):
                sealed = file.read(int.from_bytes(head, "big"))
                plain = self._cipher.decrypt(sealed[:12], sealed[12:], None)
                yield pa.ipc.open_stream(plain).read_all()
        self._path(number).unlink()

    def mark(self) -> None:
        """Remember this state, for ``back_to``."""
        self._marked = len(self._memory)
        self._mark_lines, self._mark_bytes = list(self._lines), self._bytes
        self._mark_sizes = None

    def back_to(self) -> None:
        """Forget every row since the last ``mark``."""
        if self._mark_sizes is None:
            del self._memory[self._marked :]
            self._bytes = self._mark_bytes
        else:  # it went to disk meanwhile, behind all that was there before
            self._memory, self._bytes = [], 0
            for number, size in enumerate(self._mark_sizes):
                if self._sizes[number] != size:
                    with self._path(number).open("r+b") as file:
                        file.truncate(size)
            self._sizes = self._mark_sizes
        self._lines = self._mark_lines
        self.mark()

    def drain(self, limit: int) -> Iterator[pa.Table]:
        """Give everything back in tables of at most ``limit`` rows, a key in one of them only."""
        gathered: list[pa.Table] = []
        lines = size = 0
        rest = dict(self._sorted())
        for number in range(_BUCKETS):
            if not self._lines[number]:
                continue
            tables = [*self._load(number), *([rest.pop(number)] if number in rest else [])]
            more, weight = self._lines[number], sum(table.nbytes for table in tables)
            if gathered and (lines + more > limit or size + weight > BATCH_BYTES):
                yield _joined(gathered)
                gathered, lines, size = [], 0, 0
            if more > limit:
                yield from _split(_joined(tables), limit, _BITS)
                continue
            gathered += tables
            lines, size = lines + more, size + weight
        if gathered:
            yield _joined(gathered)


def _apart(rows: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Sort rows by bucket, stable, and give each bucket's share."""
    bucket = (rows["key_hash"].to_numpy() & np.uint64(_BUCKETS - 1)).astype(np.uint8)
    order = np.argsort(bucket, kind="stable")
    rows = rows.take(pa.array(order))
    edges = np.searchsorted(bucket[order], np.arange(_BUCKETS + 1))
    for number in range(_BUCKETS):
        start, end = int(edges[number]), int(edges[number + 1])
        if end > start:
            yield number, rows.slice(start, end - start)


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables, promote_options="default").combine_chunks()


def _split(rows: pa.Table, limit: int, bits: int) -> Iterator[pa.Table]:
    """Cut a bucket that is too large by further bits of the key's hash; a key stays whole."""
    if rows.num_rows <= limit or bits >= 60:
        yield rows
        return
    part = (rows["key_hash"].to_numpy() >> np.uint64(bits)) & np.uint64(1)
    for side in (0, 1):
        share = rows.filter(pa.array(part == side))
        if share.num_rows:
            yield from _split(share, limit, bits + 1)
