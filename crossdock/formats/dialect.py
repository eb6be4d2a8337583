"""What a stream declares about its delimited text, and the lines before the data."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

from crossdock.connector import Reads
from crossdock.errors import Misconfigured, Unreadable
from crossdock.formats import header

LONGEST_HEAD = 1 << 20


@dataclass(frozen=True)
class Dialect:
    """Delimiter, quote ("" for none), lines to skip, and the names where the file has none."""

    delimiter: str
    quote: str
    skip: int
    names: tuple[str, ...]

    @classmethod
    def of(cls, stream: Reads, media: str) -> Dialect:
        """Take the dialect from the options of a stream; raises Misconfigured."""
        options = stream.options
        quoted = options.get("quote", '"') is not False
        given = options.get("header", True)
        return cls(
            delimiter=_character(options, "delimiter", "\t" if media == "tsv" else ","),
            quote=_character(options, "quote", '"') if quoted else "",
            skip=int(options.get("skip", 0)),
            names=tuple(str(name) for name in given) if isinstance(given, list) else (),
        )

    def head(self, block: bytes, stream: Reads) -> tuple[list[str], bytes, int]:
        """Take the lines before the data: the names, what is left of ``block``, lines taken.

        Raises Unreadable where the header cannot be that of the stream.
        """
        lines = io.StringIO(block[:LONGEST_HEAD].decode("utf-8", "ignore"), newline="")
        for _ in range(self.skip):
            lines.readline()
        names, taken = list(self.names), self.skip
        if not names:
            reader = csv.reader(
                lines,
                delimiter=self.delimiter,
                quotechar=self.quote or None,
                quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            )
            names = next(reader, [])
            taken += reader.line_num
        where = f"{stream.name}:{taken}"
        if not names:
            raise Unreadable("there is no header line", where=where)
        self._doubt(names, where)
        header.verify(names, stream, where)
        return names, _after_lines(block, taken), taken

    def _doubt(self, names: list[str], where: str) -> None:
        others = [mark for mark in ",;\t|" if mark in names[0]] if len(names) == 1 else []
        if others:
            raise Unreadable(
                f"the header is one column that holds {others[0]!r}",
                where=where,
                fix=f"declare delimiter: {others[0]!r}",
            )


def _after_lines(block: bytes, count: int) -> bytes:
    start = 0
    for _ in range(count):
        ends = [end for end in (block.find(b"\n", start), block.find(b"\r", start)) if end >= 0]
        if not ends:
            return b""
        end = min(ends)
        start = end + (2 if block[end : end + 2] == b"\r\n" else 1)
    return block[start:]


def _character(options: Any, name: str, default: str) -> str:
    value = str(options.get(name, default))
    value = {"\\t": "\t", "tab": "\t"}.get(value, value)
    if len(value) != 1 or not value.isascii():
        raise Misconfigured(f"{name} must be one ASCII character, not {value!r}")
    return value
