"""How a request shows who sends it. Here: the same words for every request.

Tokens that end are in ``crossdock.auth_token``, signatures over a request in
``crossdock.auth_signed``, cookies with a CSRF token in ``crossdock.auth_session``.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

from crossdock.errors import Misconfigured
from crossdock.exchange import Answer, Request


class Auth(Protocol):
    """Puts credentials on a request, last of all before it goes out."""

    @property
    def secrets(self) -> Sequence[str]:
        """What must never appear in an error."""

    def sign(self, request: Request) -> Request:
        """Give the request with credentials; raises TryLater, Misconfigured."""

    def renew(self, sent: Request, answer: Answer) -> bool:
        """True where ``answer`` says that the credentials died and there are new ones now."""


class Fixed:
    """The same headers and parameters for every request."""

    def __init__(
        self,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        self.headers = dict(headers or {})
        self.query = dict(query or {})
        self.secrets = tuple(secrets)

    def sign(self, request: Request) -> Request:
        """Add headers and parameters."""
        return with_credentials(request, self.headers, self.query)

    def renew(self, sent: Request, answer: Answer) -> bool:
        """Say that nothing else can be tried."""
        return False


def with_credentials(
    request: Request, headers: Mapping[str, str], query: Mapping[str, str] | None = None
) -> Request:
    """Give ``request`` with further headers and parameters, which go before its own.

    >>> with_credentials(Request("GET", "https://h/"), {"X-Key": "k"}).headers
    {'X-Key': 'k'}
    """
    return dataclasses.replace(
        request,
        headers={**request.headers, **headers},
        query={**request.query, **(query or {})},
    )


def basic(user: str, password: str) -> Fixed:
    """Authenticate by user and password (RFC 7617, UTF-8).

    >>> basic("Aladdin", "open sesame").headers
    {'Authorization': 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='}
    """
    if ":" in user:
        raise Misconfigured("a user name must not hold a colon")
    code = base64.b64encode(f"{user}:{password}".encode()).decode()
    return Fixed({"Authorization": f"Basic {code}"}, secrets=(password, code))


def header_key(header: str, key: str) -> Fixed:
    """Authenticate by a key in a header; ``header`` may hold what stands before the key.

    >>> header_key("Authorization: Bearer", "k").headers
    {'Authorization': 'Bearer k'}
    """
    name, _, before = header.partition(":")
    if any(letter in key for letter in "\r\n"):
        raise Misconfigured("the key holds a line end", fix="check the end of the secret")
    return Fixed({name.strip(): f"{before.strip()} {key}".strip()}, secrets=(key,))
