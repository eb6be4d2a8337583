"""Conditions: which records a mapping takes, which documents a target gets.

Declared, not programmed: a field and a test, ``all``, ``any`` and ``not``. Where a record has
several rows, its first one decides unless ``any_row`` is set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossdock.convert.columns import as_text
from crossdock.mapping import dialect
from crossdock.mapping.frames import Frame, Ints, Mask, Path
from crossdock.mapping.paths import split
from crossdock.mapping.source import Source
from crossdock.yaml import Document

Test = Callable[[Frame], Mask]


@dataclass(frozen=True)
class Condition:
    """A compiled condition; ``paths`` are the source fields that it looks at."""

    test: Test
    paths: tuple[Path, ...]

    def rows(self, frame: Frame) -> Mask:
        """Which rows of a frame fulfil it."""
        return self.test(frame)

    def mask(self, table: pa.Table) -> pa.BooleanArray:
        """Which rows of a raw batch or of a canonical table fulfil it; one boolean a row.

        A record that no parser can read fulfils nothing.
        """
        source = Source(table)
        records = source.readable()
        result = np.zeros(table.num_rows, np.bool_)
        result[records] = self.test(source.frame(records))
        return pa.array(result)


def compile(spec: Any, where: str = "") -> Condition:  # noqa: A001 - the verb of conditions
    """Compile a condition that stands in some YAML file.

    ``where`` is ``file:line`` for errors. Raises Misconfigured for an unknown key, a wrong
    regular expression or a percentage that is none.
    """
    page = _Elsewhere(where, spec)
    return at(page, ())


class _Elsewhere(Document):
    """A part of another file, all of it at one place."""

    def __init__(self, where: str, data: Any) -> None:
        self.data = data
        self._where = where

    def where(self, *at: Any) -> str:
        return self._where


def at(page: Document, place: dialect.At) -> Condition:
    """Compile the condition at a place of a YAML file; raises Misconfigured with the line."""
    spec = dialect.checked(page, place, dialect.CONDITION, "a condition")
    parts: list[Condition] = []
    if "field" in spec:
        parts.append(_field(page, place, spec))
    elif set(spec) & {*dialect.TESTS, "any_row"}:
        raise page.wrong("a condition needs a field to look at", *place, fix="add field: <name>")
    if "share" in spec:
        parts.append(_share(page, (*place, "share")))
    for word, combine in (("all", np.logical_and), ("any", np.logical_or)):
        if word in spec:
            inner = [at(page, (*place, word, n)) for n in range(len(spec[word]))]
            parts.append(_combined(inner, combine))
    if "not" in spec:
        inverse = at(page, (*place, "not"))
        parts.append(Condition(lambda frame: ~inverse.test(frame), inverse.paths))
    if not parts:
        raise page.wrong("a condition needs field, share, all, any or not", *place)
    return parts[0] if len(parts) == 1 else _combined(parts, np.logical_and)


def _combined(parts: list[Condition], combine: Any) -> Condition:
    def test(frame: Frame) -> Mask:
        found: Mask = combine.reduce([part.test(frame) for part in parts])
        return found

    return Condition(test, tuple(path for part in parts for path in part.paths))


def _field(page: Document, place: dialect.At, spec: dict[str, Any]) -> Condition:
    tests = [word for word in dialect.TESTS if word in spec]
    if not tests:
        raise page.wrong(
            "a condition needs a test", *place, fix=f"add one of: {', '.join(dialect.TESTS)}"
        )
    checks = [_CHECKS[word](page, (*place, word), spec[word]) for word in tests]
    path = split(spec["field"])
    any_row = bool(spec.get("any_row", False))
    present = spec.get("present")

    def test(frame: Frame) -> Mask:
        return _tested(frame, path, checks, any_row, present is False)

    return Condition(test, (path,))


def _tested(
    frame: Frame, path: Path, checks: list[Callable[[Any], Any]], any_row: bool, absent: bool
) -> Mask:
    below, rest = frame.crossing(path, True) or (frame, path)
    column = below.column(rest)
    if column is None:
        return np.full(frame.size, absent)
    codes = column.codes
    if below is not frame:
        offsets = below.offsets_in(frame)
        if any_row:
            rows = _passes(column.values, codes, checks, absent)
            counted = np.concatenate([[0], np.cumsum(rows)])
            found: Mask = counted[offsets[1:]] > counted[offsets[:-1]]
            return found
        some = np.diff(offsets) > 0
        padded = np.append(codes, -1)
        codes = np.where(some, padded[np.minimum(offsets[:-1], len(codes))], -1)
    return _passes(column.values, codes, checks, absent)


def _passes(values: Any, codes: Any, checks: list[Callable[[Any], Any]], absent: bool) -> Mask:
    texts = as_text(values)
    empty = pc.equal(texts, "").to_numpy(zero_copy_only=False)
    if absent:
        return _by_row(np.append(empty, True), codes)
    good = ~empty
    for check in checks:
        good = good & pc.fill_null(check(texts), False).to_numpy(zero_copy_only=False)
    return _by_row(np.append(good, False), codes)


def _by_row(marks: Mask, codes: Ints) -> Mask:
    """Spread marks of distinct values over rows; the last one is for rows without a value."""
    found: Mask = marks[codes]
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _equals(page: Document, place: dialect.At, value: Any) -> Callable[[Any], Any]:
    return lambda texts: pc.equal(texts, _text(value))


def _one_of(page: Document, place: dialect.At, value: Any) -> Callable[[Any], Any]:
    words = pa.array([_text(item) for item in value], pa.string())
    return lambda texts: pc.is_in(texts, value_set=words)


def _starts_with(page: Document, place: dialect.At, value: Any) -> Callable[[Any], Any]:
    return lambda texts: pc.starts_with(texts, value)


def _matches(page: Document, place: dialect.At, value: Any) -> Callable[[Any], Any]:
    try:
        pc.match_substring_regex(pa.array([""]), value)
    except pa.ArrowInvalid as error:
        raise page.wrong(
            f"this is no regular expression: {error}", *place, fix="see the RE2 syntax page"
        ) from None
    return lambda texts: pc.match_substring_regex(texts, value)


def _present(page: Document, place: dialect.At, value: Any) -> Callable[[Any], Any]:
    return lambda texts: pc.is_valid(texts)


_CHECKS: dict[str, Callable[[Document, dialect.At, Any], Callable[[Any], Any]]] = {
    "equals": _equals,
    "one_of": _one_of,
    "starts_with": _starts_with,
    "matches": _matches,
    "present": _present,
}


def _share(page: Document, place: dialect.At) -> Condition:
    spec = dialect.checked(page, place, dialect.SHARE, "share")
    percent = _percent(page, place, spec["percent"])
    path = split(spec["of"])

    def chosen(texts: Any) -> Any:
        return pa.array([text is not None and _hash(text) < percent for text in texts.to_pylist()])

    return Condition(lambda frame: _tested(frame, path, [chosen], False, False), (path,))


def _percent(page: Document, place: dialect.At, value: Any) -> Decimal:
    try:
        percent = Decimal(str(value))
    except InvalidOperation:
        percent = Decimal(-1)
    if not 0 < percent <= 100:
        raise page.wrong(f"{value!r} is no percentage", *place, "percent", fix="use 0.1 to 100")
    return percent


def _hash(text: str) -> Decimal:
    """Place a text between 0 and 100, the same place for ever."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    return Decimal(number) * 100 / 2**64
