"""Paths of source fields: how they are written, and which fields a mapping knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from crossdock.mapping.frames import Path

ROOT = "/"


def split(path: Any) -> Path:
    """Split a path at its dots; a list is taken as it is, for names that hold a dot.

    ``.`` is the thing itself (a list of plain values), a leading ``/`` starts at the record.

    >>> split("customer.name"), split(["a.b", "c"]), split("."), split("/currency")
    (('customer', 'name'), ('a.b', 'c'), (), ('/', 'currency'))
    """
    if isinstance(path, list):
        return tuple(str(step) for step in path)
    if path == ".":
        return ()
    if path.startswith(ROOT):
        return (ROOT, *path[1:].split("."))
    return tuple(path.split("."))


def dotted(path: Path) -> str:
    """Write a path for a person.

    >>> dotted(("customer", "name")), dotted(("/", "currency")), dotted(())
    ('customer.name', 'currency', '.')
    """
    steps = path[1:] if path[:1] == (ROOT,) else path
    return ".".join(steps) or "."


@dataclass
class Known:
    """Source fields that a mapping reads or ignores, as a tree.

    ``leaf`` means the field with all below it; ``carried`` a list whose own level keeps what is
    unknown in its parts.
    """

    inner: dict[str, Known] = field(default_factory=dict)
    leaf: bool = False
    carried: bool = False

    def add(self, path: Iterable[str]) -> Known:
        """Make the node of ``path`` and answer it."""
        node = self
        for step in path:
            node = node.inner.setdefault(step, Known())
        return node

    def at(self, path: Path) -> Known:
        """Give the node of ``path``, an empty one where there is none."""
        node = self
        for step in path:
            node = node.inner.get(step, Known())
        return node

    def names(self) -> list[str]:
        """Dotted names of all leaves."""
        found = []
        for name, node in self.inner.items():
            found += [name] if node.leaf else [f"{name}.{inner}" for inner in node.names()]
        return found

    @cached_property
    def leaves(self) -> frozenset[str]:
        """Names that need no further look; asked only once the mapping is compiled."""
        return frozenset(name for name, node in self.inner.items() if node.leaf)

    def rest(self, value: Any, path: str, counts: dict[str, int]) -> Any:
        """Give what is unknown in a JSON value, None when nothing is; count it by path.

        Nulls say nothing and are left out.
        """
        if value is None or self.leaf:
            return None
        if isinstance(value, dict) and (self.inner or not path):
            if self.leaves.issuperset(value):
                return None
            found = {
                key: kept
                for key in value.keys() - self.leaves
                if (kept := self._inner(key, value[key], path, counts)) is not None
            }
            return found or None
        if isinstance(value, list) and self.inner:
            return None if self.carried else self._list(value, path, counts)
        counts[path] = counts.get(path, 0) + 1
        return value

    def _inner(self, key: str, item: Any, path: str, counts: dict[str, int]) -> Any:
        place = f"{path}.{key}" if path else key
        return self.inner.get(key, _UNKNOWN).rest(item, place, counts)

    def _list(self, value: list[Any], path: str, counts: dict[str, int]) -> Any:
        indexed = any(step.isdigit() for step in self.inner)
        found = [
            (self.inner.get(str(place), _UNKNOWN) if indexed else self).rest(
                item, f"{path}[]", counts
            )
            for place, item in enumerate(value)
        ]
        return found if any(item is not None for item in found) else None


_UNKNOWN = Known()
