"""What the benchmark runs on."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from crossdock import bench_input
from crossdock.errors import Misconfigured

TABLE = pa.table(
    {
        "InvoiceNo": ["536365", "C536379"],
        "StockCode": ["85123A", "D"],
        "Description": ["HEART", None],
        "Quantity": pa.array([6, -1], pa.int64()),
        "InvoiceDate": pa.array([datetime(2010, 12, 1, 8, 26)] * 2, pa.timestamp("us")),  # noqa: DTZ001
        "UnitPrice": [2.55, 27.5],
        "CustomerID": pa.array([17850.0, None], pa.float64()),
        "Country": ["United Kingdom"] * 2,
    }
)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_typed_columns_become_the_text_of_an_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet.write_table(TABLE, tmp_path / "real.parquet")
    monkeypatch.setenv("ONLINE_RETAIL", str(tmp_path / "real.parquet"))
    made = rows(bench_input.real_or_generated(tmp_path / "made.csv", 1))
    assert made[0]["UnitPrice"] == "2.55"
    assert made[0]["InvoiceDate"] == "2010-12-01 08:26:00"
    assert made[0]["CustomerID"] == "17850"
    assert made[1]["CustomerID"] == ""


def test_copies_are_other_invoices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet.write_table(TABLE, tmp_path / "real.parquet")
    monkeypatch.setenv("ONLINE_RETAIL", str(tmp_path / "real.parquet"))
    file = bench_input.real_or_generated(tmp_path / "made.csv", 2)
    assert bench_input.lines_of(file) == 4
    assert [row["InvoiceNo"] for row in rows(file)] == ["536365", "C536379", "582365", "C582379"]


def test_shuffled_rows_are_the_same_rows(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("h\n" + "".join(f"{number}\n" for number in range(100)), encoding="utf-8")
    mixed = bench_input.shuffled(source, tmp_path / "b.csv").read_text().splitlines()
    assert mixed[0] == "h"
    assert mixed != source.read_text().splitlines()
    assert sorted(mixed) == sorted(source.read_text().splitlines())


def test_a_workbook_is_refused_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONLINE_RETAIL", str(tmp_path / "Online Retail.xlsx"))
    with pytest.raises(Misconfigured, match="save the workbook as CSV"):
        bench_input.real_or_generated(tmp_path / "made.csv", 1)
