"""Tell a partner by APERAK what is wrong with a message of his, once a hold says so.

``answers: {aperak: on_reject}`` tells what a steward rejected, ``on_hold`` what is held, once
each; ``never`` tells nothing. A message is told in the edition that the partner's file names.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from crossdock.batch import BatchFiles
from crossdock.connector import Connector
from crossdock.edi import aperak, writer
from crossdock.edi.account import Account
from crossdock.edi.aperak import Fault, Refusal
from crossdock.objects import Objects
from crossdock.store import edi_tables, schema

CAUSES = ("check", "mapping", "waiting for a parent", "conflict")
"""Causes of holds that are about what a message says; syntax is a matter of CONTRL."""

_STATES = {"on_reject": ("rejected",), "on_hold": ("open", "rejected")}


def tell(account: Account, now: datetime) -> int:
    """Send an APERAK for each hold that the partner wants to hear of; gives how many.

    Raises TryLater when the partner cannot be reached; what is due then stays due.
    """
    states = _STATES.get(account.partner.agreed.aperak)
    if states is None:
        return 0
    sent = 0
    for hold in _due(account, states, now):
        refusal = _refusal(account, hold)
        if refusal is None:
            _mark(account, hold.id, state="untold")
            continue
        _send(account, hold, refusal)
        sent += 1
    return sent


def _due(account: Account, states: tuple[str, ...], now: datetime) -> list[Any]:
    """Write down which holds are to be told, and give those that were not sent yet."""
    hold, told = schema.hold, edi_tables.told
    known = sa.select(told.c.hold_id).where(told.c.hold_id == hold.c.id)
    with account.store.writing() as connection:
        new = connection.execute(
            sa.select(hold.c.id).where(
                hold.c.system == account.system,
                hold.c.subject == "record",
                hold.c.cause.in_(CAUSES),
                hold.c.state.in_(states),
                ~known.exists(),
            )
        ).scalars()
        rows = [
            {
                "hold_id": one,
                "partner": account.partner.name,
                "system": account.system,
                "state": "due",
                "control": "",
                "file": "",
                "decided_at": now,
            }
            for one in new
        ]
        if rows:
            connection.execute(told.insert(), rows)
        return list(
            connection.execute(
                sa.select(hold, told.c.decided_at)
                .join(told, told.c.hold_id == hold.c.id)
                .where(told.c.system == account.system, told.c.state == "due")
                .order_by(hold.c.id)
            )
        )


def _refusal(account: Account, hold: Any) -> Refusal | None:
    """Find out which message a hold is about; None where it names no interchange."""
    record = raw_record(account, hold)
    if not record.get("interchange"):
        return None
    verdict, connector = schema.verdict, account.connector
    assert isinstance(connector, Connector)  # noqa: S101 - it was opened as one
    with account.store.reading() as connection:
        faults = [
            Fault(row.rule, row.message, row.line)
            for row in connection.execute(
                sa.select(verdict).where(verdict.c.hold_id == hold.id).order_by(verdict.c.id)
            )
        ]
    return Refusal(
        message=str(connector.reads()[hold.stream].options.get("message", "")),
        message_reference=str(record.get("message_ref") or ""),
        interchange=str(record["interchange"]),
        document=str(record.get("number") or ""),
        sender=str(record.get("sender") or ""),
        receiver=str(record.get("receiver") or ""),
        faults=faults,
    )


def raw_record(account: Account, hold: Any) -> dict[str, Any]:
    """Give the raw record of a hold as the stream read it; empty where it is gone."""
    files = BatchFiles(Objects(account.home), hold.batch_id)
    if hold.record is None or not files.has("pull"):
        return {}
    raw = files.read(files.path("pull"))["raw"]
    if "json" not in raw.column_names:
        return {}
    return dict(json.loads(raw["json"][hold.record].as_py()))


def _send(account: Account, hold: Any, refusal: Refusal) -> None:
    partner = account.partner
    directory = partner.shape("APERAK").directory
    prepared = hold.decided_at

    def make(reference: str) -> bytes:
        layout = replace(partner.layout, transliterate=True)
        segments = aperak.body(refusal, reference.lstrip("0"), prepared, directory)
        one = writer.message(layout, "1", aperak.identifier(directory), segments)
        envelope = writer.Envelope(
            sender=partner.us,
            receiver=partner.them,
            reference=reference,
            prepared=prepared,
            application="APERAK",
            test=partner.test,
        )
        return writer.interchange(layout, envelope, [one])

    key = hashlib.sha256(f"{account.system}\x1f{hold.id}".encode()).hexdigest()
    control, file = account.connector.post("APERAK", f"aperak/{key}", make)
    _mark(account, hold.id, state="sent", control=control, file=file, sent_at=prepared)


def _mark(account: Account, hold_id: int, **values: Any) -> None:
    table = edi_tables.told
    with account.store.writing() as connection:
        connection.execute(table.update().where(table.c.hold_id == hold_id).values(**values))
