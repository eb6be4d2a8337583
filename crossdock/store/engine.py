"""Open the store: one engine a process, the settings that keep SQLite honest, the schema."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crossdock.errors import Misconfigured, TryLater
from crossdock.home import Home
from crossdock.store import schema
from crossdock.store.migrate import HEAD, migrate
from crossdock.worker import gone

_IDLE_SECONDS = 1.0
LOCK_SECONDS = 120.0
"""How long a transaction waits for a lock that somebody else keeps; SQLite waits 30 at most."""

_engines: dict[tuple[str, int], sa.Engine] = {}


class Store:
    """The hub's books of one home; every method is one short transaction or part of yours."""

    def __init__(self, home: Home, engine: sa.Engine) -> None:
        self.home = home
        self.engine = engine

    @property
    def dialect(self) -> str:
        """The database's name: ``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Open one transaction that commits at the end of the block, or rolls back whole.

        Raises TryLater when the database is busy, full or away; what is written in bulk goes past
        SQLAlchemy, and so do the driver's own errors.
        """
        driver: Any = self.engine.dialect.loaded_dbapi
        try:
            with self.engine.begin() as connection:
                yield connection
        except (sa.exc.OperationalError, driver.OperationalError) as error:
            raise _away(error) from error

    reading = writing  # one kind of transaction: SQLite's readers may become writers unseen

    @property
    def clash(self) -> tuple[type[Exception], ...]:
        """What is raised where somebody else wrote the same row a moment ago."""
        driver: Any = self.engine.dialect.loaded_dbapi
        return sa.exc.IntegrityError, driver.IntegrityError

    def numbers(self, name: str, count: int = 1) -> int:
        """Take ``count`` numbers of the counter ``name``; gives the first of the block.

        A transaction of its own, so that no two steps wait for each other; a crash leaves a gap.
        """
        with self.writing() as connection:
            return take_numbers(connection, name, count)

    def acquire(self, name: str, holder: str, seconds: float) -> int | None:
        """Take or renew the lease ``name``; gives its fencing number, None when another holds it.

        The same holder renews and keeps its number; a holder on this machine whose process is
        gone has lost the lease at once.
        """
        now = datetime.now(UTC)
        until = now + timedelta(seconds=seconds)
        with self.writing() as connection:
            lock = sa.select(schema.lease).where(schema.lease.c.name == name)
            if self.dialect == "postgresql":
                lock = lock.with_for_update()
            row = connection.execute(lock).one_or_none()
            if row is None and _first(connection, name, holder, until):
                return 1
            if row is None:  # another was first, a moment ago
                row = connection.execute(lock).one()
            if row.holder == holder:  # late, but nobody took it in between
                fence = row.fence
            elif row.holder and row.expires_at > now and not gone(row.holder):
                return None
            else:
                fence = row.fence + 1
            connection.execute(
                schema.lease.update()
                .where(schema.lease.c.name == name)
                .values(holder=holder, fence=fence, expires_at=until)
            )
            return int(fence)

    def holder(self, name: str) -> tuple[str, datetime] | None:
        """Say who holds the lease ``name`` and until when; None when it is free."""
        with self.reading() as connection:
            row = connection.execute(
                sa.select(schema.lease).where(schema.lease.c.name == name)
            ).one_or_none()
        if row is None or not row.holder or row.expires_at <= datetime.now(UTC):
            return None
        return row.holder, row.expires_at

    def release(self, name: str, holder: str) -> None:
        """Give the lease back; nothing happens when another holds it by now."""
        with self.writing() as connection:
            connection.execute(
                schema.lease.update()
                .where(schema.lease.c.name == name, schema.lease.c.holder == holder)
                .values(holder="")
            )


def _first(connection: sa.Connection, name: str, holder: str, until: datetime) -> bool:
    """Write the first row of a lease; False when another did at the same time."""
    done = connection.execute(
        _insert(connection)(schema.lease)
        .values(name=name, holder=holder, fence=1, expires_at=until)
        .on_conflict_do_nothing()
        .returning(schema.lease.c.fence)
    )
    return done.first() is not None


def _insert(connection: sa.Connection) -> Any:
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert
    from sqlalchemy.dialects import sqlite

    return sqlite.insert


