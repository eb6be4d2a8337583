"""Strict JSON: what a parser may silently change is refused or kept as text.

Numbers keep their digits, duplicate keys and NaN are refused, nesting is limited. RFC 8259
leaves all of these to the parser, which is why two parsers disagree about one text.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

DEPTH = 100


class Number(str):
    """A JSON number by its digits, so that nothing is rounded on the way."""

    __slots__ = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"the key {twice[:60]!r} stands twice in one object")
    return found


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Number, parse_int=Number, parse_constant=_constant
)


def read(text: str) -> dict[str, Any]:
    """Read the text of one JSON object; raises ValueError with plain words.

    >>> read('{"price": 19.90}')
    {'price': '19.90'}
    >>> read('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ValueError: the key 'a' stands twice in one object
    """
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError(f"is nested deeper than {DEPTH} levels") from None
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")
    if text.count("{") + text.count("[") > DEPTH and _deeper(value, DEPTH):
        raise ValueError(f"is nested deeper than {DEPTH} levels")
    return value


def _deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(item, levels - 1) for item in inner)


def write(value: Any) -> str:
    """Write a value as JSON with sorted keys; a Number keeps its digits.

    >>> write({"b": Number("1.50"), "a": None})
    '{"a":null,"b":1.50}'
    """
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        parts = (f"{_quoted(key)}:{write(value[key])}" for key in sorted(value))
        return "{" + ",".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ",".join(write(item) for item in value) + "]"
    return _quoted(value)


def _quoted(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair stays escaped
        return json.dumps(value)
    return text
