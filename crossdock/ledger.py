"""The books of a run: what came in, and where every version of it stands at every target.

Each side is counted for itself: *read* from the landed bytes, *delivered* from the payloads that
targets acknowledged, everything else from the records' own raw content. Nothing is a remainder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from crossdock.errors import Misconfigured
from crossdock.store import Store, schema

STATES = ("delivered", "quarantined", "rejected", "pending")
COUNTS = ("read", *STATES, "unchanged")
ZERO = Decimal(0)
_STRICTEST = sa.case(
    *((schema.finding.c.severity == word, f"{rank}{word}")
      for rank, word in enumerate(("stop_flow", "hold_batch", "hold_record", "note"))),
    else_=sa.literal("9") + schema.finding.c.severity,
)  # fmt: skip


def latest_run(store: Store, flow: str | None = None) -> str:
    """Give the id of the newest run, of one flow or of any; raises Misconfigured for none."""
    table = schema.run
    statement = sa.select(table.c.id).order_by(table.c.started_at.desc()).limit(1)
    if flow is not None:
        statement = statement.where(table.c.flow == flow)
    with store.reading() as connection:
        found = connection.execute(statement).scalar_one_or_none()
    if found is None:
        raise Misconfigured(
            f"flow {flow!r} has not run yet" if flow else "no flow has run yet",
            fix=f"crossdock run {flow or 'FLOW'}",
        )
    return str(found)


def books(store: Store, flow: str | None = None, run: str | None = None) -> dict[str, Any]:
    """Give the books of a run (default: the newest) as they stand now.

    The shape is fixed: flow, run, balanced, records, money, by_target, by_entity, reasons,
    findings; money as decimal strings. ``records`` and ``money`` count the flow's own streams;
    streams that are derived from the same bytes stand in ``by_entity`` and ``by_target`` only.
    """
    run_id = run or latest_run(store, flow)
    with store.reading() as connection:
        flow_name = connection.execute(
            sa.select(schema.run.c.flow).where(schema.run.c.id == run_id)
        ).scalar_one_or_none()
        if flow_name is None:
            raise Misconfigured(f"there is no run {run_id!r}", fix="see `crossdock ledger`")
        intake = connection.execute(
            sa.select(schema.intake).where(schema.intake.c.run_id == run_id)
        ).all()
        derived = {row.leg for row in intake if row.derived}
        stood = _stood(connection, run_id)
        under_way = connection.execute(
            sa.select(schema.batch).where(
                schema.batch.c.run_id == run_id,
                schema.batch.c.state == "pulled",
                schema.batch.c.amounts != "{}",
            )
        ).all()
        targets = _targets(connection, run_id)
        adjusted = _adjusted(connection, run_id)
        unplaced = _unplaced(connection, run_id)
        findings = _findings(connection, run_id)
    records = dict.fromkeys(COUNTS, 0)
    money: dict[str, dict[str, Decimal]] = {}
    entities: dict[str, dict[str, int]] = {}
    reasons: dict[str, int] = {}
    legs: dict[int, list[int]] = {}
    _count_intake(intake, records, money, entities, legs)
    for row in under_way:  # landed, not decided yet
        legs.setdefault(row.leg, [0, 0])[1] += row.records
        if row.leg in derived:
            continue
        records["pending"] += row.records
        for currency, amount in json.loads(row.amounts).items():
            money.setdefault(currency, _no_money())["pending"] += Decimal(amount)
    for row in stood:
        _add(entities, row.entity, row.state, row.records)
        legs.setdefault(row.leg, [0, 0])[1] += row.records
        if row.leg in derived:
            continue
        if row.state in {"quarantined", "rejected"}:
            reasons[row.reason] = reasons.get(row.reason, 0) + row.records
        records[row.state] += row.records
        amounts = money.setdefault(row.currency, _no_money())
        amounts[row.state] += (row.delivered if row.state == "delivered" else row.amount) or ZERO
    for currency, amount in adjusted.items():
        money.setdefault(currency, _no_money())["adjusted"] += amount
    balanced = (
        records["read"] == sum(records[name] for name in COUNTS[1:])
        and all(_even(amounts) for amounts in money.values())
        and all(came == stands for came, stands in legs.values())
        and not targets["uneven"]
        and not unplaced
    )
    return {
        "flow": flow_name,
        "run": run_id,
        "balanced": balanced,
        "records": records,
        "money": [
            {"currency": currency, **{name: _text(amount) for name, amount in amounts.items()}}
            for currency, amounts in sorted(money.items())
            if currency or any(amounts.values())
        ],
        "by_target": _unchanged(targets["counts"], intake, _routes(store, flow_name)),
        "by_entity": {name: entities[name] for name in sorted(entities)},
        "reasons": dict(sorted(reasons.items())),
        "findings": findings,
    }


def _routes(store: Store, flow: str) -> Iterable[Any]:
    from crossdock import flows

    try:
        return flows.load(store.home, flow).routes
    except Misconfigured:
        return ()  # the flow's file has gone or is broken; the books stand without it


def _no_money() -> dict[str, Decimal]:
    return dict.fromkeys((*COUNTS, "adjusted"), ZERO)


def _even(amounts: dict[str, Decimal]) -> bool:
    rest = sum((amounts[name] for name in (*COUNTS[1:], "adjusted")), ZERO)
    return amounts["read"] == rest


def _text(amount: Decimal) -> str:
    text = format(amount.normalize(), "f")
    return "0" if text == "-0" else text


def _count_intake(
    intake: Iterable[Any],
    records: dict[str, int],
    money: dict[str, dict[str, Decimal]],
    entities: dict[str, dict[str, int]],
    legs: dict[int, list[int]],
) -> None:
    for row in intake:
        leg = legs.setdefault(row.leg, [0, 0])
        leg[0] += row.records
        leg[1] += row.unchanged_records
        for entity, by_currency in json.loads(row.unchanged_entities or "{}").items():
            for count, _ in by_currency.values():
                _add(entities, entity, "unchanged", count)
        if row.derived:
            continue
        records["read"] += row.records
        records["unchanged"] += row.unchanged_records
        amounts = money.setdefault(row.currency, _no_money())
        amounts["read"] += row.amount or ZERO
        amounts["unchanged"] += row.unchanged_amount or ZERO


def _add(entities: dict[str, dict[str, int]], entity: str, state: str, count: int) -> None:
    counts = entities.setdefault(entity or "unknown", dict.fromkeys(COUNTS, 0))
    counts["read"] += count
    counts[state] += count


def _stood(connection: sa.Connection, run_id: str) -> list[Any]:
    table = schema.record_version
    exact = schema.Exact()
    delivered = sa.func.coalesce(table.c.delivered_amount, table.c.amount)
    return list(
        connection.execute(
            sa.select(
                table.c.leg,
                table.c.entity,
                table.c.state,
                table.c.reason,
                table.c.currency,
                sa.func.count().label("records"),
                sa.func.sum(table.c.amount, type_=exact).label("amount"),
                sa.func.sum(delivered, type_=exact).label("delivered"),
            )
            .where(table.c.run_id == run_id)
            .group_by(
                table.c.leg, table.c.entity, table.c.state, table.c.reason, table.c.currency
            )
        )
    )


def _targets(connection: sa.Connection, run_id: str) -> dict[str, Any]:
    """Count the ledger by target; a target whose money differs from what went there is uneven."""
    ledger, version, adjustment = schema.ledger, schema.record_version, schema.adjustment
    exact = schema.Exact()
    changed = (
        sa.select(adjustment.c.version_id, sa.func.sum(adjustment.c.amount).label("amount"))
        .group_by(adjustment.c.version_id)
        .subquery()
    )
    rows = connection.execute(
        sa.select(
            ledger.c.target,
            ledger.c.state,
            ledger.c.currency,
            sa.func.count().label("records"),
            sa.func.sum(sa.func.coalesce(ledger.c.amount, version.c.amount), type_=exact).label(
                "stands"
            ),
            sa.func.sum(version.c.amount, type_=exact).label("came"),
            sa.func.sum(changed.c.amount, type_=exact).label("changed"),
        )
        .join(version, version.c.id == ledger.c.version_id)
        .outerjoin(changed, changed.c.version_id == ledger.c.version_id)
        .where(version.c.run_id == run_id)
        .group_by(ledger.c.target, ledger.c.state, ledger.c.currency)
    ).all()
    counts: dict[str, dict[str, int]] = {}
    uneven = []
    for row in rows:
        _add(counts, row.target or "nowhere yet", row.state, row.records)
        booked = (row.changed or ZERO) if row.state == "delivered" else ZERO
        if (row.came or ZERO) != (row.stands or ZERO) + booked:
            uneven.append(row.target)
    return {"counts": counts, "uneven": uneven}


def _unchanged(
    counts: dict[str, dict[str, int]], intake: Iterable[Any], routes: Iterable[Any]
) -> dict[str, dict[str, int]]:
    """Add the unchanged records to the targets that take every document of their entity."""
    seen: dict[str, int] = {}
    for row in intake:
        for entity, by_currency in json.loads(row.unchanged_entities or "{}").items():
            name = entity.split(".")[0]
            seen[name] = seen.get(name, 0) + sum(count for count, _ in by_currency.values())
    for route in routes:
        if route.when is None and seen.get(route.entity):
            _add(counts, route.target, "unchanged", seen[route.entity])
    return {name: counts[name] for name in sorted(counts)}


def _unplaced(connection: sa.Connection, run_id: str) -> bool:
    """Say whether a version stands at no target at all, not even at the hub's own."""
    ledger, version = schema.ledger, schema.record_version
    placed = sa.exists().where(ledger.c.version_id == version.c.id)
    found = sa.select(version.c.id).where(version.c.run_id == run_id, ~placed).limit(1)
    return connection.execute(found).first() is not None


def _adjusted(connection: sa.Connection, run_id: str) -> dict[str, Decimal]:
    """Sum what rules changed of the money that was delivered, by currency."""
    table, version = schema.adjustment, schema.record_version
    rows = connection.execute(
        sa.select(table.c.currency, sa.func.sum(table.c.amount, type_=schema.Exact()))
        .join(version, version.c.id == table.c.version_id)
        .where(version.c.run_id == run_id, version.c.state == "delivered")
        .group_by(table.c.currency)
    )
    return {currency: amount or ZERO for currency, amount in rows}


def _findings(connection: sa.Connection, run_id: str) -> dict[str, dict[str, Any]]:
    table = schema.finding
    rows = connection.execute(
        sa.select(
            table.c.rule,
            sa.func.min(_STRICTEST),
            sa.func.sum(table.c.records),
            sa.func.sum(table.c.lines),
        )
        .where(table.c.run_id == run_id)
        .group_by(table.c.rule)
        .order_by(table.c.rule)
    )
    return {
        rule: {"severity": severity[1:], "records": int(records), "lines": int(lines)}
        for rule, severity, records, lines in rows
    }
