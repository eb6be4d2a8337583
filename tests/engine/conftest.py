"""The engine on a project of its own, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

import connectors
from crossdock.store import engine
from crossdock.store.migrate import migrate
from tests.engine import project as small
from tests.engine.project import PARTS, Project
from tests.postgres import Given, Server, database_url, postgres

__all__ = ["database_url", "postgres"]

if str(PARTS) not in connectors.__path__:  # as if the test project's folder were the only one
    connectors.__path__.append(str(PARTS))


@dataclass(frozen=True)
class Databases:
    """Where the hub's and the depot's databases of one test are."""

    kind: str
    hub: str
    depot: str


def _sqlite(folder: Path) -> Databases:
    return Databases("sqlite", f"sqlite:///{folder / 'hub.db'}", f"sqlite:///{folder / 'depot.db'}")


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the hub's tables; a copy is made faster than the tables are."""
    path = tmp_path_factory.mktemp("blank") / "hub.db"
    _tables(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def server(postgres: Server) -> Given:
    """The session's PostgreSQL by its address, with the hub's tables in the database ``blank``."""
    found = Given(postgres.url)  # type: ignore[attr-defined]
    found.drop("blank")
    _tables(found.database("blank"))
    return found


def _tables(url: str) -> None:
    made = sa.create_engine(url)
    migrate(made)
    made.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Databases]:
    """Fresh databases for one test: the same test runs on both kinds."""
    if request.param == "sqlite":
        yield _sqlite(tmp_path)
        return
    server: Given = request.getfixturevalue("server")
    names = [f"test_{uuid.uuid4().hex[:12]}" for _ in range(2)]
    hub, depot = server.database(names[0], "blank"), server.database(names[1])
    yield Databases("postgresql", hub, depot)
    for name in names:
        server.drop(name)


@pytest.fixture
def make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blank: Path
) -> Iterator[Callable[..., Project]]:
    """Make the test's project and enter its environment."""

    def made(databases: Databases | None = None, delivery: str = "upsert") -> Project:
        where = databases or _sqlite(tmp_path)
        found = small.make(tmp_path / "project", where.hub, where.depot, delivery)
        for name, value in found.variables.items():
            monkeypatch.setenv(name, value)
        if where.kind == "sqlite":
            shutil.copyfile(blank, tmp_path / "hub.db")
        found.home.make_key()
        return found

    before = list(sys.path)
    yield made
    sys.path[:] = before
    forget()


@pytest.fixture
def project(make: Callable[..., Project], database: Databases) -> Project:
    """The project on each kind of database."""
    return make(database)


@pytest.fixture
def lite(make: Callable[..., Project]) -> Project:
    """The project on SQLite only."""
    return make()


def forget() -> None:
    """Close every connection to stores that this process opened."""
    for at in list(engine._engines):
        engine._engines.pop(at).dispose()


