"""The guide for authors of mappings is true: its files work as they stand there."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

from crossdock import yaml
from crossdock.mapping import dialect, examples, when

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "mapping.md").read_text(encoding="utf-8")


def test_the_example_of_the_guide_runs(tmp_path):
    files = re.findall(r"```yaml file=(\S+)\n(.*?)```", GUIDE, re.DOTALL)
    assert len(files) == 3
    for name, text in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = examples(tmp_path / "mappings" / "cafe" / "sales_order.yaml")
    assert [(ok, text) for _, ok, text in found] == [(True, "")] * 2


def test_the_function_of_the_guide_runs():
    (text,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    names: dict[str, object] = {"__name__": "connectors.cafe"}
    exec(text, names)  # noqa: S102 - the text is ours
    function = names["table_number"]
    parser = doctest.DocTestParser()
    test = parser.get_doctest(function.__doc__, names, "guide", None, 0)
    assert doctest.DocTestRunner().run(test).failed == 0
    assert function.run.__self__.gives == "text"


def test_the_condition_of_the_guide_is_one():
    (text,) = re.findall(r"```yaml\n(when: .*?)```", GUIDE, re.DOTALL)
    when.compile(yaml.load(Path("guide"), text).data["when"], "guide")


def test_every_word_of_the_dialect_is_in_the_guide():
    words = {*dialect.VALUE, *dialect.CONDITION, *dialect.LIST, *dialect.DEFAULTS, *dialect.MAPPING}
    silent = {"about", "to", "required", "reverse", "one_or_many"}
    missing = [word for word in sorted(words - silent) if not re.search(rf"\b{word}\b", GUIDE)]
    assert missing == []
