"""Delimited text (CSV, TSV) as string columns; nothing is inferred and no row is lost.

RFC 4180 with a declared delimiter, quote and encoding. Options of a stream: ``encoding``,
``delimiter``, ``quote`` (a character, or false), ``header`` (true, or the list of the names where
the file has none), ``skip`` (lines before the header), ``columns`` (names that must be there) and
``unmarked_end``: without it a last line that has no line end is held, as half a price is a price.

Arrow's own streaming reader is not used: dropped before the end of a file, it can wait for itself
for ever. Text is cut where a row ends, and each part is parsed alone while the next one is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from crossdock.connector import Reads
from crossdock.errors import Unreadable
from crossdock.formats.decoding import Text, count_breaks
from crossdock.formats.dialect import Dialect
from crossdock.formats.quotes import Quotes
from crossdock.formats.rows import Faults, tabular

Lines = npt.NDArray[np.int64]

PARTS_A_TABLE = 8
LONGEST_ROW = 64 << 20
_ANY_BREAK = "\r\n|\n|\r"
_CUT = "the file may be cut off; get it again, or declare unmarked_end: true"


def read(stream: Reads, media: str, body: Path) -> Iterator[pa.Table]:
    """Yield the rows of ``body`` in blocks of about 8 MB.

    ``position`` is the physical line (from 1, the header counts) where the row begins. A line
    without any value is no row. Raises Unreadable for a file that is not what it claims.
    """
    encoding = str(stream.options.get("encoding", "utf-8"))
    with body.open("rb") as file, ThreadPoolExecutor(1) as reader:
        text = Text(file, encoding, stream.name)
        yield from _Delimited(stream, Dialect.of(stream, media), text).tables(reader)


class _Delimited:
    def __init__(self, stream: Reads, dialect: Dialect, text: Text) -> None:
        self._stream = stream
        self._dialect = dialect
        self._text = text
        self._quotes = Quotes(dialect.quote or '"', dialect.delimiter, stream.name)
        self._names: list[str] = []

    def tables(self, reader: ThreadPoolExecutor) -> Iterator[pa.Table]:
        parts = _ahead(self._parts(), reader)
        line, part = next(parts, (1, b""))
        self._names, rest, taken = self._dialect.head(part, self._stream)
        if any(bad <= taken for bad in list(self._text.faults)):
            raise Unreadable("the header does not decode", where=self._stream.name)
        if not rest and part and self._is_cut(part) and not self._dialect.names:
            raise Unreadable("the header line has no end", where=self._stream.name, fix=_CUT)
        tables = [self._table(line + taken, rest)]
        for line, part in parts:
            tables.append(self._table(line, part))
            if len(tables) == PARTS_A_TABLE:
                yield pa.concat_tables(tables)
                tables = [self._table(0, b"")]
        if tables[0].num_rows or len(tables) > 1 or line == 1:
            yield pa.concat_tables(tables)

    def _parts(self) -> Iterator[tuple[int, bytes]]:
        """Yield (first line, text) of parts that end where a row ends."""
        held: list[bytes] = []
        start = line = 1
        for block in self._text.blocks():
            if self._dialect.quote:
                self._quotes.feed(block, line)
            line = self._text.line
            held.append(block)
            if not self._quotes.opened:
                yield start, b"".join(held)
                start, held = line, []
            elif sum(map(len, held)) > LONGEST_ROW:
                raise self._quotes.never_closed()
        self._quotes.finish()

    def _table(self, line: int, part: bytes) -> pa.Table:
        """Parse a part that begins with ``line``."""
        faults = Faults()
        if part and self._is_cut(part):
            self._text.faults.setdefault(
                line + count_breaks(part), (f"the last line has no end; {_CUT}", "")
            )
        refused: list[tuple[int, int, str]] = []
        columns, count = self._columns(part, refused)
        lines, last = self._lines(columns, count, line, refused, faults)
        table = tabular(dict(zip(self._names, columns, strict=True)), pa.array(lines))
        beyond = line + count_breaks(part) + (not part.endswith((b"\n", b"\r")))
        return self._without(table, lines, last, beyond, faults)

    def _is_cut(self, part: bytes) -> bool:
        """Say whether a part lacks the line end that every row has: the rest may be missing."""
        return not part.endswith((b"\n", b"\r")) and not self._stream.options.get("unmarked_end")

    def _columns(self, part: bytes, refused: list[tuple[int, int, str]]) -> tuple[list[Any], int]:
        if not part:
            return [pa.array([], pa.string()) for _ in self._names], 0

        def refuse(row: Any) -> str:
            refused.append((row.number, row.actual_columns, row.text))
            return "skip"

        try:
            table = pacsv.read_csv(
                pa.BufferReader(part),
                read_options=pacsv.ReadOptions(
                    column_names=self._names, block_size=len(part) + 1, use_threads=False
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=self._dialect.delimiter,
                    quote_char=self._dialect.quote or False,
                    newlines_in_values=bool(self._dialect.quote),
                    ignore_empty_lines=False,  # else the line numbers would be lost
                    invalid_row_handler=refuse,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(self._names, pa.string()),
                    strings_can_be_null=False,
                    check_utf8=False,  # Text gives nothing else
                ),
            )
        except pa.ArrowInvalid as error:
            what = str(error).split(":")[0].split("(")[0].strip()
            raise Unreadable(f"not delimited text: {what}", where=self._stream.name) from None
        return [_one(column) for column in table.columns], table.num_rows

    def _lines(
        self,
        columns: list[Any],
        count: int,
        line: int,
        refused: list[tuple[int, int, str]],
        faults: Faults,
    ) -> tuple[Lines, Lines]:
        """Give first and last physical line of each row, and note the refused rows."""
        numbers = np.arange(count + len(refused))
        inner = np.zeros(len(numbers), np.int64)
        good = np.delete(numbers, [number - 1 for number, _, _ in refused])
        inner[good] = self._breaks_inside(columns, count)
        for number, _, raw in refused:
            inner[number - 1] = count_breaks(raw.strip("\r\n").encode())
        first = line + numbers
        first[1:] += np.cumsum(inner)[:-1]
        for number, fields, raw in refused:
            place = int(first[number - 1])
            message, kept = self._text.faults.pop(place, ("", raw))
            what = f"the row has {fields} fields, the header {len(self._names)}"
            faults.add(place, message or what, kept)
        return first[good], (first + inner)[good]

    def _breaks_inside(self, columns: list[Any], count: int) -> Lines:
        total = np.zeros(count, np.int64)
        for column in columns if self._quotes.seen else ():
            if _has_break(column):
                total += pc.count_substring_regex(column, _ANY_BREAK).to_numpy()
        return total

    def _without(
        self, table: pa.Table, lines: Lines, last: Lines, beyond: int, faults: Faults
    ) -> pa.Table:
        """Take out blank lines and the rows on lines that were noted as faulty."""
        drop = _blank(table, self._names)
        for line, message, raw in self._noted(beyond):
            row = int(np.searchsorted(lines, line, "right")) - 1
            if row >= 0 and line <= last[row]:
                drop[row] = True
                text = raw or self._dialect.delimiter.join(
                    table.column(name)[row].as_py() for name in self._names
                )
                faults.add(int(lines[row]), message, text)
        if drop.any():
            table = table.filter(pa.array(~drop))
        return pa.concat_tables([table, faults.take(table.schema)]) if len(faults) else table

    def _noted(self, beyond: int) -> list[tuple[int, str, str]]:
        """Take the faults of lines before ``beyond`` that the text and its quotes have noted.

        The reader's thread may note later ones meanwhile, so copies of the lists are walked.
        """
        found = []
        for line in [line for line in list(self._text.faults) if line < beyond]:
            found.append((line, *self._text.faults.pop(line)))
        for line in [line for line in list(self._quotes.faults) if line < beyond]:
            found.append((line, self._quotes.faults.pop(line), ""))
        return sorted(found)


def _ahead(
    parts: Iterator[tuple[int, bytes]], reader: ThreadPoolExecutor
) -> Iterator[tuple[int, bytes]]:
    """Read the next part in the reader's thread while this one is used."""
    coming = reader.submit(next, parts, None)
    while (part := coming.result()) is not None:
        coming = reader.submit(next, parts, None)
        yield part


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _blank(table: pa.Table, names: list[str]) -> npt.NDArray[np.bool_]:
    blank = np.ones(table.num_rows, bool)
    for name in names:
        if not blank.any():
            break
        blank &= pc.equal(table.column(name), "").to_numpy()
    return blank


def _has_break(column: pa.StringArray) -> bool:
    """True when a value may hold a line end; a look at the bytes, since patterns are slow."""
    values = column.buffers()[2]
    content = values.to_pybytes() if values else b""
    return b"\n" in content or b"\r" in content
