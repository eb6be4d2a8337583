"""Open an SQL database for short transactions, and turn its errors into ours."""

from __future__ import annotations

import functools
import ipaddress
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crossdock.errors import CrossdockError, Misconfigured, Refused, TryLater

_WAIT = ("08", "40", "53", "57", "55P03", "25P03")  # gone, deadlock, full, cancelled, locked
_SQLITE_WAIT = {5, 6, 10, 13}  # SQLITE_BUSY, LOCKED, IOERR, FULL
_DATA = ("22", "23", "P0", "44", "54")  # a value, a constraint, a trigger's own words
_loads = functools.partial(json.loads, parse_float=Decimal)
_VALUE = re.compile(r': ".*"', re.DOTALL)


class Unanswered(Exception):  # noqa: N818 - says what happened
    """The connection was lost while committing: the effect may or may not be there."""


class Database:
    """One database by its URL: ``postgresql://user@host/name`` or ``sqlite:///file``.

    A relative SQLite file is looked for in ``folder``. ``seconds`` limits each statement. No
    connection is made before the first transaction. Raises Misconfigured for another address.
    """

    def __init__(self, url: str, *, folder: Path, seconds: float = 60.0) -> None:
        self.seconds = seconds
        try:
            address = sa.make_url(url)
        except sa.exc.ArgumentError:
            raise Misconfigured(
                "the setting url is not a database address",
                fix="use postgresql://user:password@host/name or sqlite:///file",
            ) from None
        self.dialect = address.get_backend_name()
        if self.dialect == "sqlite":
            self._engine = _sqlite(address, folder, seconds)
        elif self.dialect == "postgresql":
            self._engine = sa.create_engine(
                _secured(address),
                hide_parameters=True,
                pool_size=1,
                pool_pre_ping=True,
                json_deserializer=_loads,
            )
        else:
            raise Misconfigured(
                f"there is no support for {self.dialect} databases", fix="use PostgreSQL or SQLite"
            )

    @contextmanager
    def writing(self, seconds: float | None = None) -> Iterator[sa.Connection]:
        """Open a transaction that commits at the end of the block, or rolls back whole.

        Raises TryLater, Refused or Misconfigured with nothing done, Unanswered when the answer to
        the commit was lost.
        """
        with self._transaction(seconds or self.seconds, writes=True) as connection:
            yield connection

    @contextmanager
    def reading(self, seconds: float | None = None) -> Iterator[sa.Connection]:
        """Open a transaction in which the database refuses every write."""
        with self._transaction(seconds or self.seconds, writes=False) as connection:
            yield connection

    @contextmanager
    def _transaction(self, seconds: float, *, writes: bool) -> Iterator[sa.Connection]:
        committing = False
        try:
            with (
                self._engine.connect().execution_options(
                    crossdock_writes=writes, postgresql_readonly=not writes
                ) as connection,
                connection.begin() as transaction,
            ):
                if self.dialect == "postgresql":
                    limit = int(seconds * 1000)
                    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {limit}")
                    connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
                yield connection
                committing = writes
                transaction.commit()
        except sa.exc.DBAPIError as error:
            if committing and error.connection_invalidated:
                raise Unanswered from error
            raise named(error) from error
        except sa.exc.NoSuchTableError as error:
            raise Misconfigured(f"there is no table {error}") from error

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


def _sqlite(address: sa.URL, folder: Path, seconds: float) -> sa.Engine:
    """Open SQLite so that no update is lost: our own BEGIN, IMMEDIATE where we write."""
    name = address.database or ""
    if name and name != ":memory:":
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        address = address.set(database=str(path))
    engine = sa.create_engine(address, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def settle(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin by itself
        wait = int(min(seconds, 30) * 1000)
        for pragma in (f"busy_timeout={wait}", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("crossdock_writes", False)
        connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _secured(address: sa.URL) -> sa.URL:
    """Ask for a verified server unless it is on this machine or the URL says otherwise."""
    host = address.host or ""
    if "sslmode" in address.query or host in {"", "localhost"} or host.startswith("/"):
        return address
    try:
        if ipaddress.ip_address(host).is_loopback:
            return address
    except ValueError:
        pass  # a name, which says nothing about where it is
    return address.update_query_dict({"sslmode": "verify-full", "sslrootcert": "system"})


def named(error: sa.exc.DBAPIError) -> CrossdockError:
    """Turn a driver's error into what to do next; without values, as they may be personal."""
    origin: Any = error.orig
    words = _words(origin)
    if error.connection_invalidated or _is_for_later(origin, words):
        return TryLater(f"the database cannot answer: {words}")
    state = getattr(origin, "sqlstate", None) or ""
    if state.startswith(_DATA) or isinstance(error, (sa.exc.IntegrityError, sa.exc.DataError)):
        return Refused(f"the database refused: {words}")
    return Misconfigured(
        f"the database does not take this: {words}",
        fix="compare the stream's table, key and columns with the database, and its rights",
    )


def _is_for_later(origin: Any, words: str) -> bool:
    """Say whether the same may go right later: busy, full, away, not whether it is wrong."""
    if hasattr(origin, "sqlite_errorcode"):
        return origin.sqlite_errorcode & 0xFF in _SQLITE_WAIT
    state = getattr(origin, "sqlstate", None)
    if state:
        return str(state).startswith(_WAIT)
    refused = ("authentication failed", "does not exist", "pg_hba.conf", "certificate")
    away = type(origin).__name__ in {"OperationalError", "ConnectionTimeout"}
    return away and not any(part in words for part in refused)


def _words(origin: Any) -> str:
    """The driver's own words, with names of columns and constraints but no values."""
    diag = getattr(origin, "diag", None)
    words = (getattr(diag, "message_primary", None) or str(origin)).strip()
    words = _VALUE.sub("", words.splitlines()[0] if words else type(origin).__name__)
    names = (getattr(diag, part, None) for part in ("column_name", "constraint_name"))
    said = [name for name in names if name and name not in words]
    return f"{words} ({', '.join(said)})" if said else words
