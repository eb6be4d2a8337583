"""``crossdock edi trace``, ``answers`` and ``override``: what happened with the partners."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossdock.commands import screen
from crossdock.errors import Misconfigured

if TYPE_CHECKING:
    from crossdock.home import Home
    from crossdock.store import Store

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add(app: typer.Typer) -> None:
    """Add the commands to ``crossdock edi``."""
    app.command()(trace)
    app.command()(answers)
    app.command()(override)


def trace(
    order: Annotated[str, typer.Argument(help="Number of an order, ours or the buyer's.")],
    json: Json = False,
    html: Annotated[
        Path | None, typer.Option(help="Write one printable page to this file.")
    ] = None,
) -> None:
    """Follow an order: ORDERS, ORDRSP, DESADV, RECADV, INVOIC, and every answer to them."""
    from datetime import UTC, datetime

    from crossdock.edi.trace import traces

    home, store = _home_and_store()
    found = traces(store, home.project, order)
    if html is not None:
        from crossdock.edi.trace_page import render

        html.write_text(render(found, datetime.now(UTC)), encoding="utf-8")
        screen.say(f"wrote {html}")
    elif json:
        screen.as_json([one.record() for one in found])
    else:
        for one in found:
            _show(one)


def _show(trace: Any) -> None:
    from crossdock.edi.trace_page import count

    screen.say(f"Order {trace.order} ({trace.organisation})")
    screen.say()
    screen.table(
        ["message", "number", "", "at", "where", "reference", "state", "what was said"],
        [row for document in trace.documents for row in _rows(document)],
    )
    screen.table(
        ["line", "product", "ordered", "confirmed", "shipped", "received", "billed"],
        [
            [line.line, line.item, *(count(value) for value in (
                line.ordered, line.confirmed, line.shipped, line.received, line.billed))]
            for line in trace.lines
        ],
        right="ordered confirmed shipped received billed",
    )  # fmt: skip


def _rows(document: Any) -> list[list[str]]:
    """Give a row for each passage; what does not fit stands beside the first."""
    head = [document.message, document.number]
    misfits = [f"does not fit: {words}" for words in document.misfits]
    if not document.passages:
        return [[*head, "", "", "", "", document.status, "\n".join(misfits)]]
    rows = []
    for passage in document.passages:
        said = [*passage.answers, *(f"awaited: {one}" for one in passage.owed), *passage.held]
        at = f"{passage.at:%Y-%m-%d %H:%M}" if passage.at else ""
        rows.append([*head, passage.direction, at, passage.system, passage.reference,
                     passage.state, "\n".join([*said, *misfits])])  # fmt: skip
        head, misfits = ["", ""], []
    return rows


def answers(
    send: Annotated[
        bool, typer.Option("--send", help="Answer, fetch answers and watch deadlines now.")
    ] = False,
    json: Json = False,
) -> None:
    """List interchanges that came with their answers, and what partners said or still owe."""
    import sqlalchemy as sa

    from crossdock.edi.desk import attend_all
    from crossdock.store import edi_tables

    home, store = _home_and_store()
    if send:
        for done in attend_all(home, store):
            words = done.later or (
                f"{done.answered} answered, {done.told} told, {done.replies} heard, "
                f"{done.overdue} overdue"
            )
            screen.say(f"{done.system}: {words}")
    tables = {
        "received": edi_tables.received,
        "replies": edi_tables.reply,
        "awaited": edi_tables.awaited,
        "told": edi_tables.told,
    }
    with store.reading() as connection:
        found = {
            name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for name, table in tables.items()
        }
    if json:
        screen.as_json(found)
        return
    came = ("partner", "types", "reference", "state", "action", "control", "received_at")
    _list("came", found["received"], came)
    _list("was said", found["replies"], ("partner", "kind", "verdict", "about", "words"))
    _list("is awaited", found["awaited"], ("partner", "what", "outbox_id", "state", "due_at"))
    _list("was told", found["told"], ("partner", "hold_id", "state", "control"))


def _list(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if not rows:
        return
    screen.say(f"What {title}:")
    screen.table(
        [name.replace("_", " ") for name in columns],
        [[row[name] for name in columns] for row in rows],
    )


def override(
    holds: Annotated[list[int], typer.Argument(help="Numbers of holds.")],
    reason: Annotated[str, typer.Option(help="Why it may leave in spite of the others.")],
    who: Annotated[str | None, typer.Option("--as", help="Who decides; your login.")] = None,
) -> None:
    """Let documents leave that do not fit their order's others; kept with your reason."""
    from crossdock import quarantine
    from crossdock.edi.family.declared import load
    from crossdock.edi.family.judging import CAUSE, file_of

    home, store = _home_and_store()
    checks = load(file_of(home.project))
    for hold in holds:
        page = quarantine.show(store, hold)
        if page["cause"] != CAUSE:
            raise Misconfigured(
                f"hold {hold} is there for another reason: {page['cause']}",
                fix=f"crossdock quarantine show {hold}",
            )
        fixed = [
            one["rule"] for one in page["verdicts"]
            if one["rule"] in checks and not checks[one["rule"]].override
        ]  # fmt: skip
        if fixed:
            raise Misconfigured(
                f"nobody may let {', '.join(fixed)} pass (hold {hold})",
                fix="mend the cause, then resubmit it",
            )
    quarantine.release(store, holds, who=who or getpass.getuser(), reason=reason)
    screen.say(f"{len(holds)} may leave. The flow's next run sends them:")
    for flow in sorted({quarantine.show(store, hold)["flow"] for hold in holds}):
        screen.say(f"  crossdock run {flow}")


def _home_and_store() -> tuple[Home, Store]:
    from crossdock.home import Home
    from crossdock.store import open_store

    home = Home.find()
    return home, open_store(home)
