"""Examples of a suite: documents with the names of the rules that they break, run as tests.

A file is a list of ``{name, given, breaks}``; ``like: <name>`` starts from an earlier example of
the file, of which ``given`` then replaces single fields. ``history`` says what the past knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crossdock import documents, yaml
from crossdock.check import check
from crossdock.errors import CrossdockError
from crossdock.history import EmptyHistory
from crossdock.model import Entity
from crossdock.suite import Suite

_KEYS = {"name", "like", "given", "breaks", "history"}


@dataclass(frozen=True)
class Example:
    """One document, the rules that it must break (notes too), and whether it must be held."""

    name: str
    where: str
    document: pa.Table
    breaks: frozenset[str]
    held: bool
    history: ExampleHistory


class ExampleHistory(EmptyHistory):
    """A past that an example tells: ids that are unknown, last prices, usual quantities."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told

    def known(self, entity: str, ids: pa.Array) -> pa.BooleanArray:
        """Answer true for all but those under ``unknown``."""
        unknown = pa.array(self._told.get("unknown", {}).get(entity, []), pa.string())
        return pc.invert(pc.is_in(ids, value_set=unknown))

    def last_prices(self, product_ids: pa.Array) -> pa.Table:
        """Answer the list ``last_prices``."""
        return self._table("last_prices", super().last_prices(product_ids).schema)

    def quantities(self, product_ids: pa.Array) -> pa.Table:
        """Answer the list ``quantities``."""
        return self._table("quantities", super().quantities(product_ids).schema)

    def refundable(self, ids: pa.Array) -> pa.Table:
        """Answer the list ``refundable``."""
        return self._table("refundable", super().refundable(ids).schema)

    def _table(self, name: str, schema: pa.Schema) -> pa.Table:
        rows = [{key: str(value) for key, value in row.items()} for row in self._told.get(name, [])]
        texts = pa.schema([(field.name, pa.string()) for field in schema])
        return pa.Table.from_pylist(rows, schema=texts).cast(schema)


def examples(suite: Suite) -> Iterator[Example]:
    """Read the examples of a suite; raises Misconfigured with the place of a mistake."""
    for outcome, path in suite.examples.items():
        yield from _read(path, suite, held=outcome == "holds")


def faults_of(example: Example, suite: Suite) -> list[str]:
    """Run an example; say in words how it differs from what it promises, nothing if it keeps it."""
    checked = check(example.document, [suite], example.history)
    broken = set(checked.findings.column("rule").to_pylist())
    words = [f"breaks {name}, which it should not" for name in sorted(broken - example.breaks)]
    words += [f"should break {name}" for name in sorted(example.breaks - broken)]
    if bool(checked.held.num_rows) is not example.held:
        words.append(f"is {'not ' if example.held else ''}held")
    return words


def _read(path: Path, suite: Suite, *, held: bool) -> Iterator[Example]:
    page = yaml.load(path)
    if not isinstance(page.data, list) or not page.data:
        raise page.wrong("examples are a list", fix="write - name: ..., given: {...}")
    earlier: dict[str, dict[str, Any]] = {}
    names = {rule.name for rule in suite.rules}
    for number, item in enumerate(page.data):
        if not isinstance(item, dict) or not {"name", "given"} <= set(item) <= _KEYS:
            raise page.wrong(
                "an example has name and given", number, fix=f"keys are {', '.join(sorted(_KEYS))}"
            )
        if item.get("like", item["name"]) not in {*earlier, item["name"]}:
            raise page.wrong(f"there is no earlier example {item['like']!r}", number, "like")
        given = {**earlier.get(item.get("like", ""), {}), **item["given"]}
        earlier[item["name"]] = given
        breaks = frozenset(item.get("breaks") or [])
        if breaks - names:
            raise page.wrong(f"there is no rule {sorted(breaks - names)[0]!r}", number, "breaks")
        try:
            table = _table(given, suite.entity)
        except CrossdockError as error:
            raise page.wrong(f"example {item['name']!r}: {error.what}", number, "given") from None
        yield Example(
            item["name"],
            page.where(number),
            table,
            breaks,
            held,
            ExampleHistory(item.get("history") or {}),
        )


def _table(given: dict[str, Any], entity: Entity) -> pa.Table:
    """Make the table of one document; numbers of YAML become the text that decimals are in JSON."""
    plain = {name: _plain(value, entity, name) for name, value in given.items()}
    table = documents.from_json(pa.array([json.dumps(plain)], pa.large_string()), entity)
    return table.add_column(0, "record", pa.array([0], pa.int32()))


def _plain(value: Any, entity: Entity, path: str) -> Any:
    if isinstance(value, list):
        return [
            {key: _plain(inner, entity, f"{path}.{key}") for key, inner in item.items()}
            for item in value
        ]
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and entity.field(path).kind != "whole"
    ):
        return str(value)
    return value
