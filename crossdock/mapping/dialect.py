"""The YAML dialect of mappings, declared once: its keys, what they take, and what they mean.

The loader checks files against these declarations, and docs/schemas/mapping.schema.json is made
from them, so that an editor and the loader cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crossdock.convert import conversions
from crossdock.model.fields import near
from crossdock.yaml import Document

At = tuple[Any, ...]


@dataclass(frozen=True)
class Key:
    """One key: ``takes`` is a shape (see ``SHAPES``) or the words that are allowed."""

    takes: str | tuple[str, ...]
    help: str
    required: bool = False


SHAPES: Mapping[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "single": {"type": ["string", "integer", "boolean"]},
    "singles": {"type": "array", "items": {"type": ["string", "integer", "boolean"]}},
    "texts": {"type": "array", "items": {"type": ["string", "integer"]}},
    "flag": {"type": "boolean"},
    "true": {"const": True},
    "whole": {"type": "integer"},
    "path": {
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ]
    },
    "fields": {"type": "object", "additionalProperties": {"$ref": "#/$defs/target"}},
    "condition": {"$ref": "#/$defs/condition"},
    "conditions": {"type": "array", "items": {"$ref": "#/$defs/condition"}, "minItems": 1},
    "operands": {"type": "array", "items": {"$ref": "#/$defs/operand"}, "minItems": 2},
    "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}, "minItems": 1},
    "share": {"$ref": "#/$defs/share"},
    "defaults": {"$ref": "#/$defs/defaults"},
}

MAPPING: Mapping[str, Key] = {
    "about": Key("text", "What a reader should know about this mapping."),
    "from": Key("text", "Where records come from: system.stream, or an entity.", True),
    "to": Key("text", "What they become: an entity, or system.stream.", True),
    "when": Key("condition", "Which records this mapping takes; without it, all."),
    "defaults": Key("defaults", "What holds for every field that does not say otherwise."),
    "fields": Key("fields", "Target field: source path, or a description of its value.", True),
    "ignore": Key("texts", "Source fields that are known and not wanted."),
    "examples": Key("texts", "Files of examples, relative to this file; they run as tests.", True),
}

DEFAULTS: Mapping[str, Key] = {
    "zone": Key("text", "IANA time zone of local times, such as Europe/London."),
    "fold": Key(("first", "second"), "Which of two equal local times is meant in autumn."),
    "decimal": Key("text", "Decimal mark of numbers."),
    "thousands": Key("text", "Mark between thousands; empty for none."),
    "empty": Key("texts", "Texts that mean: no value. The empty text alone, if not given."),
}

VALUE: Mapping[str, Key] = {
    "path": Key("path", "Source field; dots go into objects, / starts at the record's head."),
    "constant": Key("single", "The same value for every record."),
    "join": Key("operands", "Texts of several source fields, put together."),
    "first_of": Key("operands", "The first of several source fields that has a value."),
    "multiply": Key("operands", "Product of decimals: names of fields beside this one."),
    "add": Key("operands", "Sum of decimals: names of fields beside this one."),
    "subtract": Key("operands", "First decimal less the others."),
    "sum": Key("text", "Sum of a field over a child list: list.field."),
    "number": Key("true", "Number of the part in its list, from 1, after sorting."),
    "as": Key("text", "Named conversion; without it, the one of the entity's field."),
    "lookup": Key("text", "Value table: system/table below mappings/<system>/tables."),
    "reverse": Key("flag", "Look up from right to left."),
    "missing": Key(
        ("ask", "fail", "default", "keep"),
        "A value that is not in the table: hold the record so that a steward can add it, hold it"
        " for good, take the default, or keep the value as it is.",
    ),
    "default": Key("single", "Value where the source has none, or the table does not know it."),
    "optional": Key("flag", "A missing field or value is no fault, even where it is required."),
    "required": Key("flag", "A missing value is a fault, even where the entity allows it."),
    "empty": DEFAULTS["empty"],
    "separator": Key("text", "What stands between joined texts."),
    "take": Key(
        ("first", "last", "min", "max", "most_common", "only"),
        "Which value counts where a record has several rows; only: they must agree.",
    ),
    "differs": Key(("fault", "note", "ignore"), "What to do where those rows do not agree."),
}

LIST: Mapping[str, Key] = {
    "each": Key("path", "Source list: rows, a path to a list, or a child list.", True),
    "where": Key("condition", "Which parts of the list count."),
    "order_by": Key("texts", "Source fields that give the order, whatever order they came in."),
    "one_or_many": Key("flag", "A single object in place of the list counts as a list of one."),
    "fields": Key("fields", "Fields of each part.", True),
    "also": Key("parts", "Parts that are made of the head: postage as a line of its own."),
}

PART: Mapping[str, Key] = {
    "where": Key("condition", "Which heads have this part; without it, all."),
    "fields": Key("fields", "Fields of the part, by paths of the head.", True),
}

CONDITION: Mapping[str, Key] = {
    "field": Key("path", "Field that is looked at."),
    "any_row": Key("flag", "Any row of the record may match, not only the first."),
    "equals": Key("single", "The value is this."),
    "one_of": Key("singles", "The value is one of these."),
    "starts_with": Key("text", "The value starts with this."),
    "matches": Key("text", "The value matches this regular expression (RE2 syntax)."),
    "present": Key("flag", "There is a value (false: there is none)."),
    "share": Key("share", "A fixed part of the records, chosen by a hash of a field."),
    "all": Key("conditions", "All of these hold."),
    "any": Key("conditions", "At least one of these holds."),
    "not": Key("condition", "This does not hold."),
}

SHARE: Mapping[str, Key] = {
    "of": Key("path", "Field whose value decides, the same way for ever.", True),
    "percent": Key("single", "How many of a hundred.", True),
}

TABLE: Mapping[str, Key] = {
    "about": Key("text", "What the table is, and why its odd lines are as they are."),
    "values": Key("any", "Source text: canonical text, or null for known and without one.", True),
}

SOURCES = (
    *("path", "constant", "join", "first_of"),
    *("multiply", "add", "subtract", "sum", "number"),
)
TESTS = ("equals", "one_of", "starts_with", "matches", "present")

_OPTION_SHAPES = {"str": "text", "bool": "flag", "int": "whole", "tuple[str, ...]": "texts"}


def option_keys() -> dict[str, Key]:
    """Keys that conversions understand, with the names of the conversions."""
    users: dict[str, list[str]] = {}
    shapes: dict[str, str] = {}
    for name, item in sorted(conversions().items()):
        for option in item.options.values():
            users.setdefault(option.name, []).append(name)
            shapes[option.name] = _OPTION_SHAPES[option.kind]
    return {
        name: Key(shapes[name], f"Option of the conversions {', '.join(by)}.")
        for name, by in users.items()
    }


def checked(page: Document, at: At, keys: Mapping[str, Key], what: str) -> dict[str, Any]:
    """Give the mapping at ``at`` after checking its keys; raises Misconfigured with the line."""
    spec = part(page, at)
    if not isinstance(spec, dict):
        raise page.wrong(f"{what} must have keys: {', '.join(keys)}", *at)
    for key, value in spec.items():
        if key not in keys:
            raise page.wrong(f"{what} has no key {key!r}", *at, key, fix=near(key, list(keys)))
        _check_shape(page, (*at, key), keys[key], value)
    for key, declared in keys.items():
        if declared.required and key not in spec:
            raise page.wrong(f"{what} needs {key!r}", *at, fix=declared.help)
    return spec


def part(page: Document, at: At) -> Any:
    """Give the part of a YAML file at a place."""
    found = page.data
    for step in at:
        found = found[step]
    return found


def _check_shape(page: Document, at: At, key: Key, value: Any) -> None:
    if isinstance(key.takes, tuple):
        if value not in key.takes:
            words = ", ".join(key.takes)
            raise page.wrong(f"{at[-1]!r} cannot be {value!r}", *at, fix=f"use one of: {words}")
        return
    if key.takes != "any" and not _FITS[key.takes](value):
        raise page.wrong(f"{at[-1]!r} cannot be {value!r}", *at, fix=_WANTS[key.takes])


def _is_single(value: Any) -> bool:
    return isinstance(value, (str, int))


def _all_single(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_single, value))


def _is_path(value: Any) -> bool:
    texts = value if isinstance(value, list) else [value]
    return bool(texts) and all(isinstance(text, str) and text for text in texts)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


_FITS: Mapping[str, Any] = {
    "text": lambda value: isinstance(value, str),
    "single": _is_single,
    "singles": _all_single,
    "texts": _all_single,
    "flag": lambda value: isinstance(value, bool),
    "true": lambda value: value is True,
    "whole": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "path": _is_path,
    "fields": lambda value: isinstance(value, dict) and bool(value),
    "condition": lambda value: isinstance(value, dict) and bool(value),
    "conditions": _is_list,
    "operands": lambda value: _is_list(value) and len(value) > 1,
    "parts": _is_list,
    "share": lambda value: isinstance(value, dict),
    "defaults": lambda value: isinstance(value, dict),
}
_WANTS: Mapping[str, str] = {
    "text": "write a text",
    "single": "write one value",
    "singles": "write a list of values: [a, b]",
    "texts": "write a list of texts: [a, b]",
    "flag": "write true or false",
    "true": "write true",
    "whole": "write a whole number",
    "path": "write a source path such as customer.id",
    "fields": "write target: source pairs",
    "condition": "write a condition such as {field: InvoiceNo, starts_with: C}",
    "conditions": "write a list of conditions",
    "operands": "write a list of at least two: [a, b]",
    "parts": "write a list of parts: [{fields: {...}}]",
    "share": "write {of: InvoiceNo, percent: 1}",
    "defaults": "write keys such as zone: Europe/London",
}
