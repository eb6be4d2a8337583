"""Tokens that end: those of OAuth 2.0, and those that a system's own log-in gives.

One token serves all threads: whoever finds it dead fetches the next, the others wait for it. A
refresh token that the server rotates is kept for all workers (``crossdock.tokens``), and one
worker at a time uses it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from crossdock.auth import basic, with_credentials
from crossdock.errors import Misconfigured, Refused
from crossdock.exchange import Answer, Request, hidden
from crossdock.tokens import InMemory, TokenStore

if TYPE_CHECKING:
    from crossdock.http import HttpSession

MARGIN = 60.0
FOREVER = 10.0 * 365 * 86_400


@dataclass(frozen=True)
class Grant:
    """A token and the seconds that it lives."""

    token: str
    seconds: float = FOREVER


def turned_down(answer: Answer) -> bool:
    """Say whether an answer turns the credentials down, by its status alone."""
    return answer.status == 401


class Login:
    """A token that ``fetch`` gets, sent in ``header`` (which may hold what stands before it).

    ``dead`` tells an answer to a dead token, for systems that say it with another status than
    401. ``clock`` is monotonic seconds.
    """

    def __init__(
        self,
        fetch: Callable[[], Grant],
        clock: Callable[[], float],
        *,
        header: str = "Authorization: Bearer",
        dead: Callable[[Answer], bool] = turned_down,
        secrets: Sequence[str] = (),
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._name, _, self._before = (part.strip() for part in header.partition(":"))
        self._dead = dead
        self._known = tuple(secrets)
        self._token = ""
        self._until = 0.0
        self._lock = threading.Lock()

    @property
    def secrets(self) -> Sequence[str]:
        """The secrets that are known now."""
        return (*self._known, self._token)

    def sign(self, request: Request) -> Request:
        """Add the header of a living token; raises TryLater, Misconfigured."""
        with self._lock:
            if not self._token or self._clock() >= self._until:
                self._take()
            return with_credentials(request, {self._name: self._header()})

    def renew(self, sent: Request, answer: Answer) -> bool:
        """Fetch another token where this one is dead, unless someone has done so meanwhile."""
        if not self._dead(answer):
            return False
        with self._lock:
            if sent.headers.get(self._name) == self._header():
                self._token = ""
                self._take()
            return True

    def _header(self) -> str:
        return f"{self._before} {self._token}".strip()

    def _take(self) -> None:
        grant = self._fetch()
        if not grant.token or not grant.token.isascii() or not grant.token.isprintable():
            raise Misconfigured("the token server gave no token")
        self._token = grant.token
        self._until = self._clock() + grant.seconds - min(MARGIN, grant.seconds / 2)


class OAuth2(Login):
    """Tokens of the grants client_credentials and refresh_token (RFC 6749).

    ``session`` sends the request for a token and carries no credentials itself. ``tokens`` keeps
    a rotated refresh token under ``name``; the one of the settings is used until there is one.
    """

    def __init__(
        self,
        session: HttpSession,
        token_url: str,
        client_id: str,
        client_secret: str,
        *,
        scope: str = "",
        refresh_token: str = "",
        in_header: bool = False,
        tokens: TokenStore | None = None,
        name: str = "",
    ) -> None:
        super().__init__(self._grant, session.world.monotonic)
        self._session = session
        self._url = token_url
        self._client = (client_id, client_secret)
        self._scope = scope
        self._first = refresh_token
        self._in_header = in_header
        self._tokens = tokens or InMemory()
        self._kept_as = name or f"{token_url}#{client_id}"
        self._tried: list[str] = []

    @property
    def secrets(self) -> Sequence[str]:
        """The secrets that are known now."""
        return (self._client[1], self._token, self._first, *self._tried)

    def _grant(self) -> Grant:
        if not self._first:
            return self._read(self._granted({"grant_type": "client_credentials"}))
        with self._tokens.alone(self._kept_as):
            kept = self._tokens.get(self._kept_as).split()
            self._tried = list(dict.fromkeys([*kept, self._first]))
            document = self._refreshed()
            rotated = document.get("refresh_token") if isinstance(document, dict) else None
            if isinstance(rotated, str) and rotated and rotated not in kept[:1]:
                self._tried.append(rotated)
                self._tokens.put(self._kept_as, "\n".join([rotated, *kept[:1]]))
        return self._read(document)

    def _refreshed(self) -> Any:
        """Ask with the newest refresh token; then with the one before, and that of the settings."""
        refused: Misconfigured | None = None
        for token in self._tried:
            try:
                return self._granted({"grant_type": "refresh_token", "refresh_token": token})
            except Misconfigured as error:
                refused = refused or error
        raise refused or Misconfigured("there is no refresh token")

    def _granted(self, form: dict[str, str]) -> Any:
        try:
            return self._ask(form)
        except (Refused, Misconfigured) as error:
            raise Misconfigured(
                hidden(f"the token server says no: {error.what}", self.secrets),
                where=self._url,
                fix="authorise again and store the new refresh token"
                if self._first
                else "check client_id and client_secret",
            ) from None

    def _ask(self, form: dict[str, str]) -> Any:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self._scope:
            form = {**form, "scope": self._scope}
        if self._in_header:
            headers |= basic(*self._client).headers
        else:
            form = {**form, "client_id": self._client[0], "client_secret": self._client[1]}
        request = Request("POST", self._url, headers=headers, body=urlencode(form).encode())
        return self._session.send(request).document(self._url)

    def _read(self, document: Any) -> Grant:
        token = document.get("access_token") if isinstance(document, dict) else None
        if not isinstance(token, str):
            raise Misconfigured("the token server gave no token", where=self._url)
        return Grant(token, _seconds(document.get("expires_in")))


def _seconds(value: Any) -> float:
    """Read ``expires_in``; an hour where it is missing or no number, as RFC 6749 allows."""
    try:
        return max(1.0, float(value))
    except (TypeError, ValueError):
        return 3600.0
