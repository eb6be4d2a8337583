"""Conversions of codes that a standard lists, and of numbers with a check digit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from crossdock.convert.registry import conversion
from crossdock.model.codes import countries, currencies
from crossdock.model.fields import PATTERNS

if TYPE_CHECKING:
    import pyarrow as pa


@conversion(gives="text")
def country(text: str) -> str:
    """Check an ISO 3166-1 alpha-2 code; names and nicknames need a value table (``lookup``).

    >>> country("NA")
    'NA'
    >>> country("UK")
    Traceback (most recent call last):
    ValueError: is no ISO 3166-1 alpha-2 code
    """
    if text not in countries():
        raise ValueError("is no ISO 3166-1 alpha-2 code")
    return text


@conversion(gives="text")
def currency(text: str) -> str:
    """Check an ISO 4217 code.

    >>> currency("GBP")
    'GBP'
    """
    if text not in currencies():
        raise ValueError("is no ISO 4217 code")
    return text


@conversion(gives="text")
def unit(text: str) -> str:
    """Check that text has the shape of a UN/ECE Recommendation 20 code.

    >>> unit("C62")
    'C62'
    >>> unit("pieces")
    Traceback (most recent call last):
    ValueError: has not the shape of a UN/ECE Recommendation 20 unit code, such as C62
    """
    if not re.fullmatch(PATTERNS["unit"], text):
        raise ValueError("has not the shape of a UN/ECE Recommendation 20 unit code, such as C62")
    return text


@conversion(gives="text")
def gtin(text: str) -> str:
    """Check a GTIN: 8, 12, 13 or 14 digits and the check digit; it is never padded.

    A number of a float column (``8712345678906.0``) is accepted when it is whole.
    GS1 General Specifications, 7.9.

    >>> gtin("4006381333931")
    '4006381333931'
    >>> gtin("8.71235E+12")
    Traceback (most recent call last):
    ValueError: is in scientific notation: a spreadsheet destroyed its digits, export it as text
    """
    return _checked(text, (8, 12, 13, 14), "GTIN")


@gtin.columnar
def _gtins(values: pa.Array) -> Any:
    """Check the digits of all 13-digit numbers at once; the rest goes one by one."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from crossdock.convert.columns import shaped

    kept = shaped(values, "^[0-9]{13}$")
    numbers = pc.fill_null(pc.cast(kept, pa.int64()), 0).to_numpy(zero_copy_only=False)
    places = np.array([10**place for place in range(13)], dtype=np.int64)
    digits = (numbers[:, None] // places) % 10
    right = (digits[:, ::2].sum(axis=1) + 3 * digits[:, 1::2].sum(axis=1)) % 10 == 0
    return pc.if_else(pa.array(right), kept, pa.scalar(None, kept.type))


@conversion(gives="text")
def gln(text: str) -> str:
    """Check a Global Location Number: 13 digits and the check digit.

    >>> gln("5012345000008")
    '5012345000008'
    """
    return _checked(text, (13,), "GLN")


def _checked(text: str, lengths: tuple[int, ...], name: str) -> str:
    digits = text.removesuffix(".0")
    if re.fullmatch(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]+", text):
        raise ValueError(
            "is in scientific notation: a spreadsheet destroyed its digits, export it as text"
        )
    if not re.fullmatch(r"[0-9]+", digits) or len(digits) not in lengths:
        wanted = ", ".join(str(length) for length in lengths)
        raise ValueError(f"is no {name}: it must have {wanted} digits")
    weighted = (int(digit) * (1, 3)[place % 2] for place, digit in enumerate(reversed(digits)))
    if sum(weighted) % 10:
        raise ValueError(f"is no {name}: the check digit is wrong")
    return digits
