"""Serve AS2 on a port of its own: what every partner's file says, and their post boxes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import uvicorn

from crossdock.as2.app import As2App
from crossdock.as2.postbox import Postbox
from crossdock.as2.receive import Receiver
from crossdock.as2.relation import Relation, load_all
from crossdock.as2.sender import Sender
from crossdock.connector import World
from crossdock.egress import Egress
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.webhooks.listening import Listening

PORT = 4080
log = logging.getLogger(__name__)


def application(
    world: World,
    boxes: Path,
    *,
    passphrase: str = "",
    allow_private: bool = False,
    **limits: Any,
) -> As2App:
    """Make the application for all partners with ``as2``; raises Misconfigured where none has.

    ``boxes`` holds a post box a partner; ``allow_private`` lets our asynchronous MDNs go to
    private addresses.
    """
    relations = load_all(world.project, passphrase)
    if not relations:
        raise Misconfigured(
            "no partner's file says anything under as2",
            where=str(world.project / "edi" / "partners"),
            fix="see docs/howto/as2.md",
        )

    def box(relation: Relation) -> Postbox:
        return Postbox(boxes / relation.partner)

    def pay() -> None:
        for relation in relations:
            if not any(True for _ in box(relation).names("owed")):
                continue
            sender = Sender(world, Egress(allow_private), relation, box(relation))
            try:
                sender.pay()
            except CrossdockError as error:
                log.warning("AS2 MDN for %s: %s", relation.partner, error)
            finally:
                sender.close()

    return As2App(Receiver(relations, box, world.now), pay, **limits)


def server(app: As2App, listening: Listening) -> uvicorn.Server:
    """Make the server; raises Misconfigured where others would reach it without TLS."""
    listening.verify()
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=listening.host,
            port=listening.port,
            ssl_certfile=str(listening.certificate) if listening.certificate else None,
            ssl_keyfile=str(listening.key) if listening.key else None,
            ws="none",
            loop="asyncio",
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=200,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=10,
        )
    )
