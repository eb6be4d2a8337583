"""How a request shows who sends it: basic, a key in a header or the query, OAuth 2.0 tokens."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from crossdock.errors import Misconfigured, Refused
from crossdock.exchange import Request, hidden

if TYPE_CHECKING:
    from crossdock.http import HttpSession

MARGIN = 60.0


class Auth(Protocol):
    """Adds credentials to a request."""

    @property
    def secrets(self) -> Sequence[str]:
        """What must never appear in an error."""

    def headers(self) -> Mapping[str, str]:
        """Give the headers to add."""

    def query(self) -> Mapping[str, str]:
        """Give the parameters to add to the URL."""

    def refresh(self, used: Mapping[str, str]) -> bool:
        """The headers ``used`` were turned down with 401; True where new ones may work."""


class Fixed:
    """The same headers and parameters for every request."""

    def __init__(
        self,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        self._headers = dict(headers or {})
        self._query = dict(query or {})
        self.secrets = tuple(secrets)

    def headers(self) -> Mapping[str, str]:
        """Give the headers to add."""
        return self._headers

    def query(self) -> Mapping[str, str]:
        """Give the parameters to add to the URL."""
        return self._query

    def refresh(self, used: Mapping[str, str]) -> bool:
        """Say that nothing else can be tried."""
        return False


def basic(user: str, password: str) -> Fixed:
    """Authenticate by user and password (RFC 7617, UTF-8).

    >>> basic("Aladdin", "open sesame").headers()
    {'Authorization': 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='}
    """
    if ":" in user:
        raise Misconfigured("a user name must not hold a colon")
    code = base64.b64encode(f"{user}:{password}".encode()).decode()
    return Fixed({"Authorization": f"Basic {code}"}, secrets=(password, code))


def header_key(header: str, key: str) -> Fixed:
    """Authenticate by a key in a header; ``header`` may hold what stands before the key.

    >>> header_key("Authorization: Bearer", "k").headers()
    {'Authorization': 'Bearer k'}
    """
    name, _, before = header.partition(":")
    if any(letter in key for letter in "\r\n"):
        raise Misconfigured("the key holds a line end", fix="check the end of the secret")
    return Fixed({name.strip(): f"{before.strip()} {key}".strip()}, secrets=(key,))


class OAuth2:
    """Tokens of the grants client_credentials and refresh_token (RFC 6749).

    One token serves all threads: whoever finds it expired fetches the next, the others wait for
    it. ``session`` sends the request for a token and carries no credentials itself. ``keep`` is
    called with a new refresh token where the server rotates it.
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
        keep: Callable[[str], None] | None = None,
    ) -> None:
        self._session = session
        self._url = token_url
        self._client = (client_id, client_secret)
        self._scope = scope
        self._refresh_tokens = [refresh_token] if refresh_token else []
        self._in_header = in_header
        self._keep = keep
        self._token = ""
        self._until = 0.0
        self._lock = threading.Lock()

    @property
    def secrets(self) -> Sequence[str]:
        """The secrets that are known now."""
        return (self._client[1], self._token, *self._refresh_tokens)

    def headers(self) -> Mapping[str, str]:
        """Give the header of a living token; raises TryLater, Misconfigured."""
        with self._lock:
            if not self._token or self._session.world.monotonic() >= self._until:
                self._fetch()
            return {"Authorization": f"Bearer {self._token}"}

    def query(self) -> Mapping[str, str]:
        """Give nothing: the token travels in a header."""
        return {}

    def refresh(self, used: Mapping[str, str]) -> bool:
        """Fetch another token, unless someone else has done so since ``used``."""
        with self._lock:
            if used.get("Authorization") == f"Bearer {self._token}":
                self._token = ""
                self._fetch()
            return True

    def _fetch(self) -> None:
        document = self._granted()
        token = document.get("access_token") if isinstance(document, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise Misconfigured("the token server gave no token", where=self._url)
        seconds = _seconds(document.get("expires_in"))
        self._token = token
        margin = min(MARGIN, seconds / 2)
        self._until = self._session.world.monotonic() + seconds - margin
        rotated = document.get("refresh_token")
        if isinstance(rotated, str) and rotated and rotated not in self._refresh_tokens:
            self._refresh_tokens = [rotated, *self._refresh_tokens[:1]]
            if self._keep:
                self._keep(rotated)

    def _granted(self) -> Any:
        """Ask with each refresh token we know, the newest first, or with the client alone."""
        forms = [
            {"grant_type": "refresh_token", "refresh_token": token}
            for token in self._refresh_tokens
        ]
        refused: Exception | None = None
        for form in forms or [{"grant_type": "client_credentials"}]:
            try:
                return self._ask(form)
            except (Refused, Misconfigured) as error:
                refused = refused or error
        raise Misconfigured(
            hidden(f"the token server says no: {getattr(refused, 'what', '')}", self.secrets),
            where=self._url,
            fix="check client_id and client_secret"
            if not self._refresh_tokens
            else "authorise again and store the new refresh token",
        )

    def _ask(self, form: dict[str, str]) -> Any:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self._scope:
            form = {**form, "scope": self._scope}
        if self._in_header:
            headers |= basic(*self._client).headers()
        else:
            form = {**form, "client_id": self._client[0], "client_secret": self._client[1]}
        request = Request("POST", self._url, headers=headers, body=urlencode(form).encode())
        return self._session.send(request).document(self._url)


def _seconds(value: Any) -> float:
    """Read ``expires_in``; an hour where it is missing or no number, as RFC 6749 allows."""
    try:
        return max(1.0, float(value))
    except (TypeError, ValueError):
        return 3600.0
