"""A system behind HTTP: one session, its credentials, its budget, the hosts it may reach.

What REST, GraphQL and OData have in common, and enough for a protocol of a vendor's own: say
``address`` and ``credentials``, and send requests through ``http``.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from crossdock.auth import Auth
from crossdock.connector import Connector
from crossdock.egress import Egress, hosts_in
from crossdock.exchange import origin
from crossdock.http import HttpSession
from crossdock.streams import Budget


class Api(Connector):
    """An account at a system behind HTTP.

    ``rules`` are verdicts that hold for every answer of this kind of system (as ``errors`` and
    ``verdict`` of a stream do, which come first).
    """

    rules: ClassVar[tuple[Mapping[str, Any], ...]] = ()

    def address(self) -> str:
        """Give what all paths begin with."""
        raise NotImplementedError

    def credentials(self) -> Auth | None:
        """Make what shows who sends a request; None where nothing does.

        Called once. ``self.plain`` is a session without credentials, for a log-in.
        """
        return None

    def headers_of_all(self) -> Mapping[str, str]:
        """Give the headers of every request."""
        return {}

    def limits(self) -> Budget:
        """Give the account's budget; the class's ``budget`` unless settings say another."""
        return type(self).budget

    def authority(self) -> Path | None:
        """Give a file of certificates to trust instead of the usual ones."""
        return None

    def hosts(self) -> frozenset[str]:
        """Name the hosts that this account may connect to: of its address and its settings."""
        return super().hosts() | hosts_in({"url": self.address()})

    def account(self) -> str:
        """Name the credential whose budget is shared: the host, and a hash of the settings."""
        declared: Any = type(self)
        values = [
            f"{item.name}={getattr(self, item.name)}"
            for item in dataclasses.fields(declared)
            if item.metadata.get("secret") or item.name in {"user", "client_id"}
        ]
        digest = hashlib.sha256("\n".join(values).encode()).hexdigest()
        return f"{origin(self.address())}#{digest[:16]}"

    @cached_property
    def http(self) -> HttpSession:
        """The session of this account."""
        return self._open(self.credentials())

    @cached_property
    def plain(self) -> HttpSession:
        """A session without credentials, within the same budget."""
        return self._open(None)

    def _open(self, auth: Auth | None) -> HttpSession:
        return HttpSession(
            self.world,
            Egress(self.allow_private, hosts=self.hosts()),
            auth=auth,
            headers=self.headers_of_all(),
            budget=self.limits(),
            store=self.world.budgets,
            credential=self.account(),
            ca=self.authority(),
        )

    def close(self) -> None:
        """Close the connections."""
        for name in ("http", "plain"):
            if name in vars(self):
                vars(self).pop(name).close()
