"""Take in what partners say of what we sent: CONTRL and APERAK, matched to the outbox."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crossdock import late
from crossdock.connector import Page
from crossdock.edi.account import Account
from crossdock.edi.contrl_reader import Statement, statements
from crossdock.edi.interchange import Message
from crossdock.edi.reader import read
from crossdock.edi.register import REPLIES
from crossdock.errors import Unreadable
from crossdock.objects import Kept, Objects
from crossdock.store import edi_tables, schema
from crossdock.store.engine import take_numbers

REFERRING = {
    "sales_order": ("id",),
    "purchase_order": ("id",),
    "order_response": ("id", "order_id"),
    "shipment": ("id", "order_id"),
    "receiving_advice": ("id", "shipment_id"),
    "invoice": ("id", "order_id"),
}
"""Fields of what we send by which an APERAK may name it."""


def take_in(account: Account) -> int:
    """Fetch the answers that lie there; each is kept as bytes, matched and archived.

    Gives how many statements were read. Raises TryLater when the partner cannot be reached.
    """
    count = 0
    for stream, page in account.connector.replies():
        assert isinstance(page.body, Path)  # noqa: S101 - ``replies`` fetches into files
        try:
            found = list(_statements(account, page.body))
            kept = Objects(account.home).keep(page.body)
            count += _booked(account, page, kept, found)
        finally:
            page.body.unlink(missing_ok=True)
        account.connector.landed(stream, page)
    return count


def _statements(account: Account, body: Path) -> Iterator[Statement]:
    try:
        for item in read(body, choose=account.partner.choose):
            if isinstance(item, Message):
                yield from statements(item)
    except Unreadable:
        return


def _booked(account: Account, page: Page, kept: Kept, found: list[Statement]) -> int:
    """Name the bytes and act on what they say, in one transaction; the same bytes act once."""
    table = schema.kept_object
    now = datetime.now(UTC)
    with account.store.writing() as connection:
        known = connection.execute(
            sa.select(table.c.id).where(
                table.c.system == account.system,
                table.c.stream == REPLIES,
                table.c.sha256 == kept.sha256,
            )
        ).first()
        if known is not None:  # archived late: a crash came in between
            return 0
        object_id = f"{account.system}-reply-{secrets.token_hex(8)}"
        connection.execute(
            table.insert().values(
                id=object_id,
                seq=take_numbers(connection, "object"),
                run_id=account.run_id,
                system=account.system,
                stream=REPLIES,
                name=page.name,
                media=page.media,
                sha256=kept.sha256,
                size=kept.size,
                path=kept.path,
                wrapped_key=kept.wrapped_key,
                state="landed",
                counts="{}",
                received_at=now,
            )
        )
        for number, statement in enumerate(found, 1):
            _act(connection, account, object_id, number, statement, now)
    return len(found)


def _act(
    connection: sa.Connection,
    account: Account,
    object_id: str,
    number: int,
    statement: Statement,
    now: datetime,
) -> None:
    row = _outbox(connection, account, statement)
    connection.execute(
        edi_tables.reply.insert().values(
            id=take_numbers(connection, "edi_reply"),
            partner=account.partner.name,
            system=account.system,
            object_id=object_id,
            number=number,
            kind=statement.kind,
            verdict=statement.verdict,
            about=statement.about,
            words=statement.words[:500],
            outbox_id=row.id if row is not None else None,
            received_at=now,
        )
    )
    if row is None:
        return
    who = account.partner.name
    if statement.verdict == "refused":
        words = statement.words or "without a reason"
        late.refused(connection, row, f"{who} refuses it ({statement.kind}): {words}",
                     account.run_id)  # fmt: skip
    elif statement.verdict == "accepted":
        late.accepted(connection, row, f"{who} accepts it ({statement.kind})", now)


def _outbox(connection: sa.Connection, account: Account, statement: Statement) -> Any:
    """Find the row of the outbox that a statement is about; None where it is about none."""
    if statement.kind == "CONTRL":
        return _by_control(connection, account, statement.about)
    return _by_document(connection, account, statement.about)


def _by_control(connection: sa.Connection, account: Account, about: str) -> Any:
    """Follow a control reference to its key, and the key to the outbox."""
    given, outbox = schema.control_reference, schema.outbox
    if not (about.isascii() and about.isdigit()) or len(about) > 18:
        return None
    return connection.execute(
        sa.select(outbox)
        .join(given, given.c.key == outbox.c.idempotency_key)
        .where(given.c.partner == account.partner.name, given.c.number == int(about))
    ).first()


def _by_document(connection: sa.Connection, account: Account, about: str) -> Any:
    """Find what we sent to this account by its own number, else by the order that it is for."""
    outbox = schema.outbox
    if not about:
        return None
    for at in (0, 1):
        for entity, fields in REFERRING.items():
            if at >= len(fields):
                continue
            head = schema.typed[entity][0]
            found = connection.execute(
                sa.select(outbox)
                .join(head, head.c.document_id == outbox.c.document_id)
                .where(
                    outbox.c.entity == entity,
                    head.c[fields[at]] == about,
                    outbox.c.target.startswith(f"{account.system}.", autoescape=True),
                    outbox.c.state.in_(("delivered", "accepted", "uncertain")),
                )
                .order_by(outbox.c.id.desc())
                .limit(1)
            ).first()
            if found is not None:
                return found
    return None
