"""Every mapping of the project: its examples hold, its YAML follows the published schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from crossdock import yaml
from crossdock.mapping import examples, load
from crossdock.mapping.pages import conversions_page, schema_text
from crossdock.mapping.schema import schema

PROJECT = Path(__file__).parents[2]
MAPPINGS = sorted((PROJECT / "mappings").glob("*/*.yaml"))
NAMES = [f"{path.parent.name}/{path.stem}" for path in MAPPINGS]


@pytest.mark.parametrize("path", MAPPINGS, ids=NAMES)
def test_every_example_holds(path):
    found = examples(path)
    assert found, f"{path} has no example"
    wrong = [f"{name}:\n{difference}" for name, ok, difference in found if not ok]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("path", MAPPINGS, ids=NAMES)
def test_every_mapping_follows_the_schema(path):
    jsonschema.Draft202012Validator(schema()).validate(yaml.load(path).data)


def test_the_schema_is_a_schema_and_refuses_what_the_loader_refuses():
    jsonschema.Draft202012Validator.check_schema(schema())
    wrong = {"from": "a.b", "to": "product", "fields": {"id": {"pth": "x"}}, "examples": ["e"]}
    assert not jsonschema.Draft202012Validator(schema()).is_valid(wrong)


def test_published_pages_are_current():
    published = PROJECT / "docs" / "schemas" / "mapping.schema.json"
    assert json.loads(published.read_text(encoding="utf-8")) == schema()
    assert published.read_text(encoding="utf-8") == schema_text()
    page = PROJECT / "docs" / "reference" / "conversions.md"
    assert page.read_text(encoding="utf-8") == conversions_page()


def test_the_hash_covers_tables_and_not_comments(tmp_path):
    from tests.mapping.making import order

    field = "buyer_country: {path: c, lookup: t}"
    first = order(tmp_path, field, t="values: {EIRE: IE}").hash
    assert order(tmp_path, field, t="# a comment\nvalues: {EIRE: IE}").hash == first
    assert order(tmp_path, field, t="values: {EIRE: GB}").hash != first
    assert load(MAPPINGS[0]).hash == load(MAPPINGS[0]).hash
