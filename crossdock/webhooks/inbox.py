"""The inbox: calls that were answered with yes, sealed in the store until a pull lands them.

An item is landed exactly once: it leaves the state ``waiting`` in the transaction that names its
bytes as an object, and a pull that finds one gone comes to nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from crossdock.errors import TryLater
from crossdock.objects import Objects
from crossdock.store import Store, schema
from crossdock.store.engine import take_numbers

_BLOCK = 100
WAITING = "waiting"
LANDED = "landed"


@dataclass(frozen=True)
class Call:
    """One call to be kept; ``event`` is the sender's id of it."""

    system: str
    stream: str
    event: str
    topic: str
    brings: Literal["record", "news"]
    media: str
    received_at: datetime
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Item:
    """A call that waits, with its number in the order of arrival."""

    id: int
    brings: str
    media: str
    body: bytes = field(repr=False)


def keep(store: Store, objects: Objects, calls: Sequence[Call]) -> list[bool]:
    """Write calls down in one transaction; says of each whether it is new.

    A call is known when its sender's id and its bytes are. Durable when it returns; raises
    TryLater when the database is away or busy.
    """
    table = schema.inbox
    rows = [_row(objects, call) for call in calls]
    new = []
    with store.writing() as connection:
        number = take_numbers(connection, "inbox", len(rows))  # others wait here for our commit
        known = _known(connection, rows)
        for row in rows:
            mark = _mark(row)
            new.append(mark not in known)
            if mark not in known:
                known.add(mark)
                row["id"] = number
                number += 1
        fresh = [row for row in rows if "id" in row]
        if fresh:
            connection.execute(table.insert(), fresh)
    return new


def _row(objects: Objects, call: Call) -> dict[str, Any]:
    sha256 = hashlib.sha256(call.body).hexdigest()
    wrapped, sealed = objects.seal(call.body, sha256)
    return {
        "system": call.system,
        "stream": call.stream,
        "event": call.event,
        "topic": call.topic,
        "brings": call.brings,
        "media": call.media,
        "sha256": sha256,
        "size": len(call.body),
        "sealed": sealed,
        "wrapped_key": wrapped,
        "state": WAITING,
        "received_at": call.received_at,
    }


def _mark(row: Any) -> tuple[str, ...]:
    return (row["system"], row["stream"], row["event"], row["sha256"])


def _known(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, ...]]:
    table = schema.inbox
    found = connection.execute(
        sa.select(table.c.system, table.c.stream, table.c.event, table.c.sha256).where(
            *(table.c[name].in_({row[name] for row in rows}) for name in ("system", "stream")),
            table.c.event.in_({row["event"] for row in rows}),
        )
    )
    return {_mark(row) for row in found.mappings()}


def waiting(store: Store, objects: Objects, system: str, stream: str) -> Iterator[Item]:
    """Yield what waits for a stream, in the order of arrival, a block at a time."""
    table = schema.inbox
    last = 0
    while True:
        with store.reading() as connection:
            rows = connection.execute(
                sa.select(table)
                .where(
                    table.c.system == system,
                    table.c.stream == stream,
                    table.c.state == WAITING,
                    table.c.id > last,
                )
                .order_by(table.c.id)
                .limit(_BLOCK)
            ).all()
        for row in rows:
            body = objects.unseal(row.sealed, row.wrapped_key, row.sha256)
            yield Item(row.id, row.brings, row.media, body)
            last = row.id
        if len(rows) < _BLOCK:
            return


def landed(connection: sa.Connection, objects_of: Mapping[int, str]) -> None:
    """Name the object of each item, inside the transaction that writes the objects.

    The sealed bytes go, as they are an object now. Raises TryLater, which ends that transaction,
    when another pull was faster.
    """
    table = schema.inbox
    for number, object_id in objects_of.items():
        done = connection.execute(
            table.update()
            .where(table.c.id == number, table.c.state == WAITING)
            .values(state=LANDED, object_id=object_id, sealed=None, wrapped_key=None)
        )
        if done.rowcount != 1:
            raise TryLater(
                "another run has landed the same webhooks a moment ago",
                fix="nothing to do: the next run goes on with what is left",
            )


def counts(store: Store) -> list[dict[str, Any]]:
    """Count the items of each stream by state, with the instant of the last one."""
    table = schema.inbox
    with store.reading() as connection:
        rows = connection.execute(
            sa.select(
                table.c.system,
                table.c.stream,
                table.c.state,
                sa.func.count().label("calls"),
                sa.func.max(table.c.received_at, type_=schema.Instant()).label("last"),
            )
            .group_by(table.c.system, table.c.stream, table.c.state)
            .order_by(table.c.system, table.c.stream, table.c.state)
        ).mappings()
        return [dict(row) for row in rows]


def feeds(connection: sa.Connection, system: str, stream: str) -> bool:
    """Say whether webhooks ever brought anything for a stream."""
    table = schema.inbox
    found = sa.select(table.c.id).where(table.c.system == system, table.c.stream == stream)
    return connection.execute(found.limit(1)).first() is not None
