"""What came back: receipts, the base of bindings, the ledger, and holds for what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from crossdock import superseded
from crossdock.connector import Outcome, Writes
from crossdock.errors import TryLater
from crossdock.flows import Route
from crossdock.runs import Run
from crossdock.store import Store, bulk, schema
from crossdock.store.engine import take_numbers

MAX_ATTEMPTS = 8
AMOUNT = pa.decimal128(18, 6)

#: The columns of an outbox row that a send needs.
ROW = pa.schema(
    [
        ("id", pa.int64()),
        ("document_id", pa.int64()),
        ("document_version", pa.int32()),
        ("document_key", pa.string()),
        ("operation", pa.string()),
        ("idempotency_key", pa.string()),
        ("body_hash", pa.binary()),
        ("record", pa.int32()),
        ("version_id", pa.int64()),
        ("attempts", pa.int32()),
        ("their_id", pa.string()),
        ("currency", pa.string()),
    ]
)


def settle(
    connection: sa.Connection,
    store: Store,
    run: Run,
    route: Route,
    stream: Writes,
    rows: pa.Table,
    outcomes: Sequence[Outcome],
    amounts: pa.Array,
    *,
    batch_id: str,
    claim: str | None,
    now: datetime,
    was: str = "sending",
) -> TryLater | None:
    """Write each row's outcome down, in the caller's transaction.

    Rows that are no longer ``was`` and claimed by ``claim`` are left alone: a successor decides
    about them.
    Gives the reason to come back later where the target asked for it.
    """
    table = schema.outbox
    still = set(
        connection.execute(
            sa.select(table.c.id).where(
                table.c.batch_id == batch_id, table.c.state == was, table.c.claim == claim
            )
        ).scalars()
    )
    ids = rows["id"].to_pylist()
    by_verdict: dict[str, list[int]] = {}
    for number, outcome in enumerate(outcomes):
        if ids[number] in still:
            by_verdict.setdefault(outcome.verdict, []).append(number)
    done = by_verdict.get("delivered", [])
    _delivered(connection, run, route, rows, outcomes, amounts, done, now)
    for number in by_verdict.get("accepted", []):
        _set(connection, ids[number], state="accepted", their_id=outcomes[number].their_id,
             message=outcomes[number].message[:500], amount=amounts[number].as_py(),
             claim=None)  # fmt: skip
    _refused(connection, store, run, route, rows, outcomes, by_verdict.get("refused", []))
    if unsure := by_verdict.get("uncertain", []):
        words = outcomes[unsure[0]].message or "the target did not say whether it took it"
        if stream.delivery == "none":
            chosen = rows["id"].take(pa.array(unsure))
            uncertain(connection, store, run, route, chosen, words)
            unsure = []
    waiting = [*by_verdict.get("try_later", []), *unsure]
    return _later(connection, store, run, route, rows, outcomes, waiting, now)


def _delivered(
    connection: sa.Connection,
    run: Run,
    route: Route,
    rows: pa.Table,
    outcomes: Sequence[Outcome],
    amounts: pa.Array,
    numbers: Sequence[int],
    now: datetime,
) -> None:
    if not numbers:
        return
    take = pa.array(numbers)
    done = rows.take(take)
    money = amounts.take(take)
    known = done["their_id"].to_pylist()  # of a change; never a reference of ours in its place
    their_ids = pa.array(
        [
            _number(outcomes[n].their_id) or old or ""
            for n, old in zip(numbers, known, strict=True)
        ],
        pa.string(),
    )
    messages = pa.array([outcomes[n].message[:500] for n in numbers], pa.string())
    bulk.update(
        connection,
        schema.outbox,
        pa.table(
            {"id": done["id"], "their_id": their_ids, "message": messages, "amount": money}
        ),
        by=["id"],
        state="delivered",
        receipt_at=now,
        attempts=schema.outbox.c.attempts + 1 if connection.dialect.name == "postgresql" else 1,
    )
    _bind(connection, run, route, done["id"])
    _ledger(connection, done["id"], "delivered", "")


def _number(their_id: str | None) -> str:
    """Take a number of theirs; a giant is none, and no index would hold it."""
    return their_id if their_id and len(their_id) <= 500 else ""


def _bind(connection: sa.Connection, run: Run, route: Route, outbox_ids: Any) -> None:
    """Remember the version that the target took as what it and we agree on."""
    outbox, version, binding = schema.outbox, schema.document_version, schema.binding
    taken = (
        sa.select(
            sa.literal(route.system),
            sa.literal(route.stream),
            outbox.c.entity,
            outbox.c.document_id,
            outbox.c.their_id,
            outbox.c.document_version,
            version.c.hash,
            sa.null(),
            sa.literal(run.id),
        )
        .join(
            version,
            sa.and_(
                version.c.entity == outbox.c.entity,
                version.c.document_id == outbox.c.document_id,
                version.c.version == outbox.c.document_version,
            ),
        )
        .where(bulk.among(outbox.c.id, outbox_ids, connection.dialect.name))
    )
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    names = ["system", "stream", "entity", "document_id", "their_id", "base_version", "base_hash",
             "base", "run_id"]  # fmt: skip
    statement = insert(binding).from_select(names, taken)
    keys = [column.name for column in binding.primary_key]
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=keys,
            set_={name: statement.excluded[name] for name in names if name not in keys},
        )
    )


def _ledger(connection: sa.Connection, outbox_ids: Any, state: str, reason: str) -> None:
    """Set the ledger rows that wait for outbox rows; delivered money is what the target took."""
    ledger, outbox = schema.ledger, schema.outbox
    chosen = bulk.among(outbox.c.id, outbox_ids, connection.dialect.name)
    values: dict[str, Any] = {"state": state, "reason": reason}
    if state == "delivered":
        values["amount"] = sa.func.coalesce(outbox.c.amount, ledger.c.amount)
    touched = connection.execute(
        ledger.update()
        .where(ledger.c.outbox_id == outbox.c.id, chosen)
        .values(**values)
        .returning(ledger.c.version_id)
    ).scalars()
    superseded.refresh(connection, pa.array(sorted(set(touched)), pa.int64()))


def _refused(
    connection: sa.Connection,
    store: Store,
    run: Run,
    route: Route,
    rows: pa.Table,
    outcomes: Sequence[Outcome],
    numbers: Sequence[int],
) -> None:
    for number in numbers:
        row = {name: rows[name][number].as_py() for name in ROW.names}
        words = outcomes[number].message or "the target refused it"
        _set(connection, row["id"], state="refused", message=words[:500], claim=None)
        if not _gave_way(connection, route, row):
            _hold(connection, run, route, row, "refused", "refused", words)


def _gave_way(connection: sa.Connection, route: Route, row: dict[str, Any]) -> bool:
    """Let a newer version that waits behind a refused one take its place; False without one.

    Behind a refused create the newer version is the create, under the same key.
    """
    table = schema.outbox
    behind = connection.execute(
        sa.select(table.c.id)
        .where(
            table.c.target == route.target,
            table.c.entity == route.entity,
            table.c.document_id == row["document_id"],
            table.c.id > row["id"],
            table.c.state == "pending",
            table.c.body_hash.is_(None),
        )
        .order_by(table.c.id)
        .limit(1)
    ).scalar_one_or_none()
    if behind is None:
        return False
    superseded.outbox(connection, [row["id"]])
    if row["operation"] == "create":
        _set(connection, behind, operation="create", idempotency_key=row["idempotency_key"])
    return True


def _later(
    connection: sa.Connection,
    store: Store,
    run: Run,
    route: Route,
    rows: pa.Table,
    outcomes: Sequence[Outcome],
    numbers: Sequence[int],
    now: datetime,
) -> TryLater | None:
    worst: TryLater | None = None
    for number in numbers:
        row = {name: rows[name][number].as_py() for name in ROW.names}
        outcome = outcomes[number]
        attempts = int(row["attempts"]) + 1
        if attempts >= MAX_ATTEMPTS:
            words = f"gave up after {attempts} tries: {outcome.message}"
            _set(connection, row["id"], state="uncertain", message=words[:500], claim=None,
                 attempts=attempts)  # fmt: skip
            _hold(connection, run, route, row, "uncertain", "gave_up", words)
            continue
        wait = outcome.after if outcome.after is not None else min(300.0, 2.0**attempts)
        _set(connection, row["id"], state="pending", claim=None, attempts=attempts,
             message=outcome.message[:500], next_try_at=now + timedelta(seconds=wait))  # fmt: skip
        if worst is None or (worst.after or 0) < wait:
            worst = TryLater(
                f"{route.target} cannot take everything now: {outcome.message}", after=wait
            )
    return worst


def uncertain(
    connection: sa.Connection, store: Store, run: Run, route: Route, ids: Any, words: str
) -> None:
    """Park rows of which nobody knows whether they arrived; a person decides."""
    table = schema.outbox
    found = connection.execute(
        sa.select(*(table.c[name] for name in ROW.names)).where(
            bulk.among(table.c.id, ids, connection.dialect.name)
        )
    ).all()
    for row in found:
        _set(connection, row.id, state="uncertain", message=words, claim=None)
        _hold(connection, run, route, row._asdict(), "uncertain", "uncertain", words)


def unsent(
    connection: sa.Connection,
    store: Store,
    run: Run,
    route: Route,
    rows: pa.Table,
    faults: pa.Table,
    cause: str = "mapping",
) -> None:
    """Hold deliveries that are not sent: no payload could be made, or they must not leave."""
    for number in sorted(set(faults["record"].to_pylist())):
        row = {name: rows[name][number].as_py() for name in ROW.names}
        mine = faults.filter(pc.equal(faults["record"], number)).to_pylist()
        words = str(mine[0]["message"])
        _set(connection, row["id"], state="refused", message=words[:500])
        _hold(connection, run, route, row, cause, str(mine[0]["rule"]), words, mine)


def back_to_pending(connection: sa.Connection, rows: pa.Table, claim: str) -> None:
    """Undo *sending* of rows whose send certainly had no effect.

    ``rows`` as they were before: what no earlier try sent either may get another body.
    """
    table = schema.outbox
    never = pc.is_null(rows["body_hash"])
    for ids, values in (
        (rows["id"].filter(never), {"body_hash": None}),
        (rows["id"].filter(pc.invert(never)), {}),
    ):
        connection.execute(
            table.update()
            .where(
                bulk.among(table.c.id, ids, connection.dialect.name),
                table.c.state == "sending",
                table.c.claim == claim,
            )
            .values(state="pending", claim=None, **values)
        )


def _set(connection: sa.Connection, outbox_id: int, **values: Any) -> None:
    table = schema.outbox
    connection.execute(table.update().where(table.c.id == outbox_id).values(**values))


def _hold(
    connection: sa.Connection,
    run: Run,
    route: Route,
    row: dict[str, Any],
    cause: str,
    rule: str,
    words: str,
    faults: Sequence[dict[str, Any]] = (),
) -> None:
    """Open a hold on one delivery; the record itself may be fine at other targets."""
    version = schema.record_version
    record = connection.execute(
        sa.select(version).where(version.c.id == row["version_id"])
    ).one()
    hold_id = take_numbers(connection, "hold")
    now = connection.execute(sa.select(schema.run.c.flow).where(schema.run.c.id == run.id))
    flow = now.scalar_one()
    connection.execute(
        schema.hold.insert().values(
            id=hold_id,
            flow=flow,
            run_id=run.id,
            batch_id=record.batch_id,
            subject="delivery",
            cause=cause,
            rule=rule,
            summary=words[:500],
            state="open",
            system=record.system,
            stream=record.stream,
            key=record.key,
            entity=record.entity,
            target=route.target,
            version_id=row["version_id"],
            outbox_id=row["id"],
            object_id=record.object_id,
            record=record.record,
            amount=record.amount,
            currency=record.currency,
            opened_at=_now(),
        )
    )
    found = faults or [{"rule": rule, "path": "", "value": None, "message": words}]
    first = take_numbers(connection, "verdict", len(found))
    connection.execute(
        schema.verdict.insert(),
        [
            {
                "id": first + number,
                "hold_id": hold_id,
                "rule": str(fault.get("rule") or rule),
                "rule_version": "",
                "severity": "hold_record",
                "field": str(fault.get("path") or ""),
                "value": fault.get("value"),
                "line": fault.get("line"),
                "message": str(fault.get("message") or words)[:500],
            }
            for number, fault in enumerate(found)
        ],
    )
    _ledger(connection, pa.array([row["id"]]), "quarantined", f"{cause}: {rule}")


def _now() -> datetime:
    from datetime import UTC

    return datetime.now(UTC)
