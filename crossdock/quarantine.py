"""The quarantine: what is held and why, and what a steward decides about it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from crossdock import audit, superseded
from crossdock import export as exported
from crossdock.errors import Misconfigured
from crossdock.store import Store, bulk, schema
from crossdock.store.engine import take_numbers

RESUBMIT, RELEASE, REJECT = "resubmit", "release", "reject"

#: What a steward may do about each cause.
ACTIONS = {
    "unreadable": (RESUBMIT, REJECT),
    "mapping": (RESUBMIT, REJECT),
    "check": (RESUBMIT, RELEASE, REJECT),
    "waiting for a parent": (RESUBMIT, RELEASE, REJECT),
    "conflict": (RESUBMIT, RELEASE, REJECT),
    "refused": (RESUBMIT, REJECT),
    "uncertain": (RESUBMIT, RELEASE, REJECT),
    "unknown partner": (RESUBMIT, REJECT),
    "unanswered": (RELEASE, REJECT),
    "order family": (RESUBMIT, RELEASE, REJECT),
}

#: What *release* means, for the causes where it is not "deliver in spite of the rule".
RELEASED = {
    "uncertain": "it arrived: book it as delivered",
    "conflict": "take the incoming document",
    "unanswered": "nobody waits for it any more",
    "order family": "send it in spite of the other documents of its order",
}


#: The columns of an export: the hold's own, then those of one verdict on it.
VERDICT = ("rule", "severity", "field", "line", "value", "message")
EXPORTED = ("hold", "flow", "run_id", "cause", "system", "stream", "key", "target", "amount",
            "currency", "opened_at", "decided", *VERDICT)  # fmt: skip


def listed(
    store: Store,
    *,
    flow: str | None = None,
    rule: str | None = None,
    cause: str | None = None,
    run: str | None = None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """List open holds, the oldest first, as plain dicts; filters are combined.

    ``rule`` finds holds that have any verdict of that rule.
    """
    hold, verdict = schema.hold, schema.verdict
    statement = sa.select(hold).where(hold.c.state == "open").order_by(hold.c.id)
    for column, value in ((hold.c.flow, flow), (hold.c.cause, cause), (hold.c.run_id, run)):
        if value is not None:
            statement = statement.where(column == value)
    if rule is not None:
        statement = statement.where(
            sa.select(verdict.c.id)
            .where(verdict.c.hold_id == hold.c.id, verdict.c.rule == rule)
            .exists()
        )
    with store.reading() as connection:
        rows = connection.execute(statement.limit(limit)).mappings().all()
        waiting = set(
            connection.execute(
                sa.select(schema.decision.c.hold_id).where(schema.decision.c.state == "waiting")
            ).scalars()
        )
    return [_plain(row) | {"decided": row["id"] in waiting} for row in rows]


def show(store: Store, hold_id: int) -> dict[str, Any]:
    """Give one hold with its verdicts, its decisions and the actions it allows.

    Raises Misconfigured when there is no such hold.
    """
    verdict, decision = schema.verdict, schema.decision
    with store.reading() as connection:
        row = _hold(connection, hold_id)
        verdicts = connection.execute(
            sa.select(verdict).where(verdict.c.hold_id == hold_id).order_by(verdict.c.id)
        ).mappings()
        found = [_plain(one) for one in verdicts]
        decisions = [
            _plain(one)
            for one in connection.execute(
                sa.select(decision).where(decision.c.hold_id == hold_id)
            ).mappings()
        ]
    actions = ACTIONS.get(row["cause"], (RESUBMIT, REJECT)) if row["state"] == "open" else ()
    return _plain(row) | {
        "verdicts": found,
        "decisions": decisions,
        "actions": list(actions),
        "release_means": RELEASED.get(row["cause"], "deliver it in spite of the rules"),
    }


def export(store: Store, holds: Sequence[dict[str, Any]], path: Path, *, who: str) -> int:
    """Write holds as ``listed`` gives them to a .csv or .xlsx for people; gives the rows written.

    Each verdict is a row. Who took the file, and how much of it, is audited.
    """
    table = schema.verdict
    ids = pa.array([row["id"] for row in holds], pa.int64())
    with store.writing() as connection:
        chosen = bulk.among(table.c.hold_id, ids, connection.dialect.name)
        found: dict[int, list[Any]] = {}
        for one in connection.execute(
            sa.select(table).where(chosen).order_by(table.c.id)
        ).mappings():
            found.setdefault(one["hold_id"], []).append(one)
        detail = {"file": path.name, "holds": len(holds)}
        audit.write(connection, who, "quarantine.export", "holds", detail)
    rows = [
        {
            **row,
            **{name: one[name] for name in VERDICT if name in one},
            "hold": row["id"],
            "amount": None if row["amount"] is None else Decimal(row["amount"]),
        }
        for row in holds
        for one in found.get(row["id"], [{}])
    ]
    return exported.write(path, EXPORTED, rows)


def resubmit(store: Store, holds: Sequence[int], *, who: str, reason: str = "") -> None:
    """Send held records through the newest mapping and rules again, in the flow's next run."""
    _decide(store, RESUBMIT, holds, who, reason)


