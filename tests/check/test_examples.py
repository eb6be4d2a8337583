"""Every example of every suite does what it promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossdock import suite
from crossdock.suite_examples import Example, examples, faults_of
from tests.check.documents_of import PROJECT

FILES = sorted((PROJECT / "validation").glob("*.yaml"))


def _all() -> list[tuple[Path, Example]]:
    return [(path, example) for path in FILES for example in examples(suite.load(path))]


@pytest.mark.parametrize(
    ("path", "example"), [pytest.param(*one, id=f"{one[0].stem}: {one[1].name}") for one in _all()]
)
def test_example(path: Path, example: Example) -> None:
    assert faults_of(example, suite.load(path)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_rule_of_a_suite_is_broken_by_an_example_of_it(path: Path) -> None:
    loaded = suite.load(path)
    shown = set().union(*(example.breaks for example in examples(loaded)))
    own = {rule.name for rule in loaded.rules if rule.on != "run" and path.name in rule.where}
    assert own - shown == set()
