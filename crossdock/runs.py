"""One execution of a flow: begin or take up again, hold the lease, remember, end."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from crossdock.errors import Misconfigured, TryLater
from crossdock.store import Store, schema
from crossdock.worker import identify, works_as

LEASE_SECONDS = 120.0


@dataclass(frozen=True)
class Run:
    """A run as its row says; ``fence`` is the number its writes are checked by."""

    id: str
    flow: str
    holder: str
    fence: int
    state: str
    resumed: bool = False

    @property
    def lease(self) -> str:
        """The name of the lease that the run holds."""
        return lease_name(self.flow)


def lease_name(flow: str) -> str:
    """Name the lease of a flow."""
    return f"flow/{flow}"


def begin(store: Store, flow: str, holder: str, run_key: str = "") -> Run:
    """Start a run of ``flow``, or take up the one that was interrupted.

    Raises TryLater when another worker runs the flow.
    """
    fence = store.acquire(lease_name(flow), holder, LEASE_SECONDS)
    if fence is None:
        other = store.holder(lease_name(flow))
        who, until = other or ("another worker", datetime.now(UTC))
        raise TryLater(
            f"the flow {flow} is running already, by {who.split('/')[0]}",
            fix=f"wait for it; if it died, its lease ends at {until:%H:%M:%S} UTC",
            after=max(1.0, (until - datetime.now(UTC)).total_seconds()),
        )
    identify(holder)
    table = schema.run
    with store.writing() as connection:
        row = connection.execute(
            sa.select(table)
            .where(table.c.flow == flow, table.c.state.in_(("open", "stopped")))
            .order_by(table.c.started_at)
            .limit(1)
        ).one_or_none()
        if row is not None and row.state == "stopped" and _brought_nothing(connection, row.id):
            connection.execute(  # stopped for silence: look at the source again, not at that run
                table.update()
                .where(table.c.id == row.id)
                .values(state="failed", ended_at=datetime.now(UTC), exit_status=1)
            )
            row = None
        if row is not None:
            connection.execute(
                table.update().where(table.c.id == row.id).values(fence=fence, state="open")
            )
            resumed = row.fence != fence or row.state == "stopped"
            return Run(row.id, flow, holder, fence, "open", resumed)
        now = datetime.now(UTC)
        run_id = f"{flow}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        connection.execute(
            table.insert().values(
                id=run_id, flow=flow, run_key=run_key, state="open", fence=fence, started_at=now
            )
        )
    return Run(run_id, flow, holder, fence, "open")


def _brought_nothing(connection: sa.Connection, run_id: str) -> bool:
    """Say whether a run has no batch, so that nothing of it waits for anything."""
    table = schema.batch
    return (
        connection.execute(sa.select(table.c.id).where(table.c.run_id == run_id).limit(1)).first()
        is None
    )


def find(store: Store, run_id: str) -> Run:
    """Read a run by its id; raises Misconfigured when there is none."""
    table, lease = schema.run, schema.lease
    with store.reading() as connection:
        row = connection.execute(sa.select(table).where(table.c.id == run_id)).one_or_none()
        if row is None:
            raise Misconfigured(f"there is no run {run_id!r}", fix="see `crossdock ledger`")
        holder = connection.execute(
            sa.select(lease.c.holder).where(lease.c.name == lease_name(row.flow))
        ).scalar_one_or_none()
    if row.state == "open" and holder and not works_as(holder):
        raise TryLater(
            f"the run {run_id} has gone to another worker",
            fix="nothing to do: the other worker carries on, this one stops",
        )
    return Run(row.id, row.flow, holder or "", row.fence, row.state)


def open_run(store: Store, flow: str) -> str:
    """Give the id of the run of ``flow`` that is open; raises Misconfigured when none is."""
    table = schema.run
    with store.reading() as connection:
        found = connection.execute(
            sa.select(table.c.id).where(table.c.flow == flow, table.c.state == "open").limit(1)
        ).scalar_one_or_none()
    if found is None:
        raise Misconfigured(f"no run of {flow!r} is open", fix=f"start one: crossdock run {flow}")
    return str(found)


@contextmanager
def holding(store: Store, run: Run) -> Iterator[None]:
    """Renew the run's lease in the background while the block works."""
    stop = threading.Event()

    def renew() -> None:
        while not stop.wait(LEASE_SECONDS / 4):
            try:
                fence = store.acquire(run.lease, run.holder, LEASE_SECONDS)
            except TryLater:
                continue
            if fence != run.fence:
                return  # lost: the guard in the next transaction says so

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def remember(store: Store, run: Run, **values: Any) -> None:
    """Merge ``values`` into the run's detail (seconds a step, new fields, why it stopped)."""
    table = schema.run
    with store.writing() as connection:
        statement = sa.select(table.c.detail).where(table.c.id == run.id)
        if store.dialect == "postgresql":
            statement = statement.with_for_update()
        detail = json.loads(connection.execute(statement).scalar_one() or "{}")
        for name, value in values.items():
            if isinstance(value, dict):
                known = detail.setdefault(name, {})
                for key, item in value.items():
                    known[key] = known.get(key, 0) + item if isinstance(item, int | float) else item
            else:
                detail[name] = value
        connection.execute(
            table.update().where(table.c.id == run.id).values(detail=json.dumps(detail))
        )
