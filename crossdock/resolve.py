"""resolve: from checked documents to the winning version, its holds and its outbox rows.

Everything that a batch changes in the store is committed here, in one transaction. Before it,
nothing is decided; after it, a repeated call finds the batch resolved and does nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from crossdock import documents, superseded
from crossdock.conflicts import ConflictRules, Merged, merge
from crossdock.flows import Flow, Leg, Route
from crossdock.model import entity as entity_of
from crossdock.runs import Run
from crossdock.store import Store, bulk, schema
from crossdock.store.engine import guard, take_numbers

AMOUNT = pa.decimal128(18, 6)
HUB = "hub"
HELD_CAUSES = ("unreadable", "mapping", "check", "conflict", "waiting for a parent")


@dataclass(frozen=True)
class Checked:
    """What the steps before made of one batch.

    ``raw`` is the batch; ``documents`` entity -> passed documents; ``content`` entity -> key, hash
    and compressed body of each (by ``record``); ``held`` a row per fault
    with columns record, cause, entity, rule, rule_version, severity, field, value, line,
    message; ``routed`` target -> the records that go there (held ones included);
    ``mapping`` entity -> the hash of the mapping that made its documents.
    """

    raw: pa.Table
    documents: Mapping[str, pa.Table]
    content: Mapping[str, pa.Table]
    held: pa.Table
    routed: Mapping[str, pa.Array]
    mapping: Mapping[str, str]
    findings: pa.Table
    steps: Mapping[str, str]


@dataclass
class _Made:
    """One entity's documents with what they need to be written, all by column."""

    entity: str
    table: pa.Table
    kinds: pa.Array
    keys: pa.Array
    hashes: pa.Array
    bodies: pa.Array


def resolve(
    store: Store,
    flow: Flow,
    run: Run,
    batch_id: str,
    checked: Checked,
    rules: Mapping[str, ConflictRules],
) -> None:
    """Commit what ``checked`` found of the batch, or nothing.

    Raises TryLater when the lease went to another worker or two flows met in one document.
    """
    leg = flow.legs[int(batch_id.rsplit("/", 1)[1].split("-")[0])]
    made = [
        _made(name, table, checked.content[name])
        for name, table in checked.documents.items()
        if table.num_rows
    ]
    now = datetime.now(UTC)
    with store.writing() as connection:
        guard(connection, run.lease, run.fence)
        state = connection.execute(
            sa.select(schema.batch.c.state).where(schema.batch.c.id == batch_id).with_for_update()
        ).scalar_one()
        if state == "resolved":
            return
        work = _Work(store, connection, flow, leg, run, batch_id, checked, now)
        work.versions()
        for part in made:
            work.entity(part, rules.get(part.entity, ConflictRules()))
        work.holds()
        work.ledger()
        work.findings()
        connection.execute(
            schema.batch.update()
            .where(schema.batch.c.id == batch_id)
            .values(state="resolved", steps=json.dumps(dict(checked.steps)))
        )


def _made(name: str, table: pa.Table, content: pa.Table) -> _Made:
    place = pc.index_in(table["record"], value_set=_flat(content["record"]))
    kinds = pa.repeat(pa.scalar(name), table.num_rows)
    if name == "invoice":
        kinds = pc.binary_join_element_wise(name, pc.fill_null(table["type_code"], "invoice"), ".")
    return _Made(
        entity=name,
        table=table,
        kinds=_flat(kinds),
        keys=_flat(content["key"].take(place)),
        hashes=_flat(content["hash"].take(place)),
        bodies=_flat(content["body"].take(place)),
    )


