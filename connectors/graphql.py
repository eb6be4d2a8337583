"""Any GraphQL API: operations are texts in the system's YAML.

See docs/reference/connectors/graphql.md for what a stream may say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from crossdock import Check, Verified, secret, setting
from crossdock.auth import Auth, basic, header_key
from crossdock.errors import CrossdockError
from crossdock.graphql import GraphqlApi, faults_of, schema_of
from crossdock.streams import Budget, Signals


class Graphql(GraphqlApi):
    """One account at a GraphQL API."""

    kind = "graphql"
    versions = (Verified("October 2021", "own sandbox"),)

    url: str = setting("The endpoint", example="https://shop.example/graphql")
    header: str = setting(
        "Header of the token, with what stands before it", default="Authorization: Bearer"
    )
    token: str = secret("The token; without one, user and password are sent", default="")
    user: str = setting("User of basic authentication", default="")
    password: str = secret("Password of basic authentication", default="")
    headers: Mapping[str, str] | None = setting("Headers of every request", default=None)
    schema: str = setting(
        "The API's schema in the project (SDL, or JSON of an introspection); `check` validates "
        "every operation against it",
        default="",
    )
    requests: int = setting("Most requests (or points) in a window, 0 for no limit", default=0)
    seconds: str = setting("Length of that window", default="1")
    signals: Mapping[str, str] | None = setting(
        "Where answers say what is left of it: remaining, restore, cost", default=None
    )

    def address(self) -> str:
        """Give ``url``."""
        return self.url

    def headers_of_all(self) -> Mapping[str, str]:
        """Give ``headers``."""
        return self.headers or {}

    def limits(self) -> Budget:
        """Make the budget of the settings."""
        return Budget(float(self.requests), float(self.seconds), signals=Signals(**(
            self.signals or {})))  # type: ignore[arg-type]  # fmt: skip

    def credentials(self) -> Auth | None:
        """Send the token, or user and password."""
        if self.token:
            return header_key(self.header, self.token)
        return basic(self.user, self.password) if self.user else None

    def check(self) -> Iterator[Check]:
        """Validate the operations, then ask for the first page of each list."""
        try:
            schema = schema_of(self.world.project / self.schema) if self.schema else None
        except CrossdockError as error:
            yield Check.failed("schema", error)
            return
        for name, text in self.texts():
            faults = faults_of(text, schema)
            if faults or schema is not None:
                yield Check(f"operation {name}", not faults, "; ".join(faults[:5]))
        yield from super().check()
