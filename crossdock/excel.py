"""Excel workbooks (.xlsx) as string columns, row by row, and tables for people. The openpyxl door.

A text cell stays as it is ("00123"), a number becomes its shortest text, a date ISO text. A
formula that the writer never calculated, and an error cell (#N/A), make the row a fault. Workbooks
with macros are refused. Merged cells hold their value in the first cell only, as the file does.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import repeat
from pathlib import Path
from typing import IO, Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell

from crossdock.errors import Unreadable

LARGEST = 1 << 30
RATIO = 100
_SMALL = 4 << 20
_FORMULA = re.compile(rb"<(?:\w+:)?f[ >/]")
_DOCTYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def rows(body: Path, sheet: str | None, where: str) -> Iterator[tuple[int, list[str], str]]:
    """Yield (row number, texts of the cells, fault or "") of a sheet, from its first row.

    Rows without any value are left out. Raises Unreadable.
    """
    _refuse_dangers(body, where)
    with body.open("rb") as file, body.open("rb") as again:
        values, part = _sheet(file, sheet, where, cached=True)
        formulas: Iterator[Sequence[Any]] = repeat(())
        if _has_formulas(body, part):
            formulas = _sheet(again, sheet, where, cached=False)[0].iter_rows()
        for number, (cells, raw) in enumerate(zip(values.iter_rows(), formulas, strict=False), 1):
            texts, fault = _row(cells, raw)
            if fault or any(texts):
                yield number, texts, fault


def _sheet(file: IO[bytes], name: str | None, where: str, *, cached: bool) -> tuple[Any, str]:
    """Give the worksheet and the name of its part in the archive."""
    book = load_workbook(file, read_only=True, data_only=cached, keep_links=False)
    found = {sheet.title: sheet for sheet in book.worksheets}
    if name is None and len(found) == 1:
        name = next(iter(found))
    if name is None or name not in found:
        what = f"there is no sheet {name!r}" if name else "there are several sheets"
        raise Unreadable(what, where=where, fix=f"declare sheet: one of {', '.join(found)}")
    sheet: Any = found[name]
    sheet.reset_dimensions()  # what the file claims about its size is often wrong
    return sheet, str(sheet._worksheet_path)


def _has_formulas(body: Path, part: str) -> bool:
    with zipfile.ZipFile(body) as archive, archive.open(part.lstrip("/")) as file:
        tail = b""
        while chunk := file.read(1 << 20):
            if _FORMULA.search(tail + chunk):
                return True
            tail = chunk[-32:]
    return False


def _row(cells: Sequence[Any], raw: Sequence[Any]) -> tuple[list[str], str]:
    texts = []
    fault = ""
    for number, cell in enumerate(cells):
        value = cell.value
        if cell.data_type == "e":
            fault = fault or f"cell {cell.coordinate} is the error {value}"
        elif value is None and number < len(raw) and raw[number].data_type == "f":
            fault = fault or f"cell {raw[number].coordinate} is a formula without a value"
        texts.append(text(value))
    return texts, fault


def text(value: Any) -> str:
    """Write the value of a cell as text.

    >>> text(8712345678906), text(1.10), text(1e-7), text("00123"), text(None)
    ('8712345678906', '1.1', '0.0000001', '00123', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        shortest = repr(value)
        plain = format(Decimal(shortest), "f") if "e" in shortest else shortest
        return plain.removesuffix(".0")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _hours(value)
    return str(value)


def _hours(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def write(file: IO[bytes], headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write one sheet; every text is a string cell, so that none is a formula."""
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet("rows")
    for row in [headings, *rows]:
        sheet.append([_cell(sheet, value) for value in row])
    book.save(file)


def _cell(sheet: Any, value: Any) -> Any:
    cell: Any = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = True
    return cell


def _refuse_dangers(body: Path, where: str) -> None:
    """Raise Unreadable for macros, bombs, encryption and XML with a DOCTYPE."""
    try:
        archive = zipfile.ZipFile(body)
    except zipfile.BadZipFile:
        raise Unreadable(
            "this is no .xlsx workbook", where=where, fix="old .xls and locked files are not read"
        ) from None
    with archive:
        parts = archive.infolist()
        total = sum(part.file_size for part in parts)
        packed = sum(part.compress_size for part in parts)
        if total > LARGEST or (total > _SMALL and total > RATIO * packed):
            raise Unreadable("the workbook unpacks to too much", where=where)
        for part in parts:
            name = part.filename.lower()
            if "vbaproject" in name or "macrosheet" in name:
                raise Unreadable("the workbook has macros, which are refused", where=where)
            if name.endswith((".xml", ".rels")):
                with archive.open(part) as file:
                    start = file.read(1 << 16).replace(b"\0", b"")
                if _DOCTYPE.search(start):
                    raise Unreadable("the workbook has a DOCTYPE, which is refused", where=where)
