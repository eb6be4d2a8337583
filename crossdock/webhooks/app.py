"""The receiver: one small web application that takes calls, and does nothing else.

In this order: is there such an address, is the body short enough and here in time, is the
signature right over the raw bytes, is the call written down; only then 2xx. Nothing parses a body
here. Strangers learn no more than a number: 404, 401, 408, 411, 413, 415 or 503.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from crossdock.errors import CrossdockError
from crossdock.webhooks import signatures
from crossdock.webhooks.endpoint import Endpoint
from crossdock.webhooks.inbox import Call
from crossdock.webhooks.signatures import Heard
from crossdock.webhooks.together import PATIENCE, Keep, Together

log = logging.getLogger(__name__)

BODY_SECONDS = 10.0


@dataclass(frozen=True)
class Door:
    """An address with its opened secrets, the new one first."""

    endpoint: Endpoint
    secrets: Sequence[str]


class _Refused(Exception):  # noqa: N818 - a status is what it says
    def __init__(self, status: int, why: str) -> None:
        self.status = status
        self.why = why
        super().__init__(why)


def application(
    doors: Sequence[Door],
    keep: Keep,
    *,
    now: Callable[[], float] = time.time,
    body_seconds: float = BODY_SECONDS,
    patience: float = PATIENCE,
) -> FastAPI:
    """Make the application for ``doors``; ``keep`` makes calls durable or raises.

    ``now`` gives seconds since 1970.
    """
    by_name = {(door.endpoint.system, door.endpoint.stream): door for door in doors}

    @asynccontextmanager
    async def lifespan(made: FastAPI) -> AsyncIterator[None]:
        made.state.together = Together(keep, patience)
        worker = asyncio.create_task(made.state.together.work())
        yield
        worker.cancel()

    app = FastAPI(
        title="Crossdock webhooks", docs_url=None, redoc_url=None, openapi_url=None,
        lifespan=lifespan,
    )  # fmt: skip

    @app.get("/health")
    async def health() -> Response:
        return Response(status_code=204)

    async def receive(request: Request) -> Response:
        door = by_name.get((request.path_params["system"], request.path_params["stream"]))
        where = door.endpoint.path if door else "an unknown address"
        try:
            if door is None:
                raise _Refused(404, "there is nothing here")
            heard = await _heard(request, door.endpoint, body_seconds)
            call = _call(door, heard, now())
            if call is not None:
                await request.app.state.together.add(call)
        except _Refused as refused:
            log.warning("%s: %d, %s", where, refused.status, refused.why)
            return _closing(refused.status)
        except CrossdockError:
            return _closing(503, {"Retry-After": "30"})
        return Response(b'{"ok":true}', 200, media_type="application/json")

    # a plain route: there is nothing to validate before the signature is
    app.add_route("/webhooks/{system}/{stream}", receive, methods=["POST"])
    return app


def _closing(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Answer without a word and hang up, so that nothing more is read of the call."""
    return Response(status_code=status, headers={**(headers or {}), "Connection": "close"})


async def _heard(request: Request, endpoint: Endpoint, seconds: float) -> Heard:
    """Read the call; raises _Refused for what is too long, too slow or packed."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    names = [name.lower() for name, _ in request.headers.raw]
    if names.count(b"content-length") > 1 or {b"content-length", b"transfer-encoding"} <= set(
        names
    ):
        raise _Refused(400, "two lengths are given")
    if headers.get("content-encoding", "identity") not in {"", "identity"}:
        raise _Refused(415, "the body is packed")
    length = headers.get("content-length", "")
    if length.isdigit() and int(length) > endpoint.most_bytes:
        raise _Refused(413, "the body is too long")
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > endpoint.most_bytes:
                    raise _Refused(413, "the body is too long")
    except TimeoutError:
        raise _Refused(408, "the body did not come in time") from None
    except ClientDisconnect:
        raise _Refused(400, "the caller went away") from None
    return Heard(headers, request.scope["query_string"], bytes(body))


def _call(door: Door, heard: Heard, now: float) -> Call | None:
    """Make the item of the inbox; None for a try-out. Raises _Refused for what is not signed."""
    endpoint = door.endpoint
    if signatures.is_ping(endpoint, heard):
        return None
    told = signatures.verify(endpoint, door.secrets, heard, now)
    if told is None:
        raise _Refused(401, "the signature is not right, or too old")
    return Call(
        system=endpoint.system,
        stream=endpoint.stream,
        event=told.event,
        topic=told.topic,
        brings="news" if told.test else endpoint.of_topic(told.topic),
        media=endpoint.media,
        received_at=datetime.fromtimestamp(now, UTC),
        body=heard.body,
    )


