"""The pages about suites say what the code says, and their examples work."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest

from crossdock import suite, suite_pages, yaml
from crossdock.suite_examples import examples
from tests.check.documents_of import PROJECT


@pytest.mark.parametrize("path", suite_pages.pages(), ids=str)
def test_generated_pages_are_current(path: Path) -> None:
    written = (PROJECT / path).read_text(encoding="utf-8")
    assert written == suite_pages.pages()[path], "run: make docs"


@pytest.mark.parametrize("path", sorted((PROJECT / "validation").glob("*.yaml")), ids=str)
def test_the_schema_takes_every_suite(path: Path) -> None:
    jsonschema.validate(yaml.load(path).data, suite_pages.suite_schema())


@pytest.mark.parametrize("change", [
    {"rules": [{"rule": "total_add_up", "severity": "note"}]},
    {"rules": [{"rule": "has_lines", "severity": "bad"}]},
    {"rules": [{"price_jump": {"shares": 1}, "severity": "note"}]},
    {"rules": [{"gln_check_digit": {}, "severity": "note"}]},
    {"rules": [{"rule": "has_lines", "when": {"field": "id", "is": "x"}}]},
    {"entity": "order"}, {"examples": {"passes": "a"}}, {"checks": []},
])  # fmt: skip
def test_the_schema_refuses_mistakes(change: dict[str, object]) -> None:
    good = yaml.load(PROJECT / "validation" / "price.yaml").data
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**good, **change}, suite_pages.suite_schema())


def test_the_suite_of_the_page_can_be_read(tmp_path: Path) -> None:
    page = (PROJECT / "docs/howto/suite.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "acme.yaml").write_text(blocks[1], encoding="utf-8")
    (tmp_path / "examples").mkdir()
    for name in ("sales_order.yaml", "examples/sales_order_passes.yaml",
                 "examples/sales_order_holds.yaml"):  # fmt: skip
        text = (PROJECT / "validation" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text, encoding="utf-8")
    for kind in ("passes", "holds"):
        (tmp_path / "examples" / f"acme_{kind}.yaml").write_text(blocks[2], encoding="utf-8")
    loaded = suite.load(tmp_path / "acme.yaml")
    assert loaded.rule("quantity_unusual").at_most is not None
    assert [example.name for example in examples(loaded)][:2] == [
        "a penny too much", "an unknown buyer"]  # fmt: skip
