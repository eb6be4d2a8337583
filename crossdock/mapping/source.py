"""Open a batch, raw or canonical, as frames; raw JSON is parsed once however many mappings ask."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossdock.errors import Misconfigured
from crossdock.mapping import json_text
from crossdock.mapping.faults import Faults
from crossdock.mapping.frames import (
    Column,
    Documents,
    Frame,
    Ints,
    Mask,
    Objects,
    Rows,
    RowsHead,
    flattened,
)


class Source:
    """The records of a batch. ``unreadable`` says by record what no parser can read."""

    def __init__(self, table: pa.Table) -> None:
        self.size: int = table.num_rows
        self.unreadable: dict[int, str] = {}
        self.kind = _kind(table)
        self._cache: dict[str, Column] = {}
        self._deleted = _flags(table)
        self.faulty = _faulty(table)
        if self.kind == "rows":
            self._offsets, structs = flattened(table.column("rows"))
            names = [name for name in structs.type.names if name != "position"]
            self._parts = {
                name: part
                for name, part in zip(structs.type.names, structs.flatten(), strict=True)
                if name in names
            }
        elif self.kind == "json":
            self.texts = table.column("json")
            self._objects = self._read()
        else:
            self._parts = {name: whole(table.column(name)) for name in table.column_names}

    def _read(self) -> list[Any]:
        objects: list[Any] = []
        with _no_collection():
            for record, text in enumerate(self.texts.to_pylist()):
                try:
                    objects.append(json_text.read(text) if text is not None else None)
                except ValueError as error:
                    objects.append(None)
                    self.unreadable[record] = str(error)
        return objects

    def report(self, faults: Faults) -> None:
        """Say what cannot be mapped: unreadable records, and empty ones that are no deletions."""
        for record, text in {**self.unreadable, **self.faulty}.items():
            shown = self.texts[record].as_py() if self.kind == "json" else None
            faults.one(record, "", shown, text, "unreadable")
        there = np.zeros(self.size, np.bool_)
        there[self.readable()] = True
        there[[*self.unreadable, *self.faulty]] = True
        for record in np.flatnonzero(~there & ~self._deleted).tolist():
            faults.one(record, "", None, "the record has no content", "empty")

    def readable(self) -> Ints:
        """Records that can be mapped: those with content that a parser can read."""
        if self.kind == "documents":
            return np.arange(self.size)
        if self.kind == "rows":
            there = np.diff(self._offsets) > 0
        else:
            there = np.array([item is not None for item in self._objects], np.bool_)
        there[list(self.faulty)] = False
        return np.flatnonzero(there)

    def frame(self, records: Ints | None = None) -> Frame:
        """Frame of some records, by default of all readable ones."""
        chosen = self.readable() if records is None else records
        if self.kind == "json":
            return Objects([self._objects[record] for record in chosen.tolist()], chosen)
        if self.kind == "documents":
            every = Documents(self._parts, self.size, np.arange(self.size))
            return every if len(chosen) == self.size else every.pick(chosen)
        return self._head(chosen)

    def _head(self, records: Ints) -> RowsHead:
        counts = np.diff(self._offsets)
        if len(records) == self.size:
            offsets, rows = self._offsets, None
        else:
            offsets = np.concatenate([[0], np.cumsum(counts[records])])
            starts = np.repeat(self._offsets[records] - offsets[:-1], counts[records])
            rows = starts + np.arange(offsets[-1])
        owners = np.repeat(records, counts[records])
        return RowsHead(Rows(self._parts, self._cache, owners, rows), offsets, records)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from walking over the growing heap; it triples the time."""
    active = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if active:
            gc.enable()


def _kind(table: pa.Table) -> str:
    names = table.column_names
    raw = "key" in names and "hash" in names
    if "rows" in names and (raw or len(names) == 1):
        return "rows"
    if "json" in names and (raw or len(names) == 1):
        return "json"
    if raw and "object" in names:
        raise Misconfigured("a raw batch needs a column rows or json", where="mapping")
    return "documents"


def _flags(table: pa.Table) -> Mask:
    """Which raw records are deletions."""
    if "deleted" not in table.column_names or "hash" not in table.column_names:
        return np.zeros(table.num_rows, np.bool_)
    found: Mask = pc.fill_null(table.column("deleted"), False).to_numpy()
    return found


def _faulty(table: pa.Table) -> dict[int, str]:
    """What landing has found wrong with raw records, by record."""
    if "fault" not in table.column_names or "hash" not in table.column_names:
        return {}
    faults = table.column("fault")
    if faults.null_count == len(faults):
        return {}
    return {record: text for record, text in enumerate(faults.to_pylist()) if text is not None}


def whole(column: Any) -> Any:
    """Give a column as one array."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
