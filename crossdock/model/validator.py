"""Pydantic models of the entities: what one document must look like.

Strict in both modes: Python values must have the very type (``Decimal``, aware ``datetime`` in
UTC, ``date``, ``bool``, ``int``, ``str``); JSON must be the canonical JSON, in which decimals are
strings. Unknown fields, floats, NaN and lossy decimals are refused.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    create_model,
)
from pydantic import Field as Detail

from crossdock.model.entity import Entity
from crossdock.model.fields import (
    DECIMAL_PATTERN,
    DECIMALS,
    PATTERNS,
    PRECISION,
    SCALE,
    Field,
)

_PLAIN = re.compile(DECIMAL_PATTERN)
_LARGEST = Decimal(10) ** (PRECISION - SCALE)


class Document(BaseModel):
    """Base of all models: strict, closed and immutable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def model(entity: Entity) -> type[BaseModel]:
    """Make the model of ``entity``."""
    return _model(entity.name, entity.fields)


def _model(name: str, fields: tuple[Field, ...]) -> type[BaseModel]:
    members: dict[str, Any] = {}
    for field in fields:
        kind = _type(name, field)
        help_ = Detail(description=field.help)
        members[field.name] = (
            Annotated[kind, help_] if field.required else Annotated[kind | None, help_],
            ... if field.required else None,
        )
    title = "".join(part.capitalize() for part in name.split("_"))
    return create_model(title, __base__=Document, **members)


def _type(owner: str, field: Field) -> Any:
    if field.kind == "children":
        return list[_model(f"{owner}_{field.name}", field.fields)]  # type: ignore[misc]
    if field.kind in DECIMALS:
        return Annotated[Decimal, BeforeValidator(_decimal), AfterValidator(_fits)]
    if field.values:
        return Literal[field.values]
    if field.kind in PATTERNS:
        return Annotated[str, StringConstraints(pattern=PATTERNS[field.kind])]
    if field.kind == "extension":
        return Annotated[str, AfterValidator(_object)]
    return {
        "instant": Annotated[AwareDatetime, AfterValidator(_utc)],
        "date": dt.date,
        "flag": bool,
        "whole": Annotated[int, Detail(ge=-(2**63), lt=2**63)],
    }.get(field.kind, str)


def _decimal(value: Any) -> Any:
    """Take a Decimal, or the canonical text of one; JSON numbers would have been floats."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and _PLAIN.match(value):
        return Decimal(value)
    raise ValueError('must be a Decimal, or in JSON a plain decimal in quotes such as "2.55"')


def _fits(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError("must be a finite number")
    exponent = value.normalize().as_tuple().exponent
    if abs(value) >= _LARGEST or not isinstance(exponent, int) or exponent < -SCALE:
        raise ValueError(
            f"must have at most {PRECISION - SCALE} digits before and {SCALE} after the point"
        )
    return value


def _utc(value: dt.datetime) -> dt.datetime:
    if value.utcoffset() != dt.timedelta(0):
        raise ValueError("must be in UTC")
    return value


def _object(value: str) -> str:
    try:
        found = json.loads(value)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError("must be the text of one JSON object")
    return value
