"""The tables of the correspondence with EDI partners, and the indexes of an order's family.

What was sent needs no table: a control reference leads to its key, and the key to the outbox.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from crossdock.store.columns import instant, metadata, number, text

#: One row an interchange that came in, with what it was answered.
received = sa.Table(
    "edi_received",
    metadata,
    sa.Column("id", number(), primary_key=True, autoincrement=False),
    text("partner"),
    text("system"),
    text("flow"),
    text("object_id"),
    sa.Column("number", sa.Integer(), nullable=False),  # the interchange's place in the file
    text("sender"),
    text("receiver"),
    text("reference"),
    text("types"),
    sa.Column("test", sa.Boolean(), nullable=False),
    sa.Column("messages", sa.Integer(), nullable=False),
    text("findings"),  # JSON: the first of them, as lines
    text("state"),  # unanswered (nobody wants an answer), due, answered
    text("action"),  # 4, 7 or empty: what the answer says of the whole
    text("control"),
    text("file"),
    instant("received_at", nullable=False),
    instant("answered_at"),
    sa.UniqueConstraint("object_id", "number"),
    sa.Index(None, "system", "state"),
)

#: One row a statement of a partner's CONTRL or APERAK about something that we sent.
reply = sa.Table(
    "edi_reply",
    metadata,
    sa.Column("id", number(), primary_key=True, autoincrement=False),
    text("partner"),
    text("system"),
    text("object_id"),
    sa.Column("number", sa.Integer(), nullable=False),
    text("kind"),  # CONTRL, APERAK
    text("verdict"),  # accepted, received, refused
    text("about"),  # the control reference, or the document number, that it speaks of
    text("words"),
    sa.Column("outbox_id", number(), nullable=True),
    instant("received_at", nullable=False),
    sa.UniqueConstraint("object_id", "number"),
    sa.Index(None, "outbox_id"),
)

#: What a partner owes us for an outbox row, and until when.
awaited = sa.Table(
    "edi_awaited",
    metadata,
    sa.Column("outbox_id", number(), primary_key=True, autoincrement=False),
    text("what", primary_key=True),
    text("partner"),
    text("system"),
    text("state"),  # waiting, met, overdue
    instant("due_at", nullable=False),
    instant("met_at"),
    sa.Column("hold_id", number(), nullable=True),
    sa.Index(None, "system", "state"),
)

#: Holds that a partner was told of by APERAK.
told = sa.Table(
    "edi_told",
    metadata,
    sa.Column("hold_id", number(), primary_key=True, autoincrement=False),
    text("partner"),
    text("system"),
    text("state"),  # due, sent, untold (the message names nobody to tell)
    text("control"),
    text("file"),
    instant("decided_at", nullable=False),
    instant("sent_at"),
)

#: How far a partner is.
life = sa.Table(
    "edi_life",
    metadata,
    text("partner", primary_key=True),
    text("state"),  # new, testing, live
    text("who"),
    instant("since", nullable=False),
)

#: A partner's checklist; a result holds for one state of the partner's file and guides.
checked = sa.Table(
    "edi_checked",
    metadata,
    text("partner", primary_key=True),
    text("item", primary_key=True),
    sa.Column("ok", sa.Boolean(), nullable=False),
    text("detail"),
    text("fingerprint"),
    instant("at", nullable=False),
)

FAMILY = (
    ("sales_order", 0, "id"),
    ("sales_order", 0, "buyer_reference"),
    ("purchase_order", 0, "id"),
    ("order_response", 0, "order_id"),
    ("shipment", 0, "order_id"),
    ("shipment", 0, "id"),
    ("shipment", 1, "order_id"),
    ("shipment", 1, "sscc"),
    ("receiving_advice", 0, "order_id"),
    ("receiving_advice", 0, "shipment_id"),
    ("receiving_advice", 1, "order_id"),
    ("invoice", 0, "order_id"),
    ("invoice", 0, "original_id"),
    ("invoice", 0, "despatch_id"),
)
"""Columns that lead from an order to its family: entity, header (0) or lines (1), column."""


def index_families(typed: Mapping[str, tuple[sa.Table, sa.Table | None]]) -> None:
    """Index the references between documents; rows without one, most of them, cost nothing."""
    for entity, part, name in FAMILY:
        table = typed[entity][part]
        assert table is not None  # noqa: S101 - these entities have lines
        column = table.c[name]
        filled = column.is_not(None)
        sa.Index(None, column, sqlite_where=filled, postgresql_where=filled)
