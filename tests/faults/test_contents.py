"""What stands in files and records: spreadsheets, footers, markup, numbers and dates."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from crossdock.connector import Reads
from crossdock.convert import numbers, times
from crossdock.errors import Unreadable
from crossdock.formats import tables
from crossdock.landing import Landing
from tests.faults.catalogue import fault
from tests.mapping.making import documents, faults, mapping, objects, order, rows

LINES = """
lines:
  each: rows
  fields:
    line_id: {number: true}
    product_id: sku
    quantity: {path: qty, as: quantity}
"""


def read(folder: Path, data: bytes, media: str = "csv", **options: Any) -> list[dict[str, Any]]:
    """Read a file; good and bad rows."""
    body = folder / "body"
    body.write_bytes(data)
    stream = Reads(name="stock", key=("sku",), media=media, options=options)
    return pa.concat_tables(tables(stream, media, body)).to_pylist()


def good(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that could be taken apart."""
    return [row for row in found if not row["_fault"]]


# -- numbers that a spreadsheet touched -----------------------------------------------------------


@fault("C02", "L06")
def test_a_gtin_in_scientific_notation_is_held_and_says_what_to_do(tmp_path: Path) -> None:
    made = order(tmp_path, "buyer_id: {path: gtin, as: identifier}")
    batch = rows(*([{"number": str(n), "gtin": text}] for n, text in enumerate(
        ["8712345678906", "8.71235E+12", "8,71235E+12", "1E5", "00123"])))  # fmt: skip
    assert faults(made, batch) == [
        (1, "gtin", "8.71235E+12", "identifier"),
        (2, "gtin", "8,71235E+12", "identifier"),
    ]
    found = made.apply(batch).faults["message"].to_pylist()
    assert all("export it as text" in message for message in found)


@fault("C03", "C04")
def test_a_gtin_as_a_float_is_whole_or_held(tmp_path: Path) -> None:
    made = order(tmp_path, "buyer_id: {path: gtin, as: whole_text}")
    batch = rows(*([{"number": str(n), "gtin": text}] for n, text in enumerate(
        ["8712345678906.0", "8712345678906", "8712345678906.5", "8.7E+12"])))  # fmt: skip
    assert [row[0] for row in faults(made, batch)] == [2, 3]
    taken = documents(made, batch.slice(0, 2))
    assert {one["buyer_id"] for one in taken} == {"8712345678906"}


@fault("C06")
@pytest.mark.parametrize(
    ("text", "decimal", "thousands", "value"),
    [
        ("1.234,50", ",", ".", "1234.50"),
        ("1,234.50", ".", ",", "1234.50"),
        ("1'234.50", ".", "'", "1234.50"),
        ("1\u00a0234,50", ",", "\u00a0", "1234.50"),
        ("1\u202f234,50", ",", "\u202f", "1234.50"),
        ("-1.234.567,8", ",", ".", "-1234567.8"),
        ("1,234", ".", "", None),
        ("1.234", ",", "", None),
        ("1.23", ",", ".", None),
        ("12.34,5", ",", ".", None),
        ("1,2,3", ",", "", None),
        ("1.234,50", ".", ",", None),
        ("", ".", "", None),
        ("one", ".", "", None),
        ("1 234", ".", "", None),
        ("١٢", ".", "", None),
    ],
)
def test_marks_of_numbers_are_declared(
    text: str, decimal: str, thousands: str, value: str | None
) -> None:
    if value is not None:
        assert numbers.decimal(text, decimal=decimal, thousands=thousands) == Decimal(value)
        return
    with pytest.raises(ValueError, match=r"ambiguous|not a number|no thousands"):
        numbers.decimal(text, decimal=decimal, thousands=thousands)


amounts = st.decimals(-(10**9), 10**9, places=2, allow_nan=False)


@fault("C06", "M01")
@settings(max_examples=200, deadline=None)
@given(amounts)
def test_an_amount_comes_back_from_each_way_of_writing(value: Decimal) -> None:
    plain = f"{value:,.2f}"
    german = plain.replace(",", "_").replace(".", ",").replace("_", ".")
    assert numbers.decimal(plain, thousands=",") == value
    assert numbers.decimal(german, decimal=",", thousands=".") == value


