"""resolve: from checked documents to the winning version, its holds and its outbox rows.

Everything that a batch changes in the store is committed here, in one transaction. Before it,
nothing is decided; after it, a repeated call finds the batch resolved and does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from crossdock.conflicts import ConflictRules
from crossdock.errors import TryLater
from crossdock.flows import Flow, Leg
from crossdock.resolve import current, held, outgoing, records
from crossdock.resolve.work import Checked, Incoming, Work, incoming
from crossdock.runs import Run
from crossdock.store import Store, schema
from crossdock.store.engine import guard

__all__ = ["Checked", "resolve"]

MEETINGS = 3


def resolve(
    store: Store,
    flow: Flow,
    run: Run,
    batch_id: str,
    checked: Checked,
    rules: Mapping[str, ConflictRules],
) -> None:
    """Commit what ``checked`` found of the batch, or nothing.

    Two flows may meet in one new document: the second one is turned back by the database, looks
    again, and finds it. Raises TryLater when the lease went to another worker, or when they meet
    again and again.
    """
    leg = flow.legs[int(batch_id.rsplit("/", 1)[1].split("-")[0])]
    documents = [
        incoming(name, table, checked.content[name])
        for name, table in checked.documents.items()
        if table.num_rows
    ]
    for _ in range(MEETINGS):
        try:
            _commit(store, flow, leg, run, batch_id, checked, documents, rules)
        except store.clash as error:
            met: Exception = error
            continue
        return
    raise TryLater("another flow writes the same new documents", after=1.0) from met


def _commit(
    store: Store,
    flow: Flow,
    leg: Leg,
    run: Run,
    batch_id: str,
    checked: Checked,
    documents: Sequence[Incoming],
    rules: Mapping[str, ConflictRules],
) -> None:
    with store.writing() as connection:
        guard(connection, run.lease, run.fence)
        state = connection.execute(
            sa.select(schema.batch.c.state).where(schema.batch.c.id == batch_id).with_for_update()
        ).scalar_one()
        if state == "resolved":
            return
        work = Work(store, connection, flow, leg, run, batch_id, checked, datetime.now(UTC))
        records.number(work)
        for part in documents:
            written = current.write(work, part, rules.get(part.entity, ConflictRules()))
            outgoing.queue(work, written)
        held.write(work)
        records.write(work)
        connection.execute(
            schema.batch.update()
            .where(schema.batch.c.id == batch_id)
            .values(state="resolved", waiting=True, steps=json.dumps(dict(checked.steps)))
        )
