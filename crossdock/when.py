"""The condition ``when:`` of a rule in a suite: which documents or lines the rule is about.

A condition is data: a field and a comparison, or ``all``, ``any`` and ``not`` of conditions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.model.fields import TEXTS, Field, near

if TYPE_CHECKING:
    from crossdock.rows import Rows
    from crossdock.yaml import Document

_TESTS = ("equals", "one_of", "starts_with", "matches", "present")
_GROUPS = ("all", "any", "not")


@dataclass(frozen=True)
class When:
    """One condition: ``test`` is a comparison, or all, any or not."""

    test: str
    field: str = ""
    value: Any = None
    parts: tuple[When, ...] = ()

    def mask(self, rows: Rows) -> pa.Array:
        """Say for each row whether the condition holds; never null."""
        if self.parts:
            masks = [part.mask(rows) for part in self.parts]
            if self.test == "not":
                return pc.invert(masks[0])
            return reduce(pc.and_ if self.test == "all" else pc.or_, masks)
        column = rows.column(self.field)
        if self.test == "present":
            return pc.equal(pc.is_valid(column), self.value)
        if self.test in ("matches", "starts_with"):
            match = pc.starts_with if self.test == "starts_with" else pc.match_substring_regex
            return pc.fill_null(match(column, self.value), False)
        return pc.is_in(column, value_set=pa.array(self.value, column.type))


def read(document: Document, at: tuple[Any, ...], spec: Any, find: Callable[[str], Field]) -> When:
    """Read a condition that stands at ``at``; ``find`` gives a field of the rule's level.

    Raises Misconfigured with the place for whatever is wrong.
    """
    if not isinstance(spec, dict):
        raise document.wrong(
            "when: wants a field and a comparison",
            *at,
            fix="write for example {field: kind, one_of: [product]}",
        )
    for test in _GROUPS:
        if test in spec:
            return _group(document, at, spec, find, test)
    tests = [key for key in spec if key != "field"]
    if "field" not in spec or len(tests) != 1:
        raise document.wrong(
            "when: wants one field and one comparison",
            *at,
            fix=f"comparisons are {', '.join(_TESTS)}",
        )
    if tests[0] not in _TESTS:
        raise document.wrong(
            f"when: knows no comparison {tests[0]!r}",
            *at,
            tests[0],
            fix=near(tests[0], list(_TESTS)),
        )
    field = find(spec["field"])
    return When(tests[0], spec["field"], _value(document, at, tests[0], spec[tests[0]], field))


def _group(
    document: Document,
    at: tuple[Any, ...],
    spec: dict[str, Any],
    find: Callable[[str], Field],
    test: str,
) -> When:
    if len(spec) != 1:
        raise document.wrong(f"when: {test} stands alone", *at, fix="nest the other conditions")
    inner = [spec[test]] if test == "not" else spec[test]
    if not isinstance(inner, list) or not inner:
        raise document.wrong(f"when: {test} wants a list of conditions", *at, test)
    places = [(*at, test)] if test == "not" else [(*at, test, n) for n in range(len(inner))]
    parts = [read(document, place, part, find) for place, part in zip(places, inner, strict=True)]
    return When(test, parts=tuple(parts))


def _value(document: Document, at: tuple[Any, ...], test: str, value: Any, field: Field) -> Any:
    if test == "present":
        if not isinstance(value, bool):
            raise document.wrong("present: is true or false", *at, test)
        return value
    if field.kind not in TEXTS and not (field.kind == "flag" and test in ("equals", "one_of")):
        raise document.wrong(
            f"when: {test} compares text, and {field.name} is a {field.kind}",
            *at,
            test,
            fix="use present, or a rule of its own",
        )
    if test == "matches":
        return pattern(document, (*at, test), value)
    if test == "starts_with" and isinstance(value, str) and value:
        return value
    values = value if isinstance(value, list) and test == "one_of" else [value]
    wanted = bool if field.kind == "flag" else str
    if not values or not all(isinstance(item, wanted) for item in values):
        raise document.wrong(
            f"{test}: wants {'true or false' if wanted is bool else 'text'}",
            *at,
            test,
            fix="put numbers and codes in quotes",
        )
    return tuple(values)


def pattern(document: Document, at: tuple[Any, ...], value: Any) -> str:
    """Check a regular expression (RE2 syntax, which cannot be made to run for ever)."""
    import re2

    quiet = re2.Options()
    quiet.log_errors = False
    try:
        re2.compile(str(value), quiet)
    except re2.error as error:
        words = error.args[0] if error.args else ""
        words = words.decode(errors="replace") if isinstance(words, bytes) else words
        raise document.wrong(
            f"this is no regular expression: {words}",
            *at,
            fix="use RE2 syntax: no look-around, no back-references",
        ) from None
    return str(value)
