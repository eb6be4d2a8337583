"""Find the stand of a connector by its name: the project's own, a package's, or ours."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from pathlib import Path
from types import ModuleType

from crossdock.errors import Misconfigured
from crossdock.home import Home
from crossdock.systems import connector_class, module_of
from crossdock.testing.stand import Stand
from crossdock.testing.suite import ConnectorSuite, stand_for

ENTRY_POINTS = "crossdock.stands"
OURS = "crossdock.testing.stands"


def stand_of(home: Home, name: str) -> type[Stand]:
    """Find the stand of connector ``name``, with the connector set.

    It is the class in ``connectors/stands/<name>.py``, an entry point of ``crossdock.stands``, or
    one that Crossdock brings along. Raises Misconfigured where there is none.
    """
    kind = connector_class(home, name)
    return stand_for(_stand(home, name), kind)


def _stand(home: Home, name: str) -> type[Stand]:
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS, name=name):
        found: type[Stand] = point.load()
        return found
    module = module_of(home, f"connectors/stands/{name}.py")
    if module is None and importlib.util.find_spec(f"{OURS}.{name}") is not None:
        module = importlib.import_module(f"{OURS}.{name}")
    stands = _stands(module) if module else []
    if len(stands) != 1:
        raise Misconfigured(
            f"there is no stand for the connector {name!r}",
            where=str(home.project / "connectors" / "stands" / f"{name}.py"),
            fix="write a class that inherits crossdock.testing.Stand there",
        )
    return stands[0]


def _stands(module: ModuleType) -> list[type[Stand]]:
    return [
        item
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, Stand) and item.__module__ == module.__name__
    ]


def suite_of(name: str, inside: str | Path | None = None) -> type[ConnectorSuite]:
    """Make the test class of connector ``name``; ``inside`` is any file of the project."""
    home = Home.find(_project(Path(inside)) if inside else None)
    stand = stand_of(home, name)
    return type(f"Test{name.title()}", (ConnectorSuite,), {"stand": stand})


def _project(inside: Path) -> Path | None:
    for folder in inside.resolve().parents:
        if (folder / "config" / "flows").is_dir():
            return folder
    return None