@fault("M03")
def test_pence_are_declared_and_never_guessed(tmp_path: Path) -> None:
    text = (
        "from: a.b\nto: sales_order\nfields:\n  id: number\n  currency: cur\n"
        "  total_amount: {path: total, as: minor_money, take: max}\nexamples: [examples/x.yaml]"
    )
    made = mapping(tmp_path, text)
    pairs = [("GBP", "1999"), ("JPY", "1999"), ("KWD", "1999"), ("GBP", "19.99")]
    batch = rows(*([{"number": str(n), "cur": c, "total": t}] for n, (c, t) in enumerate(pairs)))
    assert faults(made, batch) == [(3, "total", "19.99", "minor_money")]
    totals = [one["total_amount"] for one in documents(made, batch.slice(0, 3))]
    assert [Decimal(str(total)) for total in totals] == [
        Decimal("19.99"), Decimal(1999), Decimal("1.999")]  # fmt: skip


@fault("M05")
@settings(max_examples=200, deadline=None)
@given(st.decimals(-(10**6), 10**6, places=5, allow_nan=False))
def test_rounding_is_declared_and_exact(value: Decimal) -> None:
    up = numbers.rounded(value, digits=2, rounding="half_up")
    even = numbers.rounded(value, digits=2, rounding="half_even")
    assert abs(up - value) <= Decimal("0.005")
    assert abs(even - value) <= Decimal("0.005")
    if up != even:
        assert abs(value * 1000) % 10 == 5, "they differ at the half only"
    if value != value.quantize(Decimal("0.01")):
        with pytest.raises(ValueError, match="rounded"):
            numbers.fixed(value, digits=2)


@fault("M05")
def test_rounding_that_nobody_declared_is_refused() -> None:
    with pytest.raises(ValueError, match="half_up or half_even"):
        numbers.rounded(Decimal("2.5"), digits=0, rounding="up")


@fault("M06")
@pytest.mark.parametrize("text", ["2147483648", "9007199254740993", "999999999999", "-999999999999",
                                  "0.000001", "999999999999.999999"])  # fmt: skip
def test_large_numbers_keep_every_digit(tmp_path: Path, text: str) -> None:
    if len(text.strip("-").split(".")[0]) <= 12:
        assert numbers.decimal(text) == Decimal(text)
    else:
        with pytest.raises(ValueError, match="12 digits"):
            numbers.decimal(text)
    found = read(tmp_path, f'[{{"sku": {text}}}]'.encode(), "json")
    assert json.loads(found[0]["json"], parse_float=str, parse_int=str)["sku"] == text


@fault("M06")
@pytest.mark.parametrize("text", ["1000000000000", "1e12", "0.0000001", "1e400", "NaN", "Infinity"])
def test_numbers_that_do_not_fit_are_held(text: str) -> None:
    with pytest.raises(ValueError, match=r"digits|decimals|not a number"):
        numbers.decimal(text)
    with pytest.raises(ValueError, match=r"too large"):
        numbers.whole_number("9223372036854775808")


@fault("M08")
def test_an_unknown_currency_is_held(tmp_path: Path) -> None:
    text = (
        "from: a.b\nto: sales_order\nfields:\n  id: number\n  currency: cur\n"
        "  total_amount: {path: total, as: money, take: max}\nexamples: [examples/x.yaml]"
    )
    made = mapping(tmp_path, text)
    batch = rows(*([{"number": str(n), "cur": currency, "total": "1.00"}]
                   for n, currency in enumerate(["GBP", "XXY", "gbp", "€", ""])))  # fmt: skip
    assert {row[0] for row in faults(made, batch)} == {1, 2, 3, 4}


@fault("M08")
def test_two_currencies_in_one_order_are_held(tmp_path: Path) -> None:
    text = (
        "from: a.b\nto: sales_order\nfields:\n  id: number\n  currency: cur\n"
        "examples: [examples/x.yaml]"
    )
    batch = rows([{"number": "1", "cur": "GBP"}, {"number": "1", "cur": "EUR"}])
    assert [row[1] for row in faults(mapping(tmp_path, text), batch)] == ["cur"]


