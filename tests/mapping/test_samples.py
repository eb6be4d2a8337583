"""Trying a mapping on a file, as ``crossdock map try`` does."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossdock.errors import Misconfigured, Unreadable
from crossdock.mapping import try_sample

MAPPINGS = Path(__file__).parents[2] / "mappings"


def test_rows_of_a_csv_file_are_grouped_by_id(tmp_path):
    sample = tmp_path / "lines.csv"
    sample.write_text(
        "\ufeffInvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "536365,A,a,1,2010-12-01 08:26:00,2.55,17850,France\n"
        "536366,B,b,x,2010-12-01 08:28:00,1.85,17850,France\n"
        "C536379,D,d,-1,2010-12-01 08:28:00,1.85,17850,France\n"
        "536365,B,b,2,2010-12-01 08:26:00,1.00,17850,France\n",
        encoding="utf-8",
    )
    order, wrong, credit = try_sample(MAPPINGS / "online_retail" / "sales_order.yaml", sample)
    assert order["document"]["total_amount"] == "4.55"
    assert len(order["document"]["lines"]) == 2
    assert wrong["faults"][0]["path"] == "Quantity"
    assert credit == {"taken": False}


@pytest.mark.parametrize("suffix", ["json", "ndjson"])
def test_json_files(tmp_path, suffix):
    record = (
        '{"ItemNo": "A", "Location": "main", "Quantity": 1.50, "ChangedAt": "2026-01-05T08:00Z"}'
    )
    sample = tmp_path / f"stock.{suffix}"
    sample.write_text(f"[{record}]" if suffix == "json" else f"{record}\n\n{record}\n")
    found = try_sample(MAPPINGS / "erp" / "stock_level.yaml", sample)
    assert found[0]["document"]["on_hand"] == "1.5"
    assert len(found) == (1 if suffix == "json" else 2)


def test_files_that_cannot_be_tried(tmp_path):
    mapping = MAPPINGS / "erp" / "stock_level.yaml"
    with pytest.raises(Misconfigured, match="there is no file"):
        try_sample(mapping, tmp_path / "none.json")
    other = tmp_path / "x.xlsx"
    other.write_text("")
    with pytest.raises(Misconfigured, match=r"\.json, \.ndjson or \.csv"):
        try_sample(mapping, other)
    latin = tmp_path / "x.json"
    latin.write_bytes(b'{"a": "\xe9"}')
    with pytest.raises(Unreadable, match="not UTF-8"):
        try_sample(mapping, latin)
    broken = tmp_path / "y.json"
    broken.write_text('{"a": 1')
    with pytest.raises(Unreadable, match="not JSON"):
        try_sample(mapping, broken)
