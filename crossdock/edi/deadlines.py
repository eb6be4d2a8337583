"""What partners owe us: written down when it was sent, met when it came, a task when it did not.

``await`` in a partner's file says what is waited for and how long, from the receipt of what we
sent. A CONTRL that does not come leaves the delivery uncertain; any other answer that does not
come is a task for a steward.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from crossdock import late
from crossdock.edi.account import Account
from crossdock.edi.agreed import ANSWERS_TO
from crossdock.store import edi_tables, schema

ENTITIES = {
    "ORDRSP": ("order_response", "order_id"),
    "DESADV": ("shipment", "order_id"),
    "INVOIC": ("invoice", "order_id"),
    "RECADV": ("receiving_advice", "shipment_id"),
}
"""The entity that an answer becomes, and the field that names what it answers."""

SENT = ("delivered", "accepted")


def watch(account: Account, streams: dict[str, str], now: datetime) -> int:
    """Note what is owed for what was sent, what came, and what is overdue; gives new tasks.

    ``streams`` names the message of each stream that is written.
    """
    if not account.partner.agreed.waits:
        return 0
    with account.store.writing() as connection:
        _note(connection, account, streams)
        _meet(connection, account, now)
        return _remind(connection, account, now)


def _note(connection: sa.Connection, account: Account, streams: dict[str, str]) -> None:
    """Write down what is owed for deliveries of which nothing is written down yet."""
    outbox, awaited = schema.outbox, edi_tables.awaited
    for stream, message in streams.items():
        for what, span in account.partner.agreed.owed(message).items():
            noted = sa.select(awaited.c.outbox_id).where(
                awaited.c.outbox_id == outbox.c.id, awaited.c.what == what
            )
            rows = connection.execute(
                sa.select(outbox.c.id, outbox.c.receipt_at, outbox.c.deadline).where(
                    outbox.c.target == f"{account.system}.{stream}",
                    outbox.c.state.in_(SENT),
                    ~noted.exists(),
                )
            ).all()
            if rows:
                connection.execute(awaited.insert(), [_owed(account, r, what, span) for r in rows])


def _owed(account: Account, row: Any, what: str, span: timedelta) -> dict[str, Any]:
    return {
        "outbox_id": row.id,
        "what": what,
        "partner": account.partner.name,
        "system": account.system,
        "state": "waiting",
        "due_at": (row.receipt_at or row.deadline) + span,  # the deadline of the send, at most 60 s
    }


def _meet(connection: sa.Connection, account: Account, now: datetime) -> None:
    """Close what came, also when it came too late."""
    awaited, outbox = edi_tables.awaited, schema.outbox
    for what in ANSWERS_TO:
        came = _came(what)
        if came is None:
            continue
        rows = connection.execute(
            sa.select(awaited)
            .join(outbox, outbox.c.id == awaited.c.outbox_id)
            .where(
                awaited.c.system == account.system,
                awaited.c.what == what,
                awaited.c.state.in_(("waiting", "overdue")),
                came,
            )
        ).all()
        for row in rows:
            _set(connection, row, state="met", met_at=now)
            if row.hold_id is not None:
                late.answered(connection, row.hold_id, now)


def _came(what: str) -> Any:
    """Give the condition that an answer to the joined outbox row is there."""
    outbox, reply = schema.outbox, edi_tables.reply
    if what == "CONTRL":
        said = reply.c.verdict.in_(("accepted", "refused", "received"))
        return (
            sa.select(reply.c.id)
            .where(reply.c.outbox_id == outbox.c.id, reply.c.kind == "CONTRL", said)
            .exists()
        )
    if what == "REMADV":
        paid, billed = schema.typed["payment"][0], schema.typed["invoice"][0]
        return (
            sa.select(paid.c.document_id)
            .join(billed, billed.c.id == paid.c.invoice_id)
            .where(billed.c.document_id == outbox.c.document_id)
            .exists()
        )
    entity, field = ENTITIES[what]
    answer = schema.typed[entity][0]
    return sa.or_(
        *(
            sa.select(answer.c.document_id)
            .join(asked, asked.c.id == answer.c[field])
            .where(asked.c.document_id == outbox.c.document_id, outbox.c.entity == name)
            .exists()
            for name, asked in _asked(what)
        )
    )


def _asked(what: str) -> Iterator[tuple[str, sa.Table]]:
    names = ("shipment",) if what == "RECADV" else ("sales_order", "purchase_order")
    for name in names:
        yield name, schema.typed[name][0]


def _remind(connection: sa.Connection, account: Account, now: datetime) -> int:
    """Make a hold of whatever is overdue."""
    awaited, outbox = edi_tables.awaited, schema.outbox
    rows = connection.execute(
        sa.select(awaited, outbox.c.document_key, outbox.c.entity, outbox.c.state.label("sent"))
        .join(outbox, outbox.c.id == awaited.c.outbox_id)
        .where(
            awaited.c.system == account.system,
            awaited.c.state == "waiting",
            awaited.c.due_at <= now,
        )
        .order_by(awaited.c.due_at)
    ).all()
    for row in rows:
        document = row.document_key.rpartition("|")[2]
        words = (
            f"{row.partner} owes a {row.what} for {row.entity} {document} "
            f"since {row.due_at:%Y-%m-%d %H:%M} UTC"
        )
        hold_id = None
        if row.what == "CONTRL" and row.sent in SENT:
            late.unconfirmed(connection, _delivery(connection, row), "unanswered", words,
                             account.run_id)  # fmt: skip
        else:
            hold_id = late.task(
                connection, _delivery(connection, row), "unanswered", words, account.run_id
            )
        _set(connection, row, state="overdue", hold_id=hold_id)
    return len(rows)


def _delivery(connection: sa.Connection, row: Any) -> Any:
    outbox = schema.outbox
    return connection.execute(sa.select(outbox).where(outbox.c.id == row.outbox_id)).one()


def _set(connection: sa.Connection, row: Any, **values: Any) -> None:
    table = edi_tables.awaited
    connection.execute(
        table.update()
        .where(table.c.outbox_id == row.outbox_id, table.c.what == row.what)
        .values(**values)
    )
