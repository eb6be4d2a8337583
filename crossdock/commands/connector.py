"""``connector new``, ``list``, ``describe``, ``test``: for those who write connectors."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from crossdock.commands import screen

group = typer.Typer(no_args_is_help=True, help="Write, describe and test connectors.")


def add(app: typer.Typer) -> None:
    """Add the group to the command line."""
    app.add_typer(group, name="connector", rich_help_panel="Look")


@group.command()
def new(
    name: Annotated[str, typer.Argument(help="Its name: small letters, digits and _.")],
) -> None:
    """Write a connector, its system, mappings, a sandbox and a test that pass at once."""
    from crossdock import scaffold
    from crossdock.home import Home

    for path in scaffold.write(Home.find(), name):
        screen.say(f"wrote {path}")
    screen.say(f"Next: crossdock connector test {name} && crossdock map test {name}/product")


@group.command(name="list")
def list_(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the connectors that can be used here, and how each was verified."""
    from crossdock import systems
    from crossdock.describe import described
    from crossdock.home import Home

    home = Home.find()
    pages = [described(name, systems.connector_class(home, name))
             for name in systems.connector_names(home)]  # fmt: skip
    if json:
        screen.as_json(pages)
        return
    rows = [[page["name"], page["about"].splitlines()[0], _verified(page)] for page in pages]
    screen.table(["connector", "what it is", "verified by"], rows)


def _verified(page: dict[str, Any]) -> str:
    return "\n".join(f"{item['version']}: {item['by']}" for item in page["versions"]) or "nothing"


@group.command()
def describe(
    name: Annotated[str, typer.Argument(help="A connector, as `connector list` names it.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a connector's settings, streams, delivery classes, versions and how it was verified."""
    from crossdock import systems
    from crossdock.describe import described
    from crossdock.home import Home

    page = described(name, systems.connector_class(Home.find(), name))
    if json:
        screen.as_json(page)
        return
    screen.say(page["about"])
    for item in page["versions"]:
        screen.say(f"verified: {item['version']}, by {item['by']}")
    screen.table(
        ["setting", "what it is", "without it"],
        [[item["name"] + (" (secret)" if item["secret"] else ""), item["help"],
          "required" if item["required"] else str(item["default"] or "nothing")]
         for item in page["settings"]],
    )  # fmt: skip
    if page["streams"]:
        screen.table(["stream", "key", "what it does"], [_stream(item) for item in page["streams"]])
    else:
        screen.say("Streams: those of the system's YAML.")


def _stream(item: dict[str, Any]) -> list[str]:
    if item["direction"] == "reads":
        does = f"read: {item['feed']}, deletions: {item['deletes']}"
    else:
        does = f"written: {item['delivery']}, {item['batch']} a call"
        does += ", accepted first" if item["accepts"] else ""
    right = f", right {item['right']}" if item["right"] else ""
    return [item["name"], ", ".join(item["key"]), does + right]


@group.command(name="test")
def accept(
    name: Annotated[str, typer.Argument(help="A connector, as `connector list` names it.")],
    live: Annotated[
        str, typer.Option(help="A system of config/systems: only read there, change nothing.")
    ] = "",
    only: Annotated[str, typer.Option(help="A part of the names of the cases to run.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run the acceptance kit on a connector's sandbox, or on a real account."""
    from crossdock.home import Home
    from crossdock.testing import run, stand_of
    from crossdock.testing.live import stand_on

    home = Home.find()
    stand = stand_on(home, name, live) if live else stand_of(home, name)
    results = []
    for result in run(stand, live=bool(live), only=only):
        results.append(result)
        if not json:
            words = f": {result.detail}" if result.detail else ""
            screen.say(f"{result.state:<8}{result.case.replace('_', ' ')}{words}")
    counts = {state: sum(one.state == state for one in results)
              for state in ("passed", "failed", "skipped")}  # fmt: skip
    if json:
        screen.as_json({"connector": name, **counts, "cases": [vars(one) for one in results]})
    else:
        screen.say(", ".join(f"{count} {state}" for state, count in counts.items()))
    raise typer.Exit(1 if counts["failed"] or not results else 0)
