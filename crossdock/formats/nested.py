"""JSON documents and NDJSON as one canonical JSON text a record, in bounded memory.

``records`` of a stream is the dotted path of the list in a document ("data.orders"); without it
the document is the list, or is itself the record. A record that cannot be trusted (doubled
names, NaN, control characters) is a fault; a document that is cut off is unreadable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from crossdock.connector import Reads
from crossdock.errors import Unreadable
from crossdock.formats.decoding import Text, count_breaks
from crossdock.formats.document import Document, why
from crossdock.formats.rows import JSON, Faults, nested
from crossdock.json import EXACT, Fault, canonical

CHARACTERS = 8 << 20
_BREAK = re.compile("\r\n|\n|\r")


def lines(stream: Reads, media: str, body: Path) -> Iterator[pa.Table]:
    """Yield the records of an NDJSON file; ``position`` is the line."""
    found = _Gathered()
    encoding = str(stream.options.get("encoding", "utf-8"))
    line, whole = 1, True
    with body.open("rb") as file:
        text = Text(file, encoding, stream.name)
        for block in text.blocks():
            whole = block.endswith((b"\n", b"\r"))
            end = line + count_breaks(block)
            for raw in _BREAK.split(block.decode()):
                if line in text.faults:
                    found.fault(line, *text.faults.pop(line))
                elif raw.strip():
                    _line(found, line, raw, cut=line == end and not whole, where=stream.name)
                line += 1
            line = end
            yield from found.full()
    yield found.rest()


def _line(found: _Gathered, line: int, raw: str, cut: bool, where: str) -> None:
    try:
        found.record(line, EXACT.decode(raw), raw)
    except json.JSONDecodeError as error:
        if cut:
            raise Unreadable(
                "the last line is cut off", where=f"{where}:{line}", fix="get the file again"
            ) from None
        found.fault(line, f"the line is not JSON: {error.msg}", raw)
    except (ValueError, RecursionError) as error:
        found.fault(line, why(error), raw)


def document(stream: Reads, media: str, body: Path) -> Iterator[pa.Table]:
    """Yield the records of one JSON document; ``position`` is their number from 1."""
    found = _Gathered()
    with body.open("rb") as file:
        source = Document(file, str(stream.options.get("encoding", "utf-8")), stream.name)
        for number, (value, raw, fault) in enumerate(source.records(stream.records), 1):
            if fault:
                found.fault(number, fault, raw)
            else:
                try:
                    found.record(number, value, raw)
                except Fault as error:
                    found.fault(number, str(error), raw)
            yield from found.full()
    yield found.rest()


class _Gathered:
    """Records on their way into tables of about 8 MB."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._positions: list[int] = []
        self._size = 0
        self._faults = Faults()
        self._given = False

    def record(self, position: int, value: Any, raw: str) -> None:
        if not isinstance(value, dict):
            raise Fault("the record is not an object")
        text = canonical(value, raw)
        self._texts.append(text)
        self._positions.append(position)
        self._size += len(text)

    def fault(self, position: int, message: str, raw: str) -> None:
        self._faults.add(position, message, raw.encode("utf-8", "replace").decode())

    def full(self) -> Iterator[pa.Table]:
        if self._size > CHARACTERS:
            self._given = True
            yield self.rest()

    def rest(self) -> pa.Table:
        table = nested(self._texts, self._positions)
        self._texts, self._positions, self._size = [], [], 0
        return pa.concat_tables([table, self._faults.take(JSON)])
