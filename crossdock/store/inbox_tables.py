"""The tables of webhooks: what was answered with yes and not yet landed, and when was polled."""

from __future__ import annotations

import sqlalchemy as sa

from crossdock.store.columns import instant, metadata, number, text

#: Calls that were answered with yes. The bytes are sealed here until a pull lands them as an
#: object; the row stays, so that the same call is known when it comes again.
inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("id", number(), primary_key=True, autoincrement=False),
    text("system"),
    text("stream"),
    text("event"),  # the sender's id of the call; one of ours where the sender gives none
    text("topic"),
    text("brings"),  # record, news
    text("media"),
    text("sha256"),
    sa.Column("size", sa.BigInteger(), nullable=False),
    sa.Column("sealed", sa.LargeBinary(), nullable=True),
    sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
    text("state"),  # waiting, landed
    text("object_id", nullable=True),
    instant("received_at", nullable=False),
    sa.UniqueConstraint("system", "stream", "event", "sha256"),
    sa.Index("ix_inbox_waiting", "system", "stream", "id",
             sqlite_where=sa.text("state = 'waiting'"),
             postgresql_where=sa.text("state = 'waiting'")),
)

#: When a flow last read a stream that webhooks feed from the system itself.
poll = sa.Table(
    "poll",
    metadata,
    text("flow", primary_key=True),
    text("system", primary_key=True),
    text("stream", primary_key=True),
    instant("at", nullable=False),
)
