"""What tests of faults stand on: a project on real databases, raw sockets, a clock of their own."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from crossdock import closing
from crossdock.connector import World
from crossdock.store import shared
from tests.engine.conftest import blank, database, lite, make, project, server
from tests.postgres import database_url, postgres
from tests.wire.conftest import Clock, clock, serve, world

__all__ = [
    "blank", "clock", "database", "database_url", "lite", "make", "postgres", "project", "serve",
    "server", "world",
]  # fmt: skip


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """End runs at once; what was postponed waits for the next one."""
    monkeypatch.setattr(closing, "PATIENCE", -1.0)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch, clock: Clock, impatient: None) -> Clock:
    """Hand a clock to the connectors of flows that only their sleeping moves."""
    own: Callable[..., World] = functools.partial(
        World, now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep
    )
    monkeypatch.setattr(shared, "World", own)
    return clock
