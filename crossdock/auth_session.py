"""Cookies and a CSRF token, as SAP Gateway and other servers with sessions want them.

The token is bound to the whole cookie jar of the answer that gave it: every cookie goes back, by
whatever name. https://help.sap.com/docs/SAP_NETWEAVER_750 (Cross-Site Request Forgery Protection)
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from crossdock.auth import Auth, with_credentials
from crossdock.errors import CrossdockError
from crossdock.exchange import Answer, Request
from crossdock.http import HttpSession, scrubbed

SAFE = {"GET", "HEAD", "OPTIONS"}


class Jar:
    """Cookies of one account; names and values only, since there is one host."""

    def __init__(self) -> None:
        self._cookies: dict[str, str] = {}

    def take(self, lines: Sequence[str]) -> None:
        """Take ``Set-Cookie`` lines; one without a value, or that ends at once, is dropped."""
        for line in lines:
            pair, *attributes = line.split(";")
            name, mark, value = pair.strip().partition("=")
            if not mark or not name.strip():
                continue
            gone = not value or any(_ends(attribute) for attribute in attributes)
            if gone:
                self._cookies.pop(name.strip(), None)
            else:
                self._cookies[name.strip()] = value.strip()

    def header(self) -> Mapping[str, str]:
        """Give the header ``Cookie``, or nothing while the jar is empty."""
        text = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return {"Cookie": text} if text else {}

    @property
    def values(self) -> tuple[str, ...]:
        """The values, which are secrets."""
        return tuple(self._cookies.values())


def _ends(attribute: str) -> bool:
    name, _, value = attribute.strip().lower().partition("=")
    return name == "max-age" and value.lstrip("-").isdigit() and int(value) <= 0


class Csrf:
    """Fetches a token with its cookies before the first write, and again when it is refused.

    ``url`` is where to fetch it (the service's root), ``inner`` how the account itself is shown.
    ``header`` carries the token both ways; fetching asks for it with the word ``Fetch``, and a
    refusal is status 403 with the word ``Required``.
    """

    def __init__(
        self,
        session: HttpSession,
        url: str,
        inner: Auth,
        *,
        header: str = "X-CSRF-Token",
        query: Mapping[str, str] | None = None,
    ) -> None:
        self._session = session
        self._url = url
        self._inner = inner
        self._header = header
        self._query = dict(query or {})
        self._jar = Jar()
        self._token = ""
        self._lock = threading.Lock()

    @property
    def secrets(self) -> Sequence[str]:
        """The secrets that are known now."""
        return (*self._inner.secrets, self._token, *self._jar.values)

    def sign(self, request: Request) -> Request:
        """Add the account's credentials, the cookies, and the token where something is changed."""
        with self._lock:
            if request.method not in SAFE and not self._token:
                self._fetch()
            own = dict(self._jar.header())
            if request.method not in SAFE:
                own[self._header] = self._token
        return with_credentials(self._inner.sign(request), own)

    def renew(self, sent: Request, answer: Answer) -> bool:
        """Fetch the token once more where the server wants another one."""
        self._jar.take(answer.cookies)
        asked = answer.headers.get(self._header.lower(), "").lower() == "required"
        if sent.method in SAFE or answer.status != 403 or not asked:
            return self._inner.renew(sent, answer)
        with self._lock:
            if sent.headers.get(self._header) == self._token:
                self._token = ""
                self._jar = Jar()
                self._fetch()
        return True

    def _fetch(self) -> None:
        headers = {self._header: "Fetch", **self._jar.header()}
        request = Request("GET", self._url, query=self._query, headers=headers)
        signed = self._inner.sign(request)
        try:
            answer = self._session.send(signed)
        except CrossdockError as error:  # that session does not know what must not be told
            raise scrubbed(error, self._inner.secrets) from None
        self._jar.take(answer.cookies)
        self._token = answer.headers.get(self._header.lower(), "")
