"""Any REST API that gives lists and takes documents: declared in YAML, without Python.

See docs/reference/connectors/rest.md for what a stream may say.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from crossdock import Verified, secret, setting
from crossdock.auth import Auth, Fixed, basic, header_key
from crossdock.auth_signed import OAuth1
from crossdock.auth_token import OAuth2
from crossdock.errors import Misconfigured
from crossdock.rest import RestApi
from crossdock.streams import Budget

AUTHS = ("none", "basic", "header", "query", "oauth2", "oauth1")


class Rest(RestApi):
    """A REST API; its streams say paths, paging, cursors and verdicts."""

    kind = "rest"
    versions = (Verified("0.1", "own sandbox"),)

    url: str = setting("What all paths begin with", example="https://api.example.com/v1")
    auth: str = setting("none, basic, header, query, oauth2 or oauth1", default="none")
    user: str = setting("User of basic authentication", default="")
    password: str = secret("Password of basic authentication", default="")
    header: str = setting(
        "Header of the token, with what stands before it", default="Authorization: Bearer"
    )
    parameter: str = setting("Query parameter of the token", default="key")
    token: str = secret("The token of header or query, or that of OAuth 1.0a", default="")
    token_secret: str = secret("The secret of an OAuth 1.0a token", default="")
    token_url: str = setting("Where OAuth 2.0 gives tokens", default="")
    client_id: str = setting("OAuth client, or consumer key", default="")
    client_secret: str = secret("Its secret", default="")
    client_in_header: bool = setting("Send the client by basic authentication", default=False)
    scope: str = setting("OAuth 2.0 scopes, separated by spaces", default="")
    refresh_token: str = secret("OAuth 2.0 refresh token", default="")
    headers: Mapping[str, str] | None = setting("Headers of every request", default=None)
    requests: int = setting("Most requests in a window, 0 for no limit", default=0)
    seconds: str = setting("Length of that window", default="1")
    signals: Mapping[str, str] | None = setting(
        "Where answers say what is left of it: remaining, reset, unit, restore, rate, cost",
        default=None,
    )
    costs: Mapping[str, float] | None = setting(
        "What answers cost beside their request", default=None, example="{4xx: 9}"
    )
    ca: str = setting("File of certificates to trust instead of the usual ones", default="")

    def address(self) -> str:
        """Give ``url``."""
        return self.url

    def headers_of_all(self) -> Mapping[str, str]:
        """Give ``headers``."""
        return self.headers or {}

    def authority(self) -> Path | None:
        """Give ``ca``."""
        return Path(self.ca) if self.ca else None

    def limits(self) -> Budget:
        """Make the budget of the settings."""
        spec = {
            "requests": self.requests,
            "seconds": self.seconds,
            "signals": self.signals or {},
            "costs": self.costs or {},
        }
        try:
            return Budget.of(spec) or Budget()
        except (TypeError, ValueError) as error:
            raise Misconfigured(f"the budget cannot be read: {error}") from None

    def credentials(self) -> Auth | None:
        """Make what ``auth`` says; raises Misconfigured."""
        if self.auth == "none":
            return None
        if self.auth == "basic":
            return basic(self.user, self.password)
        if self.auth == "header":
            return header_key(self.header, self.token)
        if self.auth == "query":
            return Fixed(query={self.parameter: self.token}, secrets=(self.token,))
        if self.auth == "oauth1":
            client = (self.client_id, self.client_secret)
            return OAuth1(self.world, client, (self.token, self.token_secret))
        if self.auth != "oauth2":
            raise Misconfigured(f"auth is one of {', '.join(AUTHS)}, not {self.auth!r}")
        return OAuth2(
            self.plain,
            self.token_url,
            self.client_id,
            self.client_secret,
            scope=self.scope,
            refresh_token=self.refresh_token,
            in_header=self.client_in_header,
            tokens=self.world.tokens,
            name=self.account(),
        )
