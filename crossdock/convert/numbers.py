"""Conversions of numbers: decimals, money, whole numbers, and numbers as text."""

from __future__ import annotations

import decimal as _decimal
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from crossdock.convert.registry import conversion
from crossdock.errors import Misconfigured
from crossdock.model.codes import minor_units
from crossdock.model.fields import PRECISION, SCALE

if TYPE_CHECKING:
    import pyarrow as pa

_WHOLE_DIGITS = PRECISION - SCALE
_PLAIN = rf"^-?[0-9]{{1,{_WHOLE_DIGITS}}}(\.[0-9]{{1,{SCALE}}}0*)?$"
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_EXACT = _decimal.Context(prec=2000, Emax=5000, Emin=-5000)
_ROUNDING = {"half_up": _decimal.ROUND_HALF_UP, "half_even": _decimal.ROUND_HALF_EVEN}


def exact(value: Decimal) -> Decimal:
    """Refuse a decimal that the canonical model cannot hold; nothing is ever rounded.

    >>> exact(Decimal("0.1234567"))
    Traceback (most recent call last):
    ValueError: has more than 6 decimals
    """
    if not value.is_finite():
        raise ValueError("is not a number")
    if not value:
        return Decimal(0)  # Arrow takes 0E+13 for too large
    if value.adjusted() >= _WHOLE_DIGITS:
        raise ValueError(f"has more than {_WHOLE_DIGITS} digits before the point")
    if value != value.quantize(Decimal(1).scaleb(-SCALE), context=_EXACT):
        raise ValueError(f"has more than {SCALE} decimals")
    return value


@conversion(gives="decimal")
def decimal(text: str, *, decimal: str = ".", thousands: str = "") -> Decimal:
    """Read a decimal number exactly; ``decimal`` and ``thousands`` are the declared marks.

    >>> decimal("1234.50")
    Decimal('1234.50')
    >>> decimal("1.234,50", decimal=",", thousands=".")
    Decimal('1234.50')
    >>> decimal("1,234")
    Traceback (most recent call last):
    ValueError: is ambiguous: declare the marks `decimal` and `thousands` of this source
    """
    return exact(_number(text, decimal, thousands))


def _number(text: str, mark: str, thousands: str) -> Decimal:
    plain = text.strip(" ")
    if thousands and thousands in plain:
        whole, _, rest = plain.partition(mark)
        group = re.escape(thousands)
        if not re.fullmatch(rf"[+-]?[0-9]{{1,3}}(?:{group}[0-9]{{3}})+", whole):
            raise ValueError(f"has {thousands!r} in a place where no thousands end")
        plain = whole.replace(thousands, "") + (mark + rest if rest else "")
    if mark != ".":
        if "." in plain:
            raise ValueError("is ambiguous: the point is not a declared mark of this source")
        plain = plain.replace(mark, ".", 1)
    if not _NUMBER.fullmatch(plain):
        if "," in plain and re.fullmatch(r"[+-]?[0-9][0-9.,]*", plain):
            raise ValueError(
                "is ambiguous: declare the marks `decimal` and `thousands` of this source"
            )
        raise ValueError("is not a number")
    return Decimal(plain)


@decimal.columnar
def _decimals(values: pa.Array, *, decimal: str = ".", thousands: str = "") -> Any:
    import pyarrow.compute as pc

    from crossdock.convert.columns import arrow_type, shaped

    if decimal != ".":
        pattern = _PLAIN.replace(r"\.", re.escape(decimal))
        values = pc.replace_substring(shaped(values, pattern), decimal, ".")
    return pc.cast(shaped(values, _PLAIN), arrow_type("decimal"))


@conversion(gives="decimal")
def quantity(text: str, *, decimal: str = ".", thousands: str = "", whole: bool = False) -> Decimal:
    """Read a quantity; with ``whole: true`` a fraction is refused.

    >>> quantity("6.0", whole=True)
    Decimal('6.0')
    >>> quantity("0.5", whole=True)
    Traceback (most recent call last):
    ValueError: must be a whole number
    """
    value = exact(_number(text, decimal, thousands))
    if whole and value != value.to_integral_value():
        raise ValueError("must be a whole number")
    return value


@quantity.columnar
def _quantities(
    values: pa.Array, *, decimal: str = ".", thousands: str = "", whole: bool = False
) -> Any:
    from crossdock.convert.columns import shaped

    if whole:
        values = shaped(values, rf"^-?[0-9]{{1,{_WHOLE_DIGITS}}}$")
    return _decimals(values, decimal=decimal, thousands=thousands)


@conversion(gives="decimal", beside="currency")
def money(text: str, *, currency: str = "", decimal: str = ".", thousands: str = "") -> Decimal:
    """Read money in major units; more decimals than the currency has are refused.

    The currency is the document's own unless the mapping names one.

    >>> money("19.99", currency="GBP")
    Decimal('19.99')
    >>> money("1000.5", currency="JPY")
    Traceback (most recent call last):
    ValueError: has more decimals than JPY has (0)
    """
    value = exact(_number(text, decimal, thousands))
    digits = _digits(currency)
    if digits is not None and value != value.quantize(Decimal(1).scaleb(-digits), context=_EXACT):
        raise ValueError(f"has more decimals than {currency} has ({digits})")
    return value


