"""Record versions and the ledger: number what is new, and say where each one stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossdock import superseded
from crossdock.resolve.work import Work
from crossdock.store import bulk, schema
from crossdock.store.versions import latest

DELETED = "deleted at the source: targets keep what they have"
TWICE = "superseded: a newer version came in the same pull"


def number(work: Work) -> None:
    """Number the new contents of each key; what is held of older ones gives way."""
    raw = work.raw
    if "version_id" in raw.column_names:  # taken up again: they have their numbers
        work.fresh = False
        work.version_id = raw["version_id"].to_numpy()
        superseded.reopened(work.connection, raw["version_id"], work.now)
        _stale_again(work)
        return
    first = work.numbers("record_version", work.size)
    work.version_id = np.arange(first, first + work.size)
    known = latest(work.connection, work.leg.system, work.leg.stream, pc.unique(raw["key"]))
    upto = dict(zip(known["key"].to_pylist(), known["n"].to_pylist(), strict=True))
    last: dict[str, int] = {}
    for row, key in enumerate(raw["key"].to_pylist()):
        work.count[row] = upto[key] = upto.get(key, 0) + 1
        if key in last:
            work.state[last[key]] = "rejected"
            work.reason[last[key]] = TWICE
        last[key] = row
    superseded.versions(work.connection, known["id"], work.now)


def _stale_again(work: Work) -> None:
    """A newer version may have come since the record was held: then that one counts."""
    known = latest(
        work.connection, work.leg.system, work.leg.stream, pc.unique(work.raw["key"])
    )
    newest = dict(zip(known["key"].to_pylist(), known["id"].to_pylist(), strict=True))
    for row, key in enumerate(work.raw["key"].to_pylist()):
        if newest.get(key) != int(work.version_id[row]):
            work.state[row] = "rejected"
            work.reason[row] = superseded.SUPERSEDED


def write(work: Work) -> None:
    """Write the record versions, and where each stands at every target."""
    deleted = np.flatnonzero((work.state == "") & np.asarray(work.raw["deleted"]))
    work.state[deleted] = "rejected"
    work.reason[deleted] = DELETED
    for state in ("quarantined", "rejected"):
        rows = np.flatnonzero(work.state == state)
        if rows.size:
            _note_undelivered(work, rows, state)
    lost = np.flatnonzero(work.state == "")
    if lost.size:  # a step lost a record: fail loudly rather than lose it too
        key = work.raw["key"][int(lost[0])].as_py()
        raise AssertionError(f"{lost.size} records fell out of the steps, first {key!r}")
    if work.fresh:
        bulk.insert(work.connection, schema.record_version, _new_rows(work))
    else:
        bulk.update(work.connection, schema.record_version, _changed_rows(work), by=["id"])
    if work.ledger:
        rows = pa.concat_tables(work.ledger, promote_options="permissive")
        bulk.insert(work.connection, schema.ledger, rows)
    if work.settled:
        superseded.refresh(work.connection, pa.array(np.concatenate(work.settled)))
    found = work.checked.findings
    if found.num_rows:
        found = found.append_column("batch_id", work.same(work.batch_id, found.num_rows))
        found = found.append_column("run_id", work.same(work.run.id, found.num_rows))
        bulk.insert(work.connection, schema.finding, found)


def _new_rows(work: Work) -> pa.Table:
    raw, size = work.raw, work.size
    last = np.zeros(size, dtype=bool)
    last[list({key: row for row, key in enumerate(raw["key"].to_pylist())}.values())] = True
    return pa.table(
        {
            **_standing(work),
            "system": work.same(work.leg.system, size),
            "stream": work.same(work.leg.stream, size),
            "key": raw["key"],
            "n": pa.array(work.count),
            "latest": pa.array(last),
            "hash": raw["hash"],
            "run_id": work.same(work.run.id, size),
            "batch_id": work.same(work.batch_id, size),
            "record": pa.array(np.arange(size, dtype=np.int32)),
            "object_id": raw["object"],
            "position": raw["position"],
            "leg": work.same(work.leg.number, size),
            "amount": raw["amount"],
            "currency": raw["currency"],
        }
    )


def _changed_rows(work: Work) -> pa.Table:
    return pa.table(_standing(work))


def _standing(work: Work) -> dict[str, pa.Array]:
    ids = [int(number) or None for number in work.document_id]
    return {
        "id": pa.array(work.version_id),
        "entity": pa.array(work.kind.tolist(), pa.string()),
        "document_id": pa.array(ids, pa.int64()),
        "state": pa.array(work.state.tolist(), pa.string()),
        "reason": pa.array(work.reason.tolist(), pa.string()),
    }


def _note_undelivered(work: Work, rows: Any, state: str) -> None:
    """Put held and rejected records on the books of every target that they would have gone to."""
    entity = np.array([str(kind).split(".")[0] for kind in work.kind], dtype=object)
    placed = np.zeros(work.size, dtype=bool)
    for route in work.flow.routes:
        goes = np.intersect1d(rows, work.checked.routed[route.target].to_numpy())
        goes = goes[entity[goes] == route.entity].astype(np.int64)
        placed[goes] = True
        _note_by_reason(work, route.target, goes, state)
    _note_by_reason(work, "", rows[~placed[rows]], state)


def _note_by_reason(work: Work, target: str, rows: Any, state: str) -> None:
    for reason in sorted(set(work.reason[rows].tolist())):
        work.note(target, rows[work.reason[rows] == reason], state, reason)
