"""What older versions leave behind when newer ones come: holds, ledger rows, unsent outbox rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from crossdock.flows import Route
from crossdock.store import bulk, schema
from crossdock.store.schema import ledger, record_version

SUPERSEDED = "superseded: a newer version came"
OPEN_STATES = ("pending", "sending", "accepted", "uncertain")


class AtTarget(NamedTuple):
    """How a document stands at a target, by its newest outbox row.

    ``withdrawn`` are all rows of it that never had an effect; ``begun`` says that another row is,
    or may be, its create.
    """

    version: int
    done: bool
    waiting: bool
    unsent: bool
    begun: bool
    withdrawn: tuple[int, ...]
    outbox_id: int
    amount: Any


def versions(connection: sa.Connection, ids: pa.Array, now: datetime) -> None:
    """Close what is held of older record versions; they are rejected as superseded."""
    if len(ids) == 0:
        return
    dialect = connection.dialect.name
    hold = schema.hold
    connection.execute(
        record_version.update()
        .where(bulk.among(record_version.c.id, ids, dialect))
        .values(latest=False)
    )
    connection.execute(
        hold.update()
        .where(
            bulk.among(hold.c.version_id, ids, dialect),
            hold.c.state == "open",
            hold.c.subject == "record",
        )
        .values(state="superseded", closed_at=now)
    )
    touched = connection.execute(
        ledger.update()
        .where(
            bulk.among(ledger.c.version_id, ids, dialect),
            ledger.c.state == "quarantined",
            ledger.c.outbox_id.is_(None),
        )
        .values(state="rejected", reason=SUPERSEDED)
        .returning(ledger.c.version_id)
    ).scalars()
    refresh(connection, pa.array(sorted(set(touched)), pa.int64()))


def reopened(connection: sa.Connection, ids: pa.Array, now: datetime) -> None:
    """Versions that were held go through the steps again: forget where they stood."""
    dialect = connection.dialect.name
    hold = schema.hold
    connection.execute(ledger.delete().where(bulk.among(ledger.c.version_id, ids, dialect)))
    connection.execute(
        hold.update()
        .where(
            bulk.among(hold.c.version_id, ids, dialect),
            hold.c.state == "open",
            hold.c.subject == "record",
        )
        .values(state="resubmitted", closed_at=now)
    )


def at_target(
    connection: sa.Connection, route: Route, document_ids: pa.Array
) -> dict[int, AtTarget]:
    """Say of each document how it stands at the route's target; unknown ones are left out."""
    if len(document_ids) == 0:
        return {}
    outbox, binding = schema.outbox, schema.binding
    dialect = connection.dialect.name
    bound = set(
        connection.execute(
            sa.select(binding.c.document_id).where(
                binding.c.system == route.system,
                binding.c.stream == route.stream,
                binding.c.entity == route.entity,
                bulk.among(binding.c.document_id, document_ids, dialect),
            )
        ).scalars()
    )
    rows = connection.execute(
        sa.select(outbox)
        .where(
            outbox.c.target == route.target,
            outbox.c.entity == route.entity,
            outbox.c.state != "superseded",
            bulk.among(outbox.c.document_id, document_ids, dialect),
        )
        .order_by(outbox.c.id)
    )
    found: dict[int, AtTarget] = {}
    for row in rows:
        before = found.get(row.document_id)
        begun = row.document_id in bound or (before is not None and _begun(before))
        withdrawn = before.withdrawn if before is not None else ()
        unsent = (row.body_hash is None and row.state == "pending") or (
            row.state in {"refused", "rejected"}
        )
        found[row.document_id] = AtTarget(
            version=row.document_version,
            done=row.state == "delivered",
            waiting=row.state in OPEN_STATES,
            unsent=unsent,
            begun=begun,
            withdrawn=(*withdrawn, row.id) if unsent else withdrawn,
            outbox_id=row.id,
            amount=row.amount,
        )
    return found


def _begun(status: AtTarget) -> bool:
    return status.begun or not status.unsent


def outbox(connection: sa.Connection, ids: Sequence[int]) -> None:
    """Withdraw outbox rows that never had an effect, in favour of a newer version.

    They give their idempotency key free, so that the newer create can use it.
    """
    if not ids:
        return
    table = schema.outbox
    chosen = pa.array(list(ids), pa.int64())
    dialect = connection.dialect.name
    connection.execute(
        table.update()
        .where(bulk.among(table.c.id, chosen, dialect))
        .values(
            state="superseded",
            idempotency_key=table.c.idempotency_key + "/" + sa.cast(table.c.id, sa.Text),
        )
    )
    touched = connection.execute(
        ledger.update()
        .where(
            bulk.among(ledger.c.outbox_id, chosen, dialect),
            ledger.c.state.in_(("pending", "quarantined")),
        )
        .values(state="rejected", reason=SUPERSEDED)
        .returning(ledger.c.version_id)
    ).scalars()
    hold = schema.hold
    connection.execute(
        hold.update()
        .where(bulk.among(hold.c.outbox_id, chosen, dialect), hold.c.state == "open")
        .values(state="superseded")
    )
    refresh(connection, pa.array(sorted(set(touched)), pa.int64()))


def refresh(connection: sa.Connection, version_ids: pa.Array) -> None:
    """Set each version's own state to the worst of its targets', and its delivered money.

    Worst first: quarantined, pending, rejected, delivered.
    """
    if len(version_ids) == 0:
        return
    statement = _refreshed(connection.dialect.name)
    connection.execute(statement, {"version_ids": bulk.listed(version_ids, connection)})


@cache
def _refreshed(dialect: str) -> sa.Update:
    """Build the statement once: SQLAlchemy takes its time over cases."""
    rank = sa.case(
        (ledger.c.state == "quarantined", "0"),
        (ledger.c.state == "pending", "1"),
        (ledger.c.state == "rejected", "2"),
        else_="3",
    )
    worst = (
        sa.select(
            ledger.c.version_id,
            sa.func.min(rank + ledger.c.reason).label("worst"),
            sa.func.min(sa.case((ledger.c.state == "delivered", ledger.c.amount))).label("amount"),
        )
        .where(bulk.among_parameter(ledger.c.version_id, "version_ids", dialect))
        .group_by(ledger.c.version_id)
        .subquery()
    )
    first = sa.func.substr(worst.c.worst, 1, 1)
    return (
        record_version.update()
        .where(record_version.c.id == worst.c.version_id)
        .values(
            state=sa.case(
                (first == "0", "quarantined"),
                (first == "1", "pending"),
                (first == "2", "rejected"),
                else_="delivered",
            ),
            reason=sa.func.substr(worst.c.worst, 2),
            delivered_amount=worst.c.amount,
        )
    )
