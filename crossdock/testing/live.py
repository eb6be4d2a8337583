"""The stand of a real account: it is only read, and nothing there is changed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossdock.connector import Connector, World
from crossdock.errors import Misconfigured
from crossdock.home import Home
from crossdock.systems import connector_class, document, open_system
from crossdock.testing.cases import Lacking
from crossdock.testing.stand import Stand


def stand_on(home: Home, name: str, system: str) -> type[Stand]:
    """Make the stand of ``system``, whose connector must be ``name``; raises Misconfigured."""
    page = document(home, system)
    used = page.data.get("connector") if isinstance(page.data, dict) else None
    if used != name:
        raise Misconfigured(f"the system {system!r} uses the connector {used!r}, not {name!r}")

    class Live(_Live):
        connector = connector_class(home, name)
        account = (home, system)

    return Live


class _Live(Stand):
    account: tuple[Home, str]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.project = self.account[0].project

    def open(self, changes: Mapping[str, Any] | None = None, **world: Any) -> Connector:
        """Open the system as it is configured; waits are real."""
        if changes:
            raise Lacking("a real account is tried with its own settings only")
        home, system = self.account
        given = {"budgets": self.budgets, "tokens": self.tokens, "sleep": time.sleep, **world}
        made = open_system(home, system, World(project=home.project, scratch=self.folder, **given))
        self._opened.append(made)
        return made

    def there(self, stream: str) -> set[str]:
        """Nobody but the account itself knows what is there."""
        raise Lacking("only the account itself knows what is there")
