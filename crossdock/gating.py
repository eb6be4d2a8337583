"""Gather what the batches of a run brought to the gate; keep its holds, stop where it says so."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from crossdock import flows, gate
from crossdock.batch import BatchFiles
from crossdock.errors import Refused
from crossdock.flows import Flow
from crossdock.held_rows import HELD
from crossdock.home import Home
from crossdock.loaded import suite_of
from crossdock.objects import Objects
from crossdock.pull import batch_ids
from crossdock.rules.contract import RUN
from crossdock.runs import Run, remember
from crossdock.steps import Steps
from crossdock.store import Store, schema
from crossdock.webhooks import inbox

LOOK_BACK = 7


def gate_batches(home: Home, store: Store, run: Run) -> None:
    """Judge the run as a whole and write its holds to the run's file ``gate``.

    Raises Refused with every reason when the flow must stop.
    """
    flow = flows.load(home, run.flow)
    batches = batch_ids(store, run.id)
    if not batches:  # nothing came that a rule could judge; silence is judged all the same
        _stop(run, [words for one in _volumes(store, flow, run) if (words := gate.silence(one))])
        return
    suites = _suites(home, flow)
    findings, totals, keys = [], [], []
    watched = {e for e, named in suites.items() if any(r.on == RUN for s in named for r in s.rules)}
    for batch_id in batches:
        steps = Steps.of(batch_id)
        checked = steps.checked()
        findings.append(_named(checked["findings"], batch_id, gate.FINDINGS))
        totals.append(_named(checked["totals"], batch_id, gate.TOTALS))
        keys += [_keys(steps, name, table) for name, table in steps.content().items()
                 if name in watched]  # fmt: skip
    totals += _unchanged(store, run)
    decided = gate.gate(
        suites,
        pa.concat_tables([gate.FINDINGS.empty_table(), *findings]),
        pa.concat_tables([gate.TOTALS.empty_table(), *totals]),
        pa.concat_tables([gate.KEYS.empty_table(), *keys]),
        _volumes(store, flow, run),
    )
    if decided.notes:
        remember(store, run, notes=dict.fromkeys(decided.notes, 1))
    _stop(run, decided.stop)
    hold = decided.hold
    size = hold.num_rows
    table = hold.append_column("cause", pa.repeat(pa.scalar("check"), size))
    table = table.append_column("entity", _entity_of(hold, suites))
    table = table.select(["batch", *HELD.names]).cast(pa.schema([gate.BATCH, *HELD]))
    files = BatchFiles(Objects(home), run.id)
    files.objects.remove(files.path("gate"))
    if size:
        files.write("gate", {"hold": table})


def _stop(run: Run, reasons: list[str]) -> None:
    if reasons:
        raise Refused(
            "the run was stopped before anything was delivered: " + "; ".join(reasons),
            where=f"run {run.id}",
            fix=f"mend the source, the mapping or the rule, then: crossdock run {run.flow}",
        )


def _suites(home: Home, flow: Flow) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for leg in flow.legs:
        for entity, named in leg.suites.items():
            known = found.setdefault(entity, [])
            known += [s for name in named if (s := suite_of(home, name)) not in known]
    return found


def _named(table: pa.Table, batch_id: str, wanted: pa.Schema) -> pa.Table:
    table = table.append_column("batch", pa.repeat(pa.scalar(batch_id), table.num_rows))
    return table.select(wanted.names).cast(wanted)


def _unchanged(store: Store, run: Run) -> list[pa.Table]:
    """Count what brought nothing new: a share is one of everything that the run read.

    Lines are known by stream only; an entity gets its share of them.
    """
    table = schema.intake
    with store.reading() as connection:
        rows = connection.execute(sa.select(table).where(table.c.run_id == run.id)).all()
    found: list[dict[str, Any]] = []
    for row in rows:
        if not row.unchanged_entities:
            continue
        counts: dict[str, int] = {}
        for kind, by_currency in json.loads(row.unchanged_entities).items():
            entity = kind.split(".")[0]
            counts[entity] = counts.get(entity, 0) + sum(n for n, _ in by_currency.values())
        whole = sum(counts.values())
        found += [
            {"batch": "", "entity": e, "records": n, "lines": row.unchanged_lines * n // whole}
            for e, n in counts.items()
            if whole
        ]
    return [pa.Table.from_pylist(found, schema=gate.TOTALS)]


def _keys(steps: Steps, entity: str, content: pa.Table) -> pa.Table:
    raw = steps.raw()
    size = content.num_rows
    prefix = f"{steps.leg.system}.{steps.leg.stream}|"
    source = pc.binary_join_element_wise(prefix, raw["key"].take(content["record"]), "")
    return pa.table(
        {
            "batch": pa.repeat(pa.scalar(steps.batch_id), size),
            "entity": pa.repeat(pa.scalar(entity), size),
            "record": content["record"],
            "key": content["key"],
            "source": source,
            "hash": content["hash"].cast(pa.binary()),
        }
    ).cast(gate.KEYS)


def _entity_of(hold: pa.Table, suites: dict[str, list[Any]]) -> pa.Array:
    """Name the entity that each hold's rule is about."""
    of = {rule.name: entity for entity, named in suites.items() for s in named for rule in s.rules}
    return pa.array([of.get(rule, "") for rule in hold["rule"].to_pylist()], pa.string())


def _volumes(store: Store, flow: Flow, run: Run) -> list[gate.Volume]:
    share = Decimal(flow.expect_at_least.strip().rstrip("%") or "0") / 100
    table, runs = schema.intake, schema.run
    volumes = []
    with store.reading() as connection:
        for leg in flow.legs:
            mine = sa.and_(table.c.system == leg.system, table.c.stream == leg.stream)
            now = connection.execute(
                sa.select(sa.func.sum(table.c.records)).where(mine, table.c.run_id == run.id)
            ).scalar_one()
            if now is None or _continued(connection, flow, leg):
                continue
            earlier = connection.execute(
                sa.select(sa.func.sum(table.c.records))
                .join(runs, runs.c.id == table.c.run_id)
                .where(mine, runs.c.state == "closed", runs.c.flow == flow.name)
                .group_by(runs.c.id, runs.c.started_at)
                .order_by(runs.c.started_at.desc())
                .limit(LOOK_BACK)
            ).scalars()
            volumes.append(
                gate.Volume(
                    f"{leg.system}.{leg.stream}",
                    int(now),
                    [int(n) for n in earlier][::-1],
                    share,
                )
            )
    return volumes


def _continued(connection: sa.Connection, flow: Flow, leg: flows.Leg) -> bool:
    """Say whether the stream comes bit by bit, from a cursor or by webhooks.

    Little news is then no sign of a fault.
    """
    table = schema.cursor
    found = sa.select(table.c.value).where(
        table.c.flow == flow.name, table.c.system == leg.system, table.c.stream == leg.stream
    )
    return connection.execute(found).first() is not None or inbox.feeds(
        connection, leg.system, leg.stream
    )
