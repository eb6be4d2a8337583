"""What a pull gathered, and the one transaction that makes it known.

Bytes, batches, counts and the cursor come into the books together or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from crossdock import again
from crossdock.connector import Page, Reads
from crossdock.flows import Flow, Leg
from crossdock.landing import Intake
from crossdock.runs import Run
from crossdock.store import Store, bulk, schema
from crossdock.store.engine import guard, take_numbers
from crossdock.webhooks.feed import Feed


@dataclass
class Unread:
    """What of the unchanged came in objects that nobody parsed, as their bytes were known."""

    lines: int = 0
    records: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)


@dataclass
class Unchanged:
    """What came again as it was known, counted by currency, entity and object."""

    lines: int = 0
    records: int = 0
    keys: list[str] = field(default_factory=list)
    digest: str = ""
    amounts: dict[str, Decimal] = field(default_factory=dict)
    unread: Unread = field(default_factory=Unread)
    entities: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    objects: dict[str, dict[str, dict[str, list[Any]]]] = field(default_factory=dict)

    def book(
        self, object_id: str, entity: str, currency: str, count: int, amount: Decimal
    ) -> None:
        """Count observations that bring nothing new, by entity and by the object they came in."""
        self.records += count
        self.amounts[currency] = self.amounts.get(currency, Decimal(0)) + amount
        for tree in (self.entities, self.objects.setdefault(object_id, {})):
            cell = tree.setdefault(entity, {}).setdefault(currency, [0, Decimal(0)])
            cell[0] += count
            cell[1] += amount


@dataclass
class Taken:
    """What pull gathered of one leg before its one transaction."""

    leg: Leg
    stream: Reads
    intake: Intake
    unchanged: Unchanged
    batches: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Landed:
    """An object whose bytes are durable: its row to be, and what was read of it."""

    row: dict[str, Any]
    page: Page | None  # None: kept bytes that a steward wants read again
    lines: dict[str, int] = field(default_factory=dict)

    def counts(self, taken: Sequence[Taken]) -> str:
        """What the object row remembers, so that the same bytes can be booked unread."""
        return json.dumps(
            {
                part.stream.name: {
                    "lines": self.lines.get(part.stream.name, 0),
                    "unchanged": part.unchanged.objects.get(self.row["id"], {}),
                }
                for part in taken
            },
            default=str,
        )


def commit(
    store: Store,
    flow: Flow,
    run: Run,
    pages: Sequence[Landed],
    taken: Sequence[Taken],
    before: str | None,
    after: str | None,
    feed: Feed,
) -> None:
    """Name the landed bytes, their batches and the new cursor in one transaction."""
    now = datetime.now(UTC)
    with store.writing() as connection:
        guard(connection, run.lease, run.fence)
        new = [landed for landed in pages if landed.page is not None]
        if new:
            seq = take_numbers(connection, "object", len(new))
            connection.execute(
                schema.kept_object.insert(),
                [
                    {**landed.row, "seq": seq + n, "counts": landed.counts(taken)}
                    for n, landed in enumerate(new)
                ],
            )
        for landed in pages:
            if landed.page is None:
                again.reread(connection, landed.row, landed.counts(taken), now)
        _hold_unreadable(connection, flow, run, pages, now)
        feed.commit(connection, [(landed.row["id"], landed.page) for landed in pages])
        for part in taken:
            connection.execute(schema.intake.insert(), list(_intake_rows(run, part)))
            if part.batches:
                connection.execute(schema.batch.insert(), part.batches)
        if after is not None and after != before:
            leg = taken[0].leg
            move_cursor(connection, flow, leg, after, run, now)


def _intake_rows(run: Run, taken: Taken) -> Iterator[dict[str, Any]]:
    """Give one row a currency; counts of records and lines stand in the first."""
    intake, same = taken.intake, taken.unchanged
    currencies = sorted(set(intake.amounts) | set(same.amounts)) or [""]
    digest = same.digest
    if same.keys:
        digest = hashlib.sha256("\n".join(sorted(same.keys)).encode()).hexdigest()
    unread = same.unread  # the intake has not seen these
    for number, currency in enumerate(currencies):
        amount = intake.amounts.get(currency, Decimal(0))
        amount += unread.amounts.get(currency, Decimal(0))
        yield {
            "run_id": run.id,
            "leg": taken.leg.number,
            "currency": currency,
            "system": taken.leg.system,
            "stream": taken.stream.name,
            "derived": bool(taken.stream.options.get("of")),
            "lines": _first(number, intake.lines + unread.lines),
            "records": _first(number, intake.records + unread.records),
            "uncounted": _first(number, intake.uncounted),
            "amount": amount,
            "unchanged_lines": _first(number, same.lines),
            "unchanged_records": _first(number, same.records),
            "unchanged_amount": same.amounts.get(currency, Decimal(0)),
            "unchanged_keys": digest if number == 0 else None,
            "unchanged_entities": json.dumps(same.entities, default=str) if number == 0 else None,
        }


def _first(number: int, value: int) -> int:
    return value if number == 0 else 0


def _hold_unreadable(
    connection: sa.Connection, flow: Flow, run: Run, pages: Sequence[Landed], now: datetime
) -> None:
    bad = [landed.row for landed in pages if landed.row["state"] == "unreadable"]
    if not bad:
        return
    first = take_numbers(connection, "hold", len(bad))
    verdicts = take_numbers(connection, "verdict", len(bad))
    connection.execute(
        schema.hold.insert(),
        [
            {
                "id": first + number,
                "flow": flow.name,
                "run_id": run.id,
                "batch_id": "",
                "subject": "object",
                "cause": "unreadable",
                "rule": "readable",
                "summary": row["reason"],
                "state": "open",
                "system": row["system"],
                "stream": row["stream"],
                "key": row["name"],
                "entity": "",
                "target": "",
                "object_id": row["id"],
                "currency": "",
                "opened_at": now,
            }
            for number, row in enumerate(bad)
        ],
    )
    connection.execute(
        schema.verdict.insert(),
        [
            {
                "id": verdicts + number,
                "hold_id": first + number,
                "rule": "readable",
                "rule_version": "",
                "severity": "hold_record",
                "field": "",
                "message": row["reason"],
            }
            for number, row in enumerate(bad)
        ],
    )


def move_cursor(
    connection: sa.Connection, flow: Flow, leg: Leg, value: str, run: Run, now: datetime
) -> None:
    """Say up to where a stream was read."""
    rows: Mapping[str, list[Any]] = {
        "flow": [flow.name],
        "system": [leg.system],
        "stream": [leg.stream],
        "value": [value],
        "run_id": [run.id],
        "moved_at": pa.array([now], pa.timestamp("us", "UTC")),
    }
    bulk.upsert(connection, schema.cursor, pa.table(dict(rows)))
