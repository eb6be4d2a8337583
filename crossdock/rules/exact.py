"""Exact arithmetic on decimal columns, and tolerances by currency; nothing here is a float."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.model import codes

WIDE = pa.decimal256(40, 6)


@cache
def _coins() -> tuple[pa.Array, pa.Array]:
    """All currency codes, and the number of decimals of each."""
    digits = {code: codes.minor_units(code) for code in codes.currencies()}
    return pa.array(digits, pa.string()), pa.array(digits.values(), pa.int64())


def decimals_of(currency: pa.Array) -> pa.Array:
    """Give the decimals of each currency code (int64).

    Null where it is no ISO 4217 code, or one without decimals to speak of, such as gold.

    >>> decimals_of(pa.array(["GBP", "JPY", "KWD", "Pounds"])).to_pylist()
    [2, 0, 3, None]
    """
    known, digits = _coins()
    return digits.take(pc.index_in(currency, value_set=known))


def zero_if_null(values: pa.Array) -> pa.Array:
    """Put 0 where there is no value, so that a missing discount is no discount."""
    return pc.fill_null(values, pa.scalar(Decimal(0), values.type))


def wide(values: pa.Array) -> pa.Array:
    """Make room for sums of a few columns: decimal256 with 6 decimals."""
    return values.cast(WIDE)


def slack(tolerance: str, currency: pa.Array) -> pa.Array:
    """Turn a tolerance into the greatest allowed difference of each row (decimal128(18, 6)).

    ``cent`` is half of the smallest coin of the row's currency, so that amounts agree once both
    are rounded to it; ``exact`` is nothing; anything else is an amount.
    """
    kind = pa.decimal128(18, 6)
    if tolerance != "cent":
        amount = Decimal(0) if tolerance == "exact" else Decimal(tolerance)
        return pa.repeat(pa.scalar(amount, kind), len(currency))
    half = pa.array([Decimal(5).scaleb(-decimals - 1) for decimals in range(5)], kind)
    return half.take(decimals_of(currency))


def differ(left: pa.Array, right: pa.Array, allowed: pa.Array) -> pa.Array:
    """Say where two amounts differ by more than ``allowed``; null where one of them is missing."""
    return pc.greater(pc.abs(pc.subtract(left, right)), allowed)


def times(quantity: pa.Array, price: pa.Array) -> pa.Array:
    """Multiply two decimal128(18, 6) columns exactly: decimal128(37, 12)."""
    return pc.multiply(quantity, price)
