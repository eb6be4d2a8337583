"""The end of a run: sweep what waits, count the books, say how it went, give the lease back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from crossdock import flows, ledger
from crossdock.errors import CrossdockError, Refused, TryLater
from crossdock.flow import Books
from crossdock.home import Home
from crossdock.runs import Run, find, remember
from crossdock.steps import Steps
from crossdock.store import Store, schema
from crossdock.store.engine import guard
from crossdock.targets import close_targets

PATIENCE = 15.0


def close_run(home: Home, store: Store, run_id: str) -> Books:
    """Close the books of a run; red when they do not balance.

    Exit status: 1 when unbalanced or when something that should have been sent still waits, 3
    when a steward is needed, else 0.
    """
    run = find(store, run_id)
    if run.state == "closed":
        return _books(store, run, "")
    later = _sweep(store, run) or _correspond(home, store, run)
    books = _books(store, run, later)
    with store.writing() as connection:
        guard(connection, run.lease, run.fence)
        connection.execute(
            schema.run.update()
            .where(schema.run.c.id == run.id)
            .values(
                state="closed",
                ended_at=datetime.now(UTC),
                balanced=books.balanced,
                exit_status=books.exit_status,
                books=json.dumps(books.data),
            )
        )
    store.release(run.lease, run.holder)
    close_targets()
    return books


def _correspond(home: Home, store: Store, run: Run) -> str:
    """Answer the partners of the flow, and hear what they say; gives why some of it waits."""
    from crossdock.edi.account import is_account

    flow = flows.load(home, run.flow)
    names = {leg.system for leg in flow.legs} | {route.system for route in flow.routes}
    if not any(is_account(home, name) for name in names):
        return ""
    from crossdock.edi.desk import attend

    return "; ".join(filter(None, (one.later for one in attend(home, store, flow, run.id))))


def interrupted(store: Store, run_id: str, error: CrossdockError) -> None:
    """Remember why a run stopped and give the lease back; its next start takes it up again."""
    run = find(store, run_id)
    remember(store, run, stopped=str(error))
    if isinstance(error, Refused):
        with store.writing() as connection:
            connection.execute(
                schema.run.update().where(schema.run.c.id == run.id).values(state="stopped")
            )
    store.release(run.lease, run.holder)


def _sweep(store: Store, run: Run) -> str:
    """Try once more what targets postponed, of this run and of earlier ones."""
    reason = ""
    table, runs = schema.batch, schema.run
    with store.reading() as connection:
        batches = list(
            connection.execute(
                sa.select(table.c.id)
                .join(runs, runs.c.id == table.c.run_id)
                .where(runs.c.flow == run.flow, table.c.waiting)
                .order_by(runs.c.started_at, table.c.leg, table.c.number)
            ).scalars()
        )
    for batch_id in batches:
        steps = Steps.of(batch_id)
        steps = Steps(steps.home, store, steps.flow, run, batch_id, steps.files)
        try:
            later = steps.push(PATIENCE)
            if later is not None and (later.after or 0) <= PATIENCE:
                _sleep(steps, later.after or 1.0)
                later = steps.push()
        except TryLater as error:
            later = error
        if later is not None:
            reason = str(later)
    return reason


def _sleep(steps: Steps, seconds: float) -> None:
    import time

    time.sleep(seconds)


def _books(store: Store, run: Run, later: str) -> Books:
    data: dict[str, Any] = ledger.books(store, run=run.id)
    counts = data["records"]
    with store.reading() as connection:
        held = connection.execute(
            sa.select(sa.func.count()).where(
                schema.hold.c.run_id == run.id, schema.hold.c.state == "open"
            )
        ).scalar_one()
    status = 0
    if held or counts["quarantined"]:
        status = 3
    if later or not data["balanced"]:
        status = 1
    return Books(run.id, run.flow, data["balanced"], status, data, later)
