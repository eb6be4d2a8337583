"""Write values as they stand in the text of a GraphQL operation.

https://spec.graphql.org/October2021/#sec-Input-Values
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


class Word(str):
    """A name of the schema (an enum's value), which stands without quotes.

    >>> literal({"sort": Word("ASC")})
    '{sort: ASC}'
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Word:
        """Make a word; raises ValueError for what is no name."""
        if not text.isascii() or not text.isidentifier():
            raise ValueError(f"{text!r} is no name of a GraphQL schema")
        return super().__new__(cls, text)


def literal(value: Any) -> str:
    r"""Write a value; a text is always quoted, so nothing in it can become part of the operation.

    Raises TypeError for what is no plain data.

    >>> literal({"sku": {"in": ['a"b', "c"]}, "take": 5, "on": None})
    '{sku: {in: ["a\\"b", "c"]}, take: 5, on: null}'
    """
    if isinstance(value, Word):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{Word(name)}: {literal(one)}" for name, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(literal(one) for one in value) + "]"
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"
    if value is None or isinstance(value, (bool, int, str)):
        return json.dumps(value)
    raise TypeError(f"{type(value).__name__} is not plain data")


def operation(name: str, gives: str, **arguments: Any) -> str:
    """Write one field with its arguments as an operation.

    >>> operation("order", "id", code="7")
    '{ order(code: "7") { id } }'
    """
    given = ", ".join(f"{key}: {literal(value)}" for key, value in arguments.items())
    return f"{{ {name}{f'({given})' if given else ''} {{ {gives} }} }}"
