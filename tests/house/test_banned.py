"""Nobody does what is banned, and each ban finds what it is there for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.banned import RULES, Rule, assert_without_reason

ROOT = Path(__file__).parents[2]
TEXTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for folder in ("crossdock", "connectors", "dags")
    for path in sorted((ROOT / folder).rglob("*.py"))
}


def named(rule: Rule) -> str:
    return rule.name


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_product_code_keeps_the_rule(rule: Rule) -> None:
    found = [f"{path}:{line}" for path, text in TEXTS.items() for line in rule.in_text(text, path)]
    assert not found, f"{rule.name}: {rule.why}"


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_the_rule_finds_what_is_bad(rule: Rule) -> None:
    assert rule.bad
    for snippet in rule.bad:
        assert list(rule.lines(snippet)), snippet


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_the_rule_lets_good_code_be(rule: Rule) -> None:
    for snippet in rule.good:
        assert not list(rule.lines(snippet)), snippet


def test_every_exception_has_its_reason() -> None:
    assert all(why for rule in RULES for why in rule.allowed.values())


def test_asserts_say_why_they_may_be_left_out() -> None:
    assert assert_without_reason("assert x") == [1]
    assert assert_without_reason("assert x  # noqa: S101 - the compiler made it so") == []
    found = [
        f"{path}:{line}" for path, text in TEXTS.items() for line in assert_without_reason(text)
    ]
    assert not found, "python -O removes them: raise an error of ours"