def take_numbers(connection: sa.Connection, name: str, count: int = 1) -> int:
    """Take ``count`` numbers inside the caller's transaction: gap-free, but others wait."""
    table = schema.counter
    taken = connection.execute(
        table.update()
        .where(table.c.name == name)
        .values(value=table.c.value + count)
        .returning(table.c.value)
    ).scalar_one_or_none()
    if taken is None:
        taken = connection.execute(
            _insert(connection)(table)
            .values(name=name, value=count)
            .on_conflict_do_update(
                index_elements=[table.c.name], set_={"value": table.c.value + count}
            )
            .returning(table.c.value)
        ).scalar_one()
    return int(taken) - count + 1


def guard(connection: sa.Connection, name: str, fence: int) -> None:
    """Refuse to go on inside a transaction when the lease is no longer ours.

    Locks the lease's row on PostgreSQL, so that nobody takes it over before this commit.
    Raises TryLater, which ends the step without any effect.
    """
    statement = sa.select(schema.lease.c.holder, schema.lease.c.fence).where(
        schema.lease.c.name == name
    )
    if connection.dialect.name == "postgresql":
        statement = statement.with_for_update(read=True)
    row = connection.execute(statement).one_or_none()
    if row is None or row.fence != fence or not row.holder:
        raise TryLater(
            f"the lease {name} has gone to another worker",
            fix="nothing to do: the other worker carries on, this one stops",
        )


def open_store(home: Home) -> Store:
    """Open the store of ``home``, with its schema at the newest version.

    Raises Misconfigured for an address that is no database of ours, TryLater when it is away.
    """
    at = (home.database_url, os.getpid())
    if at not in _engines:
        engine = _engine(home)
        try:
            with engine.begin() as connection:
                current = _version(connection)
        except sa.exc.OperationalError as error:
            raise _away(error) from error
        if current is None:
            home.make_key()  # a new home: nothing was kept under an older key
        if current != HEAD:
            migrate(engine)
        _engines[at] = engine
    return Store(home, _engines[at])


def _engine(home: Home) -> sa.Engine:
    try:
        url = sa.make_url(home.database_url)
    except sa.exc.ArgumentError:
        raise Misconfigured(
            "CROSSDOCK_DATABASE_URL is not a database address",
            fix="use sqlite:///file or postgresql://user@host/database",
        ) from None
    if url.get_backend_name() == "sqlite":
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = sa.create_engine(url, hide_parameters=True)
        sa.event.listen(engine, "connect", _settle)
        sa.event.listen(engine, "begin", _begin_immediate)
        return engine
    if url.get_backend_name() == "postgresql":
        own = {} if "options" in url.query else {"options": _patience()}
        engine = sa.create_engine(url, hide_parameters=True, pool_size=2, connect_args=own)
        sa.event.listen(engine, "checkin", _rest)
        sa.event.listen(engine, "checkout", _wake)
        return engine
    raise Misconfigured(
        f"the store cannot be {url.get_backend_name()}", fix="use SQLite or PostgreSQL"
    )


def _patience() -> str:
    """A lock that somebody keeps ends a transaction of ours, which is tried later; never a wait."""
    return f"-c lock_timeout={int(LOCK_SECONDS * 1000)}"


def _rest(_connection: Any, record: Any) -> None:
    record.info["rests_since"] = time.monotonic()


def _wake(connection: Any, record: Any, _proxy: Any) -> None:
    """Look whether a connection that lay idle is still there; the pool opens another if not.

    SQLAlchemy's own look before each use is one round trip in four here.
    """
    if time.monotonic() - record.info.get("rests_since", time.monotonic()) < _IDLE_SECONDS:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except connection.Error:
        raise sa.exc.DisconnectionError from None


def _settle(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin by itself
    for pragma in (
        f"busy_timeout={int(min(LOCK_SECONDS, 30) * 1000)}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-65536",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("crossdock_version"):
        return None
    return connection.exec_driver_sql(
        "SELECT version_num FROM crossdock_version"
    ).scalar_one_or_none()


def _away(error: Exception) -> TryLater:
    reason = str(getattr(error, "orig", error)).strip().splitlines()[:1] or ["no answer"]
    return TryLater(
        f"the hub's database cannot answer: {reason[0]}",
        fix="start it, or look at CROSSDOCK_DATABASE_URL; nothing is lost",
        after=5.0,
    )
