"""Columns as conversions see them: Arrow types by word, and canonical values as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.model.arrow import DECIMAL, INSTANT
from crossdock.model.fields import SCALE

if TYPE_CHECKING:
    from crossdock.convert.registry import Holds

_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "decimal": DECIMAL,
    "whole": pa.int64(),
    "instant": INSTANT,
    "date": pa.date32(),
    "flag": pa.bool_(),
}


def arrow_type(holds: Holds) -> pa.DataType:
    """Give the Arrow type of what a conversion takes or gives."""
    return _TYPES[holds]


def holds(kind: pa.DataType) -> Holds:
    """Name what a column of this Arrow type holds; any kind of text counts as text."""
    for name, known in _TYPES.items():
        if kind.equals(known):
            return name  # type: ignore[return-value]
    if pa.types.is_decimal(kind):
        return "decimal"
    if pa.types.is_integer(kind):
        return "whole"
    return "instant" if pa.types.is_timestamp(kind) else "text"


def as_text(values: Any) -> Any:
    """Write canonical values as text: plain decimals, UTC instants with Z, ISO dates.

    >>> as_text(pa.array(["2.50"]).cast(pa.decimal128(18, 6))).to_pylist()
    ['2.5']
    """
    kind = values.type
    if pa.types.is_string(kind):
        return values
    if pa.types.is_decimal(kind):
        return plain_decimals(values)
    if pa.types.is_timestamp(kind):
        return _instants(values)
    return pc.cast(values, pa.string())


def plain_decimals(values: Any) -> Any:
    """Write decimals without exponent and without trailing zeros."""
    if values.type.scale <= 0:
        return pc.cast(values, pa.string())
    if values.type.scale <= SCALE:  # beyond that Arrow would write 1.00E-7
        texts = pc.cast(values, pa.string())
    else:
        exact = [None if item is None else f"{item:f}" for item in values.to_pylist()]
        texts = pa.array(exact, pa.string())
    return pc.ascii_rtrim(pc.ascii_rtrim(texts, "0"), ".")


def _instants(values: Any) -> Any:
    naive = pc.cast(values, pa.timestamp("us", "UTC"))
    seconds = pc.floor_temporal(naive, unit="second")
    whole = pc.equal(naive, seconds)
    short = pc.strftime(pc.cast(seconds, pa.timestamp("s", "UTC")), format="%Y-%m-%dT%H:%M:%SZ")
    return pc.if_else(whole, short, pc.strftime(naive, format="%Y-%m-%dT%H:%M:%SZ"))


def shaped(values: Any, pattern: str) -> Any:
    """Keep the texts that match a RE2 pattern; the others become null."""
    nothing = pa.scalar(None, values.type)
    return pc.if_else(pc.match_substring_regex(values, pattern), values, nothing)
