"""The commerce rules against plain Python, on values that hypothesis makes up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import ean

from crossdock.history import EmptyHistory
from crossdock.rules import registry
from crossdock.rules.check_digits import wrong_gs1
from crossdock.rules.contract import Fault
from crossdock.suite_examples import ExampleHistory
from tests.check.documents_of import rows
from tests.faults.catalogue import fault

EMPTY = EmptyHistory()
QUICK = settings(max_examples=60, deadline=None)


def faults(rule: str, documents: list[dict[str, Any]], of: str = "sales_order",
           history: EmptyHistory = EMPTY, on: str = "", **options: Any) -> list[Fault]:  # fmt: skip
    kind = registry()[rule]
    level = rows(of, *documents).at(on or kind.on)
    return list(kind(**options).judge(level, history))


def wrong(*arguments: Any, **more: Any) -> list[bool]:
    """Say which rows break a rule that looks at one field."""
    [fault] = faults(*arguments, **more)
    return [bool(value) for value in fault.mask.to_pylist()]


def order(**more: Any) -> dict[str, Any]:
    return {"currency": "GBP", **more}


# -- check digits -------------------------------------------------------------------------------


@fault("C04")
@QUICK
@given(st.lists(st.from_regex(r"\A[0-9]{7,15}\Z") | st.text(max_size=14), max_size=30))
def test_check_digits_agree_with_stdnum(numbers: list[str]) -> None:
    found = wrong_gs1(pa.array(numbers, pa.string()), (8, 12, 13, 14)).to_pylist()
    expected = [not _is_gtin(number) for number in numbers]
    assert found == expected


@QUICK
@given(st.sampled_from([8, 12, 13, 14]), st.integers(0, 10**13 - 1), st.integers(0, 9))
def test_one_digit_in_ten_is_right(length: int, number: int, digit: int) -> None:
    body = str(number % 10 ** (length - 1)).zfill(length - 1)
    made = body + str(digit)
    assert wrong_gs1(pa.array([made]), (8, 12, 13, 14)).to_pylist() == [not _is_gtin(made)]


def _is_gtin(number: str) -> bool:
    ascii_digits = number.isascii() and number.isdigit()  # stdnum would strip blanks and dashes
    return ascii_digits and len(number) in (8, 12, 13, 14) and ean.is_valid(number)


def test_missing_numbers_are_no_fault() -> None:
    documents = [{"buyer_gln": None}, {"buyer_gln": "5012345000008"},
                 {"buyer_gln": "4006381333931"},
                 {"buyer_gln": "5012345000009"}, {"buyer_gln": ""}]  # fmt: skip
    found = wrong("gln_check_digit", documents, fields=("buyer_gln",))
    assert found == [False, False, False, True, True]


def test_a_gtin_of_twelve_digits_is_no_gln() -> None:
    assert wrong("gln_check_digit", [{"buyer_gln": "036000291452"}], fields=("buyer_gln",)) == [
        True
    ]


# -- arithmetic ---------------------------------------------------------------------------------

PRICES = st.decimals("-99999", "99999", places=4)
BASES = st.sampled_from([None, Decimal(1), Decimal(100), Decimal("0.5"), Decimal(-3)])


@QUICK
@given(st.lists(st.tuples(PRICES, PRICES, st.none() | PRICES, st.none() | PRICES, BASES,
                          st.sampled_from(["0", "0.005", "-0.005", "0.005001", "7"])),
                min_size=1, max_size=12))  # fmt: skip
def test_line_total_is_exact(lines: list[tuple[Any, ...]]) -> None:
    made, expected = [], []
    for quantity, price, allowance, charge, base, off in lines:
        exact = quantity * price / (base or 1) + (charge or 0) - (allowance or 0)
        amount = round(exact + Decimal(off), 6)
        made.append({"quantity": quantity, "unit_price": price, "line_amount": amount,
                     "allowance_amount": allowance, "charge_amount": charge,
                     "price_base_quantity": base})  # fmt: skip
        expected.append(abs(amount - exact) > Decimal("0.005"))
    assert wrong("line_total", [order(lines=made)]) == expected


@fault("M04")
@QUICK
@given(st.lists(PRICES, max_size=8), st.none() | PRICES, st.none() | PRICES, st.none() | PRICES,
       st.sampled_from([None, True, False]), st.sampled_from(["0", "0.005", "0.0051"]))  # fmt: skip
def test_total_adds_up_is_exact(
    amounts: list[Decimal], charge: Any, allowance: Any, tax: Any, included: Any, off: str
) -> None:
    total = sum(amounts, Decimal(0)) + (charge or 0) - (allowance or 0)
    total += 0 if included else (tax or 0)
    document = order(
        lines=[{"line_amount": amount} for amount in amounts], total_amount=total + Decimal(off),
        charge_amount=charge, allowance_amount=allowance, tax_amount=tax,
        prices_include_tax=included)  # fmt: skip
    blank = order(total_amount=None, lines=[{"line_amount": 1}])
    assert wrong("total_adds_up", [blank, document]) == [False, Decimal(off) > Decimal("0.005")]


@pytest.mark.parametrize(("currency", "off", "broken"), [
    ("GBP", "0.005", False), ("GBP", "0.006", True), ("JPY", "0.5", False), ("JPY", "0.51", True),
    ("KWD", "0.0005", False), ("KWD", "0.001", True), ("Pounds", "5", False), (None, "5", False),
])  # fmt: skip
def test_a_cent_is_the_smallest_coin(currency: str | None, off: str, broken: bool) -> None:
    document = {"currency": currency, "total_amount": 10 + Decimal(off),
                "lines": [{"line_amount": 10}]}  # fmt: skip
    assert wrong("total_adds_up", [document]) == [broken]


@fault("M04")
@pytest.mark.parametrize(
    ("tolerance", "broken"), [("exact", True), ("0.02", False), ("cent", True)]
)
def test_tolerances(tolerance: str, broken: bool) -> None:
    document = order(total_amount="10.01", lines=[{"line_amount": 10}])
    assert wrong("total_adds_up", [document], tolerance=tolerance) == [broken]


@fault("M06")
def test_the_largest_amounts_do_not_overflow() -> None:
    most = Decimal("999999999999.999999")
    document = order(total_amount=most, charge_amount=most, tax_amount=most,
                     lines=[{"line_amount": most, "quantity": most, "unit_price": most,
                             "price_base_quantity": "0.000001"}] * 40)  # fmt: skip
    assert wrong("total_adds_up", [document]) == [True]
    assert wrong("line_total", [document]) == [True] * 40


def test_a_zero_price_base_is_wrong_and_does_not_divide() -> None:
    line = {"quantity": 1, "unit_price": 1, "line_amount": 1, "price_base_quantity": 0}
    [fault] = faults("line_total", [order(lines=[line])])
    assert fault.mask.to_pylist() == [True]
    assert fault.expected is not None
    assert fault.expected.to_pylist() == [None]


@fault("M02")
@pytest.mark.parametrize(("currency", "amount", "broken"), [
    ("GBP", "10.05", False), ("GBP", "10.005", True), ("GBP", "-10.005", True),
    ("JPY", "10", False),
    ("JPY", "10.5", True), ("KWD", "10.005", False), ("CLF", "0.0001", False),
    ("XAU", "0.1", False),
])  # fmt: skip
def test_amounts_fit_their_currency(currency: str, amount: str, broken: bool) -> None:
    documents = [{"currency": currency, "total_amount": amount}, order(total_amount=None)]
    assert wrong("amount_fits_currency", documents) == [broken, False]


# -- code lists ---------------------------------------------------------------------------------


def test_code_lists() -> None:
    documents = [{"currency": code} for code in ("EUR", "DEM", "EEK", "eur", "", None)]
    assert wrong("currency_is_iso", documents) == [False, True, False, True, True, False]
    documents = [{"buyer_country": code} for code in ("GB", "UK", "XK", "ZZ", "EU", None)]
    found = wrong("country_is_iso", documents, fields=("buyer_country",))
    assert found == [False, True, False, True, True, False]
    units = ("C62", "KGM", "XBX", "BX", "pcs", "4K", None)
    document = {"lines": [{"unit": unit} for unit in units]}
    assert wrong("unit_is_rec20", [document]) == [False, False, False, True, True, False, False]


# -- dates --------------------------------------------------------------------------------------


def test_dates_in_order() -> None:
    day = datetime(2010, 12, 1, 23, 30, tzinfo=UTC)
    documents = [
        {"issued_at": day, "due_at": date(2010, 12, 1)},
        {"issued_at": day, "due_at": date(2010, 11, 30)},
        {"issued_at": None, "due_at": date(2010, 11, 30)},
        {"issued_at": day, "due_at": None},
    ]
    found = wrong("dates_in_order", documents, of="invoice", fields=("issued_at", "due_at"))
    assert found == [False, True, False, False]


def test_a_gap_does_not_hide_a_wrong_order() -> None:
    day = datetime(2010, 12, 1, tzinfo=UTC)
    document = {"issued_at": day, "requested_delivery_at": None,
                "source_updated_at": day - timedelta(microseconds=1)}  # fmt: skip
    fields = ("issued_at", "requested_delivery_at", "source_updated_at")
    found = faults("dates_in_order", [document], fields=fields)
    assert [fault.mask.to_pylist() for fault in found] == [[None], [True]]


# -- against the past ---------------------------------------------------------------------------


@fault("M03", "M07")
def test_prices_jump_within_one_currency() -> None:
    known = {"last_prices": [{"product_id": "A", "currency": "GBP", "unit_price": 10},
                             {"product_id": "F", "currency": "GBP", "unit_price": 0}]}  # fmt: skip
    prices = [("A", "GBP", 15), ("A", "GBP", "15.01"), ("A", "GBP", "4.99"), ("A", "GBP", 5),
              ("A", "EUR", 999), ("B", "GBP", 999), ("F", "GBP", 999),
              (None, "GBP", 1)]  # fmt: skip
    documents = [{"product_id": p, "currency": c, "amount": a} for p, c, a in prices]
    found = wrong("price_jump", documents, of="price", history=ExampleHistory(known))
    assert found == [False, True, True, False, False, False, False, False]
    assert not any(wrong("price_jump", documents, of="price"))


def test_lines_take_the_currency_of_their_document() -> None:
    known = {"last_prices": [{"product_id": "A", "currency": "GBP", "unit_price": 10}]}
    lines = [{"product_id": "A", "unit_price": 100}]
    documents = [order(lines=lines), {"currency": "EUR", "lines": lines}]
    found = wrong("price_jump", documents, history=ExampleHistory(known), on="lines",
                  field="unit_price")  # fmt: skip
    assert found == [True, False]


def test_quantities_far_above_the_usual() -> None:
    known = {"quantities": [{"product_id": "A", "median": 2, "p99": 10}]}
    lines = [{"product_id": p, "quantity": q} for p, q in [("A", 100), ("A", 101), ("B", 10**6)]]
    found = wrong("quantity_outlier", [order(lines=lines)], history=ExampleHistory(known))
    assert found == [False, True, False]


@fault("B12")
def test_references() -> None:
    told = ExampleHistory({"unknown": {"party": ["X"]}})
    documents = [{"buyer_id": "X"}, {"buyer_id": "Y"}, {"buyer_id": None}]
    options = {"field": "buyer_id", "entity": "party"}
    assert wrong("reference_exists", documents, history=told, **options) == [True, False, False]
    assert not any(wrong("reference_exists", documents, **options))


@fault("B01")
def test_refunds() -> None:
    told = ExampleHistory({"refundable": [{"id": "I", "currency": "GBP", "amount": 10}]})
    credit = order(type_code="credit_note", original_id="I")
    documents = [{**credit, "total_amount": -10}, {**credit, "total_amount": "-10.01"},
                 {**credit, "total_amount": "10.01"},
                 {**credit, "total_amount": 99, "currency": "EUR"},
                 {**credit, "total_amount": 99, "original_id": "J"},
                 {**credit, "total_amount": 99, "type_code": "invoice"}]  # fmt: skip
    found = wrong("refund_within_invoice", documents, of="invoice", history=told)
    assert found == [False, True, True, False, False, False]


# -- the rest -----------------------------------------------------------------------------------

LINES = st.lists(st.fixed_dictionaries({
    "product_id": st.sampled_from(["A", "B", None]), "quantity": st.integers(1, 2),
    "description": st.sampled_from(["x", None])}), max_size=8)  # fmt: skip


@QUICK
@given(st.lists(LINES, max_size=4))
def test_exact_duplicate_lines(documents: list[list[dict[str, Any]]]) -> None:
    numbered = [{"lines": [{**line, "line_id": str(n)} for n, line in enumerate(lines)]}
                for lines in documents]  # fmt: skip
    expected = [line in lines[:n] for lines in documents for n, line in enumerate(lines)]
    if expected:
        assert wrong("exact_duplicate_lines", numbered) == expected


def test_lines_that_differ_in_what_may_differ_are_repeats() -> None:
    lines = [{"line_id": "1", "product_id": "A", "order_line_id": "1"},
             {"line_id": "2", "product_id": "A", "order_line_id": "2"}]  # fmt: skip
    assert wrong("exact_duplicate_lines", [{"lines": lines}]) == [False, False]
    found = wrong("exact_duplicate_lines", [{"lines": lines}], besides=("order_line_id",))
    assert found == [False, True]


def test_texts() -> None:
    documents = [{"shop": text} for text in ("a", "", " \t\n\u00a0\u3000", None)]
    assert wrong("text_missing", documents, fields=("shop",)) == [False, True, True, True]


@fault("B15")
def test_sales() -> None:
    def lines(*pairs: tuple[Any, Any]) -> dict[str, Any]:
        return {"lines": [{"quantity": q, "unit_price": p} for q, p in pairs]}

    documents = [lines((1, 1)), lines((-1, 0)), lines((1, 0)), lines((-1, 1), (1, 0)), lines(),
                 lines((None, None)), lines((1, -5)), {"lines": None}]  # fmt: skip
    assert wrong("not_a_sale", documents) == [
        False, True, False, False, False, True, False, False]  # fmt: skip
    assert wrong("nothing_to_pay", documents) == [
        False, False, True, False, False, False, False, False]  # fmt: skip
    assert wrong("has_lines", documents) == [
        False, False, False, False, True, False, False, True]  # fmt: skip


def test_lines_that_are_no_goods() -> None:
    lines = [{"kind": kind} for kind in ("product", "charge", None, "service")]
    assert wrong("not_a_product", [{"lines": lines}]) == [False, True, False, True]
    assert wrong("not_a_product", [{"lines": lines}], kinds=("service",)) == [False] * 3 + [True]


def test_timestamps_that_differ() -> None:
    documents = [{"extension": None}, {"extension": "{}"},
                 {"extension": '{"differs":{"Other":["a","b"]}}'},
                 {"extension": '{"differs":{"At":["a","b"]}}'}, {"extension": '{"x":"differs"}'},
                 {"extension": '{"differs":7}'}]  # fmt: skip
    [fault] = faults("one_timestamp", documents, source="At")
    assert fault.mask.to_pylist() == [False, False, False, True, False, False]
    assert fault.values is not None
    assert fault.values.to_pylist()[3] == "a, b"


@fault("B02")
def test_stock() -> None:
    documents = [{"on_hand": 1, "available": -1}, {"on_hand": None, "reserved": 0}]
    found = {fault.field: fault.mask.to_pylist()
             for fault in faults("stock_not_negative", documents, of="stock_level")}  # fmt: skip
    assert found["available"] == [True, None]
    assert found["on_hand"] == [False, None]


def test_every_rule_says_what_it_is() -> None:
    for name, kind in registry().items():
        assert name == kind.name
        assert (kind.__doc__ or "").strip(), name
        assert kind.message, name
