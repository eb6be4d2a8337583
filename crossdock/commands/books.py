"""``ledger`` and ``report``: what the books say, on the terminal and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crossdock.commands import screen


def add(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command(rich_help_panel="Look")(ledger)
    app.command(rich_help_panel="Look")(report)


def ledger(
    flow: Annotated[str | None, typer.Argument(help="One flow; all of them when left out.")] = None,
    run: Annotated[str | None, typer.Option(help="One run of the flow, by its id.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the books: every record that came in, where it is, and what it is worth."""
    from crossdock import flows as flow_files
    from crossdock import ledger as accounts
    from crossdock.home import Home
    from crossdock.store import open_store

    home = Home.find()
    store = open_store(home)
    names = [flow] if flow else flow_files.names(home)
    pages = [accounts.books(store, name, run) for name in names]
    if json:
        screen.as_json(pages[0] if flow else pages)
    else:
        for page in pages:
            screen.books(page)
    raise typer.Exit(0 if all(page["balanced"] for page in pages) else 1)


def report(
    run: Annotated[str | None, typer.Argument(help="The run; the last one when left out.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the page here; else among the reports.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write what was found as CSV, too.")] = None,
    xlsx: Annotated[Path | None, typer.Option(help="Write what was found as Excel, too.")] = None,
) -> None:
    """Write the validation report of a run as one HTML file that needs no network."""
    from crossdock import run_report
    from crossdock.home import Home
    from crossdock.store import open_store

    home = Home.find()
    store = open_store(home)
    for table in (csv, xlsx):
        if table is not None:
            screen.say(f"{screen.count(run_report.export(store, run, table))} rows: {table}")
    path = run_report.write(store, run, html)
    screen.say(f"Report: {path.resolve().as_uri()}")