@money.columnar
def _monies(
    values: pa.Array, *, currency: str = "", decimal: str = ".", thousands: str = ""
) -> Any:
    from crossdock.convert.columns import shaped

    digits = _digits(currency)
    if digits is not None:
        fraction = rf"({re.escape(decimal)}[0-9]{{1,{digits}}}0*)?" if digits else ""
        values = shaped(values, rf"^-?[0-9]{{1,{_WHOLE_DIGITS}}}{fraction}$")
    return _decimals(values, decimal=decimal, thousands=thousands)


@conversion(gives="decimal", beside="currency")
def minor_money(text: str, *, currency: str = "") -> Decimal:
    """Read money that is counted in minor units, such as pence, as major units.

    >>> minor_money("1999", currency="GBP")
    Decimal('19.99')
    >>> minor_money("19.99", currency="GBP")
    Traceback (most recent call last):
    ValueError: is not a whole number of minor units
    """
    value = _number(text, ".", "")
    if value != value.to_integral_value():
        raise ValueError("is not a whole number of minor units")
    return exact(_EXACT.scaleb(value, -(_digits(currency) or 0)))


def _digits(currency: str) -> int | None:
    if not currency:
        return None
    try:
        return minor_units(currency)
    except Misconfigured:
        raise ValueError("cannot be checked: its currency is no ISO 4217 code") from None


@conversion(gives="whole")
def whole_number(text: str, *, thousands: str = "") -> int:
    """Read a whole number; ``6.0`` is whole, ``6.5`` is refused.

    >>> whole_number("6.0")
    6
    """
    value = _number(text, ".", thousands)
    if value != value.to_integral_value():
        raise ValueError("must be a whole number")
    if value.adjusted() > 18 or not -(2**63) <= int(value) < 2**63:
        raise ValueError("is too large for a whole number")
    return int(value)


@whole_number.columnar
def _whole_numbers(values: pa.Array, *, thousands: str = "") -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    from crossdock.convert.columns import shaped

    return pc.cast(shaped(values, "^-?[0-9]{1,18}$"), pa.int64())


@conversion(gives="text")
def whole_text(text: str) -> str:
    """Read an id that a spreadsheet or a float column turned into a number.

    >>> whole_text("17850.0")
    '17850'
    >>> whole_text("1.785E+4")
    Traceback (most recent call last):
    ValueError: is in scientific notation: a spreadsheet destroyed its digits, export it as text
    """
    if re.fullmatch(r"[0-9]+(?:\.0*)?", text):
        return text.partition(".")[0]
    if re.fullmatch(r"[0-9](?:\.[0-9]+)?[eE]\+?[0-9]+", text):
        raise ValueError(
            "is in scientific notation: a spreadsheet destroyed its digits, export it as text"
        )
    raise ValueError("is not a whole number")


@whole_text.columnar
def _whole_texts(values: pa.Array) -> Any:
    from crossdock.convert.columns import shaped

    return shaped(values, "^[0-9]+$")


@conversion(gives="text")
def plain(value: Decimal) -> str:
    """Write a canonical decimal without exponent and without trailing zeros.

    >>> plain(Decimal("2.500000"))
    '2.5'
    """
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@plain.columnar
def _plains(values: pa.Array) -> Any:
    from crossdock.convert.columns import as_text

    return as_text(values)


@conversion(gives="text")
def fixed(value: Decimal, *, digits: int) -> str:
    """Write a canonical decimal with exactly ``digits`` decimals; refuse to round.

    >>> fixed(Decimal("2.5"), digits=2)
    '2.50'
    >>> fixed(Decimal("2.555"), digits=2)
    Traceback (most recent call last):
    ValueError: has more than 2 decimals; declare `as: rounded` where rounding is agreed
    """
    shown = value.quantize(Decimal(1).scaleb(-digits), context=_EXACT)
    if shown != value:
        raise ValueError(
            f"has more than {digits} decimals; declare `as: rounded` where rounding is agreed"
        )
    return f"{shown:f}"


@conversion(gives="decimal")
def rounded(value: Decimal, *, digits: int, rounding: str) -> Decimal:
    """Round a canonical decimal as agreed with a target: ``half_up`` or ``half_even``.

    >>> rounded(Decimal("2.665"), digits=2, rounding="half_up")
    Decimal('2.67')
    >>> rounded(Decimal("2.665"), digits=2, rounding="half_even")
    Decimal('2.66')
    """
    if rounding not in _ROUNDING:
        raise ValueError("cannot be rounded: `rounding` must be half_up or half_even")
    return value.quantize(Decimal(1).scaleb(-digits), rounding=_ROUNDING[rounding], context=_EXACT)
