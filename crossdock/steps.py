"""One batch on its way through the steps: read what the last step made, do the step, keep it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from crossdock import documents, flows, mapping, suite, systems
from crossdock.batch import BatchFiles
from crossdock.connector import Writes
from crossdock.errors import Misconfigured, TryLater
from crossdock.flows import Flow, Leg, Route
from crossdock.home import Home
from crossdock.mapping import when
from crossdock.objects import Objects
from crossdock.runs import Run, find, holding, remember
from crossdock.store import Store, open_store, schema
from crossdock.store.shared import opened_system
from crossdock.verdicts import FINDINGS

HELD = pa.schema(
    [
        ("record", pa.int32()),
        ("cause", pa.string()),
        ("entity", pa.string()),
        ("rule", pa.string()),
        ("rule_version", pa.string()),
        ("severity", pa.string()),
        ("field", pa.string()),
        ("value", pa.string()),
        ("line", pa.int32()),
        ("message", pa.string()),
    ]
)


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
        flow = flow_of(home, run.flow)
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
            mappings = [_mapping(self.home, name) for name in self.leg.maps]
            readable = pc.indices_nonzero(pc.is_null(raw["fault"])).cast(pa.int32())
            result = step.map(raw.take(readable), mappings)
            passed = {
                entity: _placed(_owned(table, self.flow), readable)
                for entity, table in result.passed.items()
                if table.num_rows
            }
            content = {f"content.{entity}": _content(table) for entity, table in passed.items()}
            tables = {f"documents.{entity}": table for entity, table in passed.items()}
            tables["faults"] = pa.concat_tables(
                [_faults(raw, mappings, _placed(result.held, readable)), _unreadable(raw)]
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
        names = "|".join(_mapping(self.home, name).hash for name in self.leg.maps)
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
                held.append(_held(found, entity, _waiting_rules(suites)))
                findings.append(_findings(found, entity))
                totals.append({"entity": entity, "records": found.records, "lines": found.lines})
            tables = {
                "totals": pa.Table.from_pylist(totals, schema=_TOTALS),
                "held": pa.concat_tables(held) if held else HELD.empty_table(),
                "findings": pa.concat_tables(findings) if findings else _FOUND.empty_table(),
            }
            self.files.write("check", tables, made_by)

    def _arriving(self, entity: str) -> pa.Array:
        """Give the ids of an entity's documents that the run's earlier batches bring."""
        from crossdock.pull import batch_ids

        ids = [pa.array([], pa.string())]
        for batch_id in batch_ids(self.store, self.run.id):
            other = Steps.of(batch_id)
            makes = {_mapping(self.home, name).entity for name in other.leg.maps}
            if entity not in makes or not other.files.has("content", other._map_hash()):
                continue
            content = other.content().get(entity)
            if content is not None:
                parts = pc.split_pattern(content["key"], "|", max_splits=2)
                ids.append(pc.list_element(parts, 2).combine_chunks())
        return pa.concat_arrays([part.cast(pa.string()) for part in ids])

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
        return [suite_of(self.home, name) for name in self.leg.suites.get(entity, ())]

    def _check_hash(self) -> str:
        names = [
            f"{entity}:{suite_of(self.home, name).hash}"
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
            held = _unreleased(held, released)
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
                    routed.setdefault(route.target, []).append(_faulty(held, route.entity))
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
                        _mapping(self.home, name).entity: _mapping(self.home, name).hash
                        for name in self.leg.maps
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
            return HELD.empty_table()
        gated = self.files.read(path)["hold"]
        gated = gated.filter(pc.equal(gated["batch"], self.batch_id)).select(HELD.names)
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
    def push(self) -> TryLater | None:
        """Send what waits for each target; gives the reason when some must be tried later."""
        from crossdock import push as step

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
                target = _kept_target(self.home, self.store, self.run.id, route)
                later = (
                    step.push(
                        self.store, self.flow, self.run, self.batch_id, target, documents_of
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
            .where(outbox.c.batch_id == self.batch_id, outbox.c.state.in_(("pending", "sending")))
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
        remember(self.store, self.run, seconds={step: round(time.perf_counter() - start, 4)})


_TOTALS = pa.schema([("entity", pa.string()), ("records", pa.int64()), ("lines", pa.int64())])
_FOUND = pa.schema(
    [
        ("entity", pa.string()),
        ("rule", pa.string()),
        ("severity", pa.string()),
        ("records", pa.int64()),
        ("lines", pa.int64()),
        ("samples", pa.string()),
    ]
)


_targets: dict[tuple[str, str, str, str], Any] = {}


def _kept_target(home: Home, store: Store, run_id: str, route: Route) -> Any:
    """Give a route's target, opened once a run in this process; those of other runs are closed."""
    key = (run_id, str(home.state), route.target, route.mapping)
    for old in [known for known in _targets if known[:2] != key[:2]]:
        _targets.pop(old).connector.close()
    if key not in _targets:
        _targets[key] = open_target(home, store, route)
    return _targets[key]


