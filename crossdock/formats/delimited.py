"""Delimited text (CSV, TSV) as string columns; nothing is inferred and no row is lost.

RFC 4180 with a declared delimiter, quote and encoding. Options of a stream: ``encoding``,
``delimiter``, ``quote`` (a character, or false), ``header`` (true, or the list of the names where
the file has none), ``skip`` (lines before the header) and ``columns`` (names that must be there).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from crossdock.connector import Reads
from crossdock.errors import Unreadable
from crossdock.formats.decoding import BLOCK, Text, count_breaks
from crossdock.formats.dialect import Dialect
from crossdock.formats.quotes import Quotes
from crossdock.formats.rows import Faults, schema_of, tabular

Lines = npt.NDArray[np.int64]

BLOCKS_A_TABLE = 8
_ANY_BREAK = "\r\n|\n|\r"


def read(stream: Reads, media: str, body: Path) -> Iterator[pa.Table]:
    """Yield the rows of ``body`` in blocks of about 8 MB.

    ``position`` is the physical line (from 1, the header counts) where the row begins. A line
    without any value is no row. Raises Unreadable for a file that is not what it claims.
    """
    encoding = str(stream.options.get("encoding", "utf-8"))
    with body.open("rb") as file:
        yield from _Delimited(stream, Dialect.of(stream, media), Text(file, encoding, stream.name))


class _Delimited:
    def __init__(self, stream: Reads, dialect: Dialect, text: Text) -> None:
        self._stream = stream
        self._dialect = dialect
        self._text = text
        self._quotes = Quotes(dialect.quote or '"', dialect.delimiter, stream.name)
        self._refused: list[tuple[int, int, str]] = []
        self._faults = Faults()
        self._row = 1  # number of the next row that the parser gives
        self._shift = 0  # lines before that row which are not rows: head, breaks inside of values

    def __iter__(self) -> Iterator[pa.Table]:
        blocks = self._checked_blocks()
        self._names, rest, self._shift = self._dialect.head(next(blocks, b""), self._stream)
        if self._text.faults and min(self._text.faults) <= self._shift:
            raise Unreadable("the header does not decode", where=self._stream.name)
        tables: list[pa.Table] = []
        given = False
        for batch in self._parsed(_Source(rest, blocks)):
            tables.append(self._table(batch))
            if len(tables) == BLOCKS_A_TABLE:
                yield pa.concat_tables(tables)
                tables, given = [], True
        last = pa.concat_tables([*tables, self._last()])
        if last.num_rows or not given:
            yield last

    def _checked_blocks(self) -> Iterator[bytes]:
        line = 1
        for block in self._text.blocks():
            if self._dialect.quote:
                self._quotes.feed(block, line)
            line = self._text.line
            yield block
        self._quotes.finish()

    def _parsed(self, source: _Source) -> Iterator[pa.RecordBatch]:
        try:
            reader = pacsv.open_csv(
                pa.PythonFile(source, "r"),
                read_options=pacsv.ReadOptions(
                    column_names=self._names, block_size=2 * BLOCK, use_threads=False
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=self._dialect.delimiter,
                    quote_char=self._dialect.quote or False,
                    newlines_in_values=bool(self._dialect.quote),
                    ignore_empty_lines=False,  # else the line numbers would be lost
                    invalid_row_handler=self._refuse,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(self._names, pa.string()),
                    strings_can_be_null=False,
                    check_utf8=False,  # Text gives nothing else
                ),
            )
            yield from reader
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return
            if self._quotes.opened:
                raise self._quotes.never_closed() from None
            what = str(error).split(":")[0].split("(")[0].strip()
            raise Unreadable(f"not delimited text: {what}", where=self._stream.name) from None

    def _refuse(self, row: Any) -> str:
        self._refused.append((row.number, row.actual_columns, row.text))
        return "skip"

    def _table(self, batch: pa.RecordBatch) -> pa.Table:
        numbers, refused = self._numbers(batch.num_rows)
        lines, last = self._lines(batch, numbers, refused)
        table = tabular(dict(zip(self._names, batch.columns, strict=True)), pa.array(lines))
        return self._without(table, lines, last)

    def _numbers(self, count: int) -> tuple[Lines, list[tuple[int, int, str]]]:
        """Number the good rows, leaving out the numbers of the refused ones before them."""
        end = self._row + count
        passed = 0
        while passed < len(self._refused) and self._refused[passed][0] < end:
            passed, end = passed + 1, end + 1
        refused, self._refused = self._refused[:passed], self._refused[passed:]
        numbers = np.arange(self._row, end)
        if refused:
            numbers = np.delete(numbers, [number - self._row for number, _, _ in refused])
        self._row = end
        return numbers, refused

    def _lines(
        self, batch: pa.RecordBatch, numbers: Lines, refused: list[tuple[int, int, str]]
    ) -> tuple[Lines, Lines]:
        """Give first and last physical line of each row, and note the refused rows."""
        inner = self._breaks_inside(batch)
        if inner is None and not refused:
            return numbers + self._shift, numbers + self._shift
        inner = np.zeros(len(numbers), np.int64) if inner is None else inner
        shift = np.full(len(numbers), self._shift)
        shift[1:] += np.cumsum(inner)[:-1]
        for number, fields, raw in refused:
            breaks = count_breaks(raw.strip("\r\n").encode())
            before = int(np.searchsorted(numbers, number))
            line = number + (
                int(shift[before]) if before < len(shift) else self._shift + int(inner.sum())
            )
            self._refuse_line(line, fields, raw)
            shift[before:] += breaks
            self._shift += breaks
        self._shift += int(inner.sum())
        return numbers + shift, numbers + shift + inner

    def _refuse_line(self, line: int, fields: int, raw: str) -> None:
        message, kept = self._text.faults.pop(line, ("", raw))
        expected = len(self._names)
        self._faults.add(
            line, message or f"the row has {fields} fields, the header {expected}", kept
        )

    def _breaks_inside(self, batch: pa.RecordBatch) -> Lines | None:
        broken = [column for column in batch.columns if self._quotes.seen and _has_break(column)]
        if not broken:
            return None
        counts = [pc.count_substring_regex(column, _ANY_BREAK).to_numpy() for column in broken]
        total: Lines = np.sum(counts, axis=0, dtype=np.int64)
        return total

    def _without(self, table: pa.Table, lines: Lines, last: Lines) -> pa.Table:
        """Take out blank lines and the rows on lines that were noted as faulty."""
        drop = _blank(table, self._names)
        for line, message, raw in self._noted(int(last[-1]) if len(last) else 0):
            row = int(np.searchsorted(lines, line, "right")) - 1
            if row >= 0 and line <= last[row]:
                drop[row] = True
                text = raw or self._dialect.delimiter.join(
                    table.column(name)[row].as_py() for name in self._names
                )
                self._faults.add(int(lines[row]), message, text)
        if drop.any():
            table = table.filter(pa.array(~drop))
        if len(self._faults):
            table = pa.concat_tables([table, self._faults.take(table.schema)])
        return table

    def _noted(self, last: int) -> list[tuple[int, str, str]]:
        """Take the faults of lines up to ``last`` that the text and its quotes have noted."""
        found = []
        for line in [line for line in self._text.faults if line <= last]:
            found.append((line, *self._text.faults.pop(line)))
        for line in [line for line in self._quotes.faults if line <= last]:
            found.append((line, self._quotes.faults.pop(line), ""))
        return sorted(found)

    def _last(self) -> pa.Table:
        """Give the refused rows that come after the last good one."""
        for number, fields, raw in self._refused:
            self._refuse_line(number + self._shift, fields, raw)
            self._shift += count_breaks(raw.strip("\r\n").encode())
        return self._faults.take(schema_of(self._names))


class _Source(io.RawIOBase):
    """Hands blocks of any length to a reader that asks for its own lengths."""

    def __init__(self, first: bytes, blocks: Iterator[bytes]) -> None:
        self._now = memoryview(first)
        self._blocks = blocks

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._now:
            block = next(self._blocks, None)
            if block is None:
                return b""
            self._now = memoryview(block)
        part, self._now = self._now[:size], self._now[size:]
        return bytes(part)


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
