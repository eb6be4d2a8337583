"""What keeps records back: a row for each fault, whatever step found it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.verdicts import FINDINGS

HELD = pa.schema(
    [
        ("record", pa.int32()),
        ("cause", pa.string()),
        ("entity", pa.string()),
        ("rule", pa.string()),
        ("rule_version", pa.string()),
        ("severity", pa.string()),
        ("field", pa.string()),
        ("value", pa.string()),
        ("line", pa.int32()),
        ("message", pa.string()),
    ]
)

FOUND = pa.schema(
    [
        ("entity", pa.string()),
        ("rule", pa.string()),
        ("severity", pa.string()),
        ("records", pa.int64()),
        ("lines", pa.int64()),
        ("samples", pa.string()),
    ]
)


def of_unreadable(raw: pa.Table) -> pa.Table:
    """Hold the records that could not be read from their source at all."""
    rows = pc.indices_nonzero(pc.is_valid(raw["fault"])).cast(pa.int32())
    size = len(rows)

    def same(word: str) -> pa.Array:
        return pa.repeat(pa.scalar(word), size)

    return pa.table(
        {
            "record": rows,
            "cause": same("unreadable"),
            "entity": same(""),
            "rule": same("readable"),
            "rule_version": same(""),
            "severity": same("hold_record"),
            "field": same(""),
            "value": pa.nulls(size, pa.string()),
            "line": pa.nulls(size, pa.int32()),
            "message": raw["fault"].take(rows),
        },
        schema=HELD,
    )


def of_faults(raw: pa.Table, mappings: Sequence[Any], held: pa.Table) -> pa.Table:
    """Bring mapping faults to the shape of holds; say which entity a record would have become."""
    size = held.num_rows
    entity = _entities(raw, mappings) if size else pa.array([], pa.string())
    return pa.table(
        {
            "record": held["record"],
            "cause": pa.repeat(pa.scalar("mapping"), size),
            "entity": entity.take(held["record"]) if size else entity,
            "rule": held["rule"],
            "rule_version": pa.repeat(pa.scalar(""), size),
            "severity": pa.repeat(pa.scalar("hold_record"), size),
            "field": held["path"],
            "value": held["value"],
            "line": pa.nulls(size, pa.int32()),
            "message": held["message"],
        },
        schema=HELD,
    )


def _entities(raw: pa.Table, mappings: Sequence[Any]) -> pa.Array:
    entity = pa.repeat(pa.scalar(""), raw.num_rows)
    open_ = pa.repeat(pa.scalar(True), raw.num_rows)
    for one in mappings:
        takes = one.when.mask(raw) if one.when is not None else pc.is_null(raw["fault"])
        mine = pc.and_(open_, takes)
        entity = pc.if_else(mine, one.entity, entity)
        open_ = pc.and_not(open_, mine)
    return entity.combine_chunks() if isinstance(entity, pa.ChunkedArray) else entity


def waiting_rules(suites: Sequence[Any]) -> list[str]:
    """Name the rules that look for a parent document; what they hold waits for it."""
    return [rule.name for one in suites for rule in one.rules if rule.kind == "reference_exists"]


def of_verdicts(found: Any, entity: str, waiting: Sequence[str]) -> pa.Table:
    """Take the verdicts of held documents; every fault of a held document travels with it."""
    verdicts = found.verdicts.filter(
        pc.is_in(found.verdicts["record"], value_set=pc.unique(found.held["record"]))
    )
    strict = pc.not_equal(verdicts["severity"], "note")
    order = pc.sort_indices(
        verdicts.append_column("strict", strict),
        [("record", "ascending"), ("strict", "descending")],
    )
    verdicts = verdicts.take(order)
    size = verdicts.num_rows
    waits = pc.is_in(verdicts["rule"], value_set=pa.array(waiting, pa.string()))
    return pa.table(
        {
            "record": verdicts["record"],
            "cause": pc.if_else(waits, "waiting for a parent", "check"),
            "entity": pa.repeat(pa.scalar(entity), size),
            "rule": verdicts["rule"],
            "rule_version": verdicts["rule_version"],
            "severity": verdicts["severity"],
            "field": verdicts["field"],
            "value": verdicts["value"],
            "line": verdicts["line"],
            "message": verdicts["message"],
        },
        schema=HELD,
    )


def found_by(found: Any, entity: str) -> pa.Table:
    """Count what the rules found, with up to five samples each."""
    keys = dict(
        zip(
            [*found.passed["record"].to_pylist(), *found.held["record"].to_pylist()],
            [*found.passed["id"].to_pylist(), *found.held["id"].to_pylist()],
            strict=True,
        )
    )
    rows = []
    for row in found.findings.select(FINDINGS.names).to_pylist():
        some = found.verdicts.filter(pc.equal(found.verdicts["rule"], row["rule"])).slice(0, 5)
        samples = [
            {
                "document": keys.get(one["record"]),
                "line": one["line"],
                "field": one["field"],
                "value": one["value"],
                "message": one["message"],
            }
            for one in some.to_pylist()
        ]
        rows.append(
            {
                "entity": entity,
                "rule": row["rule"],
                "severity": row["severity"],
                "records": row["records"],
                "lines": row["lines"],
                "samples": json.dumps(samples, ensure_ascii=False),
            }
        )
    return pa.Table.from_pylist(rows, schema=FOUND)


def unreleased(held: pa.Table, released: Any) -> pa.Table:
    """Let records go that a steward released; only mapping faults still hold them."""
    if released is None:
        return held
    free = pc.and_(
        pc.take(released, held["record"]),
        pc.is_in(held["cause"], value_set=pa.array(["check", "waiting for a parent"])),
    )
    return held.filter(pc.invert(free))


def faulty(held: pa.Table, entity: str) -> list[int]:
    """Give the records that would have become an ``entity`` and could not be read or mapped."""
    mine = pc.and_(
        pc.equal(held["entity"], entity),
        pc.is_in(held["cause"], value_set=pa.array(["mapping", "unreadable"])),
    )
    return list(held["record"].filter(mine).to_pylist())
