"""A deliberately hostile REST system on loopback: every feed, every delivery class, every fault.

It enforces what vendors enforce: tokens that end, rights by name, page sizes, idempotency keys
with the same body, batches of five. With ``rate`` it counts the requests of a window that slides,
and ``over`` says how often there were more than allowed.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import ClassVar, Self
from urllib.parse import parse_qs

from crossdock.sandbox.server import Answer, Request, Server, too_many
from crossdock.testing.hostile_lists import Lists, refused
from crossdock.testing.hostile_targets import Targets

RIGHTS = {"GET": "records.read", "POST": "records.write", "PUT": "records.write"}


class Hostile:
    """A running system; ``url`` is where it answers. Use it as a context manager.

    ``clients`` maps a client's id to its secret and its rights. ``rate`` is (requests, seconds).
    """

    routes: ClassVar[Mapping[str, str]] = {}
    """Paths of the system that is played, and ours that stand for them."""
    renames: ClassVar[Mapping[str, str]] = {}
    """Parameters of the system that is played, and ours that stand for them."""
    listed_as: ClassVar[str] = "items"
    """What the system that is played calls the list in an answer."""

    client_id = "crossdock"
    client_secret = "hostile-secret"  # noqa: S105 - it opens nothing but the sandbox
    key = "hostile-api-key"  # a token that never ends, for systems with keys
    blind_key = "hostile-blind-key"
    blind_id = "blind"  # an account that may write and not read

    def __init__(
        self,
        *,
        count: int = 25,
        rate: tuple[int, float] | None = None,
        token_seconds: float = 3600.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.clients: dict[str, tuple[str, set[str]]] = {
            self.client_id: (self.client_secret, set(RIGHTS.values())),
            self.blind_id: (self.client_secret, {"records.write"}),
        }
        self.rate = rate
        self.over = 0
        self.arrivals: deque[float] = deque()
        self.counted = 0
        self._now = now
        self._token_seconds = token_seconds
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._keys = {self.key: self.client_id, self.blind_key: self.blind_id}
        self._lock = threading.Lock()
        self.server = Server(self._answer)
        self.url = self.server.url
        self.lists = Lists(now, lambda: self.url, count)
        self.targets = Targets()

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.stop()

    def _answer(self, request: Request) -> Answer:
        if request.path == "/token":
            return self._grant(request)
        wait = self._wait()
        if wait is not None:
            return too_many(wait)
        denied = self._denied(request)
        if denied is not None:
            return denied
        request = self._routed(request)
        listed = self.lists.answer(request)
        if listed is not None:
            return self._as_theirs(listed)
        return self.targets.answer(request) or refused(404, "there is nothing here")

    def _as_theirs(self, answer: Answer) -> Answer:
        if self.listed_as == "items" or answer.status != 200:
            return answer
        document = json.loads(answer.body)
        document[self.listed_as] = document.pop("items", [])
        body = json.dumps(document, ensure_ascii=False).encode()
        return dataclasses.replace(answer, body=body)

    def _routed(self, request: Request) -> Request:
        first, mark, rest = request.path.lstrip("/").partition("/")
        query = {self.renames.get(name, name): value for name, value in request.query.items()}
        path = f"/{self.routes.get(first, first)}{mark}{rest}"
        return dataclasses.replace(request, path=path, query=query)

    def _wait(self) -> float | None:
        """Count a request; gives how long to wait where the window is full."""
        if self.rate is None:
            return None
        most, seconds = self.rate
        now = time.monotonic()
        with self._lock:
            while self.arrivals and self.arrivals[0] <= now - seconds:
                self.arrivals.popleft()
            if len(self.arrivals) >= most:
                self.over += 1
                return self.arrivals[0] + seconds - now
            self.arrivals.append(now)
            self.counted += 1
        return None

    def _grant(self, request: Request) -> Answer:
        """Give a token for client credentials (RFC 6749, 4.4)."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        client = form.get("client_id", "")
        if self.clients.get(client, ("", set()))[0] != form.get("client_secret"):
            return Answer(401, b'{"error":"invalid_client"}')
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[token] = (client, self._now())
        body = {"access_token": token, "expires_in": self._token_seconds}
        return Answer(200, json.dumps(body).encode())

    def _denied(self, request: Request) -> Answer | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token in self._keys:
            if RIGHTS.get(request.method) in self.clients[self._keys[token]][1]:
                return None
            return refused(403, "this is not allowed")
        with self._lock:
            client, since = self._tokens.get(token, ("", self._now()))
            old = (self._now() - since).total_seconds() >= self._token_seconds
            if not client or old or request.breaks("expired_token"):
                self._tokens.pop(token, None)
                return refused(401, "the token is not valid")
        if RIGHTS.get(request.method) not in self.clients[client][1]:
            return refused(403, "this is not allowed")
        return None
