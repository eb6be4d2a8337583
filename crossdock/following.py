"""Ask what became of documents that a target accepted and posts later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from crossdock import receipts
from crossdock.connector import Outcome, Parcel
from crossdock.errors import TryLater
from crossdock.outbox_rows import OutboxRows
from crossdock.runs import Run
from crossdock.store import Store

if TYPE_CHECKING:
    from crossdock.push import Target

FIRST_WAIT = 1.0


def follow(
    store: Store,
    run: Run,
    batch_id: str,
    target: Target,
    guard: Callable[[sa.Connection], None],
    patience: float,
) -> TryLater | None:
    """Settle what the target has posted or refused by now; what is not final stays accepted.

    Asks once, and again with growing pauses while ``patience`` seconds last. ``guard`` refuses
    to write for a worker that was outrun. Gives the reason where the target cannot be asked now.
    """
    stream, world = target.stream, target.connector.world
    if not stream.accepts:  # what it accepted is settled by a message that comes in
        return None
    mine, wait = OutboxRows(batch_id, target.route), FIRST_WAIT
    until = world.monotonic() + patience
    while True:
        with store.reading() as connection:
            rows = mine.accepted(connection)
        if not rows:
            return None
        try:
            open_ = sum(
                _ask(store, run, target, guard, rows[start : start + stream.batch])
                for start in range(0, len(rows), max(1, stream.batch))
            )
        except TryLater as error:
            return error
        if not open_ or world.monotonic() + wait > until:
            return None
        world.sleep(wait)
        wait *= 2


def _ask(
    store: Store,
    run: Run,
    target: Target,
    guard: Callable[[sa.Connection], None],
    rows: Sequence[Any],
) -> int:
    """Ask about some rows and settle them; gives how many are still not final."""
    parcels = [
        Parcel(row.document_key, row.idempotency_key, row.operation, {}, row.their_id)
        for row in rows
    ]
    outcomes = {one.reference: one for one in target.connector.follow(target.stream, parcels)}
    final = [(row, outcome) for row in rows if _is_final(outcome := outcomes.get(row.document_key))]
    if final:
        with store.writing() as connection:
            guard(connection)
            receipts.settle(
                connection,
                store,
                run,
                target.route,
                target.stream,
                pa.Table.from_pylist([row._asdict() for row, _ in final], schema=receipts.ROW),
                [outcome for _, outcome in final if outcome is not None],
                pa.array([row.amount for row, _ in final], receipts.AMOUNT),
                batch_id=rows[0].batch_id,
                claim=None,
                now=target.connector.world.now(),
                was="accepted",
            )
    return len(rows) - len(final)


def _is_final(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.verdict in {"delivered", "refused", "uncertain"}
