"""The run gate: thresholds over a run, numbers that stand twice, streams that went silent."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from crossdock.gate import FINDINGS, HOLD, KEYS, TOTALS, Decisions, Volume, gate
from crossdock.rule import Limit
from tests.check.documents_of import suite_of
from tests.faults.catalogue import fault


def decide(folder: Path, rules: str, found: list[tuple[str, str, int, int]],
           totals: list[tuple[str, int, int]], keys: list[tuple[Any, ...]] = (),
           ) -> Decisions:  # fmt: skip
    """``found``: batch, rule, records, lines; ``totals``: batch, records, lines."""
    suite = suite_of(folder, rules)
    findings = pa.Table.from_pylist([
        {"batch": batch, "entity": "sales_order", "rule": rule, "records": records, "lines": lines}
        for batch, rule, records, lines in found], schema=FINDINGS)  # fmt: skip
    seen = pa.Table.from_pylist([
        {"batch": batch, "entity": "sales_order", "records": records, "lines": lines}
        for batch, records, lines in totals], schema=TOTALS)  # fmt: skip
    names = ("batch", "record", "key", "source", "hash")
    keyed = pa.Table.from_pylist(
        [{"entity": "sales_order", **dict(zip(names, key, strict=True))} for key in keys],
        schema=KEYS)  # fmt: skip
    return gate({"sales_order": [suite]}, findings, seen, keyed)


BAD = "- rule: has_lines\n  severity: hold_record\n"
LINE = "- text_missing: {fields: [product_id]}\n  on: lines\n  severity: hold_record\n"


def test_a_rule_without_a_threshold_decides_nothing(tmp_path: Path) -> None:
    decided = decide(tmp_path, BAD, [("1", "has_lines", 100, 0)], [("1", 100, 0)])
    assert (decided.stop, decided.hold.num_rows, decided.notes) == ([], 0, [])
    assert decided.hold.schema == HOLD


@fault("B18")
@pytest.mark.parametrize(("counts", "stops"), [((1, 1), False), ((2, 1), True), ((0, 3), True)])
def test_a_share_is_of_the_whole_run(tmp_path: Path, counts: tuple[int, int], stops: bool) -> None:
    """2 of 100 are 2 %, whichever batch they are in; 3 are more."""
    found = [("1", "has_lines", counts[0], 0), ("2", "has_lines", counts[1], 0)]
    decided = decide(tmp_path, f"{BAD}  at_most: 2%", found, [("1", 10, 0), ("2", 90, 0)])
    assert bool(decided.stop) is stops
    assert bool(decided.notes) is not stops
    if stops:
        assert decided.stop == ["rule has_lines is broken by 3 documents of sales_order, "
                                "more than 2% of 100"]  # fmt: skip


def test_rules_on_lines_count_lines(tmp_path: Path) -> None:
    found = [("1", "text_missing", 1, 50)]
    assert decide(tmp_path, f"{LINE}  at_most: 5%", found, [("1", 10, 1000)]).stop == []
    assert decide(tmp_path, f"{LINE}  at_most: 5%", found, [("1", 10, 999)]).stop


def test_a_batch_can_be_held_in_place_of_a_stop(tmp_path: Path) -> None:
    found = [("1", "has_lines", 4, 0), ("3", "has_lines", 2, 0)]
    totals = [("1", 10, 0), ("2", 10, 0), ("3", 10, 0)]
    decided = decide(tmp_path, f"{BAD}  at_most: 5\n  then: hold_batch", found, totals)
    assert decided.stop == []
    assert [(row["batch"], row["record"], row["severity"]) for row in decided.hold.to_pylist()] == [
        ("1", None, "hold_batch"), ("3", None, "hold_batch")]  # fmt: skip


def test_a_rule_that_stops_the_flow_needs_no_threshold(tmp_path: Path) -> None:
    rules = BAD.replace("hold_record", "stop_flow")
    assert decide(tmp_path, rules, [("1", "has_lines", 1, 0)], [("1", 9, 0)]).stop
    assert decide(tmp_path, rules, [], [("1", 9, 0)]).stop == []


def test_nothing_seen_and_nothing_broken(tmp_path: Path) -> None:
    assert decide(tmp_path, f"{BAD}  at_most: 0%", [], []).stop == []


TWICE = "- rule: duplicate_document_number\n  severity: hold_record\n"


def held(decided: Decisions) -> list[tuple[str, int]]:
    return [(row["batch"], row["record"]) for row in decided.hold.to_pylist()]


def test_one_number_on_different_records_holds_them_all(tmp_path: Path) -> None:
    keys = [("1", 5, "o|s|7", "web|a", b"x"), ("2", 6, "o|s|7", "web|b", b"y"),
            ("2", 7, "o|s|8", "web|c", b"x"), ("2", 8, None, "web|d", b"x"),
            ("2", 9, None, "web|e", b"x")]  # fmt: skip
    decided = decide(tmp_path, TWICE, [], [], keys)
    assert held(decided) == [("1", 5), ("2", 6)]
    row = decided.hold.to_pylist()[0]
    assert (row["value"], row["field"]) == ("7", "id")
    assert row["message"] == "the number 7 stands on 2 different documents of this run"


def test_copies_that_are_alike_let_the_first_pass(tmp_path: Path) -> None:
    keys = [
        ("2", 6, "k", "web|b", b"x"),
        ("1", 5, "k", "web|a", b"x"),
        ("2", 7, "k", "web|c", b"x"),
    ]
    assert held(decide(tmp_path, TWICE, [], [], keys)) == [("2", 6), ("2", 7)]


def test_versions_of_one_record_are_no_duplicates(tmp_path: Path) -> None:
    keys = [("1", 5, "k", "web|a", b"x"), ("2", 6, "k", "web|a", b"y")]
    assert held(decide(tmp_path, TWICE, [], [], keys)) == []
    keys = [("1", 5, "k", None, b"x"), ("2", 6, "k", None, b"y")]
    assert held(decide(tmp_path, TWICE, [], [], keys)) == [("1", 5), ("2", 6)]


def test_duplicates_have_thresholds_too(tmp_path: Path) -> None:
    keys = [("1", n, "k", f"web|{n}", bytes([n])) for n in range(3)]
    decided = decide(tmp_path, f"{TWICE}  at_most: 2", [], [("1", 3, 0)], keys)
    assert decided.stop


def test_entities_are_judged_apart(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, f"{BAD}  at_most: 0")
    findings = pa.Table.from_pylist(
        [{"batch": "1", "entity": "invoice", "rule": "has_lines", "records": 5, "lines": 0}],
        schema=FINDINGS)  # fmt: skip
    assert gate({"sales_order": [suite]}, findings, TOTALS.empty_table()).stop == []


@pytest.mark.parametrize(("now", "earlier", "stops"), [
    (0, [], False), (0, [100], True), (49, [100, 100, 5000], True), (50, [100, 100, 5000], False),
    (0, [0, 0], False), (2, [5, 6], True), (3, [5, 6], False),
])  # fmt: skip
def test_silence(tmp_path: Path, now: int, earlier: list[int], stops: bool) -> None:
    volume = Volume("shop.orders", now, earlier, Decimal("0.5"))
    suite = suite_of(tmp_path, BAD)
    decided = gate({"sales_order": [suite]}, FINDINGS.empty_table(), TOTALS.empty_table(),
                   volumes=[volume])  # fmt: skip
    assert bool(decided.stop) is stops


@pytest.mark.parametrize("words", ["", "-1", "1.5", "five", "%", "-2%", "101%", "1e3%", "٣"])
def test_limits_that_are_none(words: str) -> None:
    with pytest.raises(ValueError, match=r"neither|no percentage"):
        Limit.read(words)


def test_limits() -> None:
    assert not Limit.read("0.5%").exceeded(5, of=1000)
    assert Limit.read("0.5%").exceeded(6, of=1000)
    assert Limit.read(0).exceeded(1, of=1)
    assert [str(Limit.read(words)) for words in ("2%", "0.50%", 7)] == ["2%", "0.5%", "7"]
