"""Value tables: what one system calls EIRE is IE here. Plain YAML, edited by people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from crossdock import yaml
from crossdock.mapping.dialect import TABLE, checked
from crossdock.model.fields import near
from crossdock.yaml import Document


@dataclass(frozen=True)
class Table:
    """A value table: ``values`` leads from a source text to a canonical one.

    None stands for a text that is known and has no canonical counterpart.
    """

    name: str
    values: Mapping[str, str | None]

    def run(self, texts: Any) -> tuple[Any, list[int]]:
        """Look up distinct texts; answer the results and the positions that are not there."""
        found = [None if text is None else self.values.get(text) for text in texts.to_pylist()]
        unknown = [
            position
            for position, text in enumerate(texts.to_pylist())
            if text is not None and text not in self.values
        ]
        return pa.array(found, pa.string()), unknown


def load(folder: Path, name: str, *, reverse: bool, page: Document, at: tuple[Any, ...]) -> Table:
    """Read the table ``system/table`` below ``folder`` (the folder mappings).

    Raises Misconfigured for an unknown table, a line that is no pair of texts, and for a table
    that cannot be read from right to left though ``reverse`` asks for it.
    """
    system, _, table = name.partition("/")
    path = folder / system / "tables" / f"{table}.yaml"
    if not table or not path.is_file():
        known = sorted(
            f"{found.parent.parent.name}/{found.stem}" for found in folder.glob("*/tables/*.yaml")
        )
        fix = near(name, known) if known else f"create {path}"
        raise page.wrong(f"there is no value table {name!r}", *at, fix=fix)
    document = yaml.load(path)
    spec = checked(document, (), TABLE, "a value table")
    values = _values(document, spec["values"])
    return Table(name, _reversed(values, name, page, at) if reverse else values)


def _values(document: Document, values: Any) -> dict[str, str | None]:
    if not isinstance(values, dict) or not values:
        raise document.wrong("values must be pairs such as EIRE: IE", "values")
    for source, target in values.items():
        if target is not None and not isinstance(target, (str, int)):
            raise document.wrong(
                f"{source!r} must lead to a text or to null", "values", source, fix="quote it"
            )
    return {str(key): _text(value) for key, value in values.items()}


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _reversed(
    values: Mapping[str, str | None], name: str, page: Document, at: tuple[Any, ...]
) -> dict[str, str | None]:
    result: dict[str, str | None] = {}
    for source, target in values.items():
        if target in result:
            raise page.wrong(
                f"the table {name} cannot be reversed: two lines lead to {target!r}",
                *at,
                fix="write a table of its own for this direction",
            )
        if target is not None:
            result[target] = source
    return result
