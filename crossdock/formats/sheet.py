"""A worksheet as string columns.

Options of a stream: ``sheet`` (its name, needed where there are several), ``skip`` (rows before
the header), ``header`` (true, or the list of the names) and ``columns`` (names that must be there).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pyarrow as pa

from crossdock.connector import Reads
from crossdock.errors import Unreadable
from crossdock.formats import header
from crossdock.formats.rows import Faults, schema_of, tabular

ROWS = 20_000


def read(stream: Reads, media: str, body: Path) -> Iterator[pa.Table]:
    """Yield the rows of a workbook's sheet; ``position`` is the row number in the sheet."""
    from crossdock import excel

    sheet = stream.options.get("sheet")
    rows = excel.rows(body, str(sheet) if sheet else None, stream.name)
    names, rows = _names(stream, rows)
    faults = Faults()
    kept: list[list[str]] = []
    numbers: list[int] = []
    given = False
    for number, cells, fault in rows:
        extra = cells[len(names) :]
        if fault or any(extra):
            what = fault or f"the row has {len(cells)} cells, the header {len(names)}"
            faults.add(number, what, "\t".join(cells))
            continue
        kept.append([*cells[: len(names)], *[""] * (len(names) - len(cells))])
        numbers.append(number)
        if len(kept) == ROWS:
            yield _table(names, kept, numbers, faults)
            kept, numbers, given = [], [], True
    if kept or len(faults) or not given:
        yield _table(names, kept, numbers, faults)


def _names(
    stream: Reads, rows: Iterator[tuple[int, list[str], str]]
) -> tuple[list[str], Iterator[tuple[int, list[str], str]]]:
    given = stream.options.get("header", True)
    skip = int(stream.options.get("skip", 0))
    first = next((row for row in rows if row[0] > skip), None)
    if isinstance(given, list):
        return [str(name) for name in given], chain([first], rows) if first else rows
    if first is None:
        raise Unreadable("there is no header row", where=stream.name)
    names = list(first[1])
    while names and not names[-1]:
        names.pop()
    header.verify(names, stream, f"{stream.name}:{first[0]}")
    return names, rows


def _table(names: list[str], kept: list[list[str]], numbers: list[int], faults: Faults) -> pa.Table:
    columns = zip(*kept, strict=True) if kept else ([] for _ in names)
    arrays = {
        name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)
    }
    table = tabular(arrays, pa.array(numbers, pa.int64()))
    return pa.concat_tables([table, faults.take(schema_of(names))])
