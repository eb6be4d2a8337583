"""A project with an EDI partner, on a home of its own."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from crossdock.store import engine
from crossdock.store.migrate import migrate
from tests.edi.office import Office, furnish


@pytest.fixture(scope="session")
def blank_books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the hub's tables; a copy is made faster than the tables are."""
    path = tmp_path_factory.mktemp("blank") / "hub.db"
    made = sa.create_engine(f"sqlite:///{path}")
    migrate(made)
    made.dispose()
    return path


@pytest.fixture
def office(
    tmp_path: Path, blank_books: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    variables: dict[str, str] = {}
    made = furnish(tmp_path, variables)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "home").mkdir()
    shutil.copyfile(blank_books, tmp_path / "home" / "hub.db")
    made.home.make_key()
    before = list(sys.path)
    yield made
    sys.path[:] = before
    for at in list(engine._engines):
        engine._engines.pop(at).dispose()