@fault("M10", "D05")
def test_a_unit_without_a_known_factor_is_held(tmp_path: Path) -> None:
    fields = """
lines:
  each: rows
  fields:
    line_id: {number: true}
    product_id: sku
    quantity: {path: qty, as: quantity}
    unit: {path: unit, lookup: units, missing: fail}
"""
    made = order(tmp_path, fields, units="values: {pcs: C62, kg: KGM}")
    batch = rows([{"number": "1", "sku": "A", "qty": "1", "unit": "pcs"}],
                 [{"number": "2", "sku": "A", "qty": "1", "unit": "carton"}])  # fmt: skip
    assert faults(made, batch) == [(1, "unit", "carton", "lookup")]


# -- dates ----------------------------------------------------------------------------------------


@fault("M11")
def test_a_time_without_a_zone_needs_a_declared_one() -> None:
    with pytest.raises(ValueError, match="no `zone`"):
        times.instant("2026-03-01 09:30:00")
    berlin = times.instant("2026-03-01 09:30:00", zone="Europe/Berlin")
    assert berlin == dt.datetime(2026, 3, 1, 8, 30, tzinfo=dt.UTC)
    own = times.instant("2026-03-01T09:30:00-05:00", zone="Europe/Berlin")
    assert own == dt.datetime(2026, 3, 1, 14, 30, tzinfo=dt.UTC)


