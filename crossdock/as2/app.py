"""The web application that takes AS2: reads a request within limits, and lets the receiver work.

Plain ASGI: one address takes everything, messages and receipts alike. The receiver works in a
thread, since it waits for the disk and for arithmetic.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from crossdock.as2.receive import Receiver, Reply

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger(__name__)

MOST_BYTES = 100 << 20
BODY_SECONDS = 120.0
BETWEEN = 60.0
"""Seconds after which receipts that are still owed are tried again."""


class As2App:
    """The application; ``pay`` sends the asynchronous receipts that are owed.

    ``most_bytes`` and ``body_seconds`` limit one request, ``at_once`` how many are read together.
    """

    def __init__(
        self,
        receiver: Receiver,
        pay: Callable[[], object],
        *,
        most_bytes: int = MOST_BYTES,
        body_seconds: float = BODY_SECONDS,
        at_once: int = 8,
        between: float = BETWEEN,
    ) -> None:
        self._receiver, self._pay = receiver, pay
        self._most, self._seconds, self._between = most_bytes, body_seconds, between
        self._slots = asyncio.Semaphore(at_once)
        self._due = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live as long as the server does."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            return
        async with self._slots:
            reply = await self._reply(scope, receive)
        close = {"Connection": "close"} if reply.status in {400, 408, 413, 415} else {}
        headers = {**reply.headers, **close, "Content-Length": str(len(reply.body))}
        raw = [
            (name.lower().encode("ascii"), value.encode("latin-1", "replace"))
            for name, value in headers.items()
        ]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        await send({"type": "http.response.body", "body": reply.body})
        if reply.owed:
            self._due.set()

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        if scope["method"] in {"GET", "HEAD"}:
            return Reply(200, {"Content-Type": "text/plain"})
        if scope["method"] != "POST":
            return Reply(405)
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
        if headers.get("content-encoding", "identity") not in {"", "identity"}:
            return Reply(415)
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._most:
            return Reply(413)
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                more = True
                while more:
                    event = await receive()
                    if event["type"] == "http.disconnect":
                        return Reply(400)
                    body += event.get("body", b"")
                    more = bool(event.get("more_body"))
                    if len(body) > self._most:
                        return Reply(413)
        except TimeoutError:
            return Reply(408)
        return await asyncio.to_thread(self._receiver.take, headers, bytes(body))

    async def _live(self, receive: Receive, send: Send) -> None:
        worker: asyncio.Task[None] | None = None
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                worker = asyncio.create_task(self._work())
                await send({"type": "lifespan.startup.complete"})
            else:
                if worker is not None:
                    worker.cancel()
                    await asyncio.gather(worker, return_exceptions=True)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _work(self) -> None:
        """Send what is owed, at once and then again and again until it went."""
        while True:
            try:
                await asyncio.to_thread(self._pay)
            except Exception:  # whatever it was, what is owed must go out later
                log.exception("AS2: the receipts that are owed could not be sent")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), self._between)
            self._due.clear()
