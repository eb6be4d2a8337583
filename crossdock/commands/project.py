"""``init``, ``doctor``, ``demo``, ``bench``: from nothing to a running hub, and how fast it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from crossdock.commands import screen


def add(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command(rich_help_panel="Set up")(init)
    app.command(rich_help_panel="Set up")(doctor)
    app.command(rich_help_panel="Run")(demo)
    app.command(rich_help_panel="Run")(bench)


def init(
    folder: Annotated[Path, typer.Argument(help="Where; made when it is missing.")] = Path(),
    only_key: Annotated[
        bool, typer.Option("--only-key", help="Make the key of a project that is there already.")
    ] = False,
) -> None:
    """Make a project: connectors, mappings, suites, EDI guides, example flows, and a key."""
    from crossdock import init as project
    from crossdock.home import Home

    if only_key:
        screen.say(project.make_key(Home.find()))
        return
    for line in project.make(folder):
        screen.say(line)
    screen.say(f"Next: cd {folder} && crossdock doctor")


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Examine this machine and this project; ends with 1 when something must be changed."""
    from crossdock import doctor as doctors
    from crossdock.home import Home

    lines = list(doctors.examine(Home.find()))
    bad = sum(line.state == "FAIL" for line in lines)
    if json:
        screen.as_json({"ok": not bad, "lines": [line._asdict() for line in lines]})
    else:
        for line in lines:
            screen.say(f"{line.state:<5} {line.what}" + (f": {line.detail}" if line.detail else ""))
        screen.say(f"{bad} to be changed." if bad else "Fit to run.")
    raise typer.Exit(1 if bad else 0)


def demo(
    systems: Annotated[
        str,
        typer.Argument(
            metavar="[sandbox|real]",
            help="sandbox: bundled systems; real: Vendure and Tryton, which npm and pip fetch.",
        ),
    ] = "sandbox",
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave Airflow and the sandbox up until Ctrl-C (KEEP=1).")
    ] = False,
) -> None:
    """Run the main job through a real Airflow scheduler, on sandbox systems, and show the books."""
    keep = keep or os.environ.get("KEEP", "") not in {"", "0"}
    if systems == "real":
        from crossdock.real.play import play as on_real_systems

        raise typer.Exit(on_real_systems(keep=keep))
    if systems != "sandbox":
        raise typer.BadParameter("it is sandbox or real")
    from crossdock import demo as show

    raise typer.Exit(show.play(keep=keep))


def bench(
    times: Annotated[int, typer.Option(min=1, help="So many times the input.")] = 1,
    again: Annotated[
        bool, typer.Option("--again", help="Measure the same bytes again, and shuffled rows.")
    ] = False,
) -> None:
    """Measure a whole run beside dlt and COPY on the same PostgreSQL; the last line is JSON."""
    from crossdock import bench as measure

    raise typer.Exit(measure.measure(times=times, again=again))