def release(store: Store, holds: Sequence[int], *, who: str, reason: str) -> None:
    """Let held records pass in spite of the rules that hold them, in the flow's next run."""
    _decide(store, RELEASE, holds, who, _needed(reason, RELEASE))


def reject(store: Store, holds: Sequence[int], *, who: str, reason: str) -> None:
    """Close held records without delivery, at once; the reason stands in the books."""
    _decide(store, REJECT, holds, who, _needed(reason, REJECT))


def _needed(reason: str, action: str) -> str:
    if not reason.strip():
        raise Misconfigured(f"to {action} needs a reason", fix="add --reason 'why'")
    return reason.strip()


def _decide(store: Store, action: str, holds: Sequence[int], who: str, reason: str) -> None:
    """Write the decisions, and their audit, in one transaction: all of them or none."""
    with store.writing() as connection:
        for hold_id in holds:
            row = _hold(connection, hold_id)
            if row["state"] != "open":
                raise Misconfigured(
                    f"hold {hold_id} is {row['state']} already", fix="see quarantine list"
                )
            if action not in ACTIONS.get(row["cause"], (RESUBMIT, REJECT)):
                can = ", ".join(ACTIONS.get(row["cause"], (RESUBMIT, REJECT)))
                raise Misconfigured(
                    f"hold {hold_id} ({row['cause']}) cannot be {_past(action)}", fix=f"use {can}"
                )
            state = "done"
            if row["subject"] == "delivery":
                _delivery(connection, action, row, who, reason)
            elif row["subject"] == "task":
                _closed(connection, row, "released" if action == RELEASE else "rejected")
            elif action == REJECT:
                _rejected(connection, row, who, reason)
            else:
                state = "waiting"  # the flow's next run reads it
            _note(connection, action, row, who, reason, state)


def _note(
    connection: sa.Connection, action: str, row: Any, who: str, reason: str, state: str
) -> None:
    table = schema.decision
    connection.execute(
        table.update()
        .where(table.c.hold_id == row["id"], table.c.state == "waiting")
        .values(state="replaced")
    )
    connection.execute(
        table.insert().values(
            id=take_numbers(connection, "decision"),
            hold_id=row["id"],
            flow=row["flow"],
            action=action,
            reason=reason,
            who=who,
            at=datetime.now(UTC),
            state=state,
        )
    )
    audit.write(
        connection,
        who,
        f"quarantine.{action}",
        f"hold/{row['id']}",
        {"reason": reason, "cause": row["cause"], "rule": row["rule"], "run": row["run_id"]},
    )


def _closed(connection: sa.Connection, row: Any, state: str) -> None:
    hold = schema.hold
    connection.execute(
        hold.update()
        .where(hold.c.id == row["id"])
        .values(state=state, closed_at=datetime.now(UTC))
    )


def _rejected(connection: sa.Connection, row: Any, who: str, reason: str) -> None:
    ledger = schema.ledger
    _closed(connection, row, "rejected")
    if row["version_id"] is None:
        return
    connection.execute(
        ledger.update()
        .where(ledger.c.version_id == row["version_id"], ledger.c.state == "quarantined")
        .values(state="rejected", reason=f"rejected by {who}: {reason}")
    )
    superseded.refresh(connection, pa.array([row["version_id"]], pa.int64()))


