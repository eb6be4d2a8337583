"""``crossdock edi as2``: receive over AS2, send one file, look into the post boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crossdock.commands import screen

app = typer.Typer(no_args_is_help=True)

Boxes = Annotated[Path, typer.Option(help="Folder of the post boxes, one a partner.")]
Passphrase = Annotated[
    str,
    typer.Option(
        envvar="CROSSDOCK_AS2_PASSPHRASE",
        help="Passphrase of our private keys; better given in the environment.",
        show_default=False,
    ),
]
Private = Annotated[
    bool, typer.Option("--allow-private", help="Let us connect to private addresses.")
]


def add(edi: typer.Typer) -> None:
    """Add the group to ``crossdock edi``."""
    edi.add_typer(app, name="as2")


@app.callback()
def as2() -> None:
    """Exchange files over AS2: receive, send, list what came and what became of what was sent."""


@app.command()
def serve(
    boxes: Boxes,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 4080,
    certificate: Annotated[
        Path | None, typer.Option(help="Certificate for TLS, with its chain, as PEM.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Private key of the certificate.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy in front of this one speaks TLS.")
    ] = False,
    passphrase: Passphrase = "",
    allow_private: Private = False,
) -> None:
    """Receive messages and receipts of all partners whose file has as2, until stopped."""
    from crossdock.as2.serve import application, server
    from crossdock.connector import World
    from crossdock.home import Home
    from crossdock.webhooks.listening import Listening

    home = Home.find()
    world = World(project=home.project, scratch=home.scratch)
    made = application(world, boxes, passphrase=passphrase, allow_private=allow_private)
    running = server(made, Listening(host, port, certificate, key, behind_proxy))
    screen.say(f"listens for AS2 on {host}:{port}")
    running.run()


@app.command()
def send(
    partner: Annotated[str, typer.Argument(help="Name of a file in edi/partners.")],
    file: Annotated[Path, typer.Argument(help="The file to send; its name is the key.")],
    boxes: Boxes,
    passphrase: Passphrase = "",
    allow_private: Private = False,
) -> None:
    """Send one file, and say what the receipt says; again has the same Message-ID."""
    from crossdock.as2.postbox import Postbox
    from crossdock.as2.relation import load
    from crossdock.as2.sender import Sender
    from crossdock.connector import World
    from crossdock.egress import Egress
    from crossdock.home import Home

    home = Home.find()
    world = World(project=home.project, scratch=home.scratch)
    relation = load(home.project, partner, passphrase)
    sender = Sender(world, Egress(allow_private), relation, Postbox(boxes / partner))
    try:
        sent = sender.send(file.read_bytes(), file.name)
    finally:
        sender.close()
    screen.say(f"{sent.state} {sent.number} {sent.words}".rstrip())
    if sent.state == "refused":
        raise typer.Exit(1)


@app.command("list")
def listed(boxes: Boxes) -> None:
    """List what was sent and what became of it, and the receipts that we still owe."""
    from crossdock.as2.postbox import Postbox

    for folder in sorted(path for path in boxes.glob("*") if path.is_dir()):
        box = Postbox(folder)
        for name in box.names("sent"):
            state = box.state("sent", name) or {}
            words = f"{folder.name}: {state.get('state')} {state.get('number')}"
            screen.say(f"{words} {state.get('at')} {state.get('words', '')}".rstrip())
        for name in box.names("owed"):
            state = box.state("owed", name) or {}
            screen.say(f"{folder.name}: owes an MDN, tried {state.get('tries', 0)} times")
