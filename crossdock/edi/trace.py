"""The documents of one order from end to end: what came, what went, and what was said of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crossdock.edi.family.case import Document, Family, counted, quantity
from crossdock.edi.family.declared import load
from crossdock.edi.family.judging import file_of, judged_here
from crossdock.edi.family.lookup import BOUGHT, SOLD, relatives
from crossdock.errors import Misconfigured
from crossdock.store import Store, edi_tables, schema

MESSAGES = {
    SOLD: "ORDERS",
    BOUGHT: "ORDERS",
    "order_response": "ORDRSP",
    "shipment": "DESADV",
    "receiving_advice": "RECADV",
    "invoice": "INVOIC",
}
"""The message that each entity travels as."""

STEPS = ("ORDERS", "ORDRSP", "DESADV", "RECADV", "INVOIC")


@dataclass
class Passage:
    """One way of a document in or out: when, by which system, how far, and under which reference.

    ``answers`` are what was said of it (CONTRL, APERAK), ``owed`` what is waited for, in words.
    """

    direction: str
    system: str
    state: str
    at: datetime | None
    reference: str = ""
    answers: list[str] = field(default_factory=list)
    owed: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)


@dataclass
class Traced:
    """One document of the order with its passages; ``misfits`` is what does not fit now."""

    message: str
    entity: str
    number: str
    issued_at: datetime | None
    status: str
    total: str
    passages: list[Passage] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)


@dataclass
class Line:
    """One line of the order with what each kind of document says of it."""

    line: str
    item: str
    ordered: Decimal
    confirmed: Decimal | None
    shipped: Decimal
    received: Decimal | None
    billed: Decimal


@dataclass
class Trace:
    """The chain of one order."""

    order: str
    organisation: str
    documents: list[Traced]
    lines: list[Line]

    def record(self) -> dict[str, Any]:
        """Give the chain as plain data; instants and decimals as they are."""
        return asdict(self)

    def of(self, message: str) -> list[Traced]:
        """Give the documents of one kind."""
        return [one for one in self.documents if one.message == message]


def traces(store: Store, project: Path, number: str) -> list[Trace]:
    """Follow an order by its number, ours or the buyer's; one chain for each order that has it.

    Raises Misconfigured when there is none.
    """
    found = []
    for entity in (SOLD, BOUGHT):
        head = schema.typed[entity][0]
        with store.reading() as connection:
            owners = (
                connection.execute(
                    sa.select(head.c.organisation)
                    .where(sa.or_(head.c.id == number, head.c.buyer_reference == number))
                    .distinct()
                )
                .scalars()
                .all()
            )
        for owner in owners:
            wanted = {"organisation": owner, "order_id": number, "shop": ""}
            family = relatives(store, [wanted], entity).families.get((owner, number))
            if family is not None and family.order is not None:
                found.append(_trace(store, project, entity, owner, family))
    if not found:
        raise Misconfigured(
            f"there is no order {number}",
            fix="name it as it stands in the order, or by the buyer's reference",
        )
    return found


def _trace(store: Store, project: Path, entity: str, owner: str, family: Family) -> Trace:
    assert family.order is not None  # noqa: S101 - the caller looked
    checks = load(file_of(project))
    documents = [_traced(store, entity, family.order)]
    members = {
        "order_response": family.order_responses,
        "shipment": family.shipments,
        "receiving_advice": family.receiving_advices,
        "invoice": family.invoices,
    }
    for kind, some in members.items():
        for document in sorted(some, key=lambda one: str(one.get("issued_at") or "")):
            traced = _traced(store, kind, document)
            for declared, misfit, words in judged_here(
                store, kind, document, checks, bought=entity == BOUGHT
            ):
                at = f"line {misfit.line}: " if misfit.line else ""
                traced.misfits.append(f"{at}{words} ({declared.name})")
            documents.append(traced)
    return Trace(str(family.order["id"]), owner, documents, list(_lines(family)))


def _traced(store: Store, entity: str, document: Document) -> Traced:
    total = document.get("total_amount")
    made = Traced(
        message=MESSAGES[entity],
        entity=entity,
        number=str(document.get("id")),
        issued_at=document.get("issued_at"),
        status=str(document.get("status") or document.get("type_code") or ""),
        total=f"{total:f} {document.get('currency') or ''}".strip() if total is not None else "",
    )
    head = schema.typed[entity][0]
    owner = [head.c[name] == document.get(name) for name in ("organisation", "shop", "id")]
    with store.reading() as connection:
        document_id = connection.execute(
            sa.select(head.c.document_id).where(*owner)
        ).scalar_one()
        made.passages += _came(connection, entity, document_id)
        made.passages += _went(connection, entity, document_id)
    return made


def _came(connection: sa.Connection, entity: str, document_id: int) -> Iterator[Passage]:
    version, kept, received = schema.record_version, schema.kept_object, edi_tables.received
    rows = connection.execute(
        sa.select(version, kept.c.received_at, kept.c.name)
        .outerjoin(kept, kept.c.id == version.c.object_id)
        .where(
            version.c.document_id == document_id,
            sa.or_(version.c.entity == entity, version.c.entity.startswith(f"{entity}.")),
        )
        .order_by(version.c.id)
    ).all()
    for row in rows:
        passage = Passage("in", row.system, row.state, row.received_at, row.name or "")
        for one in connection.execute(
            sa.select(received).where(received.c.object_id == row.object_id)
        ):
            passage.reference = one.reference
            if one.state == "answered":
                said = "rejected" if one.action == "4" else "acknowledged"
                passage.answers.append(f"CONTRL {one.control} sent: {said}")
            elif one.state == "due":
                passage.answers.append("CONTRL due")
        passage.held += _holds(connection, schema.hold.c.version_id == row.id)
        yield passage


def _went(connection: sa.Connection, entity: str, document_id: int) -> Iterator[Passage]:
    outbox, reply, awaited = schema.outbox, edi_tables.reply, edi_tables.awaited
    given = schema.control_reference
    rows = connection.execute(
        sa.select(outbox)
        .where(outbox.c.document_id == document_id, outbox.c.entity == entity)
        .order_by(outbox.c.id)
    ).all()
    for row in rows:
        control = connection.execute(
            sa.select(given.c.number).where(given.c.key == row.idempotency_key)
        ).scalar()
        passage = Passage("out", row.target, row.state, row.receipt_at or row.deadline)
        passage.reference = str(control) if control is not None else str(row.their_id or "")
        for one in connection.execute(
            sa.select(reply).where(reply.c.outbox_id == row.id).order_by(reply.c.id)
        ):
            words = f": {one.words}" if one.words else ""
            when = f"{one.received_at:%Y-%m-%d %H:%M}"
            passage.answers.append(f"{one.kind} {one.verdict} {when}{words}")
        for one in connection.execute(sa.select(awaited).where(awaited.c.outbox_id == row.id)):
            if one.state != "met":
                passage.owed.append(f"{one.what} {one.state}, due {one.due_at:%Y-%m-%d %H:%M}")
        passage.held += _holds(connection, schema.hold.c.outbox_id == row.id)
        yield passage


def _holds(connection: sa.Connection, where: Any) -> list[str]:
    table = schema.hold
    rows = connection.execute(
        sa.select(table.c.id, table.c.cause, table.c.summary)
        .where(where, table.c.state == "open")
        .order_by(table.c.id)
    )
    return [f"hold {row.id}, {row.cause}: {row.summary}" for row in rows]


def _lines(family: Family) -> Iterator[Line]:
    """Add up along the chain, line by line of the order."""
    assert family.order is not None  # noqa: S101 - the caller looked
    invoices = [one for one in family.invoices if one.get("type_code") == "invoice"]
    last = max(
        family.order_responses, key=lambda one: str(one.get("issued_at") or ""), default=None
    )
    for line in family.order.get("lines") or []:
        taken = None
        if family.receiving_advices:
            taken = counted(family, family.receiving_advices, line, "accepted_quantity")
        yield Line(
            line=str(line.get("line_id")),
            item=str(line.get("gtin") or line.get("product_id") or ""),
            ordered=quantity(line),
            confirmed=counted(family, [last], line) if last else None,
            shipped=counted(family, family.shipments, line),
            received=taken,
            billed=counted(family, invoices, line),
        )
