"""Register what came in, and answer it: each interchange once, whatever happens in between.

An interchange is registered in one transaction, answered under a key that its own references
make, and then marked as answered. A crash between any two of these leads to the same reference,
the same file and the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crossdock.edi import contrl, strangers
from crossdock.edi.account import Account
from crossdock.edi.contrl import Answer
from crossdock.errors import Unreadable
from crossdock.store import edi_tables, schema
from crossdock.store.engine import take_numbers

MOST_OBJECTS = 10_000
SHOWN = 20
REPLIES = "replies"
"""The stream under which the objects of CONTRL and APERAK are kept."""


def answer_all(account: Account) -> int:
    """Register every interchange that came in on this account, and send what answers are due.

    Gives how many answers were sent. Raises TryLater when the partner cannot be reached; what is
    due then stays due.
    """
    sent = 0
    for row in _objects(account):
        with account.kept(row) as path:
            answers = list(_answers(account, path))
            rows = _registered(account, row, answers)
            for answer in answers:
                mine = rows[answer.interchange.number]
                if mine["state"] == "due":
                    _send(account, mine, answer)
                    sent += 1
    return sent


def _objects(account: Account) -> list[Any]:
    """Objects with EDIFACT of this account that are not registered, or not answered."""
    kept, received = schema.kept_object, edi_tables.received
    known = sa.select(received.c.id).where(received.c.object_id == kept.c.id)
    settled = sa.and_(known.exists(), ~known.where(received.c.state == "due").exists())
    with account.store.reading() as connection:
        return list(
            connection.execute(
                sa.select(kept)
                .where(
                    kept.c.system == account.system,
                    kept.c.media == "edifact",
                    kept.c.stream != REPLIES,
                    kept.c.state.in_(("landed", "unreadable")),
                    kept.c.wrapped_key.is_not(None),
                    ~settled,
                )
                .order_by(kept.c.seq)
                .limit(MOST_OBJECTS)
            )
        )


def _answers(account: Account, path: Path) -> Iterator[Answer]:
    """Check a file as the streams do: envelope, references, sender, and the partner's guides."""
    partner = account.partner
    try:
        envelopes = account.connector.survey(path)
        for answer in contrl.answers(path, account.guides, choose=partner.choose):
            interchange = envelopes[answer.interchange.number - 1]
            answer.interchange.findings = interchange.findings
            if partner.check == "envelope":  # what the guide says then holds nothing
                answer.faulty = [one for one in answer.faulty if one.message.findings]
            yield answer
    except Unreadable:
        return  # no interchange in it: there is nobody to answer


def _registered(account: Account, row: Any, answers: list[Answer]) -> dict[int, dict[str, Any]]:
    """Write what is not registered yet; gives the rows by the interchange's number."""
    table = edi_tables.received
    mine = sa.select(table).where(table.c.object_id == row.id)
    with account.store.writing() as connection:
        known = {one["number"]: dict(one) for one in connection.execute(mine).mappings()}
        new = [one for one in answers if one.interchange.number not in known]
        rows = [_row(account, row, answer) for answer in new]
        if not answers and not known:
            rows = [_nobody(account, row)]
        if rows:
            first = take_numbers(connection, "edi_received", len(rows))
            rows = [values | {"id": first + at} for at, values in enumerate(rows)]
            connection.execute(table.insert(), rows)
            _call_strangers_so(connection, row, answers)
    return known | {values["number"]: values for values in rows}


def _row(account: Account, row: Any, answer: Answer) -> dict[str, Any]:
    asked = answer.interchange
    agreed = account.partner.agreed
    wanted = answer.wanted and agreed.answered(clean=answer.clean, asked=asked.asks_answer)
    findings = [*asked.findings, *(found for one in answer.faulty for found in one.findings)]
    return {
        "partner": account.partner.name,
        "system": account.system,
        "flow": account.flow,
        "object_id": row.id,
        "number": asked.number,
        "sender": asked.sender,
        "receiver": asked.receiver,
        "reference": asked.reference,
        "types": " ".join(answer.types),
        "test": asked.test,
        "messages": asked.messages,
        "findings": json.dumps([one.line() for one in findings[:SHOWN]], ensure_ascii=False),
        "state": "due" if wanted else "unanswered",
        "action": answer.action if wanted else "",
        "control": "",
        "file": "",
        "received_at": row.received_at,
    }


def _nobody(account: Account, row: Any) -> dict[str, Any]:
    """A file without an interchange: registered, so that it is not read again."""
    empty = dict.fromkeys(("sender", "receiver", "reference", "types", "action", "control"), "")
    return empty | {
        "partner": account.partner.name,
        "system": account.system,
        "flow": account.flow,
        "object_id": row.id,
        "number": 0,
        "test": False,
        "messages": 0,
        "findings": "[]",
        "state": "unanswered",
        "file": "",
        "received_at": row.received_at,
    }


def _call_strangers_so(connection: sa.Connection, row: Any, answers: list[Answer]) -> None:
    """Say of a held file why it is held: nobody whom we know sent it."""
    if not any(
        finding.code in strangers.CODES and finding.element.endswith(strangers.CODES[finding.code])
        for answer in answers
        for finding in answer.interchange.findings
    ):
        return
    hold = schema.hold
    connection.execute(
        hold.update()
        .where(
            hold.c.object_id == row.id,
            hold.c.subject == "object",
            hold.c.cause == "unreadable",
            hold.c.state == "open",
        )
        .values(cause=strangers.CAUSE, rule="known_partner")
    )


def _send(account: Account, row: dict[str, Any], answer: Answer) -> None:
    """Leave the CONTRL; its date is that of the receipt, so that a retry has the same bytes."""

    def make(reference: str) -> bytes:
        return contrl.write(answer, reference, row["received_at"], account.partner.layout)

    control, file = account.connector.post("CONTRL", _key(answer), make)
    table = edi_tables.received
    with account.store.writing() as connection:
        connection.execute(
            table.update()
            .where(table.c.id == row["id"])
            .values(state="answered", control=control, file=file, answered_at=datetime.now(UTC))
        )


def _key(answer: Answer) -> str:
    """Make the idempotency key of an answer: the same interchange again is answered once."""
    asked = answer.interchange
    codes = [one.code for one in asked.findings] + [
        f"{one.message.reference}{found.code}" for one in answer.faulty for found in one.findings
    ]
    text = "\x1f".join((asked.sender, asked.receiver, asked.reference, answer.action, *codes))
    return f"contrl/{hashlib.sha256(text.encode('utf-8', 'backslashreplace')).hexdigest()}"
