"""``webhooks``: the addresses that systems call, what waits, and the receiver itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crossdock.commands import screen

group = typer.Typer(no_args_is_help=True)


def add(app: typer.Typer) -> None:
    """Add the group to the command line."""
    app.add_typer(group, name="webhooks", rich_help_panel="Run")


@group.callback()
def webhooks() -> None:
    """Take the calls of systems that tell us when something happens."""


@group.command("list")
def listed(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the addresses, how their calls are signed, and what waits for the next run."""
    from crossdock import systems
    from crossdock.home import Home
    from crossdock.store import open_store
    from crossdock.webhooks import inbox

    home = Home.find()
    counted = inbox.counts(open_store(home))
    rows = [
        {
            "path": one.path,
            "signature": one.signature,
            "reconcile": _often(one.reconcile),
            **{
                state: sum(
                    row["calls"]
                    for row in counted
                    if (row["system"], row["stream"], row["state"]) == (name, stream, state)
                )
                for state in (inbox.WAITING, inbox.LANDED)
            },
        }
        for name in systems.names(home)
        for stream, one in systems.webhooks(name, systems.document(home, name)).items()
    ]
    if json:
        screen.as_json(rows)
    elif rows:
        names = ["path", "signature", "reconcile", "waiting", "landed"]
        screen.table(
            names, [[str(row[name]) for name in names] for row in rows], right="waiting landed"
        )
    else:
        screen.say("No system declares webhooks; see docs/howto/webhooks.md.")


def _often(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    return f"every {seconds:g} s" if seconds else "every run"


@group.command()
def serve(
    port: Annotated[int, typer.Option(help="The port; 0 for a free one.")] = 8460,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    certificate: Annotated[
        Path | None, typer.Option(help="Certificate chain (PEM), for TLS of our own.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Private key of the certificate.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy in front of this one speaks TLS.")
    ] = False,
) -> None:
    """Receive calls until stopped; nothing but the declared addresses is there."""
    from crossdock.home import Home
    from crossdock.webhooks.listening import Listening
    from crossdock.webhooks.serve import doors, server

    home = Home.find()
    listening = Listening(host, port, certificate, key, behind_proxy)
    made = server(home, listening)
    for door in doors(home):
        screen.say(f"listens for {door.endpoint.path} ({door.endpoint.signature})")
    made.run()
