"""``run``, ``flows``, ``systems``, ``check``: start flows and look at what is configured."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossdock.commands import screen

if TYPE_CHECKING:
    from crossdock.home import Home


def add(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command(rich_help_panel="Run")(run)
    app.command(rich_help_panel="Look")(flows)
    app.command(rich_help_panel="Look")(systems)
    app.command(rich_help_panel="Set up")(check)


def run(
    flow: Annotated[str, typer.Argument(help="A flow of config/flows, without .yaml.")],
    workers: Annotated[
        int, typer.Option(min=0, help="Processes at once; 0 takes one for each core.")
    ] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the books as JSON.")] = False,
) -> None:
    """Run a flow in this process: pull, map, check, resolve, push, and close the books.

    A run that was interrupted goes on where it stopped.
    """
    import os

    from crossdock import flow as engine
    from crossdock import ledger
    from crossdock.home import Home
    from crossdock.store import open_store

    home = Home.find()
    start = time.monotonic()
    with screen.progress() as step:
        books = engine.run(home, flow, workers or os.cpu_count() or 1, progress=step)
    page = ledger.books(open_store(home), flow, books.run)
    if json:
        screen.as_json(page)
    else:
        screen.books(page)
        _say_what_next(flow, page, books.exit_status, start)
    raise typer.Exit(books.exit_status)


def _say_what_next(flow: str, page: dict[str, Any], status: int, start: float) -> None:
    held = page["records"].get("quarantined", 0)
    if held:
        words = "record waits" if held == 1 else "records wait"
        screen.say(f"{screen.count(held)} {words} for a steward:")
        screen.say(f"  crossdock quarantine list --flow {flow}")
    if status == 1:
        screen.say("The run failed: see the lines above.")
    screen.say(f"Took {screen.seconds_since(start)}. The report: crossdock report")


def flows(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the flows: when they run, what they take, what they deliver."""
    from crossdock import flows as flow_files
    from crossdock.home import Home

    home = Home.find()
    found = [flow_files.load(home, name) for name in flow_files.names(home)]
    pages: list[dict[str, Any]] = [
        {
            "name": flow.name,
            "about": " ".join(flow.about.split()),
            "every": flow.every,
            "after": list(flow.after),
            "takes": [f"{leg.system}.{leg.stream}" for leg in flow.legs],
            "delivers": [route.target for route in flow.routes],
        }
        for flow in found
    ]
    if json:
        screen.as_json(pages)
        return
    screen.table(
        ["flow", "runs", "takes", "delivers to"],
        [
            [page["name"], _when(page), "\n".join(page["takes"]), "\n".join(page["delivers"])]
            for page in pages
        ],
    )


def _when(page: dict[str, Any]) -> str:
    words = [f"every {page['every']}"] if page["every"] else []
    words += [f"after {entity}" for entity in page["after"]]
    return "\n".join(words) or "when started"


def systems(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the configured systems, their connectors and their streams; nothing is contacted."""
    from crossdock import systems as accounts
    from crossdock.errors import Misconfigured
    from crossdock.home import Home

    home = Home.find()
    pages: list[dict[str, Any]] = []
    for name in accounts.names(home):
        data = accounts.document(home, name).data or {}
        page = {"name": name, "connector": data.get("connector"), "about": data.get("about") or ""}
        try:
            page |= {**_streams(home, name, data), "problem": ""}
        except Misconfigured as error:
            page |= {"reads": [], "writes": [], "problem": str(error)}
        pages.append(page)
    if json:
        screen.as_json(pages)
        return
    screen.table(
        ["system", "connector", "reads", "writes", "problem"],
        [
            [
                page["name"],
                page["connector"],
                "\n".join(page["reads"]),
                "\n".join(page["writes"]),
                page["problem"],
            ]
            for page in pages
        ],
    )


def _streams(home: Home, name: str, data: dict[str, Any]) -> dict[str, list[str]]:
    """Name what a system offers and takes; a sandbox system is not opened, which would start it."""
    from crossdock import systems as accounts
    from crossdock.connector import Reads, Writes

    if not data.get("sandbox"):
        connector = accounts.open_system(home, name)
        return {"reads": sorted(connector.reads()), "writes": sorted(connector.writes())}
    kind = accounts.connector_class(home, str(data.get("connector", "")))
    listed = data.get("streams") or {}
    reads = {stream for stream, spec in listed.items() if "delivery" not in spec}
    own = vars(kind).values()
    return {
        "reads": sorted(reads | {item.name for item in own if isinstance(item, Reads)}),
        "writes": sorted(
            {*listed} - reads | {item.name for item in own if isinstance(item, Writes)}
        ),
    }


def check(
    system: Annotated[str, typer.Argument(help="A system of config/systems, without .yaml.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Try an account as cheaply as possible: address, login, rights, each stream."""
    from crossdock import systems as accounts
    from crossdock.home import Home

    connector = accounts.open_system(Home.find(), system)
    try:
        lines = [
            {"what": line.what, "ok": line.ok, "detail": line.detail} for line in connector.check()
        ]
    finally:
        connector.close()
    if json:
        screen.as_json({"system": system, "ok": all(line["ok"] for line in lines), "checks": lines})
    else:
        for line in lines:
            state = "ok  " if line["ok"] else "FAIL"
            screen.say(f"{state} {line['what']}  {line['detail']}".rstrip())
    raise typer.Exit(0 if all(line["ok"] for line in lines) else 1)
