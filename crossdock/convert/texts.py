"""Conversions of text, identifiers and yes or no."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from crossdock.convert.registry import conversion

if TYPE_CHECKING:
    import pyarrow as pa

_SPREADSHEET = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]{2,}")


@conversion(gives="text")
def text(text: str) -> str:
    """Keep text exactly as it is; a NUL character, which no database keeps, is refused.

    >>> text(" NA ")
    ' NA '
    """
    if "\0" in text:
        raise ValueError("holds a NUL character")
    return text


@text.columnar
def _texts(values: pa.Array) -> Any:
    from crossdock.convert.columns import shaped

    return shaped(values, r"^[^\x00]*$")


@conversion(gives="text")
def trimmed(text: str) -> str:
    """Take white space from both ends; text of white space only is missing.

    >>> trimmed(" LANTERN ")
    'LANTERN'
    """
    if "\0" in text:
        raise ValueError("holds a NUL character")
    return text.strip() or None  # type: ignore[return-value]


@conversion(gives="text")
def upper(text: str) -> str:
    """Write text in capitals, without white space at the ends.

    >>> upper("gbp ")
    'GBP'
    """
    return text.strip().upper()


@conversion(gives="text")
def lower(text: str) -> str:
    """Write text in small letters, without white space at the ends.

    >>> lower("Jane@Example.com")
    'jane@example.com'
    """
    return text.strip().lower()


@conversion(gives="text")
def identifier(text: str) -> str:
    """Keep a business number exactly; refuse one that a spreadsheet has destroyed.

    ``00123`` and ``1E5`` are kept: they are numbers of somebody. ``8.71235E+12`` is not one.

    >>> identifier("00123")
    '00123'
    >>> identifier("8.71235E+12")
    Traceback (most recent call last):
    ValueError: is in scientific notation: a spreadsheet destroyed its digits, export it as text
    """
    if "\0" in text:
        raise ValueError("holds a NUL character")
    if not text.strip():
        raise ValueError("is blank")
    if _SPREADSHEET.fullmatch(text):
        raise ValueError(
            "is in scientific notation: a spreadsheet destroyed its digits, export it as text"
        )
    return text


@identifier.columnar
def _identifiers(values: pa.Array) -> Any:
    from crossdock.convert.columns import shaped

    return shaped(values, r"^[0-9A-Za-z/_@#-]+$")


@conversion(gives="text")
def cut(text: str, *, length: int) -> str:
    """Cut text to at most ``length`` characters, for a target that takes no more.

    >>> cut("WHITE METAL LANTERN", length=11)
    'WHITE METAL'
    """
    return text[:length].rstrip()


@conversion(gives="text")
def digits(text: str) -> str:
    """Keep the digits only: of a telephone number, of a number that is grouped for reading.

    >>> digits("+44 113 496-0000")
    '441134960000'
    """
    return "".join(character for character in text if character in "0123456789")


@conversion(gives="flag")
def flag(
    text: str,
    *,
    true_is: tuple[str, ...] = ("true", "1"),
    false_is: tuple[str, ...] = ("false", "0"),
) -> bool:
    """Read yes or no; other words than true, false, 1 and 0 must be declared.

    >>> flag("true")
    True
    >>> flag("J", true_is=("J",), false_is=("N",))
    True
    >>> flag("yes")
    Traceback (most recent call last):
    ValueError: is neither yes nor no: declare the words in `true_is` and `false_is`
    """
    if text in true_is or text in false_is:
        return text in true_is
    raise ValueError("is neither yes nor no: declare the words in `true_is` and `false_is`")
