"""Serve the receiver: open what the systems' files say, listen, and let nobody dawdle.

The server ends a connection whose request has not come whole in time, so that callers who send a
byte a minute keep nobody else out.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from crossdock import systems
from crossdock.errors import Misconfigured
from crossdock.home import Home
from crossdock.objects import Objects
from crossdock.store import open_store
from crossdock.webhooks import endpoint, inbox
from crossdock.webhooks.app import Door, application
from crossdock.webhooks.listening import Listening

HEAD_SECONDS = 10.0
MOST_CONNECTIONS = 2_000
_LONGEST_HEAD = 16 << 10


def doors(home: Home) -> list[Door]:
    """Open every address that the systems' files declare.

    Raises Misconfigured when there is none, or when a secret is not there.
    """
    found = []
    for name in systems.names(home):
        page = systems.document(home, name)
        for stream, one in systems.webhooks(name, page).items():
            at = ("streams", stream, "webhooks", "secrets")
            opened = endpoint.opened(one, lambda v, p=page, a=at: systems.secret_value(p, v, *a))  # type: ignore[misc]
            found.append(Door(one, opened))
    if not found:
        raise Misconfigured(
            "no system declares webhooks, so there is nothing to listen for",
            where=str(home.project / "config" / "systems"),
            fix="add webhooks: to a stream; see docs/howto/webhooks.md",
        )
    return found


def server(
    home: Home,
    listening: Listening,
    *,
    head_seconds: float = HEAD_SECONDS,
    most_connections: int = MOST_CONNECTIONS,
    **options: Any,
) -> uvicorn.Server:
    """Make the server; ``options`` go to the application. Raises Misconfigured."""
    listening.verify()
    opened = doors(home)
    store, objects = open_store(home), Objects(home)
    _ = home.key  # a home without its key takes no call that it could not open again
    app = application(opened, partial(inbox.keep, store, objects), **options)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=listening.host,
            port=listening.port,
            ssl_certfile=str(listening.certificate) if listening.certificate else None,
            ssl_keyfile=str(listening.key) if listening.key else None,
            http=partial(_Prompt, head_seconds=head_seconds),  # type: ignore[arg-type]
            ws="none",
            loop="asyncio",
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=most_connections,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=10,
            backlog=2_048,
            h11_max_incomplete_event_size=_LONGEST_HEAD,
        )
    )


class _Prompt(H11Protocol):
    """Hangs up on a caller whose request line and headers are not here in time."""

    def __init__(self, *args: Any, head_seconds: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_seconds = head_seconds
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._unwatch()  # uvicorn's own timer counts until the next request begins

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Count while a head is awaited; the body's time is counted by the application."""
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._unwatch()
        elif self._late is None:
            self._late = self.loop.call_later(self._head_seconds, self.transport.abort)

    def _unwatch(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