class _Work:
    """The transaction of one batch, a method a kind of row."""

    def __init__(
        self,
        store: Store,
        connection: sa.Connection,
        flow: Flow,
        leg: Leg,
        run: Run,
        batch_id: str,
        checked: Checked,
        now: datetime,
    ) -> None:
        self.store = store
        self.connection = connection
        self.flow = flow
        self.leg = leg
        self.run = run
        self.batch_id = batch_id
        self.checked = checked
        self.now = pa.scalar(now, pa.timestamp("us", "UTC"))
        size = checked.raw.num_rows
        self.size = size
        self.kind = np.full(size, "", dtype=object)  # entity or entity.type of each record
        self.state = np.full(size, "", dtype=object)
        self.reason = np.full(size, "", dtype=object)
        self.document_id = np.zeros(size, dtype=np.int64)
        self.version_id = np.zeros(size, dtype=np.int64)
        self.settled: list[Any] = []  # versions that a target has already
        self.ledger_rows: list[pa.Table] = []
        self.extra_held: list[pa.Table] = []
        self.fresh = np.ones(size, dtype=bool)
        self.bases: dict[int, tuple[bytes, bytes]] = {}  # incoming where the merge differs

    def _ids(self, name: str, count: int) -> int:
        """Take numbers: from this transaction under SQLite's one writer, else from their own."""
        if self.store.dialect == "sqlite":
            return take_numbers(self.connection, name, count)
        return self.store.numbers(name, count)

    # -- record versions -------------------------------------------------------------------
    def versions(self) -> None:
        """Number the new contents of each key; older ones give way."""
        from crossdock.pull import latest

        raw = self.checked.raw
        known = latest(
            self.connection, self.leg.system, self.leg.stream, pc.unique(raw["key"])
        )
        place = {key: row for row, key in enumerate(known["key"].to_pylist())}
        numbers = known["n"].to_pylist()
        count = np.zeros(self.size, dtype=np.int32)
        keys = raw["key"].to_pylist()
        if "version_id" not in raw.column_names:
            first = self._ids("record_version", self.size)
            self.version_id = np.arange(first, first + self.size)
        if "version_id" in raw.column_names:  # taken up again: they have their numbers
            given = raw["version_id"].to_numpy(zero_copy_only=False)
            self.fresh = np.zeros(self.size, dtype=bool)
            self.version_id = given.astype(np.int64)
        upto: dict[str, int] = {}
        last_row: dict[str, int] = {}
        for row, key in enumerate(keys):
            before = upto.get(key)
            if before is None:
                before = numbers[place[key]] if key in place else 0
            count[row] = upto[key] = before + 1
            if key in last_row:
                self._supersede_row(last_row[key])
            last_row[key] = row
        self.count = count
        if known.num_rows:
            ids = known["id"]
            again = pa.array(self.version_id[~self.fresh])
            ids = ids.filter(pc.invert(pc.is_in(ids, value_set=again)))
            superseded.versions(self.connection, ids, self.now.as_py())
        if not self.fresh.all():
            superseded.reopened(
                self.connection, pa.array(self.version_id[~self.fresh]), self.now.as_py()
            )

    def _supersede_row(self, row: int) -> None:
        self.state[row] = "rejected"
        self.reason[row] = "superseded: a newer version came in the same pull"

    # -- documents -------------------------------------------------------------------------
    def entity(self, made: _Made, rules: ConflictRules) -> None:
        """Write the versions, the current state, the bindings and the outbox of one entity."""
        record = made.table["record"].to_numpy()
        self.kind[record] = made.kinds.to_numpy(zero_copy_only=False)
        alive = np.flatnonzero(self.state[record] == "")
        if alive.size < record.size:
            made = _rows(made, alive)
            record = record[alive]
        head, _ = schema.typed[made.entity]
        current = self._current(head, made)
        made, record, current = self._merged(made, record, current, rules)
        old_id, old_version, old_hash = current
        is_new = old_id == 0
        hashes = np.array(made.hashes.to_pylist(), dtype=object)
        changed = is_new | (hashes != old_hash)
        ids = old_id.copy()
        first = self._ids("document", int(is_new.sum()))
        ids[is_new] = np.arange(first, first + int(is_new.sum()))
        version = np.where(changed, old_version + 1, old_version)
        self.document_id[record] = ids
        self._write_documents(made, record, ids, version, changed, is_new)
        self._bind_source(made, record, ids, version)
        self._route(made, record, ids, version, changed)

    def _current(self, head: sa.Table, made: _Made) -> tuple[Any, Any, Any]:
        """Find the present id, version and hash of each document; locks them on PostgreSQL."""
        statement = (
            sa.select(head.c.document_key, head.c.document_id, head.c.version, head.c.hash)
            .where(bulk.among(head.c.document_key, made.keys, self.connection.dialect.name))
            .order_by(head.c.document_key)
            .with_for_update()
        )
        found = self.connection.execute(statement).all()
        place = {row.document_key: row for row in found}
        size = len(made.keys)
        ids, versions = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int32)
        hashes = np.full(size, b"", dtype=object)
        if place:
            for number, key in enumerate(made.keys.to_pylist()):
                if key in place:
                    row = place[key]
                    ids[number], versions[number], hashes[number] = (
                        row.document_id,
                        row.version,
                        bytes(row.hash),
                    )
        return ids, versions, hashes

    def _merged(
        self, made: _Made, record: Any, current: tuple[Any, Any, Any], rules: ConflictRules
    ) -> tuple[_Made, Any, tuple[Any, Any, Any]]:
        """Settle the documents that others changed since this source and we last agreed."""
        ids, versions, hashes = current
        if not ids.any():
            return made, record, current
        result: Merged = merge(
            self.connection,
            made.entity,
            source=(self.leg.system, self.leg.stream),
            table=made.table,
            bodies=made.bodies,
            hashes=np.array(made.hashes.to_pylist(), dtype=object),
            current=current,
            rules=rules,
        )
        if result.replaced:
            self.bases |= {
                int(record[number]): (made.hashes[number].as_py(), made.bodies[number].as_py())
                for number in result.replaced
            }
            made = _replaced(made, result.replaced)
        for number, reason in result.stale.items():
            self.state[record[number]] = "rejected"
            self.reason[record[number]] = reason
        if result.asked:
            self._conflicts(made.entity, record, result.asked)
        keep = np.array(
            [n for n in range(len(record)) if n not in result.stale and n not in result.asked],
            dtype=np.int64,
        )
        if keep.size == len(record):
            return made, record, current
        return _rows(made, keep), record[keep], (ids[keep], versions[keep], hashes[keep])

    def _conflicts(self, entity: str, record: Any, asked: Mapping[int, list[Any]]) -> None:
        rows = [
            {
                "record": int(record[number]),
                "cause": "conflict",
                "entity": entity,
                "rule": f"conflict.{fault.field}",
                "rule_version": "",
                "severity": "hold_record",
                "field": fault.field,
                "value": fault.value,
                "line": None,
                "message": fault.message,
            }
            for number, faults in asked.items()
            for fault in faults
        ]
        self.extra_held.append(pa.Table.from_pylist(rows, schema=self.checked.held.schema))

    def _write_documents(
        self, made: _Made, record: Any, ids: Any, version: Any, changed: Any, is_new: Any
    ) -> None:
        rows = np.flatnonzero(changed)
        if not rows.size:
            return
        take = pa.array(rows)
        bulk.insert(
            self.connection,
            schema.document_version,
            pa.table(
                {
                    "entity": pa.repeat(pa.scalar(made.entity), rows.size),
                    "document_id": pa.array(ids[rows]),
                    "version": pa.array(version[rows]),
                    "hash": made.hashes.take(take),
                    "body": made.bodies.take(take),
                    "version_id": pa.array(self.version_id[record[rows]]),
                    "mapping": pa.repeat(
                        pa.scalar(self.checked.mapping.get(made.entity, "")), rows.size
                    ),
                    "run_id": pa.repeat(pa.scalar(self.run.id), rows.size),
                }
            ),
        )
        self._write_typed(made, ids, version, changed, is_new)

    def _write_typed(self, made: _Made, ids: Any, version: Any, changed: Any, is_new: Any) -> None:
        head, lines = schema.typed[made.entity]
        kind = entity_of(made.entity)
        gone = np.flatnonzero(changed & ~is_new)
        if gone.size:
            old = pa.table({"document_id": pa.array(ids[gone])})
            bulk.delete(self.connection, head, old)
            if lines is not None:
                bulk.delete(self.connection, lines, old)
        rows = pa.array(np.flatnonzero(changed))
        table = made.table.take(rows)
        headers = {
            "document_id": pa.array(ids[changed]),
            "document_key": made.keys.take(rows),
            "version": pa.array(version[changed]),
            "hash": made.hashes.take(rows),
            "changed_by": pa.repeat(
                pa.scalar(f"{self.leg.system}.{self.leg.stream}"), len(rows)
            ),
        }
        for column in kind.header_columns:
            values = table[column.name]
            if column.kind == "json":
                values = _json_lists(values)
            headers[column.name] = values
        bulk.insert(self.connection, head, pa.table(headers))
        if lines is None:
            return
        nested = _flat(table["lines"])
        owner = pc.list_parent_indices(nested)
        flat = pc.list_flatten(nested)
        if len(flat) == 0:
            return
        parents = owner.to_numpy()
        starts = np.searchsorted(parents, parents, side="left")
        columns = {
            "document_id": pa.array(ids[changed][parents]),
            "line_number": pa.array((np.arange(parents.size) - starts + 1).astype(np.int32)),
            **{c.name: pc.struct_field(flat, c.name) for c in kind.children["lines"]},
        }
        bulk.insert(self.connection, lines, pa.table(columns))

    def _bind_source(self, made: _Made, record: Any, ids: Any, version: Any) -> None:
        size = len(record)
        keys = self.checked.raw["key"].take(pa.array(record))
        agreed = made.hashes
        bases = pa.nulls(size, pa.large_binary())
        if self.bases:
            own = made.hashes.to_pylist()
            pairs = [self.bases.get(row, (own[n], None)) for n, row in enumerate(record.tolist())]
            agreed = pa.array([digest for digest, _ in pairs], pa.binary(32))
            bases = pa.array([body for _, body in pairs], pa.large_binary())
        bulk.upsert(
            self.connection,
            schema.binding,
            pa.table(
                {
                    "system": pa.repeat(pa.scalar(self.leg.system), size),
                    "stream": pa.repeat(pa.scalar(self.leg.stream), size),
                    "entity": pa.repeat(pa.scalar(made.entity), size),
                    "document_id": pa.array(ids),
                    "their_id": _flat(keys),
                    "base_version": pa.array(version),
                    "base_hash": agreed,
                    "base": bases,
                    "run_id": pa.repeat(pa.scalar(self.run.id), size),
                }
            ),
        )

    # -- outbox ----------------------------------------------------------------------------
    def _route(self, made: _Made, record: Any, ids: Any, version: Any, changed: Any) -> None:
        """Queue the documents for each target; say in the ledger what waits for what."""
        routed = np.zeros(len(record), dtype=bool)
        for route in self.flow.routes:
            if route.entity != made.entity:
                continue
            goes = np.isin(record, self.checked.routed[route.target].to_numpy())
            routed |= goes
            rows = np.flatnonzero(goes)
            if rows.size:
                self._queue(route, made, record, ids, version, changed, rows)
        rest = np.flatnonzero(~routed)
        if rest.size:  # nobody takes it but the hub's own current state
            self._note(HUB, record[rest], "delivered", "", _amounts(made, rest), None)
        for number in np.flatnonzero(routed):
            self.state[record[number]] = "pending"
        self.state[record[rest]] = "delivered"

    def _queue(
        self, route: Route, made: _Made, record: Any, ids: Any, version: Any, changed: Any, rows: Any
    ) -> None:
        old = ids[rows][(version[rows] > 1) | ~changed[rows]]
        there = superseded.at_target(
            self.connection, route.target, route.system, route.stream, made.entity, pa.array(old)
        )
        sends, delivered, waits = [], [], []
        for number in rows.tolist():
            status = there.get(int(ids[number]))
            same = status is not None and status.version == version[number]
            if same and status.done:
                delivered.append((number, status))
            elif same and status.waiting:
                waits.append((number, status))
            else:
                sends.append((number, status))
        if delivered:
            places = np.array([number for number, _ in delivered])
            amounts = pa.array([status.amount for _, status in delivered], AMOUNT)
            self._note(
                route.target, record[places], "delivered", "the target has this document", amounts,
                None,
            )  # fmt: skip
        for number, status in waits:
            self._note(
                route.target, record[[number]], "pending", "", None, pa.array([status.outbox_id])
            )
        if sends:
            self._send(route, made, record, ids, version, sends)

    def _send(
        self, route: Route, made: _Made, record: Any, ids: Any, version: Any, sends: Sequence[Any]
    ) -> None:
        places = np.array([number for number, _ in sends])
        size = places.size
        first = self._ids("outbox", size)
        outbox_ids = np.arange(first, first + size)
        superseded.outbox(
            self.connection, [s.outbox_id for _, s in sends if s is not None and s.unsent]
        )
        keys = made.keys.take(pa.array(places)).to_pylist()
        creates = [status is None or (not status.bound and status.unsent) for _, status in sends]
        prefix = f"{route.target}|{made.entity}|"
        names = [
            prefix + key if create else f"{prefix}{key}|{number}"
            for key, create, number in zip(keys, creates, outbox_ids.tolist(), strict=True)
        ]
        rows = pa.array(
            [None if row in self.bases else row for row in record[places].tolist()], pa.int32()
        )
        bulk.insert(
            self.connection,
            schema.outbox,
            pa.table(
                {
                    "id": pa.array(outbox_ids),
                    "target": pa.repeat(pa.scalar(route.target), size),
                    "flow": pa.repeat(pa.scalar(self.flow.name), size),
                    "entity": pa.repeat(pa.scalar(made.entity), size),
                    "document_id": pa.array(ids[places]),
                    "document_version": pa.array(version[places]),
                    "document_key": pa.array(keys),
                    "operation": pa.array(["create" if c else "update" for c in creates]),
                    "idempotency_key": pa.array(
                        [hashlib.sha256(name.encode()).hexdigest()[:40] for name in names]
                    ),
                    "state": pa.repeat(pa.scalar("pending"), size),
                    "run_id": pa.repeat(pa.scalar(self.run.id), size),
                    "batch_id": pa.repeat(pa.scalar(self.batch_id), size),
                    "record": rows,
                    "version_id": pa.array(self.version_id[record[places]]),
                    "attempts": pa.repeat(pa.scalar(0), size),
                    "fence": pa.repeat(pa.scalar(self.run.fence), size),
                    "currency": self.checked.raw["currency"].take(pa.array(record[places])),
                }
            ),
        )
        self._note(
            route.target, record[places], "pending", "", None, pa.array(outbox_ids)
        )

    def _note(
        self,
        target: str,
        records: Any,
        state: str,
        reason: str,
        amounts: pa.Array | None,
        outbox: pa.Array | None,
    ) -> None:
        """Write ledger rows; money of what is not delivered is counted from the raw record."""
        size = len(records)
        if state == "delivered":
            self.settled.append(self.version_id[records])
        take = pa.array(records)
        raw = self.checked.raw
        self.ledger_rows.append(
            pa.table(
                {
                    "version_id": pa.array(self.version_id[records]),
                    "target": pa.repeat(pa.scalar(target), size),
                    "run_id": pa.repeat(pa.scalar(self.run.id), size),
                    "state": pa.repeat(pa.scalar(state), size),
                    "reason": pa.repeat(pa.scalar(reason), size),
                    "outbox_id": outbox if outbox is not None else pa.nulls(size, pa.int64()),
                    "amount": amounts if amounts is not None else _flat(raw["amount"].take(take)),
                    "currency": _flat(raw["currency"].take(take)),
                }
            )
        )

    # -- holds -----------------------------------------------------------------------------
    def holds(self) -> None:
        """Put what is held into the quarantine, with every verdict."""
        held = pa.concat_tables([self.checked.held, *self.extra_held]).combine_chunks()
        if held.num_rows == 0:
            return
        alive = pa.array(self.state == "")
        held = held.filter(pc.take(alive, held["record"]))
        held = held.sort_by([("record", "ascending")])
        records = held["record"].to_numpy()
        if not records.size:
            return
        starts = np.flatnonzero(np.concatenate(([True], records[1:] != records[:-1])))
        whose = np.repeat(
            np.arange(starts.size), np.diff(np.append(starts, records.size))
        )
        firsts = held.take(pa.array(starts))
        rows = records[starts]
        for row, entity, cause, rule in zip(
            rows.tolist(),
            firsts["entity"].to_pylist(),
            firsts["cause"].to_pylist(),
            firsts["rule"].to_pylist(),
            strict=True,
        ):
            self.state[row] = "quarantined"
            self.reason[row] = f"{cause}: {rule}"
            if not self.kind[row]:
                self.kind[row] = entity or ""
        first = self._ids("hold", starts.size)
        hold_ids = np.arange(first, first + starts.size)
        raw = self.checked.raw.take(pa.array(rows))
        size = starts.size
        bulk.insert(
            self.connection,
            schema.hold,
            pa.table(
                {
                    "id": pa.array(hold_ids),
                    "flow": pa.repeat(pa.scalar(self.flow.name), size),
                    "run_id": pa.repeat(pa.scalar(self.run.id), size),
                    "batch_id": pa.repeat(pa.scalar(self.batch_id), size),
                    "subject": pa.repeat(pa.scalar("record"), size),
                    "cause": firsts["cause"],
                    "rule": firsts["rule"],
                    "summary": firsts["message"],
                    "state": pa.repeat(pa.scalar("open"), size),
                    "system": pa.repeat(pa.scalar(self.leg.system), size),
                    "stream": pa.repeat(pa.scalar(self.leg.stream), size),
                    "key": raw["key"],
                    "entity": pa.array(self.kind[rows].tolist(), pa.string()),
                    "target": pa.repeat(pa.scalar(""), size),
                    "version_id": pa.array(self.version_id[rows]),
                    "object_id": raw["object"],
                    "record": pa.array(rows.astype(np.int32)),
                    "amount": raw["amount"],
                    "currency": raw["currency"],
                    "opened_at": pa.repeat(self.now, size),
                }
            ),
        )
        number = self._ids("verdict", held.num_rows)
        bulk.insert(
            self.connection,
            schema.verdict,
            pa.table(
                {
                    "id": pa.array(np.arange(number, number + held.num_rows)),
                    "hold_id": pa.array(hold_ids[whose]),
                    "rule": held["rule"],
                    "rule_version": held["rule_version"],
                    "severity": held["severity"],
                    "field": held["field"],
                    "value": held["value"],
                    "line": held["line"],
                    "message": held["message"],
                }
            ),
        )

    # -- ledger ----------------------------------------------------------------------------
    def ledger(self) -> None:
        """Write the record versions and where each stands at every target."""
        for state in ("quarantined", "rejected"):
            rows = np.flatnonzero(self.state == state)
            if rows.size:
                self._note_undelivered(rows, state)
        gone = np.flatnonzero((self.state == "") & self.checked.raw["deleted"].to_numpy())
        if gone.size:
            self.state[gone] = "rejected"
            self.reason[gone] = "deleted at the source: targets keep what they have"
            self._note_undelivered(gone, "rejected")
        lost = np.flatnonzero(self.state == "")
        if lost.size:  # a step lost a record: say so loudly rather than lose it too
            key = self.checked.raw["key"][int(lost[0])].as_py()
            raise AssertionError(f"{lost.size} records fell out of the steps, first {key!r}")
        fresh = np.flatnonzero(self.fresh)
        raw = self.checked.raw
        last = np.zeros(self.size, dtype=bool)
        last[list({key: row for row, key in enumerate(raw["key"].to_pylist())}.values())] = True
        size = fresh.size
        take = pa.array(fresh)
        rows = {
            "id": pa.array(self.version_id[fresh]),
            "system": pa.repeat(pa.scalar(self.leg.system), size),
            "stream": pa.repeat(pa.scalar(self.leg.stream), size),
            "key": raw["key"].take(take),
            "n": pa.array(self.count[fresh]),
            "latest": pa.array(last[fresh]),
            "hash": raw["hash"].take(take),
            "run_id": pa.repeat(pa.scalar(self.run.id), size),
            "batch_id": pa.repeat(pa.scalar(self.batch_id), size),
            "record": pa.array(fresh.astype(np.int32)),
            "object_id": raw["object"].take(take),
            "position": raw["position"].take(take),
            "leg": pa.repeat(pa.scalar(self.leg.number), size),
            "entity": pa.array(self.kind[fresh].tolist(), pa.string()),
            "document_id": pa.array(
                [int(n) or None for n in self.document_id[fresh]], pa.int64()
            ),
            "state": pa.array(self.state[fresh].tolist(), pa.string()),
            "reason": pa.array(self.reason[fresh].tolist(), pa.string()),
            "amount": raw["amount"].take(take),
            "currency": raw["currency"].take(take),
        }
        bulk.insert(self.connection, schema.record_version, pa.table(rows))
        again = np.flatnonzero(~self.fresh)
        if again.size:
            bulk.update(
                self.connection,
                schema.record_version,
                pa.table(
                    {
                        "id": pa.array(self.version_id[again]),
                        "entity": pa.array(self.kind[again].tolist(), pa.string()),
                        "document_id": pa.array(
                            [int(n) or None for n in self.document_id[again]], pa.int64()
                        ),
                        "state": pa.array(self.state[again].tolist(), pa.string()),
                        "reason": pa.array(self.reason[again].tolist(), pa.string()),
                    }
                ),
                by=["id"],
            )
        if self.ledger_rows:
            merged = pa.concat_tables(self.ledger_rows, promote_options="permissive")
            bulk.insert(self.connection, schema.ledger, merged)
        if self.settled:
            superseded.refresh(self.connection, pa.array(np.concatenate(self.settled)))

    def _note_undelivered(self, rows: Any, state: str) -> None:
        placed = np.zeros(self.size, dtype=bool)
        for route in self.flow.routes:
            goes = np.intersect1d(rows, self.checked.routed[route.target].to_numpy())
            goes = np.array(
                [r for r in goes.tolist() if str(self.kind[r]).split(".")[0] == route.entity],
                dtype=np.int64,
            )
            if goes.size:
                placed[goes] = True
                self._note_each(route.target, goes, state)
        rest = rows[~placed[rows]]
        if rest.size:
            self._note_each("", rest, state)

    def _note_each(self, target: str, rows: Any, state: str) -> None:
        for reason in sorted(set(self.reason[rows].tolist())):
            some = rows[self.reason[rows] == reason]
            self._note(target, some, state, reason, None, None)

    def findings(self) -> None:
        """Keep what the rules found in this batch, notes included."""
        found = self.checked.findings
        if found.num_rows:
            size = found.num_rows
            found = found.append_column("batch_id", pa.repeat(pa.scalar(self.batch_id), size))
            found = found.append_column("run_id", pa.repeat(pa.scalar(self.run.id), size))
            bulk.upsert(self.connection, schema.finding, found)


