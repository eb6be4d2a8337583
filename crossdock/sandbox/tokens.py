"""Bearer tokens of the sandbox shop (OAuth 2.0, RFC 6749 part 4.4) and its rate limit."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qs

from crossdock.sandbox.server import Answer, Request


class Tokens:
    """Grants tokens that die after ``calls`` calls or ``seconds`` seconds, and counts requests.

    ``rate`` is (requests, seconds) or None; the window begins with its first request.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        calls: int | None,
        seconds: float,
        rate: tuple[int, float] | None,
        now: Callable[[], datetime],
    ) -> None:
        self._client = (client_id, client_secret)
        self.calls = calls
        self.seconds = seconds
        self.rate = rate
        self._now = now
        self._lock = threading.Lock()
        self._alive: dict[str, tuple[int, datetime]] = {}
        self._window: tuple[datetime, int] | None = None
        self.granted = 0

    def grant(self, request: Request) -> Answer:
        """Answer ``POST /oauth/token`` with the form of client credentials."""
        form = {
            name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()
        }
        if form.get("grant_type") != "client_credentials":
            return Answer(400, b'{"error":"unsupported_grant_type"}')
        if (form.get("client_id"), form.get("client_secret")) != self._client:
            return Answer(401, b'{"error":"invalid_client"}')
        token = secrets.token_urlsafe(24)
        with self._lock:
            self.granted += 1
            self._alive[token] = (0, self._now())
        body = {"access_token": token, "token_type": "Bearer", "expires_in": int(self.seconds)}
        return Answer(200, json.dumps(body).encode(), headers={"Cache-Control": "no-store"})

    def deny(self, request: Request) -> Answer | None:
        """Give the answer 401 where the request has no living token, else None."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        with self._lock:
            used, since = self._alive.get(token, (0, None))
            old = since is None or (self._now() - since).total_seconds() >= self.seconds
            worn = self.calls is not None and used >= self.calls
            if scheme != "Bearer" or old or worn or request.breaks("expired_token"):
                self._alive.pop(token, None)
                headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
                return Answer(401, b'{"error":"invalid_token"}', headers=headers)
            self._alive[token] = (used + 1, since or self._now())
        return None

    def wait(self) -> float | None:
        """Count a request against the rate; gives the seconds to wait where there were too many."""
        if self.rate is None:
            return None
        most, seconds = self.rate
        with self._lock:
            now = self._now()
            if self._window is None or (now - self._window[0]).total_seconds() >= seconds:
                self._window = (now, 0)
            start, count = self._window
            self._window = (start, count + 1)
            if count >= most:
                return seconds - (now - start).total_seconds()
        return None
