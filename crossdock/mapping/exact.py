"""Exact arithmetic on columns of canonical decimals: what does not fit is marked, never rounded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossdock.mapping.frames import Ints, Mask
from crossdock.model.arrow import DECIMAL
from crossdock.model.fields import PRECISION, SCALE

_LIMIT = 10**PRECISION
_WIDE = pa.decimal128(37, 2 * SCALE)


def multiply(left: Any, right: Any) -> tuple[Any, Mask]:
    """Multiply two decimal columns; answer the products and where they do not fit."""
    return _fitted(pc.multiply(left, right))


def add(left: Any, right: Any, *, minus: bool = False) -> tuple[Any, Mask]:
    """Add (or subtract) two decimal columns; answer the sums and where they do not fit."""
    return _fitted((pc.subtract if minus else pc.add)(left, right))


def _fitted(wide: Any) -> tuple[Any, Mask]:
    try:
        return pc.cast(wide, DECIMAL), np.zeros(len(wide), np.bool_)
    except pa.ArrowInvalid:
        limit = pa.scalar(Decimal(10 ** (PRECISION - SCALE)), pa.decimal128(PRECISION, 0))
        large = pc.fill_null(pc.greater_equal(pc.abs(wide), limit), False)
        small = pc.if_else(large, pa.scalar(None, wide.type), wide)
        cut = pc.cast(small, options=pc.CastOptions(DECIMAL, allow_decimal_truncate=True))
        same = pc.fill_null(pc.equal(pc.cast(cut, _WIDE), pc.cast(small, _WIDE)), True)
        bad = pc.or_(large, pc.invert(same))
        kept = pc.if_else(bad, pa.scalar(None, DECIMAL), cut)
        return kept, bad.to_numpy(zero_copy_only=False)


def group_sums(values: Any, offsets: Ints) -> tuple[Any, Mask]:
    """Sum a decimal column by groups; nulls count as nothing, an empty group is zero."""
    scaled = unscaled(values)
    counts = np.diff(offsets)
    largest = int(np.abs(scaled).max(initial=0)) * int(counts.max(initial=0))
    if largest < 2**62:
        sums = np.concatenate([[0], np.cumsum(scaled)])
        totals = sums[offsets[1:]] - sums[offsets[:-1]]  # exact: differences modulo 2**64
        bad = np.abs(totals) >= _LIMIT
    else:
        exact = [
            sum(scaled[start:end].tolist())
            for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
        ]
        bad = np.array([abs(total) >= _LIMIT for total in exact], np.bool_)
        totals = np.array([0 if abs(total) >= _LIMIT else total for total in exact], np.int64)
    return rescaled(totals, bad), bad


def unscaled(values: Any) -> Ints:
    """Give canonical decimals as whole numbers of the sixth decimal; null is 0."""
    if len(values) == 0:
        return np.zeros(0, np.int64)
    data = np.frombuffer(values.buffers()[1], np.int64).reshape(-1, 2)
    numbers: Ints = data[values.offset : values.offset + len(values), 0]
    if values.null_count:
        numbers = np.where(values.is_valid().to_numpy(zero_copy_only=False), numbers, 0)
    return numbers


def rescaled(numbers: Ints, null: Mask) -> Any:
    """Make canonical decimals of whole numbers of the sixth decimal."""
    data = np.empty((len(numbers), 2), np.int64)
    data[:, 0] = numbers
    data[:, 1] = numbers >> 63
    made = pa.Array.from_buffers(DECIMAL, len(numbers), [None, pa.py_buffer(data)])
    return pc.if_else(pa.array(null), pa.scalar(None, DECIMAL), made) if null.any() else made
