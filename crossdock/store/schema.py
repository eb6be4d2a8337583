"""The tables of the hub, said once; Alembic's migrations are checked against this module.

What they are made of stands in ``crossdock.store.columns``. The typed tables of the canonical
entities come from ``crossdock.model``; the inbox of webhooks has a module of its own.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from crossdock.store import edi_tables
from crossdock.store.columns import SCALE as SCALE
from crossdock.store.columns import Exact as Exact
from crossdock.store.columns import Instant as Instant
from crossdock.store.columns import Total as Total
from crossdock.store.columns import amount as _amount
from crossdock.store.columns import count as _count
from crossdock.store.columns import instant as _instant
from crossdock.store.columns import metadata as metadata
from crossdock.store.columns import number as _id
from crossdock.store.columns import text as _text
from crossdock.store.inbox_tables import inbox as inbox
from crossdock.store.inbox_tables import poll as poll

STATES = ("delivered", "quarantined", "rejected", "pending")

#: Rows that are settled soon after they are written get room in their page for it.
_ROOM: dict[str, Any] = {"postgresql_with": {"fillfactor": 50}}

#: One row per name that hands out numbers: ids in blocks, control references, sequences.
counter = sa.Table(
    "counter",
    metadata,
    _text("name", primary_key=True),
    sa.Column("value", sa.BigInteger(), nullable=False),
)

#: Who may write: one row per name, the fencing number grows with every holder.
lease = sa.Table(
    "lease",
    metadata,
    _text("name", primary_key=True),
    _text("holder"),
    sa.Column("fence", sa.BigInteger(), nullable=False),
    _instant("expires_at", nullable=False),
)

#: One execution of a flow, from pull to closed books.
run = sa.Table(
    "run",
    metadata,
    _text("id", primary_key=True),
    _text("flow"),
    _text("run_key"),
    _text("state"),  # open, closed, stopped, failed
    sa.Column("fence", sa.BigInteger(), nullable=False),
    _instant("started_at", nullable=False),
    _instant("ended_at"),
    sa.Column("balanced", sa.Boolean(), nullable=True),
    sa.Column("exit_status", sa.Integer(), nullable=True),
    _text("detail", nullable=True),  # JSON: why it stopped, seconds a step, new fields
    _text("books", nullable=True),  # JSON: the books as they were closed
    sa.Index(None, "flow", "started_at"),
)

#: Kept bytes; destroying wrapped_key erases them and leaves the hash.
kept_object = sa.Table(
    "object",
    metadata,
    _text("id", primary_key=True),
    sa.Column("seq", _id(), nullable=False),
    _text("run_id"),
    _text("system"),
    _text("stream"),
    _text("name"),
    _text("media"),
    _text("sha256"),
    sa.Column("size", sa.BigInteger(), nullable=False),
    _text("path"),
    sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
    _text("state"),  # landed, unchanged, unreadable, erased
    _text("reason", nullable=True),  # why unreadable; for unchanged bytes the first object's id
    _text("counts"),  # JSON: stream -> lines and unchanged observations
    _instant("received_at", nullable=False),
    sa.Index(None, "system", "stream", "name", "seq"),
    sa.Index(None, "run_id"),
)

#: What a leg of a run took in, counted while landing: the left side of the books.
intake = sa.Table(
    "intake",
    metadata,
    _text("run_id", primary_key=True),
    sa.Column("leg", sa.Integer(), primary_key=True),
    _text("currency", primary_key=True),
    _text("system"),
    _text("stream"),
    sa.Column("derived", sa.Boolean(), nullable=False),
    _count("lines"),
    _count("records"),
    _count("uncounted"),
    sa.Column("amount", Total()),
    _count("unchanged_lines"),
    _count("unchanged_records"),
    sa.Column("unchanged_amount", Total()),
    _text("unchanged_keys", nullable=True),  # sha256 over the sorted keys
    _text("unchanged_entities", nullable=True),  # JSON: entity -> currency -> [records, amount]
)

#: A share of a leg that travels together; no document spans two.
batch = sa.Table(
    "batch",
    metadata,
    _text("id", primary_key=True),
    _text("run_id"),
    sa.Column("leg", sa.Integer(), nullable=False),
    sa.Column("number", sa.Integer(), nullable=False),
    _count("lines"),
    _count("records"),
    _text("amounts"),  # JSON: currency -> sum, counted from the grouped records
    _text("state"),  # pulled, resolved
    _text("steps"),  # JSON: step -> path of its file
    # something of it is in the outbox and not settled; no index of the outbox itself says so,
    # since PostgreSQL would have to renew all of its indexes whenever a row is marked or settled
    sa.Column("waiting", sa.Boolean(), nullable=False, default=False),
    sa.UniqueConstraint("run_id", "leg", "number"),
    sa.Index("ix_batch_waiting", "run_id",
             sqlite_where=sa.text("waiting"), postgresql_where=sa.text("waiting")),
)

#: Where a stream was read up to; moves in the transaction that names the landed bytes.
cursor = sa.Table(
    "cursor",
    metadata,
    _text("flow", primary_key=True),
    _text("system", primary_key=True),
    _text("stream", primary_key=True),
    _text("value"),
    _text("run_id"),
    _instant("moved_at", nullable=False),
)

#: The n-th different content of (system, stream, key).
record_version = sa.Table(
    "record_version",
    metadata,
    sa.Column("id", _id(), primary_key=True, autoincrement=False),
    _text("system"),
    _text("stream"),
    _text("key"),
    sa.Column("n", sa.Integer(), nullable=False),
    sa.Column("latest", sa.Boolean(), nullable=False),
    sa.Column("hash", sa.LargeBinary(), nullable=False),
    _text("run_id"),
    _text("batch_id"),
    sa.Column("record", sa.Integer(), nullable=False),
    _text("object_id"),
    sa.Column("position", sa.BigInteger(), nullable=False),
    sa.Column("leg", sa.Integer(), nullable=False),
    _text("entity"),  # entity, or entity.type; "" where no mapping took it
    sa.Column("document_id", _id(), nullable=True),
    _text("state"),
    _text("reason"),
    _amount(),
    _amount("delivered_amount"),
    _text("currency"),
    sa.Index("uq_record_version_latest", "key", "stream", "system", unique=True,
             sqlite_where=sa.text("latest"), postgresql_where=sa.text("latest")),
    sa.Index(None, "run_id"),
    **_ROOM,
)

#: What became of a record version at a target: the right side of the books.
ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("version_id", _id(), primary_key=True, autoincrement=False),
    _text("target", primary_key=True),
    _text("run_id"),
    _text("state"),
    _text("reason"),
    sa.Column("outbox_id", _id(), nullable=True),
    _amount(),
    _text("currency"),
    sa.Index(None, "outbox_id"),
    **_ROOM,
)

#: What a rule changed of a record's money on the way, with its sign.
adjustment = sa.Table(
    "adjustment",
    metadata,
    sa.Column("version_id", _id(), primary_key=True, autoincrement=False),
    _text("rule", primary_key=True),
    _text("run_id"),
    _amount(),
    _text("currency"),
    sa.Index(None, "run_id"),
)

#: Every version of a canonical document, as compressed canonical JSON.
document_version = sa.Table(
    "document_version",
    metadata,
    _text("entity"),
    sa.Column("document_id", _id(), nullable=False),
    sa.Column("version", sa.Integer(), nullable=False),
    sa.Column("hash", sa.LargeBinary(), nullable=False),
    sa.Column("body", sa.LargeBinary(), nullable=False),
    sa.Column("version_id", _id(), nullable=False),
    _text("mapping"),
    _text("run_id"),
    # numbers first: an index compares them faster than words that are mostly the same
    sa.PrimaryKeyConstraint("document_id", "version", "entity"),
)

#: Their id and ours, with the base: what that system and we last agreed on.
binding = sa.Table(
    "binding",
    metadata,
    _text("system"),
    _text("stream"),
    _text("entity"),
    sa.Column("document_id", _id(), nullable=False),
    _text("their_id"),
    sa.Column("base_version", sa.Integer(), nullable=False),
    sa.Column("base_hash", sa.LargeBinary(), nullable=False),
    sa.Column("base", sa.LargeBinary(), nullable=True),  # only where it is no version of ours
    _text("run_id"),
    sa.PrimaryKeyConstraint("document_id", "stream", "system", "entity"),
    sa.Index(None, "their_id", "stream", "system"),
)

#: What is to be sent, and what came back: one row a document version and target.
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", _id(), primary_key=True, autoincrement=False),
    _text("target"),
    _text("flow"),
    _text("entity"),
    sa.Column("document_id", _id(), nullable=False),
    sa.Column("document_version", sa.Integer(), nullable=False),
    _text("document_key"),
    _text("operation"),
    _text("idempotency_key"),
    sa.Column("body_hash", sa.LargeBinary(), nullable=True),
    # pending, sending, accepted, delivered, refused, uncertain, superseded, rejected
    _text("state"),
    _text("run_id"),
    _text("batch_id"),
    sa.Column("record", sa.Integer(), nullable=True),  # row in the batch, None: read the version
    sa.Column("version_id", _id(), nullable=False),
    sa.Column("attempts", sa.Integer(), nullable=False),
    sa.Column("fence", sa.BigInteger(), nullable=False),
    _text("claim", nullable=True),
    _instant("deadline"),
    _instant("next_try_at"),
    _text("their_id", nullable=True),
    _text("message", nullable=True),
    _instant("receipt_at"),
    _amount(),
    _text("currency"),
    sa.UniqueConstraint("idempotency_key"),
    sa.Index(None, "batch_id"),
    sa.Index(None, "document_id", "target"),
    **_ROOM,
)

#: The quarantine: whatever waits for a person, a parent or a correction.
hold = sa.Table(
    "hold",
    metadata,
    sa.Column("id", _id(), primary_key=True, autoincrement=False),
    _text("flow"),
    _text("run_id"),
    _text("batch_id"),
    _text("subject"),  # object, record, delivery
    _text("cause"),
    _text("rule"),  # the first failing rule, for lists
    _text("summary"),
    _text("state"),  # open, resubmitted, released, rejected, superseded
    _text("system"),
    _text("stream"),
    _text("key"),
    _text("entity"),
    _text("target"),
    sa.Column("version_id", _id(), nullable=True),
    sa.Column("outbox_id", _id(), nullable=True),
    _text("object_id", nullable=True),
    sa.Column("record", sa.Integer(), nullable=True),
    _amount(),
    _text("currency"),
    _instant("opened_at", nullable=False),
    _instant("closed_at"),
    sa.Index(None, "state", "flow"),
    sa.Index(None, "version_id"),
    sa.Index(None, "run_id"),
)

#: Why something is held: rule by record by field by value.
verdict = sa.Table(
    "verdict",
    metadata,
    sa.Column("id", _id(), primary_key=True, autoincrement=False),
    sa.Column("hold_id", _id(), nullable=False),
    _text("rule"),
    _text("rule_version"),
    _text("severity"),
    _text("field"),
    _text("value", nullable=True),
    sa.Column("line", sa.Integer(), nullable=True),
    _text("message"),
    sa.Index(None, "hold_id"),
)

#: What the rules found in a run, notes included, with a few samples as JSON.
finding = sa.Table(
    "finding",
    metadata,
    _text("batch_id", primary_key=True),
    _text("entity", primary_key=True),
    _text("rule", primary_key=True),
    _text("run_id"),
    _text("severity"),
    _count("records"),
    _count("lines"),
    _text("samples"),
    sa.Index(None, "run_id"),
)

#: A steward's decision on a hold that the next run of the flow reads.
decision = sa.Table(
    "decision",
    metadata,
    sa.Column("id", _id(), primary_key=True, autoincrement=False),
    sa.Column("hold_id", _id(), nullable=False),
    _text("flow"),
    _text("action"),  # resubmit, release, reject
    _text("reason"),
    _text("who"),
    _instant("at", nullable=False),
    _text("state"),  # waiting, done
    sa.Index(None, "flow", "state"),
    sa.Index(None, "hold_id"),
)

#: Everything a person did; each row carries the hash of the one before it.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", _id(), primary_key=True, autoincrement=False),
    _instant("at", nullable=False),
    _text("who"),
    _text("action"),
    _text("subject"),
    _text("detail"),
    _text("previous"),
    _text("hash"),
)

#: Request budgets by credential, shared by every flow and worker (seconds since 1970).
budget = sa.Table(
    "budget",
    metadata,
    _text("credential", primary_key=True),
    sa.Column("full_at", sa.Double(), nullable=False),
    sa.Column("paused_until", sa.Double(), nullable=False),
)

#: Interchange control references that we gave, gap-free by partner.
control_reference = sa.Table(
    "control_reference",
    metadata,
    _text("partner", primary_key=True),
    _text("key", primary_key=True),
    sa.Column("number", sa.BigInteger(), nullable=False),
    sa.UniqueConstraint("partner", "number"),
)

#: Interchange references that came in, with the digest of what they carried.
interchange = sa.Table(
    "interchange",
    metadata,
    _text("sender", primary_key=True),
    _text("reference", primary_key=True),
    sa.Column("day", sa.Date(), nullable=False),
    _text("digest"),
)

_KINDS: dict[str, Any] = {
    "amount": Exact,
    "price": Exact,
    "quantity": Exact,
    "percent": Exact,
    "instant": Instant,
    "date": sa.Date,
    "flag": sa.Boolean,
    "whole": sa.BigInteger,
}


def _typed_tables() -> dict[str, tuple[sa.Table, sa.Table | None]]:
    from crossdock.model import ENTITIES

    made = {}
    for name, entity in ENTITIES.items():
        head = sa.Table(
            name,
            metadata,
            sa.Column("document_id", _id(), primary_key=True, autoincrement=False),
            _text("document_key"),
            sa.Column("version", sa.Integer(), nullable=False),
            sa.Column("hash", sa.LargeBinary(), nullable=False),
            _text("changed_by"),  # system.stream whose news made this version
            *(_typed(column) for column in entity.header_columns),
            sa.UniqueConstraint("document_key"),
        )
        lines = None
        if "lines" in entity.children:
            lines = sa.Table(
                f"{name}_line",
                metadata,
                sa.Column("document_id", _id(), nullable=False),
                sa.Column("line_number", sa.Integer(), nullable=False),
                *(_typed(column) for column in entity.children["lines"]),
                sa.Index(None, "document_id"),
            )
        made[name] = (head, lines)
    return made


def _typed(column: Any) -> sa.Column[Any]:
    kind = _KINDS.get(column.kind, sa.Text)
    return sa.Column(column.name, kind(), nullable=True)


#: entity -> (header table, line table or None)
typed: dict[str, tuple[sa.Table, sa.Table | None]] = _typed_tables()

edi_tables.index_families(typed)
