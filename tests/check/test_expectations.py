"""What Great Expectations does by itself, and that none of it reaches a verdict."""

from __future__ import annotations

import inspect
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock import expectations
from crossdock.check import check
from crossdock.errors import Misconfigured
from crossdock.expectation_list import EXPECTATIONS, whole_numbers
from tests.check.documents_of import broken, checked, suite_of, table

AMOUNTS = st.integers(1 - 10**18, 10**18 - 1).map(lambda number: Decimal(number).scaleb(-6))


def records(folder: Path, rule: str, documents: pa.Table, of: str = "sales_order") -> list[int]:
    result = checked(folder, f"- {rule}\n  severity: hold_record", documents, of)
    return sorted({record for record, *_ in broken(result)})


def test_the_list_agrees_with_the_installed_release() -> None:
    expectations.warm()
    import great_expectations.expectations as theirs

    for name, declared in EXPECTATIONS.items():
        kind = getattr(theirs, "".join(f"Expect_{name}".title().split("_")))
        assert set(declared.options) <= set(kind.__fields__), name
        assert set(declared.required) <= set(declared.options), name
        assert inspect.isclass(kind)


@pytest.mark.parametrize(("rule", "wrong"), [
    ("column_values_to_not_be_null: {column: seller_id}", [103]),
    ("column_values_to_be_null: {column: seller_id}", [100, 101, 102]),
    ("column_values_to_be_in_set: {column: seller_id, value_set: [ab, c1]}", [102]),
    ("column_values_to_not_be_in_set: {column: seller_id, value_set: [ab]}", [100]),
    ("column_value_lengths_to_equal: {column: seller_id, value: 2}", [102]),
    ("column_value_lengths_to_be_between: {column: seller_id, max_value: 2}", [102]),
    ("column_values_to_match_regex: {column: seller_id, regex: '[0-9]'}", [100]),
    ("column_values_to_not_match_regex: {column: seller_id, regex: '^c'}", [101]),
    ("column_values_to_match_regex_list: {column: seller_id, regex_list: [^a, ^c], match_on: any}",
     [102]),
    ("column_values_to_not_match_regex_list: {column: seller_id, regex_list: [^a, ^c]}",
     [100, 101]),
    ("column_values_to_match_strftime_format: {column: seller_id, strftime_format: '%Y'}",
     [100, 101]),
    ("column_values_to_be_json_parseable: {column: seller_id}", [100, 101]),
])  # fmt: skip
def test_rules_about_texts(tmp_path: Path, rule: str, wrong: list[int]) -> None:
    documents = table(
        "sales_order",
        {"seller_id": "ab"},
        {"seller_id": "c1"},
        {"seller_id": "2010"},
        {},
    )
    assert records(tmp_path, rule, documents) == wrong


@pytest.mark.parametrize(("rule", "wrong"), [
    ("column_values_to_be_unique: {column: seller_id}", [100, 101]),
    ("compound_columns_to_be_unique: {column_list: [seller_id, shop]}", [100, 101]),
    ("select_column_values_to_be_unique_within_record: {column_list: [seller_id, shop]}", [102]),
    ("multicolumn_values_to_be_equal: {column_list: [seller_id, shop]}", [100, 101]),
    ("multicolumn_sum_to_equal: {column_list: [line_amount, tax_amount], sum_total: 0.3}", [101]),
    ("column_pair_values_a_to_be_greater_than_b: {column_A: line_amount, column_B: tax_amount}",
     [100, 101]),
    ("column_pair_values_a_to_be_greater_than_b: {column_A: line_amount, column_B: tax_amount, "
     "or_equal: true}", [100]),
    ("column_pair_values_to_be_equal: {column_A: line_amount, column_B: tax_amount}", [100]),
    ("column_pair_values_to_be_in_set: {column_A: seller_id, column_B: shop, "
     "value_pairs_set: [[a, b]]}",
     [102]),
])  # fmt: skip
def test_rules_about_rows(tmp_path: Path, rule: str, wrong: list[int]) -> None:
    documents = table(
        "sales_order",
        {"seller_id": "a", "shop": "b", "line_amount": "0.1", "tax_amount": "0.2"},
        {"seller_id": "a", "shop": "b", "line_amount": "0.1", "tax_amount": "0.1"},
        {"seller_id": "x", "shop": "x", "line_amount": "0.1"},
        {},
    )
    assert records(tmp_path, rule, documents) == wrong


def test_a_tenth_is_a_tenth(tmp_path: Path) -> None:
    """0.1 as a float is more than 0.1, so a float bound would hold what is just allowed."""
    documents = table("sales_order", {"total_amount": "0.1"}, {"total_amount": "0.099999"})
    rule = "column_values_to_be_between: {column: total_amount, min_value: 0.1}"
    assert records(tmp_path, rule, documents) == [101]


def test_large_numbers_keep_their_last_digit(tmp_path: Path) -> None:
    documents = table("sales_order", {"total_amount": "999999999999.999999"},
                      {"total_amount": "9000000000.000001"},
                      {"total_amount": "9000000000"})  # fmt: skip
    rule = "column_values_to_be_between: {column: total_amount, max_value: 9000000000}"
    assert records(tmp_path, rule, documents) == [100, 101]
    rule = "column_values_to_be_in_set: {column: total_amount, value_set: [999999999999.999999]}"
    assert records(tmp_path, rule, documents) == [101, 102]


