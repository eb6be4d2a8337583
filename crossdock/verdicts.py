"""Verdicts: what a rule said about which field of which document, as a table of plain words."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from crossdock.rows import Rows
from crossdock.rule import HOLDS, PLACES, Rule
from crossdock.rules.contract import Fault

LONGEST = 200
HIDDEN = "•••"
NOTHING = "(nothing)"
WITH_BATCH = "held_with_batch"

SCHEMA = pa.schema(
    [
        ("record", pa.int32()),
        ("line", pa.int32()),
        ("rule", pa.string()),
        ("rule_version", pa.string()),
        ("severity", pa.string()),
        ("field", pa.string()),
        ("value", pa.string()),
        ("message", pa.string()),
    ]
)
"""``record`` is the row of the raw batch, ``line`` the place in its list from 1 (null: header)."""

FINDINGS = pa.schema(
    [
        ("entity", pa.string()),
        ("rule", pa.string()),
        ("rule_version", pa.string()),
        ("severity", pa.string()),
        ("records", pa.int64()),
        ("lines", pa.int64()),
    ]
)
"""One row for each rule that found something: documents, and lines that it is about.

A rule on a list counts the members that break it; a rule on documents counts all lines of the
documents that break it, so that "135,080 lines without a customer" can be read off.
"""


class Verdicts:
    """Collects the faults of one batch and turns them into tables."""

    def __init__(self, documents: Rows) -> None:
        self.documents = documents
        self._tables: list[pa.Table] = []
        self._findings: list[dict[str, object]] = []
        self._held: list[tuple[Rule, pa.Array]] = []

    def add(self, rule: Rule, faults: Iterable[Fault]) -> None:
        """Note the faults of one rule, less the rows that its condition leaves out."""
        rows = self.documents.at(rule.on)
        condition = rule.when.mask(rows) if rule.when else None
        broken: list[pa.Array] = []
        for fault in faults:
            mask = pc.fill_null(fault.mask, False)
            mask = mask if condition is None else pc.and_(mask, condition)
            places = pc.indices_nonzero(mask)
            if len(places):
                self._tables.append(self._table(rule, fault, rows, places))
                broken.append(places)
        if broken:
            self._count(rule, rows, pc.unique(pa.concat_arrays(broken)))

    def _count(self, rule: Rule, rows: Rows, places: pa.Array) -> None:
        documents = pc.unique(rows.parent.take(places))
        lines = len(places)
        if rows is self.documents:
            has_lines = rows.has("lines")
            lines = pc.sum(rows.lengths("lines").take(documents)).as_py() if has_lines else 0
        self._findings.append(
            {
                "entity": rule.entity.name,
                "rule": rule.name,
                "rule_version": rule.version,
                "severity": rule.severity,
                "records": len(documents),
                "lines": lines,
            }
        )
        if rule.severity in HOLDS:
            self._held.append((rule, documents))

    def _table(self, rule: Rule, fault: Fault, rows: Rows, places: pa.Array) -> pa.Table:
        values = fault.values if fault.values is not None else rows.column(fault.field)
        value = text(values.take(places))
        expected = None if fault.expected is None else text(fault.expected.take(places))
        if rule.masked(fault.field):
            value = pc.if_else(pc.is_valid(value), HIDDEN, value)
            expected = (
                None if expected is None else pc.if_else(pc.is_valid(expected), HIDDEN, expected)
            )
        size = len(places)
        return pa.Table.from_arrays(
            [
                self._records(rows.parent.take(places)),
                rows.number.take(places).cast(pa.int32()),
                *(
                    pa.repeat(pa.scalar(word, pa.string()), size)
                    for word in (rule.name, rule.version, rule.severity, fault.field)
                ),
                value,
                worded(rule.message, fault.field, value, expected),
            ],
            schema=SCHEMA,
        )

    def _records(self, documents: pa.Array) -> pa.Array:
        if self.documents.has("record"):
            return self.documents.column("record").cast(pa.int32()).take(documents)
        return documents.cast(pa.int32())

    def held(self) -> pa.Array:
        """Say for each document whether it is held; one fault for the batch holds them all."""
        if any(rule.severity == "hold_batch" for rule, _ in self._held):
            return pa.repeat(pa.scalar(True), len(self.documents))
        places = [documents for _, documents in self._held]
        wrong = pa.concat_arrays(places) if places else pa.array([], pa.int64())
        return pc.is_in(self.documents.parent, value_set=wrong)

    def table(self) -> pa.Table:
        """Give all verdicts, those of one document side by side."""
        tables = [*self._tables, *self._with_batch()]
        if not tables:
            return SCHEMA.empty_table()
        return pa.concat_tables(tables).sort_by([("record", "ascending")])

    def _with_batch(self) -> list[pa.Table]:
        """Give a verdict to documents without a fault of their own that are held with the batch."""
        names = [rule.name for rule, _ in self._held if rule.severity == "hold_batch"]
        if not names:
            return []
        own = pa.concat_arrays([documents for _, documents in self._held])
        others = pc.indices_nonzero(pc.invert(pc.is_in(self.documents.parent, value_set=own)))
        if not len(others):
            return []
        words = f"held with the whole batch, because of: {', '.join(dict.fromkeys(names))}"
        size = len(others)
        return [
            pa.Table.from_arrays(
                [
                    self._records(others.cast(pa.int64())),
                    pa.nulls(size, pa.int32()),
                    *(
                        pa.repeat(pa.scalar(word, pa.string()), size)
                        for word in (WITH_BATCH, "", "hold_batch")
                    ),
                    pa.nulls(size, pa.string()),
                    pa.nulls(size, pa.string()),
                    pa.repeat(pa.scalar(words, pa.string()), size),
                ],
                schema=SCHEMA,
            )
        ]

    def findings(self) -> pa.Table:
        """Count what each rule found."""
        return pa.Table.from_pylist(self._findings, schema=FINDINGS)


def text(values: pa.Array) -> pa.Array:
    """Write values for people: decimals without idle zeros, instants as ISO 8601, 200 letters."""
    kind = values.type
    if kinds.is_decimal(kind):
        words = _short_decimals(values)
    elif kinds.is_timestamp(kind):
        words = pc.strftime(values, format="%Y-%m-%dT%H:%M:%SZ")
        words = pc.replace_substring_regex(words, r"\.0+Z$", "Z")
    elif kinds.is_nested(kind):
        words = pa.nulls(len(values), pa.string())
    else:
        words = values.cast(pa.string())
    return pc.utf8_slice_codeunits(words, 0, LONGEST)


def _short_decimals(values: pa.Array) -> pa.Array:
    """Round to six decimals and drop the zeros at the end."""
    if values.type.scale > 6:
        values = pc.round(values, 6)
    words = values.cast(pa.string())
    small = pc.match_substring(words, "E")  # 1E-7 of a wide scale
    words = pc.if_else(small, "0.000000", words) if pc.any(small).as_py() else words
    trimmed = pc.replace_substring_regex(words, r"\.?0+$", "")
    return pc.if_else(pc.match_substring(words, "."), trimmed, words)


def worded(message: str, field: str, value: pa.Array, expected: pa.Array | None) -> pa.Array:
    """Fill the places of a message for each row."""
    shown = {
        "field": pa.scalar(field),
        "value": pc.fill_null(value, NOTHING),
        "expected": pa.scalar(NOTHING) if expected is None else pc.fill_null(expected, NOTHING),
    }
    parts = [
        shown[part[1:-1]] if part[1:-1] in PLACES and part.startswith("{") else pa.scalar(part)
        for part in re.split(r"({[a-z]+})", message)
        if part
    ]
    if all(isinstance(part, pa.Scalar) for part in parts):
        return pa.repeat(pa.scalar("".join(part.as_py() for part in parts)), len(value))
    return pc.binary_join_element_wise(*parts, "")