def _delivery(connection: sa.Connection, action: str, row: Any, who: str, reason: str) -> None:
    """Act on one delivery: send again, book as arrived, or give up."""
    outbox, ledger = schema.outbox, schema.ledger
    states = {
        RESUBMIT: ("pending", "pending", "", "resubmitted"),
        RELEASE: ("delivered", "delivered", f"{who} says that it arrived: {reason}", "released"),
        REJECT: ("rejected", "rejected", f"rejected by {who}: {reason}", "rejected"),
    }
    sent, stands, words, closed = states[action]
    if action == RELEASE and row["cause"] == "order family":  # the push sees who let it pass
        sent, stands, words = "pending", "pending", ""
    values: dict[str, Any] = {"state": sent, "claim": None, "next_try_at": None}
    if sent == "pending":
        values |= {"attempts": 0, "body_hash": None}
    batch_id = connection.execute(
        outbox.update()
        .where(outbox.c.id == row["outbox_id"])
        .values(**values)
        .returning(outbox.c.batch_id)
    ).scalar_one()
    if sent == "pending":
        waiting = schema.batch.update().where(schema.batch.c.id == batch_id)
        connection.execute(waiting.values(waiting=True))
    touched = connection.execute(
        ledger.update()
        .where(ledger.c.outbox_id == row["outbox_id"])
        .values(state=stands, reason=words)
        .returning(ledger.c.version_id)
    ).scalars()
    superseded.refresh(connection, pa.array(sorted(set(touched)), pa.int64()))
    _closed(connection, row, closed)


def _hold(connection: sa.Connection, hold_id: int) -> Any:
    table = schema.hold
    statement = sa.select(table).where(table.c.id == hold_id).with_for_update()
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        known = [str(n) for n in connection.execute(sa.select(table.c.id).limit(500)).scalars()]
        close = difflib.get_close_matches(str(hold_id), known, n=1)
        raise Misconfigured(
            f"there is no hold {hold_id}",
            fix=f"did you mean {close[0]}?" if close else "see `crossdock quarantine list`",
        )
    return row


def _plain(row: Any) -> dict[str, Any]:
    """Make a row printable: decimals and instants as text."""
    result: dict[str, Any] = {}
    for name, value in dict(row).items():
        if hasattr(value, "isoformat"):
            result[name] = value.isoformat()
        elif name == "amount" and value is not None:
            result[name] = format(value.normalize(), "f")
        else:
            result[name] = value
    return result


def _past(action: str) -> str:
    return {"resubmit": "resubmitted", "release": "released", "reject": "rejected"}[action]


def waiting(connection: sa.Connection, flow: str) -> list[Any]:
    """Read the decisions that the flow's next run acts on, and holds that wait for a parent."""
    hold, decision = schema.hold, schema.decision
    decided = connection.execute(
        sa.select(hold, decision.c.action, decision.c.id.label("decision_id"))
        .join(decision, decision.c.hold_id == hold.c.id)
        .where(decision.c.flow == flow, decision.c.state == "waiting", hold.c.state == "open")
        .order_by(hold.c.id)
    ).all()
    known = {row.id for row in decided}
    parents = connection.execute(
        sa.select(hold, sa.literal(RESUBMIT).label("action"), sa.null().label("decision_id"))
        .where(
            hold.c.flow == flow,
            hold.c.state == "open",
            hold.c.cause == "waiting for a parent",
            hold.c.subject == "record",
        )
        .order_by(hold.c.id)
    ).all()
    return [*decided, *(row for row in parents if row.id not in known)]


def done(connection: sa.Connection, decision_ids: Sequence[int]) -> None:
    """Mark decisions as acted on."""
    table = schema.decision
    if decision_ids:
        chosen = pa.array(list(decision_ids), pa.int64())
        connection.execute(
            table.update()
            .where(bulk.among(table.c.id, chosen, connection.dialect.name))
            .values(state="done")
        )


