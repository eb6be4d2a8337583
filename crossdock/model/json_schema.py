"""JSON Schemas (draft 2020-12) of the canonical JSON of documents."""

from __future__ import annotations

from typing import Any

from crossdock.model.entity import Entity
from crossdock.model.fields import DECIMAL_PATTERN, DECIMALS, PATTERNS, Field

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z$"
_SHAPES: dict[str, dict[str, Any]] = {
    "identifier": {"type": "string", "pattern": PATTERNS["identifier"]},
    "text": {"type": "string"},
    "code": {"type": "string"},
    "country": {"type": "string", "pattern": PATTERNS["country"]},
    "currency": {"type": "string", "pattern": PATTERNS["currency"]},
    "unit": {"type": "string", "pattern": PATTERNS["unit"]},
    "instant": {"type": "string", "format": "date-time", "pattern": _INSTANT},
    "date": {"type": "string", "format": "date"},
    "flag": {"type": "boolean"},
    "whole": {"type": "integer"},
    "extension": {"type": "string", "contentMediaType": "application/json"},
}


def schema(entity: Entity) -> dict[str, Any]:
    """Make the JSON Schema of ``entity``; absent fields are left out, never null."""
    return {
        "$schema": DIALECT,
        "$id": f"urn:crossdock:entity:{entity.name}",
        "title": entity.name,
        "description": entity.help,
        **_object(entity.fields),
    }


def _object(fields: tuple[Field, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [field.name for field in fields if field.required],
        "properties": {field.name: _field(field) for field in fields},
    }


def _field(field: Field) -> dict[str, Any]:
    result: dict[str, Any] = {"description": field.help}
    if field.kind == "children":
        return {**result, "type": "array", "items": _object(field.fields)}
    if field.kind in DECIMALS:
        result |= {"type": "string", "pattern": DECIMAL_PATTERN}
    else:
        result |= _SHAPES[field.kind]
    if field.values:
        result["enum"] = list(field.values)
    if field.example:
        result["examples"] = [_example(field)]
    return result


def _example(field: Field) -> Any:
    if field.kind == "flag":
        return field.example == "true"
    return int(field.example) if field.kind == "whole" else field.example
