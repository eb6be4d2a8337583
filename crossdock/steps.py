"""One batch on its way through the steps: read what the last step made, do the step, keep it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from crossdock import document_key, documents, held_rows, loaded, memory
from crossdock.batch import BatchFiles
from crossdock.errors import TryLater
from crossdock.flows import Flow, Leg, Route
from crossdock.home import Home
from crossdock.mapping import when
from crossdock.objects import Objects
from crossdock.runs import Run, find, holding, remember
from crossdock.store import Store, open_store, schema


@dataclass(frozen=True)
class Steps:
    """A batch with its flow, run and files; each method is a step."""

    home: Home
    store: Store
    flow: Flow
    run: Run
    batch_id: str
    files: BatchFiles

    @classmethod
    def of(cls, batch_id: str) -> Steps:
        """Open the batch ``<run>/<leg>-<number>``."""
        home = Home.find()
        store = open_store(home)
        run = find(store, batch_id.rsplit("/", 1)[0])
        flow = loaded.flow_of(home, run.flow)
        return cls(home, store, flow, run, batch_id, BatchFiles(Objects(home), batch_id))

    @property
    def leg(self) -> Leg:
        """The leg of the flow that the batch came by."""
        return self.flow.legs[int(self.batch_id.rsplit("/", 1)[1].split("-")[0])]

    # -- map -------------------------------------------------------------------------------
    def map(self) -> None:
        """Turn the raw records into canonical documents; keep faults and new fields."""
        made_by = self._map_hash()
        if self.files.has("map", made_by):
            return
        from crossdock import map as step

        with self._timed("map"):
            raw = self.raw()
            mappings = [loaded.mapping_of(self.home, name) for name in self.leg.maps]
            there = pc.and_not(pc.is_null(raw["fault"]), raw["deleted"])  # no tombstones
            readable = pc.indices_nonzero(there).cast(pa.int32())
            result = step.map(raw.take(readable), mappings)
            passed = {
                entity: _placed(_owned(table, self.flow), readable)
                for entity, table in result.passed.items()
                if table.num_rows
            }
            content = {f"content.{entity}": _content(table) for entity, table in passed.items()}
            tables = {f"documents.{entity}": table for entity, table in passed.items()}
            tables["faults"] = pa.concat_tables(
                [
                    held_rows.of_faults(raw, mappings, _placed(result.held, readable)),
                    held_rows.of_unreadable(raw),
                ]
            )
            self.files.write("content", content, made_by)
            self.files.write("map", tables, made_by)
        if result.new_fields:
            remember(self.store, self.run, new_fields=result.new_fields)

    def raw(self) -> pa.Table:
        """Read the raw batch."""
        return self.files.read(self.files.path("pull"))["raw"]

    def content(self) -> dict[str, pa.Table]:
        """Read record, key, hash and compressed body of each document, by entity."""
        tables = self.files.read(self.files.path("content", self._map_hash()))
        return {name.removeprefix("content."): table for name, table in tables.items()}

    def _map_hash(self) -> str:
        names = "|".join(loaded.mapping_of(self.home, name).hash for name in self.leg.maps)
        owner = f"{self.flow.organisation}|{self.flow.shop}"
        return hashlib.sha256(f"{names}|{owner}".encode()).hexdigest()

    # -- check -----------------------------------------------------------------------------
    def check(self) -> None:
        """Judge the documents; keep every verdict and who is held."""
        made_by = self._check_hash()
        if self.files.has("check", made_by):
            return
        from crossdock import check as step
        from crossdock.store.history import StoreHistory

        with self._timed("check"):
            held, findings, totals = [], [], []
            history = StoreHistory(self.store, self._arriving)
            for entity, table in self._documents().items():
                suites = self._suites(entity)
                if not suites:
                    continue
                found = step.check(table, suites, history)
                held.append(held_rows.of_verdicts(found, entity, held_rows.waiting_rules(suites)))
                findings.append(held_rows.found_by(found, entity))
                totals.append({"entity": entity, "records": found.records, "lines": found.lines})
            tables = {
                "totals": pa.Table.from_pylist(totals, schema=_TOTALS),
                "held": pa.concat_tables(held) if held else held_rows.HELD.empty_table(),
                "findings": pa.concat_tables([held_rows.FOUND.empty_table(), *findings]),
            }
            self.files.write("check", tables, made_by)

    def _arriving(self, entity: str) -> pa.Array:
        """Give the ids of an entity's documents that the run's earlier batches bring."""
        from crossdock.pull import batch_ids

        ids = [pa.array([], pa.string())]
        for batch_id in batch_ids(self.store, self.run.id):
            other = Steps.of(batch_id)
            makes = {loaded.mapping_of(self.home, name).entity for name in other.leg.maps}
            if entity not in makes or not other.files.has("content", other._map_hash()):
                continue
            content = other.content().get(entity)
            if content is not None:
                ids += document_key.ids(content["key"]).cast(pa.string()).chunks
        return pa.concat_arrays(ids)

    def _documents(self) -> dict[str, pa.Table]:
        tables = self.files.read(self.files.path("map", self._map_hash()))
        return {
            name.removeprefix("documents."): table
            for name, table in tables.items()
            if name.startswith("documents.")
        }

    def _resolved(self, step: str) -> dict[str, pa.Table]:
        """Read what resolve used, whatever the mapping says by now."""
        with self.store.reading() as connection:
            steps = connection.execute(
                sa.select(schema.batch.c.steps).where(schema.batch.c.id == self.batch_id)
            ).scalar_one()
        return self.files.read(json.loads(steps)[step])

    def _suites(self, entity: str) -> list[Any]:
        return [loaded.suite_of(self.home, name) for name in self.leg.suites.get(entity, ())]

    def _check_hash(self) -> str:
        names = [
            f"{entity}:{loaded.suite_of(self.home, name).hash}"
            for entity, listed in self.leg.suites.items()
            for name in listed
        ]
        return hashlib.sha256("|".join([self._map_hash(), *names]).encode()).hexdigest()

    def checked(self) -> dict[str, pa.Table]:
        """Read what ``check`` kept: ``held`` and ``findings``."""
        return self.files.read(self.files.path("check", self._check_hash()))

    # -- resolve ---------------------------------------------------------------------------
    def resolve(self) -> None:
        """Commit the batch: versions, holds, outbox rows, ledger."""
        from crossdock import conflicts
        from crossdock import resolve as step

        with self._timed("resolve"), self._held_lease():
            raw = self.raw()
            tables = self.files.read(self.files.path("map", self._map_hash()))
            checked = self.checked()
            held = pa.concat_tables([tables.pop("faults"), checked["held"], self._gated()])
            released = raw["released"] if "released" in raw.column_names else None
            held = held_rows.unreleased(held, released)
            stopped = pc.unique(held["record"])
            passed = {}
            routed: dict[str, list[Any]] = {}
            kinds = np.full(raw.num_rows, "", dtype=object)
            for name, table in tables.items():
                entity = name.removeprefix("documents.")
                kinds[table["record"].to_numpy()] = _kinds(entity, table)
                for route in self.flow.routes:
                    if route.entity == entity:
                        routed.setdefault(route.target, []).append(_goes(route, table))
                passed[entity] = table.filter(
                    pc.invert(pc.is_in(table["record"], value_set=stopped))
                )
            for route in self.flow.routes:
                if route.when is None:
                    routed.setdefault(route.target, []).append(held_rows.faulty(held, route.entity))
            step.resolve(
                self.store,
                self.flow,
                self.run,
                self.batch_id,
                step.Checked(
                    raw=raw,
                    documents=passed,
                    content=self.content(),
                    kinds=kinds,
                    held=held,
                    routed={
                        route.target: pa.array(
                            sorted({r for part in routed.get(route.target, ()) for r in part}),
                            pa.int32(),
                        )
                        for route in self.flow.routes
                    },
                    mapping={
                        one.entity: one.hash
                        for one in (loaded.mapping_of(self.home, name) for name in self.leg.maps)
                    },
                    findings=checked["findings"],
                    steps={
                        "pull": self.files.path("pull"),
                        "map": self.files.path("map", self._map_hash()),
                        "content": self.files.path("content", self._map_hash()),
                    },
                ),
                {
                    entity: conflicts.load(self.home.project / "validation", entity)
                    for entity in passed
                },
            )

    def _gated(self) -> pa.Table:
        path = BatchFiles(self.files.objects, self.run.id).path("gate")
        if not self.files.objects.exists(path):
            return held_rows.HELD.empty_table()
        gated = self.files.read(path)["hold"]
        gated = gated.filter(pc.equal(gated["batch"], self.batch_id)).select(held_rows.HELD.names)
        whole = gated.filter(pc.is_null(gated["record"]))
        single = gated.filter(pc.is_valid(gated["record"]))
        if not whole.num_rows:
            return single
        records = [pa.array(range(self.raw().num_rows), pa.int32())] * whole.num_rows
        every = [
            whole.slice(n, 1).take(pa.array([0] * len(rows))).set_column(0, "record", rows)
            for n, rows in enumerate(records)
        ]
        return pa.concat_tables([single, *every])

    # -- push ------------------------------------------------------------------------------
    def push(self, patience: float = 0.0) -> TryLater | None:
        """Send what waits for each target; gives the reason when some must be tried later.

        What a target accepted and has not posted is asked about for ``patience`` seconds.
        """
        from crossdock import push as step
        from crossdock import targets

        later = None
        made: dict[str, pa.Table] = {}

        def documents_of(entity: str, records: Sequence[int]) -> tuple[pa.Table, pa.Array]:
            if not made:
                made.update(self._resolved("map") | self._resolved("content"))
            table, content = made[f"documents.{entity}"], made[f"content.{entity}"]
            rows = pa.array(records, pa.int32())
            hashes = content["hash"].take(pc.index_in(rows, value_set=content["record"]))
            if not table["record"].combine_chunks().equals(rows):
                table = table.take(pc.index_in(rows, value_set=table["record"]))
            return table, hashes.combine_chunks()

        with self._timed("push"), self._held_lease():
            waiting = self._waiting_targets()
            for route in self.flow.routes:
                if route.target not in waiting:
                    continue
                target = targets.kept_target(self.home, self.store, self.run.id, route)
                later = (
                    step.push(
                        self.store,
                        self.flow,
                        self.run,
                        self.batch_id,
                        target,
                        documents_of,
                        patience,
                    )
                    or later
                )
            self._nothing_waits()
        return later

    def _waiting_targets(self) -> set[str]:
        with self.store.reading() as connection:
            return set(connection.execute(self._waiting(schema.outbox.c.target)).scalars())

    def _nothing_waits(self) -> None:
        """Let later runs pass the batch by when all of it is settled."""
        batch = schema.batch
        with self.store.writing() as connection:
            mine = sa.select(batch.c.id).where(batch.c.id == self.batch_id)
            connection.execute(mine.with_for_update())  # who queues anew waits, and says so last
            if connection.execute(self._waiting(schema.outbox.c.id).limit(1)).first() is None:
                connection.execute(
                    batch.update().where(batch.c.id == self.batch_id).values(waiting=False)
                )

    def _waiting(self, column: sa.Column[Any]) -> sa.Select[Any]:
        outbox = schema.outbox
        return (
            sa.select(column)
            .where(outbox.c.batch_id == self.batch_id, outbox.c.state.in_(_UNSETTLED))
            .distinct()
        )

    @contextmanager
    def _held_lease(self) -> Iterator[None]:
        if self.run.holder.startswith("airflow/"):  # tasks come one by one: each renews
            with holding(self.store, self.run):
                yield
        else:
            yield

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        memory.give_back()
        remember(self.store, self.run, seconds={step: round(time.perf_counter() - start, 4)})


#: States of outbox rows that the next push looks at: to send, to take over, to ask about.
_UNSETTLED = ("pending", "sending", "accepted")
_TOTALS = pa.schema([("entity", pa.string()), ("records", pa.int64()), ("lines", pa.int64())])
def gate_run(home: Home, store: Store, run_id: str) -> None:
    """Decide what only the whole run shows; keep the holds for ``resolve``."""
    from crossdock.gating import gate_batches

    gate_batches(home, store, find(store, run_id))


def _owned(table: pa.Table, flow: Flow) -> pa.Table:
    """Say whose documents these are, where the mapping left it to the flow."""
    for name, value in (("organisation", flow.organisation), ("shop", flow.shop)):
        column = table.column_names.index(name)
        filled = pc.fill_null(table[name], value)
        table = table.set_column(column, table.schema.field(name), filled)
    return table


def _placed(table: pa.Table, rows: pa.Array) -> pa.Table:
    """Turn record numbers among the readable records into those of the batch."""
    column = table.column_names.index("record")
    return table.set_column(column, table.schema.field("record"), rows.take(table["record"]))


def _content(table: pa.Table) -> pa.Table:
    """Make what identifies each document: its key, the hash of its canonical JSON, its body."""
    texts = documents.to_json(table)
    return pa.table(
        {
            "record": table["record"],
            "key": document_key.keys(table),
            "hash": documents.hashes(texts),
            "body": documents.compress(texts),
        }
    )


def _kinds(entity: str, table: pa.Table) -> Any:
    """Name each document's kind: the entity, with its type where the entity has types."""
    if entity != "invoice":
        return entity
    types = pc.fill_null(table["type_code"], "invoice")
    return pc.binary_join_element_wise(entity, types, ".").to_numpy()


def _goes(route: Route, table: pa.Table) -> list[int]:
    if route.when is None:
        return list(table["record"].to_pylist())
    mask = when.compile(route.when).mask(table)
    return list(table["record"].filter(mask).to_pylist())


