"""Take up again what stewards decided and what waited for a parent, as batches of the next run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from crossdock import quarantine
from crossdock.batch import BatchFiles
from crossdock.flows import Flow, Leg
from crossdock.objects import Objects
from crossdock.runs import Run
from crossdock.store import Store, schema
from crossdock.store.engine import guard

FIRST_NUMBER = 1_000_000


def take_up(store: Store, objects: Objects, flow: Flow, run: Run) -> None:
    """Make one batch a leg of the held records that are to go through the steps again.

    The records keep their version; they were read, and counted, by the run they came in.
    """
    with store.reading() as connection:
        rows = quarantine.waiting(connection, flow.name)
        begun = connection.execute(
            sa.select(schema.batch.c.id).where(schema.batch.c.run_id == run.id).limit(1)
        ).first()
    records = [row for row in rows if row.subject == "record" and row.version_id is not None]
    if not records or begun is not None:  # an interrupted run has taken up its share
        return
    batches = []
    for leg in flow.legs:
        mine = [row for row in records if (row.system, row.stream) == (leg.system, leg.stream)]
        if not mine:
            continue
        raw = _raw(objects, mine)
        batch_id = f"{run.id}/{leg.number}-{FIRST_NUMBER}"
        path = BatchFiles(objects, batch_id).write("pull", {"raw": raw}, anew=True)
        batches.append(
            {
                "id": batch_id,
                "run_id": run.id,
                "leg": leg.number,
                "number": FIRST_NUMBER,
                "lines": 0,
                "records": raw.num_rows,
                "amounts": "{}",
                "state": "pulled",
                "steps": json.dumps({"pull": path}),
            }
        )
    with store.writing() as connection:
        guard(connection, run.lease, run.fence)
        connection.execute(schema.batch.insert(), batches)
        quarantine.done(connection, [row.decision_id for row in records if row.decision_id])


def _raw(objects: Objects, holds: Sequence[Any]) -> pa.Table:
    """Read the raw records of holds back from the batches they were held in."""
    parts = []
    by_batch: dict[str, list[Any]] = {}
    for hold in holds:
        by_batch.setdefault(hold.batch_id, []).append(hold)
    for batch_id, some in by_batch.items():
        files = BatchFiles(objects, batch_id)
        raw = files.read(files.path("pull"))["raw"]
        raw = raw.drop_columns([n for n in ("version_id", "released") if n in raw.column_names])
        chosen = raw.take(pa.array([hold.record for hold in some]))
        chosen = chosen.append_column(
            "version_id", pa.array([hold.version_id for hold in some], pa.int64())
        )
        parts.append(
            chosen.append_column(
                "released", pa.array([hold.action == quarantine.RELEASE for hold in some])
            )
        )
    return pa.concat_tables(parts, promote_options="permissive").combine_chunks()


def objects(connection: sa.Connection, flow: Flow, leg: Leg) -> list[str]:
    """List the unreadable objects of a leg's stream that a steward wants read again."""
    return [
        row.object_id
        for row in quarantine.waiting(connection, flow.name)
        if row.subject == "object" and (row.system, row.stream) == (leg.system, leg.stream)
    ]


def reread(connection: sa.Connection, row: Mapping[str, Any], counts: str, now: datetime) -> None:
    """Write down how reading kept bytes again went; its old hold is closed either way."""
    hold, decision = schema.hold, schema.decision
    connection.execute(
        schema.kept_object.update()
        .where(schema.kept_object.c.id == row["id"])
        .values(state=row["state"], reason=row["reason"], counts=counts)
    )
    closed = connection.execute(
        hold.update()
        .where(
            hold.c.object_id == row["id"], hold.c.subject == "object", hold.c.state == "open"
        )
        .values(state="resubmitted", closed_at=now)
        .returning(hold.c.id)
    ).scalars()
    connection.execute(
        decision.update()
        .where(decision.c.hold_id.in_(list(closed)), decision.c.state == "waiting")
        .values(state="done")
    )
