"""The run gate: what can only be decided when every batch of a run has been checked.

A pure function of tables: thresholds of rules over the whole run, numbers that stand on several
documents, and streams that went silent. Nothing is pushed before it has said yes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crossdock import document_key
from crossdock.rows import whole
from crossdock.rule import Rule
from crossdock.rules.contract import RUN
from crossdock.suite import Suite, combine
from crossdock.verdicts import SCHEMA as VERDICTS
from crossdock.verdicts import worded

BATCH = pa.field("batch", pa.string())
FINDINGS = pa.schema(
    [
        BATCH,
        ("entity", pa.string()),
        ("rule", pa.string()),
        ("severity", pa.string()),
        ("records", pa.int64()),
        ("lines", pa.int64()),
    ]
)
"""``crossdock.verdicts.FINDINGS`` of every batch; further columns do no harm."""

TOTALS = pa.schema([BATCH, ("entity", pa.string()), ("records", pa.int64()), ("lines", pa.int64())])
"""What each batch brought to check, by entity."""

KEYS = pa.schema(
    [
        BATCH,
        ("entity", pa.string()),
        ("record", pa.int32()),
        ("key", pa.string()),
        ("source", pa.string()),
        ("hash", pa.binary()),
    ]
)
"""Every document: ``key`` is its key (``document_key``), ``source`` the record that it was made of
(system, stream and key, null: one of its own), ``hash`` names its content."""

HOLD = pa.schema([BATCH, *VERDICTS])
"""Verdicts to add to those of check; ``record`` is null where the whole batch is held."""


@dataclass(frozen=True)
class Volume:
    """How many records a stream brought now, and in earlier complete runs (latest last).

    ``at_least`` is the share of their median below which the run stops: 0.5 for ``50% of median``.
    """

    stream: str
    records: int
    earlier: Sequence[int]
    at_least: Decimal = Decimal("0.5")


@dataclass(frozen=True)
class Decisions:
    """What the gate decided.

    ``stop`` has a reason for each cause to stop the flow, in plain words; nothing may be resolved
    or pushed when there is one. ``hold`` has verdicts for documents and batches that check let
    pass. ``notes`` is for the report.
    """

    stop: list[str]
    hold: pa.Table
    notes: list[str]


def gate(
    suites: Mapping[str, Sequence[Suite]],
    findings: pa.Table,
    totals: pa.Table,
    keys: pa.Table | None = None,
    volumes: Sequence[Volume] = (),
) -> Decisions:
    """Decide on a whole run: ``suites`` by entity, and what its batches brought and broke.

    Raises Misconfigured when suites of different entities are mixed.
    """
    stop: list[str] = []
    notes: list[str] = []
    holds: list[pa.Table] = []
    for entity, named in suites.items():
        rules = {rule.name: rule for rule in combine(named)}
        for rule in rules.values():
            found = _of(findings, entity).filter(pc.equal(_of(findings, entity)["rule"], rule.name))
            if rule.on == RUN and keys is not None:
                copies = _duplicates(rule, _of(keys, entity))
                holds.append(copies)
                found = _counted(copies)
            outcome = _threshold(rule, found, _of(totals, entity))
            stop += outcome.stop
            notes += outcome.notes
            holds.append(outcome.hold)
    stop += [words for volume in volumes if (words := silence(volume))]
    return Decisions(stop, pa.concat_tables([HOLD.empty_table(), *holds]), notes)


def silence(volume: Volume) -> str:
    """Say that a stream brought suspiciously little; empty when it did not, or nothing is known.

    >>> silence(Volume("shop.orders", 0, [5200, 4900, 5100]))
    'shop.orders brought 0 records; it usually brings 5100, and less than 50% of that stops the run'
    """
    if not volume.earlier:
        return ""
    usual = median(volume.earlier)
    if volume.records >= Decimal(str(usual)) * volume.at_least:
        return ""
    share = f"{(volume.at_least * 100).normalize():f}%"
    return (
        f"{volume.stream} brought {volume.records} records; it usually brings {usual:g}, "
        f"and less than {share} of that stops the run"
    )


def _of(table: pa.Table, entity: str) -> pa.Table:
    return table.filter(pc.equal(table["entity"], entity))


def _threshold(rule: Rule, found: pa.Table, totals: pa.Table) -> Decisions:
    """Weigh what one rule found in all batches against its threshold."""
    unit = "records" if rule.on in ("document", RUN) else "lines"
    broken, seen = (int(pc.sum(table[unit]).as_py() or 0) for table in (found, totals))
    severity, reason = rule.severity, ""
    if rule.at_most and rule.at_most.exceeded(broken, of=seen):
        severity, reason = rule.then, f", more than {rule.at_most} of {seen:,}"
    things = "documents" if unit == "records" else "lines"
    words = f"rule {rule.name} is broken by {broken:,} {things} of {rule.entity.name}{reason}"
    if not broken or (severity == rule.severity and severity != "stop_flow"):
        near = rule.at_most and broken
        notes = [f"{words}; at most {rule.at_most} of {seen:,} is allowed"] if near else []
        return Decisions([], HOLD.empty_table(), notes)
    if severity == "stop_flow":
        return Decisions([words], HOLD.empty_table(), [])
    batches = pc.unique(found["batch"]).to_pylist()
    return Decisions([], pa.concat_tables([_batch(rule, batch, words) for batch in batches]), [])


def _batch(rule: Rule, batch: str, words: str) -> pa.Table:
    row = {
        "batch": batch,
        "rule": rule.name,
        "rule_version": rule.version,
        "severity": "hold_batch",
        "message": words,
    }
    return pa.Table.from_pylist([row], schema=HOLD)


def _duplicates(rule: Rule, keys: pa.Table) -> pa.Table:
    """Hold every document whose number stands on another one made of another record."""
    keys = keys.filter(pc.is_valid(keys["key"]))
    counts = keys.group_by("key", use_threads=False).aggregate([("record", "count")])
    often = whole(counts.filter(pc.greater(counts["record_count"], 1))["key"])
    rows = (
        keys.filter(pc.is_in(keys["key"], value_set=often))
        .sort_by([("key", "ascending"), ("batch", "ascending"), ("record", "ascending")])
        .to_pylist()
    )
    held = [row for group in _groups(rows) for row in _copies(group)]
    if not held:
        return HOLD.empty_table()
    value = document_key.ids(pa.array([row["key"] for row in held], pa.string()))
    expected = pa.array([str(row["copies"]) for row in held], pa.string())
    size = len(held)
    return pa.Table.from_arrays(
        [
            pa.array([row["batch"] for row in held], pa.string()),
            pa.array([row["record"] for row in held], pa.int32()),
            pa.nulls(size, pa.int32()),
            *(
                pa.repeat(pa.scalar(word, pa.string()), size)
                for word in (rule.name, rule.version, rule.severity, "id")
            ),
            value,
            worded(rule.message, "id", value, expected),
        ],
        schema=HOLD,
    )


def _groups(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Split rows that are sorted by key."""
    group: list[dict[str, Any]] = []
    for row in rows:
        if group and row["key"] != group[0]["key"]:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _copies(group: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Choose which of the documents of one number are held.

    Versions of one record are none. Where all are alike the first passes; where they differ,
    nobody can know which is right, and none passes.
    """
    sources = {
        row["source"] if row["source"] is not None else number for number, row in enumerate(group)
    }
    if len(sources) < 2:
        return []
    alike = len({row["hash"] for row in group}) == 1 and group[0]["hash"] is not None
    return [{**row, "copies": len(group)} for row in (group[1:] if alike else group)]


def _counted(copies: pa.Table) -> pa.Table:
    """Count held duplicates by batch, in the shape of findings."""
    found = copies.group_by("batch", use_threads=False).aggregate([("record", "count")])
    return pa.table(
        {
            "batch": found["batch"],
            "records": found["record_count"],
            "lines": pa.nulls(found.num_rows, pa.int64()),
        }
    )


__all__ = [
    "FINDINGS",
    "HOLD",
    "KEYS",
    "TOTALS",
    "Decisions",
    "Volume",
    "gate",
    "silence",
]
