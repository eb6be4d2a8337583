"""Numbers and dates as messages write them, and as documents hold them."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from crossdock.errors import Refused

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_SIZES = {"101": 6, "102": 8, "203": 12, "204": 14}
_MOMENT = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?)?")


class WrongError(Exception):
    """A value that no document can have; ``flat.read`` adds the place."""


def number(text: str) -> str:
    """Give a number with a point, as EDIFACT allows a comma in its place at any time.

    >>> number("1234,50")
    '1234.50'
    """
    whole, _, rest = text.partition(".")
    if whole.isdigit() and (not rest or rest.isdigit()) and text.isascii() and text[-1] != ".":
        return text  # nearly every number is one
    if _NUMBER.fullmatch(text) or not text:
        return text
    plain = text.replace(",", ".")
    sign = "-" if plain.startswith("-") else ""
    if plain.startswith(f"{sign}."):
        plain = f"{sign}0{plain[len(sign) :]}"
    if not _NUMBER.fullmatch(plain):
        raise WrongError(f"{text!r} is no number")
    return plain


def day(text: str, form: str) -> str:
    """Give a date of DTM as ISO text: formats 102 (day), 203 (minute) and 204 (second).

    >>> day("20260901", "102")
    '2026-09-01'
    >>> day("202609011530", "203")
    '2026-09-01T15:30'
    """
    if not text.isdigit() or not text.isascii() or len(text) != _SIZES.get(form or "102", 0):
        raise WrongError(f"date {text!r} does not have format {form or '102'}")
    if form == "101":
        text = "20" + text
    date = f"{text[:4]}-{text[4:6]}-{text[6:8]}"
    clock = ":".join(text[at : at + 2] for at in range(8, len(text), 2))
    return f"{date}T{clock}" if clock else date


def product(quantity: str, price: str, base: str) -> str:
    """Multiply two numbers exactly, the price being for ``base`` units; empty where one is.

    >>> product("120", "75", "100")
    '90'
    """
    if not quantity or not price:
        return ""
    amount = Decimal(quantity) * Decimal(price)
    if base and Decimal(base):
        amount = amount / Decimal(base)
    return format(amount, "f")


def written_number(value: Any, where: str, decimal: str) -> str:
    """Give a number as EDIFACT writes it: no exponent, no needless zeros, at most 15 digits.

    Raises Refused with ``where`` for what is no exact number.

    >>> written_number(Decimal("1.50"), "price", ",")
    '1,5'
    """
    if isinstance(value, float):
        raise Refused(f"{value!r} is no exact number", where=where, fix="send text or a Decimal")
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        raise Refused(f"{value!r} is no number", where=where) from None
    if not exact.is_finite():
        raise Refused(f"{value!r} is no number", where=where)
    text = format(exact, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if sum(character.isdigit() for character in text) > 15:
        raise Refused(f"{text} has more than 15 digits", where=where)
    return text.replace(".", decimal)


def written_date(value: Any, where: str) -> tuple[str, str]:
    """Give a day or a moment as the value and the format of DTM; midnight is written as its day.

    Raises Refused with ``where`` for what is neither.

    >>> written_date("2026-09-01T15:30:00", "date")
    ('202609011530', '203')
    >>> written_date("2026-09-01T00:00", "date")
    ('20260901', '102')
    """
    found = _MOMENT.fullmatch(str(value or ""))
    if found is None:
        raise Refused(f"{value!r} is no date such as 2026-09-01", where=where)
    year, month, dom, hour, minute, second = found.groups("00")
    date = year + month + dom
    if second != "00":
        return date + hour + minute + second, "204"
    return (date + hour + minute, "203") if (hour, minute) != ("00", "00") else (date, "102")
