"""Field kinds: the vocabulary in which every entity is declared.

An entity is a tuple of ``Field``; one function per kind makes one. A kind fixes how a value is
held in Arrow, in the store, in JSON and in a check; nothing else about a field is said twice.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

Kind = Literal[
    "identifier",
    "text",
    "code",
    "country",
    "currency",
    "unit",
    "amount",
    "price",
    "quantity",
    "percent",
    "instant",
    "date",
    "flag",
    "whole",
    "extension",
    "children",
]

KINDS: Final[tuple[str, ...]] = get_args(Kind)

TEXTS: Final = frozenset({"identifier", "text", "code", "country", "currency", "unit", "extension"})
"""Kinds that are held as text."""

DECIMALS: Final = frozenset({"amount", "price", "quantity", "percent"})
"""Kinds that are held as decimals of ``PRECISION`` digits, ``SCALE`` of them after the point."""

PRECISION: Final = 18
SCALE: Final = 6

DECIMAL_PATTERN: Final = (
    rf"^-?(0|[1-9][0-9]{{0,{PRECISION - SCALE - 1}}})(\.[0-9]{{0,{SCALE - 1}}}[1-9])?$"
)
"""A decimal in canonical JSON: plain, without exponent and trailing zeros."""

PATTERNS: Final = {
    "identifier": r"\S",
    "country": r"^[A-Z]{2}$",
    "currency": r"^[A-Z]{3}$",
    "unit": r"^[0-9A-Z]{2,3}$",
}
"""What the text of a kind looks like; whether a code exists is for ``crossdock.model.codes``."""

KIND_HELP: Final[dict[str, str]] = {
    "identifier": "A business number or key; text, compared exactly, leading zeros kept.",
    "text": "Free text for people.",
    "code": "A word from a code list; text.",
    "country": "ISO 3166-1 alpha-2 country code, such as GB; ZZ where the source does not say.",
    "currency": "ISO 4217 currency code, such as GBP.",
    "unit": "UN/ECE Recommendation 20 unit code, such as C62 (one) or KGM (kilogram).",
    "amount": "Money in the currency of the document; decimal with at most 6 decimals.",
    "price": "Money for one price base quantity; decimal with at most 6 decimals.",
    "quantity": "A count or measure in the unit beside it; decimal with at most 6 decimals.",
    "percent": "A rate in percent: 20 means 20 %; decimal with at most 6 decimals.",
    "instant": "A moment in UTC, exact to the microsecond.",
    "date": "A calendar day without a time.",
    "flag": "true or false.",
    "whole": "A whole number.",
    "extension": "JSON object, as text, with fields of the source that no mapping named.",
    "children": "A list of parts, each with the fields below.",
}


@dataclass(frozen=True)
class Field:
    """One field of an entity or of a child list.

    ``term`` is the UBL 2.3 element or GS1 key that it follows; ``values`` the words that a code
    may take (empty: any); ``personal`` marks data about a person, which redaction covers;
    ``fields`` are the fields of a child list.
    """

    name: str
    kind: Kind
    help: str
    term: str = ""
    example: str = ""
    required: bool = False
    personal: bool = False
    values: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()


def identifier(name: str, help: str, **more: Any) -> Field:  # noqa: A002
    """Declare a business number or key."""
    return Field(name, "identifier", help, **more)


def text(name: str, help: str, **more: Any) -> Field:  # noqa: A002
    """Declare free text."""
    return Field(name, "text", help, **more)


def code(name: str, help: str, *values: str, **more: Any) -> Field:  # noqa: A002
    """Declare a code; ``values`` are the words that it may take, none means any."""
    return Field(name, "code", help, values=values, **more)


def country(name: str, help: str, **more: Any) -> Field:  # noqa: A002
    """Declare an ISO 3166-1 alpha-2 country."""
    return Field(name, "country", help, **{"example": "GB", **more})


def currency(name: str, help: str, **more: Any) -> Field:  # noqa: A002
    """Declare an ISO 4217 currency."""
    return Field(name, "currency", help, **{"example": "GBP", **more})


def unit(name: str, help: str, **more: Any) -> Field:  # noqa: A002
    """Declare a UN/ECE Recommendation 20 unit."""
    return Field(name, "unit", help, **{"example": "C62", **more})


def amount(name: str, help: str, **more: Any) -> Field:  # noqa: A002
    """Declare money in the currency of the document."""
    return Field(name, "amount", help, **more)


def price(name: str, help: str, **more: Any) -> Field:  # noqa: A002
    """Declare money for one price base quantity."""
    return Field(name, "price", help, **more)


def quantity(name: str, help: str, **more: Any) -> Field:  # noqa: A002
    """Declare a count or a measure."""
    return Field(name, "quantity", help, **more)


def percent(name: str, help: str, **more: Any) -> Field:  # noqa: A002
    """Declare a rate in percent (20 means 20 %)."""
    return Field(name, "percent", help, **{"example": "20", **more})


def instant(name: str, help: str, **more: Any) -> Field:  # noqa: A002
    """Declare a moment in UTC."""
    return Field(name, "instant", help, **{"example": "2010-12-01T08:26:00Z", **more})


def date(name: str, help: str, **more: Any) -> Field:  # noqa: A002
    """Declare a calendar day."""
    return Field(name, "date", help, **{"example": "2010-12-31", **more})


def flag(name: str, help: str, **more: Any) -> Field:  # noqa: A002
    """Declare a yes or no."""
    return Field(name, "flag", help, **{"example": "true", **more})


def whole(name: str, help: str, **more: Any) -> Field:  # noqa: A002
    """Declare a whole number."""
    return Field(name, "whole", help, **more)


def extension() -> Field:
    """Declare the bag of source fields that no mapping named."""
    return Field(
        "extension",
        "extension",
        "Source fields that no mapping named, as the text of one JSON object.",
        term="UBL UBLExtensions",
        example='{"gift_wrap":"yes"}',
    )


def children(name: str, help: str, *fields: Field, **more: Any) -> Field:  # noqa: A002
    """Declare a child list; its fields are flat."""
    return Field(name, "children", help, fields=fields, **more)


def near(name: str, known: list[str]) -> str:
    """Suggest the nearest of ``known`` names, or list them all; for the fix of an error.

    >>> near("sales_ordr", ["sales_order", "invoice"])
    "did you mean 'sales_order'?"
    """
    found = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {found[0]!r}?" if found else f"use one of: {', '.join(known)}"
