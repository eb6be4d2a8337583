"""A target's word that comes long after the send: yes, no, or nothing at all.

The row of the outbox is settled as if the word had come with the receipt; what is refused or not
answered becomes a hold, in the transaction of the caller.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from crossdock import receipts
from crossdock.flows import Route
from crossdock.runs import Run
from crossdock.store import schema
from crossdock.store.engine import take_numbers

AGAIN = "~"
"""Stands before the number of a further try in an idempotency key: the former was refused."""


def accepted(connection: sa.Connection, row: Any, words: str, now: datetime) -> None:
    """Settle outbox ``row`` as delivered; one that is delivered already only gets the words."""
    table = schema.outbox
    values: dict[str, Any] = {"message": words[:500]}
    if row.state in {"accepted", "uncertain"}:
        values |= {"state": "delivered", "receipt_at": now, "claim": None}
    connection.execute(table.update().where(table.c.id == row.id).values(**values))
    if row.state in {"accepted", "uncertain"}:
        ids = pa.array([row.id], pa.int64())
        receipts._bind(connection, _run(row, row.run_id), _route(row), ids)
        receipts._ledger(connection, ids, "delivered", "")
        _close(connection, row.id, now)


def refused(connection: sa.Connection, row: Any, words: str, run_id: str = "") -> None:
    """Hold outbox ``row``: the target took the bytes and said no to what is in them.

    What was refused had no effect there, so a further try is another send: it has another
    idempotency key, and with it another reference.
    """
    table, binding = schema.outbox, schema.binding
    base, _, number = row.idempotency_key.rpartition(AGAIN)
    tries = int(number) if base and number.isdigit() else 1
    connection.execute(
        table.update()
        .where(table.c.id == row.id)
        .values(
            state="refused",
            message=words[:500],
            claim=None,
            body_hash=None,
            idempotency_key=f"{base if tries > 1 else row.idempotency_key}{AGAIN}{tries + 1}",
        )
    )
    route = _route(row)
    connection.execute(
        binding.delete().where(
            binding.c.system == route.system,
            binding.c.stream == route.stream,
            binding.c.entity == row.entity,
            binding.c.document_id == row.document_id,
            binding.c.base_version == row.document_version,
        )
    )
    _close(connection, row.id, datetime.now(UTC))
    receipts._hold(connection, _run(row, run_id), route, row._asdict(), "refused", "refused", words)


def unconfirmed(connection: sa.Connection, row: Any, rule: str, words: str, run_id: str) -> None:
    """Hold outbox ``row`` as uncertain: the target took the bytes and never said a word."""
    table = schema.outbox
    connection.execute(
        table.update().where(table.c.id == row.id).values(state="uncertain", message=words[:500])
    )
    run = _run(row, run_id)
    receipts._hold(connection, run, _route(row), row._asdict(), "uncertain", rule, words)


def task(connection: sa.Connection, row: Any, rule: str, words: str, run_id: str) -> int:
    """Give a steward something to look after that stops nothing; gives the hold's number.

    ``row`` is the outbox row that it is about.
    """
    table = schema.hold
    hold_id, now = take_numbers(connection, "hold"), datetime.now(UTC)
    route = _route(row)
    connection.execute(
        table.insert().values(
            id=hold_id,
            flow=row.flow,
            run_id=run_id or row.run_id,
            batch_id="",
            subject="task",
            cause="unanswered",
            rule=rule,
            summary=words[:500],
            state="open",
            system=route.system,
            stream=route.stream,
            key=row.document_key,
            entity=row.entity,
            target=row.target,
            outbox_id=row.id,
            currency="",
            opened_at=now,
        )
    )
    connection.execute(
        schema.verdict.insert().values(
            id=take_numbers(connection, "verdict"),
            hold_id=hold_id,
            rule=rule,
            rule_version="",
            severity="note",
            field="",
            message=words[:500],
        )
    )
    return hold_id


def answered(connection: sa.Connection, hold_id: int, now: datetime) -> None:
    """Close a task: what was waited for came after all."""
    table = schema.hold
    connection.execute(
        table.update()
        .where(table.c.id == hold_id, table.c.state == "open")
        .values(state="superseded", closed_at=now)
    )


def _close(connection: sa.Connection, outbox_id: int, now: datetime) -> None:
    """Close what waited for a word about a delivery."""
    table = schema.hold
    connection.execute(
        table.update()
        .where(
            table.c.outbox_id == outbox_id,
            table.c.state == "open",
            table.c.cause == "uncertain",
            table.c.subject == "delivery",
        )
        .values(state="superseded", closed_at=now)
    )


def _route(row: Any) -> Route:
    system, _, stream = row.target.partition(".")
    return Route(system, stream, row.entity, "")


def _run(row: Any, run_id: str) -> Run:
    return Run(run_id or row.run_id, row.flow, "", 0, "open")