def close_targets() -> None:
    """Give back the connections of every target that this process has open."""
    while _targets:
        _targets.popitem()[1].connector.close()


def open_target(home: Home, store: Store, route: Route) -> Any:
    """Open a route's target: its connector, its stream, and its outbound mapping."""
    from crossdock.push import Target

    connector = opened_system(home, store, route.system)
    stream = systems.stream_of(connector, route.stream)
    if not isinstance(stream, Writes):
        raise Misconfigured(
            f"{route.target} offers records, it takes none",
            where=f"config/systems/{route.system}.yaml",
            fix="declare its delivery class: delivery: upsert",
        )
    outbound = _mapping(home, route.mapping)

    def payload(table: pa.Table) -> tuple[pa.Table, pa.Table]:
        made = outbound.apply(table)
        return made.documents, made.faults

    judge = None
    if hasattr(type(connector), "known"):  # it speaks with a partner
        from crossdock.edi.family import judge_for

        judge = judge_for(home, store, route, connector, stream)
    return Target(route, connector, stream, payload, outbound.bodies, outbound.hash, judge)


def gate_run(home: Home, store: Store, run_id: str) -> None:
    """Decide what only the whole run shows; keep the holds for ``resolve``."""
    from crossdock.gating import gate_batches

    gate_batches(home, store, find(store, run_id))


