"""What a connector can do, as plain values: for ``connector describe``, docs and console."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterable
from typing import Any

from crossdock.connector import Connector, Reads, Writes

CAPABILITIES = (
    "full", "changes", "log", "window", "queue", "tombstone", "sweep",
    "idempotency_key", "upsert", "lookup_before_create", "none",
    "batch", "lookup", "follow", "budget",
)  # fmt: skip
"""The columns of the table connector × capability, in its order."""


def described(name: str, kind: type[Connector]) -> dict[str, Any]:
    """Describe a connector: what it is, settings, streams, versions and how it was verified."""
    module = sys.modules[kind.__module__]
    declared: Any = kind
    return {
        "name": name,
        "about": inspect.cleandoc(module.__doc__ or kind.__doc__ or ""),
        "versions": [{"version": item.version, "by": item.by} for item in kind.versions],
        "settings": [setting_of(item) for item in dataclasses.fields(declared) if item.init],
        "streams": [stream_of(stream) for stream in own_streams(kind)],
    }


def setting_of(item: Any) -> dict[str, Any]:
    """Describe one setting."""
    required = item.default is dataclasses.MISSING
    return {
        "name": item.name,
        "help": str(item.metadata.get("help", "")),
        "example": str(item.metadata.get("example", "")),
        "secret": bool(item.metadata.get("secret")),
        "required": required,
        "default": None if required else item.default,
    }


def own_streams(kind: type[Connector]) -> list[Reads | Writes]:
    """Give the streams that a class declares; generic connectors have theirs in YAML."""
    found = {
        value.name: value
        for base in reversed(kind.__mro__)
        for value in vars(base).values()
        if isinstance(value, (Reads, Writes))
    }
    offered: Iterable[Reads | Writes] = getattr(kind, "_offers", ())
    return [*found.values(), *offered]


def stream_of(stream: Reads | Writes) -> dict[str, Any]:
    """Describe one stream."""
    said: dict[str, Any] = {"name": stream.name, "key": list(stream.key), "right": stream.right}
    if isinstance(stream, Reads):
        return said | {
            "direction": "reads",
            "feed": stream.shape,
            "deletes": stream.deletes,
            "grain": stream.grain,
            "overlap": stream.overlap,
            "kept": stream.kept,
        }
    return said | {
        "direction": "writes",
        "delivery": stream.delivery,
        "batch": stream.batch,
        "accepts": stream.accepts,
        "reference": stream.reference,
    }


def capabilities(kind: type[Connector], streams: Iterable[Reads | Writes]) -> set[str]:
    """Say which of ``CAPABILITIES`` a connector with these streams uses.

    >>> sorted(capabilities(Connector, [Reads("orders", ("id",), cursor="at")]))
    ['changes']
    """
    found: set[str] = set()
    for stream in streams:
        if isinstance(stream, Reads):
            found |= {stream.shape, stream.deletes}
        else:
            found.add(stream.delivery)
            found |= {"batch"} if stream.batch > 1 else set()
            found |= {"follow"} if stream.accepts else set()
            found |= {"lookup"} if kind.lookup is not Connector.lookup else set()
        found |= {"budget"} if stream.budget else set()
    if kind.budget.requests or hasattr(kind, "requests"):
        found.add("budget")
    return found & set(CAPABILITIES)
