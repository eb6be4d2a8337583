"""Any OData service, version 2 or 4: entity sets in the system's YAML.

See docs/reference/connectors/odata.md for what a stream may say.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from crossdock import Reads, Verified, Writes, secret, setting
from crossdock.auth import Auth, basic, header_key
from crossdock.auth_token import OAuth2
from crossdock.connector import World
from crossdock.odata import ODataApi, Version, listed, taken


class Odata(ODataApi):
    """One account at an OData service."""

    kind = "odata"
    versions = (Verified("OData 2.0", "own sandbox"), Verified("OData 4.01", "own sandbox"))

    url: str = setting("Root of the service", example="https://erp.example/odata/v4/sales")
    protocol: int = setting("2 or 4", default=4)
    csrf_check: bool = setting("Changes need a CSRF token with its cookies", default=False)
    user: str = setting("User of basic authentication", default="")
    password: str = secret("Password of basic authentication", default="")
    header: str = setting("Header of the key, with what stands before it", default="APIKey:")
    key: str = secret("A key in a header, in place of user and password", default="")
    token_url: str = setting("Where OAuth 2.0 gives tokens", default="")
    client_id: str = setting("OAuth 2.0 client", default="")
    client_secret: str = secret("OAuth 2.0 client secret", default="")
    headers: Mapping[str, str] | None = setting(
        "Headers of every request", default=None, example="{sap-client: '100'}"
    )

    def bind(self, system: str, world: World, streams: Mapping[str, Reads | Writes]) -> None:
        """Take the version that the account says, which its streams are then read by."""
        super().bind(system, world, streams)
        version: Version = 2 if int(self.protocol) == 2 else 4
        vars(self).update(
            version=version,
            list_of=partial(listed, version=version),
            target_of=partial(taken, version=version),
        )

    def address(self) -> str:
        """Give ``url``."""
        return self.url

    def headers_of_all(self) -> Mapping[str, str]:
        """Give ``headers``."""
        return self.headers or {}

    def uses_csrf(self) -> bool:
        """Give ``csrf_check``."""
        return self.csrf_check

    def account_auth(self) -> Auth | None:
        """Send a token, a key, or user and password."""
        if self.token_url:
            return OAuth2(self.plain, self.token_url, self.client_id, self.client_secret)
        if self.key:
            return header_key(self.header, self.key)
        return basic(self.user, self.password) if self.user else None