def _mapping(home: Home, name: str) -> Any:
    path = flows.mapping_path(home, name)
    return _loaded_mapping(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _loaded_mapping(path: Path, changed: int) -> Any:
    return mapping.load(path)


def flow_of(home: Home, name: str) -> Flow:
    """Load a flow by name, again only when its file changed."""
    path = flows.flow_path(home, name)
    changed = path.stat().st_mtime_ns if path.exists() else 0
    return _loaded_flow(home, name, changed)


@lru_cache(maxsize=64)
def _loaded_flow(home: Home, name: str, changed: int) -> Flow:
    return flows.load(home, name)


def suite_of(home: Home, name: str) -> Any:
    """Load a suite by name, again only when its file changed."""
    path = flows.suite_path(home, name)
    return _loaded_suite(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _loaded_suite(path: Path, changed: int) -> Any:
    return suite.load(path)


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
    parts = (pc.fill_null(table[part], "") for part in ("organisation", "shop", "id"))
    return pa.table(
        {
            "record": table["record"],
            "key": pc.binary_join_element_wise(*parts, "|"),
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


def _unreadable(raw: pa.Table) -> pa.Table:
    """Hold the records that could not be read from their source at all."""
    rows = pc.indices_nonzero(pc.is_valid(raw["fault"])).cast(pa.int32())
    size = len(rows)

    def same(word: str) -> pa.Array:
        return pa.repeat(pa.scalar(word), size)

    return pa.table(
        {
            "record": rows,
            "cause": same("unreadable"),
            "entity": same(""),
            "rule": same("readable"),
            "rule_version": same(""),
            "severity": same("hold_record"),
            "field": same(""),
            "value": pa.nulls(size, pa.string()),
            "line": pa.nulls(size, pa.int32()),
            "message": raw["fault"].take(rows),
        },
        schema=HELD,
    )


def _faults(raw: pa.Table, mappings: Sequence[Any], held: pa.Table) -> pa.Table:
    """Bring mapping faults to the shape of holds; say which entity a record would have become."""
    size = held.num_rows
    entity = _entities(raw, mappings) if size else pa.array([], pa.string())
    return pa.table(
        {
            "record": held["record"],
            "cause": pa.repeat(pa.scalar("mapping"), size),
            "entity": entity.take(held["record"]) if size else entity,
            "rule": held["rule"],
            "rule_version": pa.repeat(pa.scalar(""), size),
            "severity": pa.repeat(pa.scalar("hold_record"), size),
            "field": held["path"],
            "value": held["value"],
            "line": pa.nulls(size, pa.int32()),
            "message": held["message"],
        },
        schema=HELD,
    )


def _entities(raw: pa.Table, mappings: Sequence[Any]) -> pa.Array:
    entity = pa.repeat(pa.scalar(""), raw.num_rows)
    open_ = pa.repeat(pa.scalar(True), raw.num_rows)
    for one in mappings:
        takes = one.when.mask(raw) if one.when is not None else pc.is_null(raw["fault"])
        mine = pc.and_(open_, takes)
        entity = pc.if_else(mine, one.entity, entity)
        open_ = pc.and_not(open_, mine)
    return entity.combine_chunks() if isinstance(entity, pa.ChunkedArray) else entity


def _waiting_rules(suites: Sequence[Any]) -> list[str]:
    """Name the rules that look for a parent document; what they hold waits for it."""
    return [rule.name for one in suites for rule in one.rules if rule.kind == "reference_exists"]


def _held(found: Any, entity: str, waiting: Sequence[str]) -> pa.Table:
    """Take the verdicts of held documents; every fault of a held document travels with it."""
    verdicts = found.verdicts.filter(
        pc.is_in(found.verdicts["record"], value_set=pc.unique(found.held["record"]))
    )
    strict = pc.not_equal(verdicts["severity"], "note")
    order = pc.sort_indices(
        verdicts.append_column("strict", strict),
        [("record", "ascending"), ("strict", "descending")],
    )
    verdicts = verdicts.take(order)
    size = verdicts.num_rows
    waits = pc.is_in(verdicts["rule"], value_set=pa.array(waiting, pa.string()))
    return pa.table(
        {
            "record": verdicts["record"],
            "cause": pc.if_else(waits, "waiting for a parent", "check"),
            "entity": pa.repeat(pa.scalar(entity), size),
            "rule": verdicts["rule"],
            "rule_version": verdicts["rule_version"],
            "severity": verdicts["severity"],
            "field": verdicts["field"],
            "value": verdicts["value"],
            "line": verdicts["line"],
            "message": verdicts["message"],
        },
        schema=HELD,
    )


def _findings(found: Any, entity: str) -> pa.Table:
    """Count what the rules found, with up to five samples each."""
    keys = dict(
        zip(
            [*found.passed["record"].to_pylist(), *found.held["record"].to_pylist()],
            [*found.passed["id"].to_pylist(), *found.held["id"].to_pylist()],
            strict=True,
        )
    )
    rows = []
    for row in found.findings.select(FINDINGS.names).to_pylist():
        some = found.verdicts.filter(pc.equal(found.verdicts["rule"], row["rule"])).slice(0, 5)
        samples = [
            {
                "document": keys.get(one["record"]),
                "line": one["line"],
                "field": one["field"],
                "value": one["value"],
                "message": one["message"],
            }
            for one in some.to_pylist()
        ]
        rows.append(
            {
                "entity": entity,
                "rule": row["rule"],
                "severity": row["severity"],
                "records": row["records"],
                "lines": row["lines"],
                "samples": json.dumps(samples, ensure_ascii=False),
            }
        )
    return pa.Table.from_pylist(rows, schema=_FOUND)


def _unreleased(held: pa.Table, released: Any) -> pa.Table:
    """Let records go that a steward released; only mapping faults still hold them."""
    if released is None:
        return held
    free = pc.and_(
        pc.take(released, held["record"]),
        pc.is_in(held["cause"], value_set=pa.array(["check", "waiting for a parent"])),
    )
    return held.filter(pc.invert(free))


def _goes(route: Route, table: pa.Table) -> list[int]:
    if route.when is None:
        return list(table["record"].to_pylist())
    mask = when.compile(route.when).mask(table)
    return list(table["record"].filter(mask).to_pylist())


def _faulty(held: pa.Table, entity: str) -> list[int]:
    mine = pc.and_(
        pc.equal(held["entity"], entity),
        pc.is_in(held["cause"], value_set=pa.array(["mapping", "unreadable"])),
    )
    return list(held["record"].filter(mine).to_pylist())
