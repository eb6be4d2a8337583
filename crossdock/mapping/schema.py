"""JSON Schema of the mapping dialect, made from its declaration, for editors and for CI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crossdock.mapping import dialect
from crossdock.mapping.dialect import Key


def schema() -> dict[str, Any]:
    """Make the JSON Schema (draft 2020-12) of a mapping file."""
    value = {**dialect.VALUE, **dialect.option_keys()}
    value_schema = {
        **_object(value),
        "oneOf": [{"required": [source]} for source in dialect.SOURCES],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:crossdock:mapping",
        "title": "Crossdock mapping",
        **_object(dialect.MAPPING),
        "$defs": {
            "target": {
                "anyOf": [
                    {"type": "string", "minLength": 1},
                    {"$ref": "#/$defs/value"},
                    {"$ref": "#/$defs/list"},
                ]
            },
            "operand": {"anyOf": [{"type": "string", "minLength": 1}, {"$ref": "#/$defs/value"}]},
            "value": value_schema,
            "list": _object(dialect.LIST),
            "part": _object(dialect.PART),
            "condition": _object(dialect.CONDITION),
            "share": _object(dialect.SHARE),
            "defaults": _object(dialect.DEFAULTS),
        },
    }


def _object(keys: Mapping[str, Key]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _key(key) for name, key in keys.items()},
    }
    required = [name for name, key in keys.items() if key.required]
    return {**made, "required": required} if required else made


def _key(key: Key) -> dict[str, Any]:
    shape = {"enum": list(key.takes)} if isinstance(key.takes, tuple) else dialect.SHAPES[key.takes]
    return {"description": key.help, **shape}
