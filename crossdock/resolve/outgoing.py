"""Queue documents for their targets; say in the ledger what waits for which outbox row."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from crossdock import superseded
from crossdock.flows import Route
from crossdock.model import entity as entity_of
from crossdock.resolve import echo
from crossdock.resolve.current import Written
from crossdock.resolve.work import AMOUNT, Incoming, Work, flat
from crossdock.store import bulk, schema
from crossdock.superseded import AtTarget

HUB = "hub"


def queue(work: Work, written: Written) -> None:
    """Queue each document for every target of its entity that wants it.

    What no target wants is delivered to the hub itself, whose current state it is.
    """
    came = written.documents
    routed = np.zeros(len(came.keys), dtype=bool)
    for route in work.flow.routes:
        if route.entity != came.entity:
            continue
        goes = np.isin(came.record, work.checked.routed[route.target].to_numpy())
        routed |= goes
        if goes.any():
            _queue_for(work, route, written, np.flatnonzero(goes))
    rest = np.flatnonzero(~routed)
    if rest.size:
        work.note(HUB, came.record[rest], "delivered", amounts=_amounts(came, rest))
    work.state[came.record[routed]] = "pending"
    work.state[came.record[rest]] = "delivered"


def _queue_for(work: Work, route: Route, written: Written, rows: Any) -> None:
    echoes = echo.heard_there(work, route, written, rows)
    if echoes:
        _have_it(work, route, written, np.array(sorted(echoes)))
        rows = echo.without(rows, echoes)
    ids, version = written.ids, written.version
    there = superseded.at_target(
        work.connection, route, pa.array(ids[rows][~written.is_new[rows]], pa.int64())
    )
    delivered: list[tuple[int, AtTarget]] = []
    waiting: list[tuple[int, AtTarget]] = []
    sends: list[tuple[int, AtTarget | None]] = []
    for row in rows.tolist():
        status = there.get(int(ids[row]))
        if status is not None and status.version == version[row] and status.done:
            delivered.append((row, status))
        elif status is not None and status.version == version[row] and status.waiting:
            waiting.append((row, status))
        else:
            sends.append((row, status))
    record = written.documents.record
    if delivered:
        amounts = pa.array([status.amount for _, status in delivered], AMOUNT)
        places = record[[row for row, _ in delivered]]
        work.note(
            route.target, places, "delivered", "the target has this document", amounts=amounts
        )
    if waiting:
        outbox = pa.array([status.outbox_id for _, status in waiting], pa.int64())
        work.note(route.target, record[[row for row, _ in waiting]], "pending", outbox=outbox)
    if sends:
        _send(work, route, written, sends)


def _have_it(work: Work, route: Route, written: Written, rows: Any) -> None:
    came = written.documents
    words = "the target told us this itself"
    work.note(route.target, came.record[rows], "delivered", words, amounts=_amounts(came, rows))


def _send(
    work: Work, route: Route, written: Written, sends: Sequence[tuple[int, AtTarget | None]]
) -> None:
    """Write outbox rows; a newer version withdraws an older one that was never sent."""
    came = written.documents
    rows = np.array([row for row, _ in sends])
    size = rows.size
    superseded.outbox(work.connection, [n for _, s in sends if s for n in s.withdrawn])
    creates = [status is None or (status.unsent and not status.begun) for _, status in sends]
    keys = came.keys.take(pa.array(rows)).to_pylist()
    hashes = came.hashes.take(pa.array(rows))
    first = work.numbers("outbox", size)
    numbers = np.arange(first, first + size)
    record = came.record[rows]
    bulk.insert(
        work.connection,
        schema.outbox,
        pa.table(
            {
                "id": pa.array(numbers),
                "target": work.same(route.target, size),
                "flow": work.same(work.flow.name, size),
                "entity": work.same(came.entity, size),
                "document_id": pa.array(written.ids[rows]),
                "document_version": pa.array(written.version[rows]),
                "document_key": pa.array(keys),
                "operation": pa.array(["create" if create else "update" for create in creates]),
                "idempotency_key": pa.array(
                    [
                        idempotency_key(route, key, None if create else (number, digest))
                        for key, create, number, digest in zip(
                            keys, creates, numbers.tolist(), hashes.to_pylist(), strict=True
                        )
                    ]
                ),
                "state": work.same("pending", size),
                "run_id": work.same(work.run.id, size),
                "batch_id": work.same(work.batch_id, size),
                "record": pa.array(
                    [None if row in work.bases else row for row in record.tolist()], pa.int32()
                ),
                "version_id": pa.array(work.version_id[record]),
                "attempts": work.same(0, size),
                "fence": work.same(work.run.fence, size),
                "currency": flat(work.raw["currency"].take(pa.array(record))),
            }
        ),
    )
    work.note(route.target, record, "pending", outbox=pa.array(numbers))


def idempotency_key(
    route: Route, document_key: str, change: tuple[int, bytes] | None
) -> str:
    """Make the key of a send: of target and document for a create, of the ``change`` as well else.

    A change is its outbox number and the hash of the document: a backup that is restored brings
    old numbers back, and a key must never stand for two bodies. No flow's name is in it, so a
    renamed or second flow creates nothing twice.
    """
    name = f"{route.target}|{route.entity}|{document_key}"
    if change is not None:
        name += f"|{change[0]}|{change[1].hex()}"
    return hashlib.sha256(name.encode()).hexdigest()[:40]


def _amounts(came: Incoming, rows: Any) -> pa.Array:
    field = entity_of(came.entity).amount_field
    if field is None:
        return pa.repeat(pa.scalar(Decimal(0), AMOUNT), len(rows))
    return flat(came.table[field].take(pa.array(rows)))
