"""What the report page of a run shows, read from the store."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crossdock import export as exported
from crossdock import ledger, report
from crossdock.errors import Misconfigured
from crossdock.report import Decided, Found, Past, RunReport, Sample
from crossdock.store import Store, schema

EARLIER = 12
SAMPLES = 5


def write(store: Store, run_id: str | None = None, path: Path | None = None) -> Path:
    """Write the page of a run (the newest when None) and give its path.

    Without ``path`` it goes to the reports folder of the home, under the run's name. Raises
    Misconfigured when there is no such run.
    """
    page = read(store, run_id)
    path = path or store.home.reports / f"{page.run}.html"
    path.write_text(report.render(page), encoding="utf-8")
    return path


FOUND = ("rule", "entity", "severity", "records", "lines")
SHOWN = ("document", "line", "field", "value", "message")


def export(store: Store, run_id: str | None, path: Path) -> int:
    """Write what the rules found in a run to a .csv or .xlsx for people, a sample a row.

    Gives the number of rows; raises Misconfigured when there is no such run.
    """
    rows = [
        {name: getattr(found, name) for name in FOUND}
        | {name: getattr(sample, name, None) for name in SHOWN}
        for found in read(store, run_id).found
        for sample in found.samples or (None,)
    ]
    return exported.write(path, (*FOUND, *SHOWN), rows)


def read(store: Store, run_id: str | None = None) -> RunReport:
    """Gather what the page shows; raises Misconfigured when there is no such run."""
    run_id = run_id or ledger.latest_run(store)
    books = ledger.books(store, run=run_id)
    with store.reading() as connection:
        table = schema.run
        row = connection.execute(sa.select(table).where(table.c.id == run_id)).one_or_none()
        if row is None:
            raise Misconfigured(f"there is no run {run_id!r}", fix="see `crossdock ledger`")
        earlier = _earlier(connection, row)
        found = _found(connection, run_id)
        held = _held(connection, run_id)
        decided = _decided(connection, row)
    detail = json.loads(row.detail or "{}")
    return RunReport(
        flow=row.flow,
        run=run_id,
        started_at=row.started_at,
        ended_at=row.ended_at,
        balanced=bool(books["balanced"]),
        records=books["records"],
        money=books["money"],
        by_target=books["by_target"],
        by_entity=books["by_entity"],
        reasons=books["reasons"],
        found=found,
        held=held,
        earlier=earlier,
        new_fields=detail.get("new_fields", {}),
        seconds=detail.get("seconds", {}),
        decided=decided,
        stopped="" if row.state == "closed" else str(detail.get("stopped", "")),
    )


def _earlier(connection: sa.Connection, run: Any) -> list[Past]:
    """Read how the runs of the flow before this one ended, the oldest first."""
    table = schema.run
    rows = connection.execute(
        sa.select(table.c.id, table.c.started_at, table.c.books, table.c.balanced)
        .where(
            table.c.flow == run.flow,
            table.c.started_at < run.started_at,
            table.c.books.is_not(None),
        )
        .order_by(table.c.started_at.desc())
        .limit(EARLIER)
    ).all()
    return [
        Past(row.id, row.started_at, json.loads(row.books)["records"], bool(row.balanced))
        for row in reversed(rows)
    ]


def _found(connection: sa.Connection, run_id: str) -> list[Found]:
    """Add up what each rule found over the batches of the run."""
    table = schema.finding
    rows = connection.execute(
        sa.select(table).where(table.c.run_id == run_id).order_by(table.c.batch_id)
    ).all()
    together: dict[tuple[str, str, str], list[Any]] = {}
    for row in rows:
        together.setdefault((row.rule, row.entity, row.severity), []).append(row)
    return [
        Found(
            rule=rule,
            entity=entity,
            severity=severity,
            records=sum(row.records for row in batches),
            lines=sum(row.lines for row in batches),
            samples=_samples(batches),
        )
        for (rule, entity, severity), batches in together.items()
    ]


def _samples(batches: Iterable[Any]) -> list[Sample]:
    found = [Sample(**sample) for row in batches for sample in json.loads(row.samples or "[]")]
    return found[:SAMPLES]


def _held(connection: sa.Connection, run_id: str) -> dict[str, int]:
    table = schema.hold
    rows = connection.execute(
        sa.select(table.c.rule, sa.func.count())
        .where(table.c.run_id == run_id, table.c.state == "open")
        .group_by(table.c.rule)
    )
    return {rule: int(count) for rule, count in rows}


def _decided(connection: sa.Connection, run: Any) -> list[Decided]:
    """Read what people decided since the flow's run before, up to the end of this one."""
    table = schema.decision
    before: datetime | None = connection.execute(
        sa.select(sa.func.max(schema.run.c.started_at)).where(
            schema.run.c.flow == run.flow, schema.run.c.started_at < run.started_at
        )
    ).scalar_one()
    wanted = [table.c.flow == run.flow]
    if before is not None:
        wanted.append(table.c.at >= before)
    if run.ended_at is not None:
        wanted.append(table.c.at <= run.ended_at)
    rows = connection.execute(
        sa.select(table.c.action, table.c.who, table.c.reason, sa.func.count())
        .where(*wanted)
        .group_by(table.c.action, table.c.who, table.c.reason)
        .order_by(table.c.action, table.c.who)
    )
    return [Decided(action, who, int(count), reason) for action, who, reason, count in rows]
