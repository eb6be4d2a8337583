"""Every mistake in a suite is found when it is read, with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossdock import suite
from crossdock.errors import Misconfigured
from tests.check.documents_of import PROJECT, suite_of, written

MISTAKES = {
    "- rule: total_add_up\n  severity: note": "did you mean 'total_adds_up'",
    "- column_values_to_not_be_nul: {column: id}\n  severity: note": "column_values_to_not_be_null",
    "- column_values_to_not_be_null: {column: ID}\n  severity: note": "has no field 'ID'",
    "- column_values_to_not_be_null: {}\n  severity: note": "needs column",
    "- column_values_to_not_be_null: {column: id, mostly: 1}\n  severity: note": "option 'mostly'",
    "- column_values_to_be_between: {column: total_amount}\n  severity: note": "needs min_value",
    "- column_values_to_be_between: {column: shop, min_value: 1}\n  severity: note": "in quotes",
    "- column_values_to_be_between: {column: total_amount, min_value: x}\n  severity: note":
        "decimal number",
    "- column_values_to_be_between: {column: total_amount, min_value: 0.0000001}\n  severity: note":
        "more than 6 decimals",
    "- column_values_to_be_between: {column: total_amount, max_value: 9e9999}\n  severity: note":
        "too large",
    "- column_values_to_be_between: {column: tax_amount, max_value: 9999999999}\n  severity: note":
        "too large to be compared exactly",
    "- column_values_to_be_between: {column: issued_at, min_value: '2020-01-01T00:00:00'}\n"
    "  severity: note": "is no instant",
    "- column_values_to_be_between: {column: tax_amount, min_value: 2, max_value: 1}\n"
    "  severity: note": "min_value is above",
    "- column_values_to_be_in_set: {column: lines, value_set: [a]}\n  severity: note": "is a list",
    "- column_values_to_be_in_set: {column: id, value_set: a}\n  severity: note": "is a list",
    "- column_values_to_be_in_set: {column: id, value_set: [5]}\n  severity: note": "in quotes",
    "- column_values_to_match_regex: {column: total_amount, regex: a}\n  severity: note": "no text",
    "- column_values_to_match_regex: {column: id, regex: '(?=a)'}\n  severity: note": "RE2",
    "- column_values_to_match_regex: {column: id, regex: '['}\n  severity: note": "RE2",
    "- column_pair_values_to_be_equal: {column_A: id, column_B: total_amount}\n  severity: note":
        "different kinds",
    "- gln_check_digit: {}\n  severity: note": "needs fields",
    "- gln_check_digit: {fields: [buyer_gin]}\n  severity: note": "did you mean 'buyer_gln'",
    "- total_adds_up: {tolerance: much}\n  severity: note": "'much' is no number",
    "- total_adds_up: {slack: 1}\n  severity: note": "no option 'slack'",
    "- reference_exists: {field: buyer_id, entity: partys}\n  severity: note": "'party'",
    "- rule: stock_not_negative\n  severity: note": "has no field 'on_hand'",
    "- rule: total_adds_up\n  severity: bad": "hold_record",
    "- rule: total_adds_up": "use one of: note",
    "- rule: total_adds_up\n  on: lines\n  severity: note": "does not run on 'lines'",
    "- rule: total_adds_up\n  severity: note\n  at_most: some": "write 5 or 2%",
    "- rule: total_adds_up\n  severity: note\n  at_most: 120%": "no percentage",
    "- rule: total_adds_up\n  severity: note\n  then: stop_flow": "add at_most",
    "- rule: total_adds_up\n  severity: stop_flow\n  at_most: 5\n  then: hold_batch": "no graver",
    "- rule: total_adds_up\n  severity: note\n  message: '{total}'": "use only {field}",
    "- rule: total_adds_up\n  severity: note\n  message: 'a } b'": "brace",
    "- rule: total_adds_up\n  severity: note\n  if: x": "there is no rule 'if'",
    "- rule: total_adds_up\n  severity: note\n  name: Total": "no name for a rule",
    "- severity: note\n  name: other": "does not say what to judge",
    "- rule: total_adds_up\n  severity: note\n- rule: total_adds_up\n  severity: note": "twice",
    "- rule: total_adds_up\n  has_lines: {}\n  severity: note": "judges one thing",
    "- rule: total_adds_up\n  severity: note\n  when: {field: shopp, equals: a}": "'shop'",
    "- rule: total_adds_up\n  severity: note\n  when: {field: shop, is: a}": "comparison 'is'",
    "- rule: total_adds_up\n  severity: note\n  when: {field: total_amount, equals: '1'}":
        "compares text",
    "- rule: total_adds_up\n  severity: note\n  when: {field: shop, equals: 1}": "in quotes",
    "- rule: total_adds_up\n  severity: note\n  when: {any: []}": "list of conditions",
    "- rule: total_adds_up\n  severity: note\n  when: [a]": "field and a comparison",
    "- rule: duplicate_document_number\n  severity: note\n  when: {field: shop, equals: a}":
        "takes no condition",
    "- column_values_to_be_unique: {column: id}\n  severity: note\n  when: {field: id, equals: a}":
        "takes no condition",
    "- total_adds_up": "a rule is a mapping",
}  # fmt: skip


@pytest.mark.parametrize("rules", MISTAKES, ids=lambda rules: MISTAKES[rules])
def test_a_mistake_in_a_rule(tmp_path: Path, rules: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        suite_of(tmp_path, rules)
    assert MISTAKES[rules] in str(caught.value)
    line = int(caught.value.where.rsplit(":", 1)[1])
    assert caught.value.where.startswith(str(tmp_path / "trial.yaml:"))
    assert 4 <= line < 4 + rules.count("\n") + 1


@pytest.mark.parametrize(("text", "words"), [
    ("entity: order\nrules: []\n", "there is no entity 'order'"),
    ("entity: sales_order\n", "needs a list of rules"),
    ("entity: sales_order\nrules: []\nrule: []\n", "did you mean 'rules'"),
    ("entity: sales_order\nrules: []\nextends: [nobody]\n", "no suite 'nobody'"),
    ("entity: sales_order\nrules: []\nextends: [trial]\n", "extends itself"),
    ("entity: sales_order\nrules: []\nextends: [../trial]\n", "no suite of this folder"),
    ("entity: sales_order\nrules: []\nextends: trial\n", "a list of suites"),
])  # fmt: skip
def test_a_mistake_in_the_head(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        suite.load(written(tmp_path, text))


def test_a_suite_needs_an_example_that_is_held(tmp_path: Path) -> None:
    path = written(tmp_path, "entity: sales_order\nrules: []\n")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(", holds: holds.yaml", ""), encoding="utf-8")
    with pytest.raises(Misconfigured, match="examples that fail"):
        suite.load(path)


def test_the_name_is_the_name_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "entity: sales_order\nrules: []\n")
    path.rename(tmp_path / "other.yaml")
    with pytest.raises(Misconfigured, match="must be called 'other'"):
        suite.load(tmp_path / "other.yaml")


def test_extending_alters_adds_and_switches_off(tmp_path: Path) -> None:
    suite_of(tmp_path, "- rule: total_adds_up\n  severity: hold_record\n"
             "- rule: has_lines\n  severity: hold_record\n"
             "- rule: line_total\n  severity: hold_record", "general")  # fmt: skip
    own = written(tmp_path, "entity: sales_order\nextends: [general]\nrules:\n"
                  "- name: total_adds_up\n  severity: note\n  message: never mind\n"
                  '- name: has_lines\n  severity: "off"\n'
                  "- rule: not_a_sale\n  severity: hold_record\n", "shop")  # fmt: skip
    loaded = suite.load(own)
    assert [(rule.name, rule.severity) for rule in loaded.rules] == [
        ("total_adds_up", "note"),
        ("line_total", "hold_record"),
        ("not_a_sale", "hold_record"),
    ]
    assert loaded.rule("total_adds_up").message == "never mind"
    assert loaded.rule("total_adds_up").where.endswith("shop.yaml:5")


def test_suites_that_are_named_together_replace_rules_by_name(tmp_path: Path) -> None:
    general = suite_of(tmp_path, "- rule: has_lines\n  severity: hold_record", "general")
    shop = suite_of(tmp_path, "- rule: has_lines\n  severity: note", "shop")
    assert [rule.severity for rule in suite.combine([general, shop])] == ["note"]
    other = suite_of(tmp_path, "- rule: has_lines\n  severity: note", "bill", of="invoice")
    with pytest.raises(Misconfigured, match="for invoice, not for sales_order"):
        suite.combine([general, other])


def test_versions_follow_every_word_of_a_rule(tmp_path: Path) -> None:
    seen = set()
    for rules in ("- rule: has_lines\n  severity: note",
                  "- rule: has_lines\n  severity: hold_record",
                  "- rule: has_lines\n  severity: note\n  message: empty",
                  "- rule: has_lines\n  severity: note\n  at_most: 5"):  # fmt: skip
        loaded = suite_of(tmp_path, rules)
        seen.add((loaded.rules[0].version, loaded.hash))
    assert len(seen) == len({hash_ for _, hash_ in seen}) == 4
    again = suite_of(tmp_path, "# a remark\n- severity:   note\n  rule: has_lines")
    assert (again.rules[0].version, again.hash) in seen


def test_the_suites_of_the_project_can_be_read_without_great_expectations() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; from crossdock import suite\n"
        "for path in Path('validation').glob('*.yaml'): suite.load(path)\n"
        "assert not {'great_expectations', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT)