@fault("M13")
@pytest.mark.parametrize(
    "text",
    ["01/02/2026 00:00", "26-03-01 09:30", "2026-03-01 24:00:00", "2026-06-30T23:59:60",
     "0001-01-01T00:00:00", "9999-12-31T23:59:59", "2026-02-30T00:00:00", "1.3.2026", "", "0"],
)  # fmt: skip
def test_dates_in_other_forms_are_held(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        times.instant(text, zone="Europe/Berlin")


@fault("M13")
@pytest.mark.parametrize("pattern", ["%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y"])
def test_the_declared_form_decides_which_is_the_month(pattern: str) -> None:
    day = dt.date(2026, 2, 1)
    assert times.date(day.strftime(pattern), format=pattern) == day
    with pytest.raises(ValueError, match="declared format"):
        times.date("2026-02-01", format=pattern)


@fault("M14")
@pytest.mark.parametrize(
    ("text", "count"),
    [("1767225600", "ms"), ("1767225600000", "s"), ("1767225600", "us"), ("-5", "s"), ("1e9", "s")],
)
def test_a_count_from_1970_in_the_wrong_unit_is_held(text: str, count: str) -> None:
    with pytest.raises(ValueError, match=r"outside the years|not a count"):
        times.epoch(text, count=count)
    assert times.epoch("1767225600", count="s") == times.epoch("1767225600000", count="ms")


@fault("M15", "P26")
def test_the_day_is_that_of_the_partners_clock() -> None:
    moment = times.instant("2026-12-31T23:30:00", zone="UTC")
    assert times.local_date(moment, zone="Europe/Berlin") == dt.date(2027, 1, 1)
    assert times.local_date(moment, zone="America/New_York") == dt.date(2026, 12, 31)
    start = times.instant("2027-01-01", zone="Europe/Berlin", day="start")
    assert start == dt.datetime(2026, 12, 31, 23, 0, tzinfo=dt.UTC)


# -- files ----------------------------------------------------------------------------------------


@fault("C07")
@pytest.mark.parametrize("size", [131_073, 2_000_000])
def test_a_giant_in_a_cell_is_a_value(tmp_path: Path, size: int) -> None:
    found = good(read(tmp_path, b'sku,text\n1,"' + b"x" * size + b'"\n2,y\n'))
    assert [len(row["text"]) for row in found] == [size, 1]


@fault("C07")
@pytest.mark.parametrize(
    "data",
    [b"sku;name\n1;a\n", b"sku\tname\n1\ta\n", b"sku|name\n1|a\n", b"'sku','name'\n'1','a'\n"],
)
def test_another_delimiter_or_quote_holds_the_file(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Unreadable):
        read(tmp_path, data, columns=["sku", "name"])


@fault("C10")
def test_a_row_of_totals_never_becomes_a_record(tmp_path: Path) -> None:
    data = b"sku,qty,price\nA,1,2.00\nB,2,3.00\n,3,8.00\n# made by hand\n"
    body = tmp_path / "body"
    body.write_bytes(data)
    stream = Reads(
        name="stock",
        key=("sku",),
        media="csv",
        money={"sum": "price", "currency": {"constant": "EUR"}},
    )
    landing = Landing(stream, tmp_path)
    for table in tables(stream, "csv", body):
        landing.add(table, "object")
    raw = pa.concat_tables(landing.batches()).to_pylist()
    assert [row["key"] for row in raw if row["fault"] is None] == ["A", "B"]
    held = [row["fault"] for row in raw if row["fault"]]
    assert sorted(held) == ["the key sku is empty", "the row has 1 fields, the header 3"]


@fault("C11")
def test_a_workbook_with_merged_cells_and_hidden_sheets(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Stock"
    for row in (["sku", "name"], ["1", "a"], ["2", "b"]):
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    hidden = book.create_sheet("Old")
    hidden.sheet_state = "hidden"
    hidden.append(["sku", "name"])
    hidden.append(["9", "old"])
    book.save(tmp_path / "a.xlsx")
    data = (tmp_path / "a.xlsx").read_bytes()
    with pytest.raises(Unreadable, match="several sheets"):
        read(tmp_path, data, "xlsx")
    found = read(tmp_path, data, "xlsx", sheet="Stock")
    assert [(row["sku"], row["name"]) for row in found] == [("1", "a"), ("", "b")]


@fault("C11")
def test_a_workbook_counts_its_days_from_its_own_year(tmp_path: Path) -> None:
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    for epoch in (None, CALENDAR_MAC_1904):
        book = Workbook()
        if epoch is not None:
            book.epoch = epoch
        sheet = book.active
        assert sheet is not None
        sheet.append(["sku", "day"])
        sheet.append(["1", dt.datetime(2026, 3, 1)])  # noqa: DTZ001 - as a workbook holds it
        book.save(tmp_path / "a.xlsx")
        [row] = read(tmp_path, (tmp_path / "a.xlsx").read_bytes(), "xlsx")
        assert row["day"] == "2026-03-01 00:00:00"


@fault("F18", "C08")
def test_an_archive_with_files_of_different_columns(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("1.csv", "sku,name\n1,a\n")
        archive.writestr("2.csv", "sku,price\n2,5\n")
        archive.writestr("3.csv", "name,sku\nc,3\n")
    found = read(tmp_path, (tmp_path / "a.zip").read_bytes(), "zip")
    assert [row["sku"] for row in good(found)] == ["1", "3"]
    assert "not those of the first" in next(row["_fault"] for row in found if row["_fault"])


MARKUP = ["<script>alert(1)</script>", "a & b < c", "🫖 茶 ‮abc", "{{ 7*7 }}", "=HYPERLINK(1)", "%s"]


@fault("C14")
@pytest.mark.parametrize("text", MARKUP)
def test_markup_and_signs_stay_what_they_are(tmp_path: Path, text: str) -> None:
    made = order(tmp_path, "note: {path: note, optional: true}")
    batch = objects(json.dumps({"number": "1", "note": text}))
    assert documents(made, batch)[0]["note"] == text


@fault("D04")
def test_a_number_that_becomes_a_text_is_taken_and_an_object_is_not(tmp_path: Path) -> None:
    made = order(tmp_path, "buyer_id: buyer\ntotal_amount: {path: total, as: decimal}")
    batch = objects(
        '{"number": 1, "buyer": 12, "total": 1.50}',
        '{"number": "1", "buyer": "12", "total": "1.50"}',
        '{"number": "2", "buyer": {"id": 12}, "total": "1.50"}',
        '{"number": "3", "buyer": "12", "total": true}',
    )
    assert [(row[0], row[1]) for row in faults(made, batch)] == [(2, "buyer"), (3, "total")]
    first, second = documents(made, batch.slice(0, 2))
    assert first == second


@fault("B15")
def test_an_order_of_five_thousand_lines_and_one_of_none(tmp_path: Path) -> None:
    made = order(tmp_path, LINES)
    many = [{"number": "1", "sku": f"A{n:05}", "qty": "1"} for n in range(5000)]
    [whole] = documents(made, rows(many))
    assert len(whole["lines"]) == 5000
    assert whole["lines"][-1]["line_id"] == "5000"