def test_instants_and_days_have_bounds(tmp_path: Path) -> None:
    moment = datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
    documents = table(
        "sales_order", {"issued_at": moment}, {"issued_at": moment.replace(year=1899)}
    )
    rule = (
        "column_values_to_be_between: {column: issued_at, min_value: '2010-12-01T09:26:00+01:00'}"
    )
    assert records(tmp_path, rule, documents) == [101]
    documents = table("invoice", {"due_at": date(2010, 1, 1)}, {"due_at": date(2009, 12, 31)})
    rule = "column_values_to_be_between: {column: due_at, min_value: '2010-01-01'}"
    assert records(tmp_path, rule, documents, "invoice") == [101]


def test_flags_have_sets(tmp_path: Path) -> None:
    documents = table(
        "sales_order", {"prices_include_tax": True}, {"prices_include_tax": False}, {}
    )
    rule = "column_values_to_be_in_set: {column: prices_include_tax, value_set: [true]}"
    assert records(tmp_path, rule, documents) == [101]


def test_names_that_differ_in_case_only_stay_apart() -> None:
    """Great Expectations would test ``sku`` in place of ``SKU``, and pass."""
    frame = pa.table({"0": ["a", "a"], "1": pa.array(["a", None])})
    suite = expectations._made_suite(
        [expectations._expectation("column_values_to_not_be_null")(column="1", meta={"number": 7})]
    )
    assert expectations._validate(suite, frame) == [(7, [1])]


def test_a_crash_is_an_error_and_nothing_is_remembered(tmp_path: Path) -> None:
    """A crashed check says ``success: false`` too; it must neither hold nor pass a document."""
    rule = "- column_values_to_be_between: {column: total_amount, min_value: 1, max_value: 5}"
    suite = suite_of(tmp_path, f"{rule}\n  severity: hold_record")
    swapped = {"column": "total_amount", "min_value": "5", "max_value": "1"}
    crashing = replace(suite, rules=(replace(suite.rules[0], options=swapped),))
    documents = table("sales_order", {"total_amount": 7}, {"total_amount": 3})
    for _ in range(2):
        with pytest.raises(Misconfigured, match="could not be judged") as caught:
            check(documents, [crashing])
        assert caught.value.where.endswith("trial.yaml:4")
    assert check(documents, [suite]).held.num_rows == 1


def test_an_option_that_great_expectations_refuses_names_the_rule(tmp_path: Path) -> None:
    rule = "column_values_to_match_strftime_format: {column: shop, strftime_format: '%'}"
    with pytest.raises(Misconfigured, match="stray %") as caught:
        records(tmp_path, rule, table("sales_order", {"shop": "a"}))
    assert caught.value.where.endswith("trial.yaml:4")


def test_a_thread_may_warm_up_meanwhile(tmp_path: Path) -> None:
    documents = table("sales_order", *({"seller_id": str(number)} for number in range(50)))
    rule = "column_values_to_be_in_set: {column: seller_id, value_set: ['7']}"
    with ThreadPoolExecutor(3) as pool:
        warmed = [pool.submit(expectations.warm) for _ in range(2)]
        assert len(records(tmp_path, rule, documents)) == 49
        assert [future.result() for future in warmed] == [None, None]


def test_a_column_without_values_breaks_only_what_wants_one(tmp_path: Path) -> None:
    documents = table("sales_order", {}, {})
    rule = "column_values_to_be_between: {column: total_amount, min_value: 1}"
    assert records(tmp_path, rule, documents) == []
    rule = "column_values_to_not_be_null: {column: total_amount}"
    assert records(tmp_path, rule, documents) == [100, 101]


def test_lists_without_members_are_not_judged(tmp_path: Path) -> None:
    rules = ("- column_values_to_not_be_null: {column: quantity}\n  on: lines\n  severity: note\n"
             "- column_pair_values_to_be_equal: {column_A: line_amount, column_B: tax_amount}\n"
             "  on: lines\n  severity: note")  # fmt: skip
    assert broken(checked(tmp_path, rules, table("sales_order", {"lines": []}, {}))) == []


def test_answers_hold_for_later_batches(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, "- column_values_to_be_in_set: {column: seller_id, value_set: [a]}\n"
                     "  severity: hold_record\n"
                     "- column_value_lengths_to_equal: {column: seller_id, value: 1}\n"
                     "  severity: note")  # fmt: skip
    first = table("sales_order", {"seller_id": "a"}, {"seller_id": "bb"})
    later = table("sales_order", {"seller_id": "bb"}, {"seller_id": "b"}, {"seller_id": "a"}, {})
    for _ in range(2):
        assert broken(check(first, [suite])) == [
            (101, None, "column_values_to_be_in_set", "bb"),
            (101, None, "column_value_lengths_to_equal", "bb"),
        ]
        assert sorted(broken(check(later, [suite]))) == [
            (100, None, "column_value_lengths_to_equal", "bb"),
            (100, None, "column_values_to_be_in_set", "bb"),
            (101, None, "column_values_to_be_in_set", "b"),
        ]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | AMOUNTS, max_size=20), st.integers(0, 3))
def test_millionths_are_exact(values: list, skip: int) -> None:
    array = pa.array(values, pa.decimal128(18, 6)).slice(skip)
    numbers = whole_numbers(array)
    back = [None if n is None else n for n in numbers.to_pylist()]
    assert back == [None if v is None else int(v * 10**6) for v in array.to_pylist()]
    assert numbers.null_count == pc.sum(pc.is_null(array)).as_py() or len(array) == 0
