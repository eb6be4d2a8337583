"""One request and its answer over HTTP, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from crossdock import json
from crossdock.egress import masked
from crossdock.errors import TryLater, Unreadable
from crossdock.streams import Budget
from crossdock.verdict import Heard, Rule

DEADLINE = 60.0
MOST_BYTES = 50 << 20


class NoAnswer(TryLater):
    """The request went out and no whole answer came: its effect may or may not have happened."""


@dataclass(frozen=True)
class Request:
    """One request; ``again`` says that sending it twice does no harm.

    ``query`` is added to the URL; ``rules`` tell what an answer means; ``judged`` False gives any
    answer back instead of raising for a bad one; ``verify`` may raise TryLater for a good one.
    ``budget`` is that of its stream, ``meter`` names what shares it; both beside the account's.
    """

    method: str
    url: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    again: bool = True
    deadline: float = DEADLINE
    most_bytes: int = MOST_BYTES
    cost: float = 1.0
    rules: Sequence[Rule] = ()
    judged: bool = True
    verify: Callable[[Answer], None] | None = None
    budget: Budget | None = None
    meter: str = ""

    @property
    def where(self) -> str:
        """Method and URL without secrets, for messages."""
        extra = "&".join(f"{name}=" for name in self.query)
        joined = f"{self.url}{'&' if '?' in self.url else '?'}{extra}" if extra else self.url
        return f"{self.method} {masked(joined)}"


@dataclass(frozen=True)
class Answer:
    """What came back. ``headers`` have lower-case names; ``elapsed`` is in seconds.

    ``whole`` is True where the sender marked the end of the body (length, chunks or gzip).
    ``cookies`` are the ``Set-Cookie`` lines, which must not be joined as other headers are.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float
    whole: bool
    cookies: tuple[str, ...] = ()

    def document(self, where: str = "") -> Any:
        """Give the body as JSON; raises TryLater where it is not whole, since it may be cut.

        A record in it that cannot be trusted is held when it lands, not here: it must not keep
        its neighbours back.
        """
        try:
            return json.frame(self.body, where)
        except Unreadable as error:
            raise TryLater(error.what, where=where) from None


def heard_of(answer: Answer) -> Heard:
    """Give status, headers and, where the body is JSON, its document to the verdict."""
    document = None
    if answer.body[:1] in {b"{", b"["}:
        try:
            document = json.frame(answer.body)
        except Unreadable:
            document = None
    return Heard(answer.status, answer.headers, document)


def origin(url: str) -> str:
    """Give scheme, host and port of a URL.

    >>> origin("https://shop.example:8443/orders?page=2")
    'https://shop.example:8443'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def hidden(text: str, secrets: Sequence[str]) -> str:
    """Put *** in the place of secrets.

    >>> hidden("key k3y!x is wrong", ["k3y!x"])
    'key *** is wrong'
    """
    for secret in secrets:
        if len(secret) > 3:  # a shorter one would only garble the words
            text = text.replace(secret, "***")
    return text
