"""Put what is held into the quarantine: one hold a record, with every verdict on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossdock.resolve.work import Work
from crossdock.store import bulk, schema


def write(work: Work) -> None:
    """Open holds for the records that mapping, check, gate or conflict keep back."""
    verdicts = pa.concat_tables([work.checked.held, *work.asked])
    undecided = pa.array(work.state == "")
    verdicts = verdicts.filter(pc.take(undecided, verdicts["record"]))
    if verdicts.num_rows == 0:
        return
    verdicts = verdicts.take(np.argsort(verdicts["record"].to_numpy(), kind="stable"))
    records = verdicts["record"].to_numpy()
    starts = np.flatnonzero(np.concatenate(([True], records[1:] != records[:-1])))
    whose = np.repeat(np.arange(starts.size), np.diff(np.append(starts, records.size)))
    first = verdicts.take(pa.array(starts))
    _decide(work, records[starts], first)
    number = work.numbers("hold", starts.size)
    holds = np.arange(number, number + starts.size)
    bulk.insert(work.connection, schema.hold, _holds(work, records[starts], first, holds))
    number = work.numbers("verdict", records.size)
    bulk.insert(
        work.connection,
        schema.verdict,
        pa.table(
            {
                "id": pa.array(np.arange(number, number + records.size)),
                "hold_id": pa.array(holds[whose]),
                **{
                    name: verdicts[name]
                    for name in (
                        "rule", "rule_version", "severity", "field", "value", "line", "message",
                    )
                },
            }
        ),
    )  # fmt: skip


def _decide(work: Work, rows: Any, first: pa.Table) -> None:
    columns = (first[name].to_pylist() for name in ("entity", "cause", "rule"))
    for row, entity, cause, rule in zip(rows.tolist(), *columns, strict=True):
        work.state[row] = "quarantined"
        work.reason[row] = f"{cause}: {rule}"
        if not work.kind[row]:
            work.kind[row] = entity or ""


def _holds(work: Work, rows: Any, first: pa.Table, holds: Any) -> pa.Table:
    size = len(rows)
    raw = work.raw.take(pa.array(rows))
    return pa.table(
        {
            "id": pa.array(holds),
            "flow": work.same(work.flow.name, size),
            "run_id": work.same(work.run.id, size),
            "batch_id": work.same(work.batch_id, size),
            "subject": work.same("record", size),
            "cause": first["cause"],
            "rule": first["rule"],
            "summary": first["message"],
            "state": work.same("open", size),
            "system": work.same(work.leg.system, size),
            "stream": work.same(work.leg.stream, size),
            "key": raw["key"],
            "entity": pa.array(work.kind[rows].tolist(), pa.string()),
            "target": work.same("", size),
            "version_id": pa.array(work.version_id[rows]),
            "object_id": raw["object"],
            "record": pa.array(rows.astype(np.int32)),
            "amount": raw["amount"],
            "currency": raw["currency"],
            "opened_at": work.same(work.now, size, pa.timestamp("us", "UTC")),
        }
    )
