"""Parquet and Excel: typed cells become the text that a person would write."""

from __future__ import annotations

import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from crossdock.connector import Reads
from crossdock.errors import Unreadable
from crossdock.formats import tables
from tests.faults.catalogue import fault


def read(body: Path, media: str, **options: Any) -> pa.Table:
    stream = Reads(name="stock", key=(), media=media, options=options)
    return pa.concat_tables(tables(stream, media, body))


def good(table: pa.Table) -> list[list[Any]]:
    return [list(row.values())[:-2] for row in table.to_pylist() if row["_fault"] is None]


def bad(table: pa.Table) -> list[tuple[int, str]]:
    return [(row["position"], row["_fault"]) for row in table.to_pylist() if row["_fault"]]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([6.0, 2.55, 1e22, 1e-7, -0.5, None], pa.float64(), None),
        ([2.55, 6.0], pa.float32(), ["2.55", "6"]),
        ([9007199254740993, None], pa.int64(), ["9007199254740993", ""]),
        ([Decimal("6.00"), Decimal("0E-9")], pa.decimal128(18, 9), ["6.000000000", "0.000000000"]),
        ([True, False], pa.bool_(), ["true", "false"]),
        ([date(2010, 12, 1)], pa.date32(), ["2010-12-01"]),
        (["00123", None], pa.large_string(), ["00123", ""]),
        ([None, None], pa.null(), ["", ""]),
        (
            [datetime(2010, 12, 1, 8, 26), datetime(2010, 12, 1, 8, 26, 1, 500)],  # noqa: DTZ001
            pa.timestamp("us"),
            ["2010-12-01 08:26:00", "2010-12-01 08:26:01.0005"],
        ),
        (
            [datetime(2010, 12, 1, 8, 26, tzinfo=UTC)],
            pa.timestamp("ns", "Europe/Berlin"),
            ["2010-12-01 08:26:00+00:00"],
        ),
    ],
)
def test_parquet_values(
    tmp_path: Path, values: list[Any], kind: Any, expected: list[str] | None
) -> None:
    expected = expected or ["6", "2.55", "10000000000000000000000", "0.0000001", "-0.5", ""]
    pq.write_table(pa.table({"v": pa.array(values, kind)}), tmp_path / "a.parquet")
    table = read(tmp_path / "a.parquet", "parquet")
    assert table["v"].to_pylist() == expected
    assert table["position"].to_pylist() == list(range(1, len(values) + 1))


def test_parquet_that_cannot_be_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"v": [[1, 2]]}), path)
    with pytest.raises(Unreadable, match="'v' is a list"):
        read(path, "parquet")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Unreadable, match="cannot be read as parquet"):
        read(path, "parquet")


def workbook(path: Path, rows: list[list[Any]], title: str = "Stock") -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


@fault("L06", "C01")
def test_excel_cells_keep_their_text(tmp_path: Path) -> None:
    rows = [
        ["sku", "gtin", "price", "on", "ok"],
        ["00123", 8712345678906, 1.1, datetime(2026, 1, 2, 3, 4), True],  # noqa: DTZ001
        ["1E5", "8.71235E+12", 1e-7, None, False],
        [None, None, None, None, None],
        ["NA", 6.0, "=", "", ""],
    ]
    table = read(workbook(tmp_path / "a.xlsx", rows), "xlsx")
    assert good(table) == [
        ["00123", "8712345678906", "1.1", "2026-01-02 03:04:00", "true", 2],
        ["1E5", "8.71235E+12", "0.0000001", "", "false", 3],
        ["NA", "6", "=", "", "", 5],
    ]


@fault("C11")
def test_excel_formulas_and_errors_hold_their_row(tmp_path: Path) -> None:
    rows = [["a", "b"], [1, "=A2*2"], [2, "#N/A"], [3, 4], [5, 6, 7]]
    table = read(workbook(tmp_path / "a.xlsx", rows), "xlsx")
    assert good(table) == [["3", "4", 4]]
    assert bad(table) == [
        (2, "cell B2 is a formula without a value"),
        (3, "cell B3 is the error #N/A"),
        (5, "the row has 3 cells, the header 2"),
    ]


def test_excel_sheet_header_and_columns_are_declared(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["Stock list"], ["sku", "qty"], ["1", 2]])
    assert good(read(path, "xlsx", skip=1)) == [["1", "2", 3]]
    assert good(read(path, "xlsx", skip=2, header=["a", "b"])) == [["1", "2", 3]]
    assert good(read(path, "xlsx", skip=1, sheet="Stock")) == [["1", "2", 3]]
    with pytest.raises(Unreadable, match="no sheet 'Prices'"):
        read(path, "xlsx", sheet="Prices")
    with pytest.raises(Unreadable, match="'price' is missing"):
        read(path, "xlsx", skip=1, columns=["sku", "price"])


def test_excel_with_macros_bombs_or_a_doctype_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["a"], [1]])
    for name, content, words in [
        ("xl/vbaProject.bin", b"x", "macros"),
        ("xl/worksheets/sheet9.xml", b"0" * (50 << 20), "unpacks to too much"),
        ("xl/theme/theme9.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "DOCTYPE"),
    ]:
        copy = tmp_path / "copy.xlsx"
        copy.write_bytes(path.read_bytes())
        with zipfile.ZipFile(copy, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
        with pytest.raises(Unreadable, match=words):
            read(copy, "xlsx")
    path.write_bytes(b"\xd0\xcf\x11\xe0old")
    with pytest.raises(Unreadable, match=r"no \.xlsx"):
        read(path, "xlsx")
