"""Any REST API that gives lists and takes documents: declared in YAML, without Python.

See docs/reference/connectors/rest.md for what a stream may say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from crossdock.auth import Auth, Fixed, OAuth2, basic, header_key
from crossdock.connector import (
    Budget,
    Check,
    Connector,
    Found,
    Outcome,
    Page,
    Parcel,
    Reads,
    Verified,
    Writes,
    secret,
    setting,
)
from crossdock.egress import Egress
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.exchange import origin
from crossdock.http import HttpSession
from crossdock.rest_listing import Listing
from crossdock.rest_lookup import lookup
from crossdock.rest_read import Reader
from crossdock.rest_sending import verify
from crossdock.rest_write import Writer

AUTHS = ("none", "basic", "header", "query", "oauth2")


class Rest(Connector):
    """A REST API; its streams say paths, paging, cursors and verdicts."""

    kind = "rest"
    versions = (Verified("0.1", "own sandbox"),)

    url: str = setting("What all paths begin with", example="https://api.example.com/v1")
    auth: str = setting("none, basic, header, query or oauth2", default="none", example="oauth2")
    user: str = setting("User of basic authentication", default="")
    password: str = secret("Password of basic authentication", default="")
    header: str = setting(
        "Header of the token, with what stands before it", default="Authorization: Bearer"
    )
    parameter: str = setting("Query parameter of the token", default="key")
    token: str = secret("The token of header or query", default="")
    token_url: str = setting("Where OAuth 2.0 gives tokens", default="")
    client_id: str = setting("OAuth 2.0 client", default="")
    client_secret: str = secret("OAuth 2.0 client secret", default="")
    client_in_header: bool = setting("Send the client by basic authentication", default=False)
    scope: str = setting("OAuth 2.0 scopes, separated by spaces", default="")
    refresh_token: str = secret("OAuth 2.0 refresh token", default="")
    headers: Mapping[str, str] | None = setting("Headers of every request", default=None)
    requests: int = setting("Most requests in a window, 0 for no limit", default=0)
    seconds: str = setting("Length of that window", default="1")
    ca: str = setting("File of certificates to trust instead of the usual ones", default="")

    @classmethod
    def stream(cls, name: str, spec: Mapping[str, Any]) -> Reads | Writes:
        """Make a stream and compile its options, so that a mistake shows before any request."""
        made = super().stream(name, spec)
        if isinstance(made, Reads) and not made.options.get("of"):
            Listing.of(made)
        elif isinstance(made, Writes):
            verify(made)
        return made

    def check(self) -> Iterator[Check]:
        """Ask for the first page of each list."""
        for name, stream in self.reads().items():
            if stream.options.get("of"):
                continue
            try:
                count = self._reader(stream).try_once()
            except CrossdockError as error:
                yield Check(f"read {name}", ok=False, detail=str(error))
            else:
                yield Check(f"read {name}", ok=True, detail=f"{count} records on the first page")
        if not self.reads():
            yield self._check_login()

    def _check_login(self) -> Check:
        try:
            Egress(self.allow_private).url(self.url)
            if self._session.auth:
                self._session.auth.headers()
        except CrossdockError as error:
            return Check("log in", ok=False, detail=str(error))
        return Check("log in", ok=True)

    def read(self, stream: Reads, cursor: str | None) -> Iterator[Page]:
        """Yield the pages after ``cursor``, oldest first."""
        return self._reader(stream).pages(cursor)

    def write(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Send parcels; one verdict each."""
        return Writer(self._session, self.url, stream).write(parcels)

    def lookup(self, stream: Writes, parcels: Sequence[Parcel]) -> dict[str, Found | None]:
        """Read parcels back as the stream's ``lookup`` says."""
        return lookup(self._session, self.url, stream, parcels)

    def close(self) -> None:
        """Close the connections."""
        for name in ("_session", "_plain"):
            if name in vars(self):
                vars(self).pop(name).close()

    def _reader(self, stream: Reads) -> Reader:
        return Reader(self._session, self.url, stream)

    @cached_property
    def _session(self) -> HttpSession:
        return self._open(self._authentication())

    @cached_property
    def _plain(self) -> HttpSession:
        """The session that fetches tokens; it carries no credentials itself."""
        return self._open(None)

    def _open(self, auth: Auth | None) -> HttpSession:
        who = f"{self.user}{self.client_id}{self.token}{self.refresh_token}"
        return HttpSession(
            self.world,
            Egress(self.allow_private),
            auth=auth,
            headers=self.headers or {},
            budget=Budget(self.requests, float(self.seconds)),
            store=self.world.budgets,
            credential=f"{origin(self.url)}#{hashlib.sha256(who.encode()).hexdigest()[:16]}",
            ca=Path(self.ca) if self.ca else None,
        )

    def _authentication(self) -> Auth | None:
        if self.auth == "none":
            return None
        if self.auth == "basic":
            return basic(self.user, self.password)
        if self.auth == "header":
            return header_key(self.header, self.token)
        if self.auth == "query":
            return Fixed(query={self.parameter: self.token}, secrets=(self.token,))
        if self.auth != "oauth2":
            raise Misconfigured(f"auth is one of {', '.join(AUTHS)}, not {self.auth!r}")
        return OAuth2(
            self._plain,
            self.token_url,
            self.client_id,
            self.client_secret,
            scope=self.scope,
            refresh_token=self.refresh_token,
            in_header=self.client_in_header,
        )
