"""``map try``, ``map test``: see what a mapping makes of a sample, before any flow runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crossdock.commands import screen

group = typer.Typer(no_args_is_help=True)


def add(app: typer.Typer) -> None:
    """Add the group to the command line."""
    app.add_typer(group, name="map", rich_help_panel="Set up")


@group.callback()
def mappings() -> None:
    """Try a mapping on a sample, or run the examples that stand beside it."""


@group.command("try")
def try_(
    mapping: Annotated[str, typer.Argument(help="A mapping as system/entity.")],
    sample: Annotated[Path, typer.Argument(help="A .json, .ndjson or .csv file.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Map the records of a sample file; ends with 3 when a record has faults."""
    from crossdock import flows
    from crossdock import mapping as engine
    from crossdock.home import Home

    answers = engine.try_sample(flows.mapping_path(Home.find(), mapping), sample)
    if json:
        screen.as_json(answers)
    else:
        for number, answer in enumerate(answers, 1):
            _show(number, answer)
    raise typer.Exit(3 if any("faults" in answer for answer in answers) else 0)


def _show(number: int, answer: dict[str, object]) -> None:
    if "document" in answer:
        screen.say(f"Record {number}:")
        screen.as_json(answer["document"])
        for path in answer.get("new_fields") or ():  # type: ignore[attr-defined]
            screen.say(f"  the mapping does not know {path}; it goes to the extension")
    elif "faults" in answer:
        screen.say(f"Record {number} would be held:")
        for fault in answer["faults"]:  # type: ignore[attr-defined]
            screen.say(f"  {fault['path']}: {fault['message']}")
    else:
        screen.say(f"Record {number}: this mapping does not take it.")


@group.command("test")
def run_examples(
    mapping: Annotated[
        str | None, typer.Argument(help="A mapping as system/entity; all when left out.")
    ] = None,
) -> None:
    """Run the examples of mappings; ends with 1 when one of them does not hold."""
    from crossdock import flows
    from crossdock import mapping as engine
    from crossdock.home import Home

    home = Home.find()
    folder = home.project / "mappings"
    paths = [flows.mapping_path(home, mapping)] if mapping else sorted(folder.glob("*/*.yaml"))
    wrong = 0
    for path in paths:
        name = path.relative_to(folder).with_suffix("")
        for example, holds, differs in engine.examples(path):
            wrong += not holds
            screen.say(f"{'ok  ' if holds else 'FAIL'} {name}: {example}")
            for line in differs.splitlines():
                screen.say(f"       {line}")
    raise typer.Exit(1 if wrong else 0)
