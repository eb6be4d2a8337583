"""Put the project's folders into the wheel as data, for ``crossdock init``.

In an editable install there is no copy: ``crossdock.init`` then takes the checkout itself.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CONTENT = (
    "config",
    "connectors",
    "dags",
    "docker",
    "edi",
    "mappings",
    "validation",
    "scripts/make-env.sh",
    ".airflowignore",
    ".env.example",
    "docker-compose.yml",
)


class Content(BuildHookInterface[Any]):
    """Add the content folders to a wheel that is published."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name what goes to ``crossdock/content``."""
        if version == "standard":
            for name in CONTENT:
                source = Path(self.root) / name
                build_data["force_include"][str(source)] = f"crossdock/content/{name}"