def _replaced(made: _Made, texts: Mapping[int, str]) -> _Made:
    """Put the merged documents in the place of the incoming ones."""
    numbers = sorted(texts)
    words = documents.to_json(
        documents.from_json(pa.array([texts[n] for n in numbers], pa.large_string()), made.entity)
    )
    merged = documents.from_json(words, made.entity)
    merged = merged.add_column(0, "record", made.table["record"].take(pa.array(numbers)))
    both = pa.concat_tables(
        [made.table, merged.select(made.table.column_names)], promote_options="permissive"
    )
    order = list(range(made.table.num_rows))
    for place, number in enumerate(numbers):
        order[number] = made.table.num_rows + place
    take = pa.array(order)

    def put(column: pa.Array, new: pa.Array) -> pa.Array:
        return pa.concat_arrays([column, new.cast(column.type)]).take(take)

    return _Made(
        entity=made.entity,
        table=both.take(take).combine_chunks(),
        kinds=made.kinds,
        keys=made.keys,
        hashes=put(made.hashes, documents.hashes(words)),
        bodies=put(made.bodies, documents.compress(words)),
    )


def _rows(made: _Made, keep: Any) -> _Made:
    take = pa.array(keep)
    return _Made(
        entity=made.entity,
        table=made.table.take(take),
        kinds=made.kinds.take(take),
        keys=made.keys.take(take),
        hashes=made.hashes.take(take),
        bodies=made.bodies.take(take),
    )


def _amounts(made: _Made, rows: Any) -> pa.Array:
    field = entity_of(made.entity).amount_field
    if field is None:
        return pa.repeat(pa.scalar(Decimal(0), AMOUNT), len(rows))
    return _flat(made.table[field].take(pa.array(rows)))


def _json_lists(values: pa.ChunkedArray) -> pa.Array:
    texts = documents.to_json(pa.table({"list": values}))
    cut = pc.utf8_slice_codeunits(texts, start=len('{"list":'), stop=-1)
    return pc.if_else(pc.is_null(values), pa.scalar(None, pa.large_string()), cut)


def _flat(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    return column
