"""The real servers, started once for all tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from crossdock.connector import World
from crossdock.real import tryton, vendure


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vendure.Shop]:
    """A Vendure with two articles; skipped by name where there is no Node."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node is not installed, so the real Vendure cannot run")
    with vendure.shop(tmp_path_factory.mktemp("vendure")) as running:
        running.offer("MUG-1", "Mug", 1000, 100)
        running.offer("CUP-1", "Cup", 501, 100)
        yield running


@pytest.fixture(scope="session")
def erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tryton.Erp]:
    """A Tryton with a company that can sell."""
    with tryton.erp(tmp_path_factory.mktemp("tryton")) as running:
        yield running


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world whose folders are this test's own."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return World(project=tmp_path, scratch=scratch)
