"""Checks between the fields of one level: their operands exist, and none goes in a circle."""

from __future__ import annotations

from typing import Any

from crossdock.mapping.dialect import At, part
from crossdock.mapping.spec import Fields, Listed, Value
from crossdock.model.fields import near
from crossdock.yaml import Document


def checked_fields(page: Document, at: At) -> dict[str, Any]:
    """Give the fields at a place; raises Misconfigured where they are no pairs."""
    spec = part(page, at)
    if not isinstance(spec, dict) or not spec:
        raise page.wrong("fields must be pairs: target: source", *at)
    for name, value in spec.items():
        if not isinstance(value, (str, dict)) or value == "":
            raise page.wrong(
                f"the field {name!r} must be a source path or a description",
                *at,
                name,
                fix=f"{name}: SourceField",
            )
    return spec


def check_operands(page: Document, at: At, made: Fields) -> None:
    """See that derived fields name fields that are there, and do not go in a circle."""
    for name, value in made.items():
        if isinstance(value, Value):
            if value.origin == "sum":
                _check_sum(page, (*at, name), value, made)
            _check_circle(page, (*at, name), name, made, ())


def _check_sum(page: Document, at: At, value: Value, made: Fields) -> None:
    listed = made.get(str(value.operands[0]))
    if not isinstance(listed, Listed):
        lists = [name for name, item in made.items() if isinstance(item, Listed)]
        raise page.wrong(
            f"sum needs a field of a list beside it: {value.operands[0]!r} is none",
            *at,
            fix=near(str(value.operands[0]), lists) if lists else "map a list first",
        )
    if value.operands[1] not in listed.fields:
        raise page.wrong(
            f"the list {listed.name!r} has no field {value.operands[1]!r}",
            *at,
            fix=near(str(value.operands[1]), list(listed.fields)),
        )


def _check_circle(page: Document, at: At, name: str, made: Fields, way: tuple[str, ...]) -> None:
    if name in way:
        raise page.wrong(f"the fields {' and '.join(way)} are made of each other", *at)
    value = made.get(name)
    if value is None:
        raise page.wrong(f"there is no field {name!r} beside it", *at, fix=near(name, list(made)))
    if isinstance(value, Value) and value.origin in ("multiply", "add", "subtract"):
        for operand in value.operands:
            if isinstance(operand, str):
                _check_circle(page, at, operand, made, (*way, name))
