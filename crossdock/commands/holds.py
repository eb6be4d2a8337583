"""``quarantine``: what waits for a steward, and what the steward decides."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from crossdock.commands import screen
from crossdock.errors import Misconfigured

SHOWN = ("id", "state", "flow", "run_id", "cause", "summary", "system", "stream", "key", "target")

group = typer.Typer(no_args_is_help=True)

Numbers = Annotated[list[int] | None, typer.Argument(help="Numbers of holds.")]
OfFlow = Annotated[str | None, typer.Option("--flow", help="Those of this flow.")]
OfRule = Annotated[str | None, typer.Option("--rule", help="Those that this rule holds.")]
OfCause = Annotated[
    str | None, typer.Option("--cause", help="Those of this cause: mapping, check, refused, ...")
]
All = Annotated[bool, typer.Option("--all", help="All open holds.")]
Who = Annotated[str | None, typer.Option("--as", help="Who decides; your login when left out.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add(app: typer.Typer) -> None:
    """Add the group to the command line."""
    app.add_typer(group, name="quarantine", rich_help_panel="Decide")


@group.callback()
def holds() -> None:
    """Look at what is held, and decide: resubmit, release or reject."""


@group.command("list")
def listed(
    flow: OfFlow = None,
    rule: OfRule = None,
    cause: OfCause = None,
    json: Json = False,
    csv: Annotated[Path | None, typer.Option(help="Write them to this CSV file.")] = None,
    xlsx: Annotated[Path | None, typer.Option(help="Write them to this Excel file.")] = None,
    who: Annotated[str | None, typer.Option("--as", help="Who takes the file; audited.")] = None,
) -> None:
    """List the open holds; as a file, every verdict is a row and no cell is a formula."""
    store = _store()
    rows = _quarantine().listed(store, flow=flow, rule=rule, cause=cause)
    for path in (csv, xlsx):
        if path is not None:
            count = _quarantine().export(store, rows, path, who=who or getpass.getuser())
            screen.say(f"{screen.count(count)} rows: {path}")
    if csv or xlsx:
        return
    if json:
        screen.as_json(rows)
        return
    if not rows:
        screen.say("Nothing is held.")
        return
    screen.table(
        ["hold", "flow", "cause", "rule", "record", "worth", "why", "decided"],
        [
            [
                *(row[name] for name in ("id", "flow", "cause", "rule", "key")),
                _worth(row),
                row["summary"],
                "yes" if row["decided"] else "",
            ]
            for row in rows
        ],
        right="hold worth",
    )
    screen.say("One of them: crossdock quarantine show HOLD")


@group.command()
def show(
    hold: Annotated[int, typer.Argument(help="The number of a hold.")], json: Json = False
) -> None:
    """Show one hold: the record, every verdict on it, and what may be done."""
    page = _quarantine().show(_store(), hold)
    if json:
        screen.as_json(page)
        return
    for name in SHOWN:
        if page.get(name) not in (None, ""):
            screen.say(f"{name.replace('_', ' '):<8} {page[name]}")
    screen.table(
        ["rule", "severity", "field", "line", "value", "message"],
        [
            [item[name] for name in ("rule", "severity", "field", "line", "value", "message")]
            for item in page["verdicts"]
        ],
    )
    for action in page["actions"]:
        reason = " --reason '...'" if action in {"release", "reject"} else ""
        screen.say(f"  crossdock quarantine {action} {hold}{reason}")
    if "release" in page["actions"]:
        screen.say(f"Here, release means: {page['release_means']}.")


@group.command()
def resubmit(
    holds: Numbers = None,
    flow: OfFlow = None,
    rule: OfRule = None,
    cause: OfCause = None,
    every: All = False,
    who: Who = None,
    json: Json = False,
) -> None:
    """Send held records through the newest mapping and rules again, in the flow's next run."""
    _decide("resubmit", holds, flow, rule, cause, every, who, "", json)


@group.command()
def release(
    reason: Annotated[str, typer.Option(help="Why this is right in spite of the rule.")],
    holds: Numbers = None,
    flow: OfFlow = None,
    rule: OfRule = None,
    cause: OfCause = None,
    every: All = False,
    who: Who = None,
    json: Json = False,
) -> None:
    """Let held records pass as they are, in the flow's next run; kept with your reason."""
    _decide("release", holds, flow, rule, cause, every, who, reason, json)


@group.command()
def reject(
    reason: Annotated[str, typer.Option(help="Why this shall never be delivered.")],
    holds: Numbers = None,
    flow: OfFlow = None,
    rule: OfRule = None,
    cause: OfCause = None,
    every: All = False,
    who: Who = None,
    json: Json = False,
) -> None:
    """Close held records without delivery; the books count them as rejected, with your reason."""
    _decide("reject", holds, flow, rule, cause, every, who, reason, json)


def _decide(
    action: str,
    holds: list[int] | None,
    flow: str | None,
    rule: str | None,
    cause: str | None,
    every: bool,
    who: str | None,
    reason: str,
    json: bool,
) -> None:
    if not (holds or flow or rule or cause or every):
        raise Misconfigured(
            f"{action} what?", fix="name holds by number, or --flow, --rule, --cause, or --all"
        )
    store, quarantine = _store(), _quarantine()
    chosen = holds or [
        row["id"] for row in quarantine.listed(store, flow=flow, rule=rule, cause=cause)
    ]
    decide: Callable[..., Any] = getattr(quarantine, action)
    decide(store, chosen, who=who or getpass.getuser(), reason=reason)
    if json:
        screen.as_json({"action": action, "holds": chosen})
        return
    screen.say(f"{action}: {screen.count(len(chosen))} holds. The flow's next run acts on it:")
    flows = {quarantine.show(store, hold)["flow"] for hold in chosen[:1]} if not flow else {flow}
    for name in sorted(flows):
        screen.say(f"  crossdock run {name}")


def _worth(row: dict[str, Any]) -> str:
    if row.get("amount") is None:
        return ""
    return f"{screen.money(row['amount'])} {row.get('currency') or ''}".rstrip()


def _quarantine() -> Any:
    from crossdock import quarantine

    return quarantine


def _store() -> Any:
    from crossdock.home import Home
    from crossdock.store import open_store

    return open_store(Home.find())
