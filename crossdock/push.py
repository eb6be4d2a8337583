"""push: from outbox rows to receipts.

A row is marked *sending* before, and settled after, each send. Nobody outside can check our
fencing number, so it is checked where a row is marked, the send ends before the lease does, and
whoever comes after a crash treats what was being sent as uncertain.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from crossdock import documents, receipts
from crossdock.connector import Connector, Outcome, Parcel, Writes
from crossdock.deadline import sending
from crossdock.errors import CrossdockError, Misconfigured, TryLater
from crossdock.flows import Flow, Route
from crossdock.following import follow
from crossdock.outbox_rows import OutboxRows, stored_documents
from crossdock.payload import amounts_in
from crossdock.runs import LEASE_SECONDS, Run
from crossdock.store import Store, bulk, schema
from crossdock.store.engine import guard
from crossdock.worker import process_name

ENGINE = {
    "_reference": pa.string(),
    "_key": pa.string(),
    "_operation": pa.string(),
    "_their_id": pa.string(),
    "_version": pa.int64(),
}


DocumentsOf = Callable[[str, Sequence[int]], tuple[pa.Table, pa.Array]]


@dataclass(frozen=True)
class Target:
    """A route with its opened connector, its stream, and the mapping's functions and hash.

    ``judge(rows, documents)`` gives the faults for which a document must not leave, None where
    nothing is asked.
    """

    route: Route
    connector: Connector
    stream: Writes
    payload: Callable[[pa.Table], tuple[pa.Table, pa.Table]]
    bodies: Callable[[pa.Table], list[dict[str, Any]]]
    mapping_hash: str
    judge: Callable[[pa.Table, pa.Table], pa.Table] | None = None


def push(
    store: Store,
    flow: Flow,
    run: Run,
    batch_id: str,
    target: Target,
    documents_of: DocumentsOf,
    patience: float = 0.0,
) -> TryLater | None:
    """Send what waits in the outbox of ``batch_id`` for one target.

    ``documents_of(entity, records)`` gives the canonical documents of rows of the batch, and the
    hash of each. What the target accepted before and has not posted is asked about first, for
    ``patience`` seconds.
    Gives the reason when some rows must be tried later, None when all are settled; raises
    Misconfigured when the target cannot be reached for a reason that only a person can mend.
    """
    number = int(batch_id.rsplit("-", 1)[1])
    name = f"{run.lease}/{target.route.target}/{number % flow.partitions}"
    holder = f"{process_name()}/{secrets.token_hex(4)}"
    world = target.connector.world
    fence = store.acquire(name, holder, LEASE_SECONDS)
    give_up = world.monotonic() + LEASE_SECONDS
    while fence is None and world.monotonic() < give_up:
        world.sleep(0.05)
        fence = store.acquire(name, holder, LEASE_SECONDS)
    if fence is None:
        raise TryLater(f"another worker sends to {target.route.target}", after=30.0)
    try:
        sender = _Sender(
            store, run, batch_id, target, (name, holder, fence), documents_of, patience
        )
        return sender.send_all()
    finally:
        store.release(name, holder)


class _Sender:
    def __init__(
        self,
        store: Store,
        run: Run,
        batch_id: str,
        target: Target,
        lease: tuple[str, str, int],
        documents_of: DocumentsOf,
        patience: float,
    ) -> None:
        self.store = store
        self.run = run
        self.batch_id = batch_id
        self.target = target
        self.lease = lease
        self.world = target.connector.world
        self.documents_of = documents_of
        self.patience = patience
        self.mine = OutboxRows(batch_id, target.route)
        self.later: TryLater | None = None

    def send_all(self) -> TryLater | None:
        """Settle what a predecessor left, then send chunk by chunk."""
        self.later = follow(
            self.store, self.run, self.batch_id, self.target, self._guard, self.patience
        )
        with self.store.reading() as connection:
            left = self.mine.left(connection)
            rows = None if left else self.mine.due(connection, self.world.now())
        if rows is None:
            self._take_over(left)
            with self.store.reading() as connection:
                rows = self.mine.due(connection, self.world.now())
        if rows.num_rows == 0:
            return self.later or self._postponed()
        payload, hashes, amounts, rows = self._payload(rows)
        size = max(1, self.target.stream.batch)
        for start in range(0, rows.num_rows, size):
            chunk = slice(start, min(start + size, rows.num_rows))
            length = chunk.stop - chunk.start
            self._send(
                rows.slice(start, length),
                payload.slice(start, length),
                hashes.slice(start, length),
                amounts.slice(start, length),
            )
        return self.later

    def _postponed(self) -> TryLater | None:
        with self.store.reading() as connection:
            waiting = self.mine.postponed(connection, self.world.now())
        if not waiting:
            return None
        return TryLater(f"{waiting} documents wait for their next try", after=5.0)

    def _take_over(self, left: Sequence[Any]) -> None:
        """Decide about rows that another worker was sending."""
        table = schema.outbox
        delivery = self.target.stream.delivery
        if delivery == "lookup_before_create":
            # a request of the dead worker may still be on its way: look only when it cannot be
            wait = max((row.deadline - self.world.now()).total_seconds() for row in left)
            if wait > 0:
                self.world.sleep(wait)
        ids = pa.array([row.id for row in left], pa.int64())
        with self.store.writing() as connection:
            self._guard(connection)
            if delivery == "none":
                receipts.uncertain(
                    connection, self.store, self.run, self.target.route, ids,
                    "the worker died while sending; nobody can say whether it arrived",
                )  # fmt: skip
            else:
                connection.execute(
                    table.update()
                    .where(bulk.among(table.c.id, ids, connection.dialect.name))
                    .values(state="pending", claim=None)
                )

    def _guard(self, connection: sa.Connection) -> None:
        guard(connection, self.run.lease, self.run.fence)
        guard(connection, self.lease[0], self.lease[2])

    def _payload(self, rows: pa.Table) -> tuple[pa.Table, pa.Array, pa.Array, pa.Table]:
        """Map the documents to what the target wants; rows that must not leave are held."""
        canonical, of_document = self._documents(rows)
        if self.target.judge is not None:
            faults = self.target.judge(rows, canonical)
            rows, canonical, of_document = self._without(
                rows, canonical, of_document, faults, "order family"
            )
        made, faults = self.target.payload(canonical)
        rows, _, of_document = self._without(rows, canonical, of_document, faults, "mapping")
        made = made.drop_columns(["record"]) if "record" in made.column_names else made
        if self.target.stream.columns:  # a body is all that document and mapping make it
            seed = self.target.mapping_hash.encode()
            digests = [hashlib.sha256(seed + one).digest() for one in of_document.to_pylist()]
            hashes = pa.array(digests, pa.binary(32))
        else:
            hashes = documents.hashes(documents.to_json(made))
        amounts = amounts_in(made, self.target.stream.money)
        return made, hashes, amounts, rows

    def _without(
        self,
        rows: pa.Table,
        canonical: pa.Table,
        of_document: pa.Array,
        faults: pa.Table,
        cause: str,
    ) -> tuple[pa.Table, pa.Table, pa.Array]:
        """Hold the rows that have faults and give the others, numbered anew."""
        if faults.num_rows == 0:
            return rows, canonical, of_document
        with self.store.writing() as connection:
            self._guard(connection)
            receipts.unsent(
                connection, self.store, self.run, self.target.route, rows, faults, cause
            )
        bad = set(faults["record"].to_pylist())
        good = pa.array([n for n in range(rows.num_rows) if n not in bad], pa.int64())
        canonical = canonical.take(good)
        numbers = pa.array(range(len(good)), pa.int32())
        place = canonical.column_names.index("record")
        return (
            rows.take(good),
            canonical.set_column(place, "record", numbers),
            of_document.take(good),
        )

    def _documents(self, rows: pa.Table) -> tuple[pa.Table, pa.Array]:
        records = rows["record"]
        entity = self.target.route.entity
        if records.null_count == 0:
            table, hashes = self.documents_of(entity, records.to_pylist())
        else:
            with self.store.reading() as connection:
                table, hashes = stored_documents(connection, entity, rows)
        numbers = pa.array(range(table.num_rows), pa.int32())
        if "record" in table.column_names:
            table = table.drop_columns(["record"])
        return table.add_column(0, "record", numbers), hashes

    def _send(self, rows: pa.Table, payload: pa.Table, hashes: pa.Array, amounts: pa.Array) -> None:
        limit = min(self.target.stream.deadline, LEASE_SECONDS / 2)
        until = self.world.now() + timedelta(seconds=limit)
        rows, payload, hashes, amounts = self._mark(rows, payload, hashes, amounts, until)
        if rows.num_rows == 0:
            return
        with sending(self.world.now, until):
            outcomes = self._outcomes(rows, payload)
        with self.store.writing() as connection:
            self.later = (
                receipts.settle(
                    connection,
                    self.store,
                    self.run,
                    self.target.route,
                    self.target.stream,
                    rows,
                    outcomes,
                    amounts,
                    batch_id=self.batch_id,
                    claim=self.lease[1],
                    now=self.world.now(),
                )
                or self.later
            )

    def _mark(
        self,
        rows: pa.Table,
        payload: pa.Table,
        hashes: pa.Array,
        amounts: pa.Array,
        until: datetime,
    ) -> tuple[pa.Table, pa.Table, pa.Array, pa.Array]:
        """Mark rows *sending* under our lease, with the body's hash, before the send."""
        if self.store.acquire(self.lease[0], self.lease[1], LEASE_SECONDS) != self.lease[2]:
            raise TryLater(f"the lease {self.lease[0]} has gone to another worker")
        known = rows["body_hash"].to_pylist()
        other = [
            n
            for n, (old, new) in enumerate(zip(known, hashes.to_pylist(), strict=True))
            if old is not None and bytes(old) != new
        ]
        with self.store.writing() as connection:
            self._guard(connection)
            if other:
                receipts.uncertain(
                    connection, self.store, self.run, self.target.route,
                    rows["id"].take(pa.array(other)),
                    "an earlier try sent another body: the mapping changed in between",
                )  # fmt: skip
                bad = set(other)
                keep = pa.array([n for n in range(rows.num_rows) if n not in bad], pa.int64())
                rows, payload = rows.take(keep), payload.take(keep)
                hashes, amounts = hashes.take(keep), amounts.take(keep)
            bulk.update(
                connection,
                schema.outbox,
                pa.table({"id": rows["id"], "body_hash": hashes}),
                by=["id"],
                state="sending",
                claim=self.lease[1],
                fence=self.lease[2],
                deadline=until,
            )
        return rows, payload, hashes, amounts

    def _outcomes(self, rows: pa.Table, payload: pa.Table) -> list[Outcome]:
        """Look up where the class needs it, write, and give one outcome a row."""
        references = rows["document_key"].to_pylist()
        stream = self.target.stream
        try:
            if stream.columns:
                table = payload
                for name, column in self._engine_columns(rows).items():
                    table = table.append_column(name, column)
                return self.target.connector.write_table(stream, table)
            parcels = self._parcels(rows, payload)
            found: Mapping[str, Any] = {}
            if stream.delivery == "lookup_before_create":
                creates = [parcel for parcel in parcels if parcel.operation == "create"]
                found = self.target.connector.lookup(stream, creates) if creates else {}
            missing = [parcel for parcel in parcels if not found.get(parcel.reference)]
            written = {
                outcome.reference: outcome
                for outcome in (
                    self.target.connector.write(stream, missing) if missing else ()
                )
            }
            return [
                written.get(parcel.reference)
                or _there(parcel.reference, found.get(parcel.reference))
                for parcel in parcels
            ]
        except TryLater as error:
            words, after = error.what, error.after
            return [Outcome(r, "try_later", message=words, after=after) for r in references]
        except Misconfigured as error:
            with self.store.writing() as connection:
                receipts.back_to_pending(connection, rows, self.lease[1])
            raise error
        except CrossdockError as error:
            return [Outcome(r, "refused", message=error.what) for r in references]
        except Exception as error:  # noqa: BLE001 - an unknown end of a send: it may have arrived
            kind = type(error).__name__
            verdict = "uncertain" if stream.delivery == "none" else "try_later"
            return [Outcome(r, verdict, message=f"the send ended in {kind}") for r in references]  # type: ignore[arg-type]

    def _engine_columns(self, rows: pa.Table) -> dict[str, Any]:
        return {
            "_reference": rows["document_key"],
            "_key": rows["idempotency_key"],
            "_operation": rows["operation"],
            "_their_id": rows["their_id"],
            "_version": rows["document_version"].cast(pa.int64()),
        }

    def _parcels(self, rows: pa.Table, payload: pa.Table) -> list[Parcel]:
        columns = (rows[name].to_pylist() for name in
                   ("document_key", "idempotency_key", "operation", "their_id"))  # fmt: skip
        return [
            Parcel(reference, key, operation, body, their_id)
            for reference, key, operation, their_id, body in zip(
                *columns, self.target.bodies(payload), strict=True
            )
        ]


def _there(reference: str, found: Any) -> Outcome:
    if found is None:
        return Outcome(reference, "uncertain", message="the target gave no answer for it")
    return Outcome(reference, "delivered", their_id=found.their_id, message="was there already")
