"""Formats of values that only X12 has: decimals, whole numbers, dates and times.

A pattern is for the text of a whole value; lengths count digits, neither sign nor decimal point.
Source: ASC X12.6, data element types R, Nn, DT and TM.
"""

from __future__ import annotations

import re
from datetime import date

SAYS = {"r": "a number", "i": "a whole number", "d": "a date", "t": "a time"}
"""Kinds of ``Component`` that this module knows, with what was expected where one is wrong."""

_WHOLE = re.compile("-?[0-9]+", re.ASCII)
_DECIMAL = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)", re.ASCII)
_TIME = re.compile("(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9](?:[0-9]{1,2})?)?", re.ASCII)

_DAYS = (
    "(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)"
    "|02(?:0[1-9]|1[0-9]|2[0-8])"
)
"""Month and day; the 29th of February is left to ``right``, which knows the year."""


def pattern(kind: str, low: int, high: int) -> str:
    """Give a regular expression without groups for a right value of ``kind``."""
    if kind == "i":
        return f"-?[0-9]{{{low},{high}}}"
    if kind == "r":
        point = rf"-?(?=[0-9]*\.[0-9]*(?![0-9.]))(?=\.?[0-9])[0-9.]{{{low + 1},{high + 1}}}"
        return rf"(?:-?[0-9]{{{low},{high}}}(?![0-9.])|{point})"
    if kind == "t":
        return _TIME.pattern
    year = "[0-9]{4}" if low == 8 else "[0-9]{2}" if high == 6 else "(?:[0-9]{2}){1,2}"
    return f"{year}(?:{_DAYS})"


def right(kind: str, value: str) -> bool:
    """Say whether ``value`` is of ``kind``, whatever its length.

    >>> right("d", "20240230"), right("d", "240229"), right("r", "-12.50"), right("t", "2460")
    (False, True, True, False)
    """
    if kind == "d":
        return _day(value)
    form = {"i": _WHOLE, "r": _DECIMAL, "t": _TIME}[kind]
    return form.fullmatch(value) is not None


def _day(value: str) -> bool:
    if not (value.isascii() and value.isdigit() and len(value) in (6, 8)):
        return False
    full = value if len(value) == 8 else "20" + value
    try:
        date(int(full[:4]), int(full[4:6]), int(full[6:]))
    except ValueError:
        return False
    return True


def length(kind: str, value: str) -> int:
    """Count what the limits of ``kind`` count."""
    if kind in "ri":
        return sum(character.isdigit() for character in value)
    return len(value)
