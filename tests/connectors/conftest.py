"""Fixtures of the connectors' tests: a bound world, and databases of both kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossdock.connector import World
from tests.postgres import database_url, postgres  # noqa: F401 - fixtures


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world whose project and scratch folders are this test's own."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return World(project=tmp_path, scratch=scratch, sleep=lambda seconds: None)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once for each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'target.db'}"
    return str(request.getfixturevalue("database_url"))
