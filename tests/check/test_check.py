"""The step: who passes, who is held, and what the verdicts say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.check import check
from crossdock.errors import Misconfigured
from crossdock.verdicts import FINDINGS, SCHEMA, text
from tests.check.documents_of import broken, checked, suite_of, table

SHOP = "- text_missing: {fields: [shop]}\n  name: shop_missing\n"
LINE = "- text_missing: {fields: [description]}\n  name: description_missing\n  on: lines\n"


def test_good_documents_go_on_and_bad_ones_carry_every_fault(tmp_path: Path) -> None:
    rules = f"{SHOP}  severity: hold_record\n{LINE}  severity: note"
    bare = [{"description": None}, {"description": "x"}, {"description": None}]
    documents = table("sales_order", {"shop": "a", "lines": bare}, {"lines": bare}, {"shop": "b"})
    result = checked(tmp_path, rules, documents)
    assert result.passed.column("record").to_pylist() == [100, 102]
    assert result.held.column("record").to_pylist() == [101]
    assert broken(result) == [
        (100, 1, "description_missing", None), (100, 3, "description_missing", None),
        (101, None, "shop_missing", None),
        (101, 1, "description_missing", None), (101, 3, "description_missing", None),
    ]  # fmt: skip
    assert (result.records, result.lines) == (3, 6)
    assert result.passed.schema == result.held.schema == documents.schema


def test_findings_count_documents_and_lines(tmp_path: Path) -> None:
    rules = f"{SHOP}  severity: hold_record\n{LINE}  severity: note"
    lines = [{"description": None}, {"description": "x"}, {"description": None}]
    documents = table("sales_order", {"lines": lines}, {"shop": "a", "lines": lines}, {})
    found = checked(tmp_path, rules, documents).findings
    assert found.schema == FINDINGS
    assert [(row["rule"], row["severity"], row["records"], row["lines"])
            for row in found.to_pylist()] == [
        ("shop_missing", "hold_record", 2, 3),  # the lines that those two documents have
        ("description_missing", "note", 2, 4),
    ]  # fmt: skip


def test_a_batch_is_held_whole_and_says_why(tmp_path: Path) -> None:
    documents = table("sales_order", {"shop": "a"}, {}, {"shop": "b"})
    result = checked(tmp_path, f"{SHOP}  severity: hold_batch", documents)
    assert result.passed.num_rows == 0
    assert result.held.column("record").to_pylist() == [100, 101, 102]
    assert [(record, rule) for record, _, rule, _ in broken(result)] == [
        (100, "held_with_batch"), (101, "shop_missing"), (102, "held_with_batch")]  # fmt: skip
    assert "shop_missing" in result.verdicts["message"][0].as_py()
    assert result.findings["records"].to_pylist() == [1]


def test_a_rule_that_stops_the_flow_holds_until_the_gate_has_spoken(tmp_path: Path) -> None:
    documents = table("sales_order", {"shop": "a"}, {})
    result = checked(tmp_path, f"{SHOP}  severity: stop_flow", documents)
    assert result.held.column("record").to_pylist() == [101]
    assert result.verdicts["severity"].to_pylist() == ["stop_flow"]


def test_personal_data_stays_hidden(tmp_path: Path) -> None:
    rules = ("- column_values_to_match_regex: {column: buyer_email, regex: '@'}\n  name: email\n"
             "  severity: note\n  message: 'it is {value}'\n"
             "- column_values_to_match_regex: {column: seller_id, regex: '@'}\n  name: seller\n"
             "  severity: note\n  message: '{field} is {value}'")  # fmt: skip
    result = checked(
        tmp_path, rules, table("sales_order", {"buyer_email": "jane", "seller_id": "S"})
    )
    assert sorted((row["value"], row["message"]) for row in result.verdicts.to_pylist()) == [
        ("S", "seller_id is S"), ("•••", "it is •••")]  # fmt: skip
    assert "jane" not in str(result.verdicts.to_pylist())


def test_conditions(tmp_path: Path) -> None:
    lines = [{"kind": kind, "description": None} for kind in ("product", "charge", None)]
    documents = table("sales_order", {"type_code": "order", "lines": lines},
                      {"type_code": "sample", "lines": lines})  # fmt: skip

    def kept(condition: str) -> list[tuple[int, int | None]]:
        rules = f"{LINE}  severity: note\n  when: {condition}"
        return [(record, line) for record, line, *_ in broken(checked(tmp_path, rules, documents))]

    assert kept("{field: kind, equals: charge}") == [(100, 2), (101, 2)]
    assert kept("{field: kind, present: false}") == [(100, 3), (101, 3)]
    assert kept("{field: kind, starts_with: ch}") == [(100, 2), (101, 2)]
    assert kept("{field: kind, matches: '^p'}") == [(100, 1), (101, 1)]
    assert kept("{field: document.type_code, one_of: [sample]}") == [(101, 1), (101, 2), (101, 3)]
    both = "{all: [{field: kind, present: true}, {field: document.type_code, equals: order}]}"
    assert kept(both) == [(100, 1), (100, 2)]
    assert kept("{not: {field: kind, one_of: [product, charge]}}") == [(100, 3), (101, 3)]
    either = "{any: [{field: kind, equals: charge}, {field: kind, present: false}]}"
    assert kept(either) == [(100, 2), (100, 3), (101, 2), (101, 3)]


def test_messages_name_field_value_and_what_is_expected(tmp_path: Path) -> None:
    rules = ("- rule: lines_add_up\n  severity: note\n"
             "  message: '{field}: {value}, not {expected}; really {value}'")  # fmt: skip
    document = {"currency": "GBP", "line_amount": "1.50", "lines": [{"line_amount": "2.000000"}]}
    result = checked(tmp_path, rules, table("sales_order", document))
    assert result.verdicts["message"].to_pylist() == ["line_amount: 1.5, not 2; really 1.5"]


def test_long_values_are_cut(tmp_path: Path) -> None:
    rule = "- column_value_lengths_to_equal: {column: shop, value: 1}\n  severity: note"
    result = checked(tmp_path, rule, table("sales_order", {"shop": "界" * 10_000}))
    assert result.verdicts["value"].to_pylist() == ["界" * 200]


def test_an_empty_batch(tmp_path: Path) -> None:
    result = checked(tmp_path, f"{SHOP}  severity: hold_batch", table("sales_order"))
    assert (result.passed.num_rows, result.held.num_rows) == (0, 0)
    assert result.verdicts.schema == SCHEMA
    assert result.findings.num_rows == result.records == result.lines == 0


def test_no_suite_is_a_mistake() -> None:
    with pytest.raises(Misconfigured, match="no suite"):
        check(table("sales_order", {}), [])


def test_entities_without_lines(tmp_path: Path) -> None:
    result = checked(tmp_path, f"{SHOP}  severity: hold_record", table("party", {}, {"shop": "a"}),
                     of="party")  # fmt: skip
    assert (result.held.num_rows, result.passed.num_rows, result.lines) == (1, 1, 0)


def test_rules_on_other_lists(tmp_path: Path) -> None:
    rules = "- text_missing: {fields: [reason]}\n  on: lines\n  severity: note"
    with pytest.raises(Misconfigured, match=r"lines\.reason"):
        suite_of(tmp_path, rules)
    rules = "- column_values_to_not_be_null: {column: reason}\n  on: charges\n  severity: note"
    document = {"charges": [{"is_charge": True, "reason": "x"}, {"is_charge": True}]}
    result = checked(tmp_path, rules, table("sales_order", {}, document))
    assert broken(result) == [(101, 2, "column_values_to_not_be_null", None)]


def test_figures_for_people() -> None:
    from datetime import UTC, datetime
    from decimal import Decimal

    amounts = ["12.500000", "100", "0", "-0.5", "0.000001"]
    decimals = pa.array([Decimal(amount) for amount in amounts], pa.decimal128(18, 6))
    assert text(decimals).to_pylist() == ["12.5", "100", "0", "-0.5", "0.000001"]
    wide = pa.array([Decimal("0.000000000001"), Decimal("1.25")], pa.decimal128(38, 12))
    assert text(wide).to_pylist() == ["0", "1.25"]
    moments = pa.array([datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
                        datetime(2010, 12, 1, 8, 26, 0, 500, tzinfo=UTC)],
                       pa.timestamp("us", "UTC"))  # fmt: skip
    assert text(moments).to_pylist() == ["2010-12-01T08:26:00Z", "2010-12-01T08:26:00.000500Z"]


DOCUMENTS = st.lists(st.fixed_dictionaries({
    "shop": st.sampled_from([None, "a"]),
    "lines": st.none() | st.lists(st.fixed_dictionaries({
        "description": st.sampled_from([None, "", "x"]),
        "quantity": st.sampled_from([None, 0, 1])}), max_size=4)}), max_size=8)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(DOCUMENTS, st.integers(0, 3), st.integers(1, 4))
def test_verdicts_find_their_document_in_any_slice(
    tmp_path_factory: pytest.TempPathFactory, documents: list[dict[str, Any]], skip: int, chunk: int
) -> None:
    """Sliced and chunked tables are the traps: offsets and parents must follow."""
    folder = tmp_path_factory.mktemp("suite")
    quantity = ("- column_values_to_be_between: {column: quantity, min_value: 1}\n"
                "  name: quantity_low\n  on: lines\n  severity: hold_record\n")  # fmt: skip
    suite = suite_of(folder, f"{SHOP}  severity: hold_record\n{LINE}  severity: note\n{quantity}")
    whole = table("sales_order", *documents).slice(skip)
    parts = [whole.slice(at, chunk) for at in range(0, max(len(whole), 1), chunk)]
    result = check(pa.concat_tables(parts), [suite])
    expected = set()
    for place, document in list(enumerate(documents))[skip:]:
        if document["shop"] is None:
            expected.add((100 + place, None, "shop_missing", None))
        for number, line in enumerate(document["lines"] or [], 1):
            if not line["description"]:
                expected.add((100 + place, number, "description_missing", line["description"]))
            if line["quantity"] == 0:
                expected.add((100 + place, number, "quantity_low", "0"))
    assert set(broken(result)) == expected
    assert len(broken(result)) == len(expected)
    held = {record for record, _, rule, _ in expected if rule != "description_missing"}
    assert set(result.held["record"].to_pylist()) == held
    both = sorted(result.passed["record"].to_pylist() + result.held["record"].to_pylist())
    assert both == whole["record"].to_pylist()
