"""Strict JSON: numbers stay exact, and what two parsers could read differently is refused.

RFC 8259 leaves doubled names, NaN and huge numbers to the parser; Python's takes the last name,
accepts NaN and makes floats. Here they are faults, and so are control characters, lone
surrogates and more than 100 levels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from crossdock.errors import Unreadable

DEEPEST = 100

_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_ESCAPED_CONTROL = re.compile(
    r"(?<!\\)(?:\\\\)*\\(?:u00(?:0[0-8bcef]|1[0-9a-f]|7f|[89][0-9a-f])|[bf])", re.IGNORECASE
)
_CONTROL = re.compile("[\x7f-\x9f\ufffe\uffff]")
_NOT_BRACKETS = bytes(code for code in range(256) if code not in b"[]{}")


class Fault(ValueError):  # noqa: N818 - a fault of the record, not of the program
    """A record that is JSON but not one that everybody reads alike; says why."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        raise Fault(f"the name {next(n for n in names if names.count(n) > 1)!r} stands twice")
    return result


def _constant(word: str) -> Any:
    raise Fault(f"{word} is no JSON number")


def _marked(digits: str) -> str:
    return "\x01" + digits


EXACT = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_marked, parse_constant=_constant)
"""Decodes numbers with a fraction to marked text; only ``canonical`` understands it."""

_DECIMAL = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=Decimal, parse_constant=_constant
)

_FRAME = json.JSONDecoder(
    strict=False,
    parse_float=Decimal,
    parse_constant=str,
    parse_int=lambda digits: int(digits) if len(digits) < 20 else digits,
)


def loads(text: str | bytes, where: str = "") -> Any:
    """Read one JSON text; numbers with a fraction become Decimal. Raises Unreadable.

    >>> loads('{"price": 1.10}')
    {'price': Decimal('1.10')}
    """
    try:
        plain = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        verify(plain)
        return _DECIMAL.decode(plain)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, character {error.colno}"
        raise Unreadable(f"this is not JSON: {error.msg} in {place}", where=where) from None
    except UnicodeDecodeError as error:
        raise Unreadable(f"this is not UTF-8: {error.reason}", where=where) from None
    except RecursionError:
        raise Unreadable("this JSON is nested too deeply", where=where) from None
    except ValueError as error:
        raise Unreadable(f"this JSON cannot be trusted: {_words(error)}", where=where) from None


def frame(body: bytes, where: str = "") -> Any:
    """Read a whole JSON text for what lies around its records, which are judged when they land.

    A record that cannot be trusted must not keep its neighbours from being paged. Numbers that are
    long stay text. Raises Unreadable for what is no whole JSON.

    >>> frame(b'{"orders": [{"a": NaN, "a": 1}], "next": "p2"}')["next"]
    'p2'
    """
    try:
        return _FRAME.decode(body.decode("utf-8-sig", "replace"))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, character {error.colno}"
        raise Unreadable(f"this is not JSON: {error.msg} in {place}", where=where) from None
    except RecursionError:
        raise Unreadable("this JSON is nested too deeply", where=where) from None


def canonical(value: Any, raw: str) -> str:
    """Write what ``EXACT`` decoded from ``raw``: sorted names, no spaces, numbers as they stood.

    Raises Fault where other parsers would read ``raw`` differently.

    >>> raw = '{"b": 1.10, "a": "x"}'
    >>> canonical(EXACT.decode(raw), raw)
    '{"a":"x","b":1.10}'
    """
    verify(raw)
    text = _ENCODER.encode(value)
    first, *marked = text.split('"\\u0001')
    if marked:
        text = first + "".join(part.replace('"', "", 1) for part in marked)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Fault("a text holds half of a surrogate pair") from None
    return text


def verify(raw: str) -> None:
    r"""Raise Fault for control characters and for more than 100 levels in ``raw``.

    >>> verify('"a\\u0000b"')
    Traceback (most recent call last):
        ...
    crossdock.json.Fault: a text holds a control character
    """
    if "\\" in raw and _ESCAPED_CONTROL.search(raw):
        raise Fault("a text holds a control character")
    if not raw.isascii() and _CONTROL.search(raw):
        raise Fault("a text holds a control character")
    if _depth(raw) > DEEPEST:
        raise Fault(f"it is nested more than {DEEPEST} levels deep")


def _depth(raw: str) -> int:
    """Count the levels; brackets inside of texts may make it too high, never too low."""
    brackets = raw.encode("utf-8", "replace").translate(None, _NOT_BRACKETS)
    levels = 0
    while brackets and levels <= DEEPEST:
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(fewer) == len(brackets):
            return _depth_without_texts(raw)
        brackets, levels = fewer, levels + 1
    return levels


def _depth_without_texts(raw: str) -> int:
    level = deepest = 0
    for bracket in re.sub(r'"(?:[^"\\]|\\.)*"', "", raw):
        level += (bracket in "[{") - (bracket in "]}")
        deepest = max(deepest, level)
    return deepest


def dumps(value: Any) -> str:
    """Write a value as JSON in which each Decimal is an exact number; names keep their order.

    Instants become ISO text. Raises TypeError for anything that is no plain data.

    >>> dumps({"price": Decimal("1.10"), "on": date(2026, 1, 2)})
    '{"price":1.10,"on":"2026-01-02"}'
    """
    if isinstance(value, Mapping):
        items = (f"{_text(str(name))}:{dumps(item)}" for name, item in value.items())
        return "{" + ",".join(items) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, (datetime, date)):
        return _text(value.isoformat())
    if value is None or isinstance(value, (bool, int)):
        return json.dumps(value)
    raise TypeError(f"{type(value).__name__} is not plain data")


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _words(error: ValueError) -> str:
    """Keep the words of our own faults; others may quote the content."""
    return str(error) if isinstance(error, Fault) else "a number has too many digits"
