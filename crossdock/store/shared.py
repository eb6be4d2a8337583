"""What connectors share between flows and workers: request budgets and interchange references."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from crossdock.budget import next_full
from crossdock.connector import Budget, Connector, World
from crossdock.edi.duplicates import Sighting
from crossdock.edi.life import StoreLife
from crossdock.errors import TryLater
from crossdock.home import Home
from crossdock.objects import Objects
from crossdock.store import Store, schema
from crossdock.store.engine import take_numbers
from crossdock.systems import open_system
from crossdock.worker import process_name


class StoreBudgets:
    """One budget a credential for all flows and workers (``crossdock.budget.BudgetStore``)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, credential: str, cost: float, now: float, budget: Budget) -> float:
        """Take ``cost`` requests; gives the seconds to wait before sending."""
        table = schema.budget
        with self._store.writing() as connection:
            row = _locked(connection, table, table.c.credential == credential)
            full, paused = (row.full_at, row.paused_until) if row else (0.0, 0.0)
            full, wait = next_full(full, cost, now, budget)
            _put(connection, row, credential, full, paused)
        return max(wait, float(paused) - now)

    def pause(self, credential: str, until: float) -> None:
        """Let nothing of ``credential`` go before ``until``."""
        table = schema.budget
        with self._store.writing() as connection:
            row = _locked(connection, table, table.c.credential == credential)
            full, paused = (row.full_at, row.paused_until) if row else (0.0, 0.0)
            _put(connection, row, credential, full, max(paused, until))


def _put(connection: sa.Connection, row: Any, credential: str, full: float, paused: float) -> None:
    table = schema.budget
    values = {"full_at": full, "paused_until": paused}
    if row is None:
        connection.execute(table.insert().values(credential=credential, **values))
    else:
        connection.execute(table.update().where(table.c.credential == credential).values(**values))


def _locked(connection: sa.Connection, table: sa.Table, where: Any) -> Any:
    """Read a row for change; a new one is guarded by an advisory lock on PostgreSQL."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7423002)")
    return connection.execute(sa.select(table).where(where)).one_or_none()


class StoreReferences:
    """Control references by partner, gap-free (``crossdock.edi.control.ControlReferences``)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def next(self, partner: str, key: str) -> int:
        """Give the number for ``key``: the one it has, or the partner's next one, from 1."""
        table = schema.control_reference
        with self._store.writing() as connection:
            mine = sa.and_(table.c.partner == partner, table.c.key == key)
            row = _locked(connection, table, mine)
            if row is not None:
                return int(row.number)
            number = take_numbers(connection, f"control reference {partner}")
            connection.execute(table.insert().values(partner=partner, key=key, number=number))
        return number


class StoreInterchanges:
    """Interchange references that came in (``crossdock.edi.duplicates.InterchangeLog``)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def first(self, sender: str, reference: str, now: Sighting, window: timedelta) -> Sighting:
        """Give the sighting that holds: an earlier one within ``window``, or ``now``, kept."""
        table = schema.interchange
        mine = sa.and_(table.c.sender == sender, table.c.reference == reference)
        with self._store.writing() as connection:
            row = _locked(connection, table, mine)
            if row is not None and now.day - row.day <= window:
                return Sighting(row.day, row.digest)
            values = {"day": now.day, "digest": now.digest}
            if row is None:
                connection.execute(
                    table.insert().values(sender=sender, reference=reference, **values)
                )
            else:
                connection.execute(table.update().where(mine).values(**values))
        return now


class StoreTokens:
    """Rotated tokens for all workers (``crossdock.tokens.TokenStore``), encrypted like objects."""

    def __init__(self, home: Home, store: Store) -> None:
        self._objects = Objects(home)
        self._store = store

    def get(self, name: str) -> str:
        """Give what was put last, or ""."""
        try:
            return self._objects.get(_path(name)).decode()
        except FileNotFoundError:
            return ""

    def put(self, name: str, text: str) -> None:
        """Keep ``text``; durable when it returns."""
        self._objects.put(_path(name), text.encode())

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Hold a lease on ``name``; raises TryLater where another keeps it for a minute."""
        lease, holder = f"token/{_path(name)}", f"{process_name()}/{secrets.token_hex(4)}"
        until = time.monotonic() + _PATIENCE
        while self._store.acquire(lease, holder, _PATIENCE) is None:
            if time.monotonic() > until:
                raise TryLater("another worker renews the token of this account", after=5.0)
            time.sleep(0.05)
        try:
            yield
        finally:
            self._store.release(lease, holder)


_PATIENCE = 60.0


def _path(name: str) -> str:
    return f"tokens/{hashlib.sha256(name.encode()).hexdigest()}"


def parted(key: str) -> tuple[str, ...]:
    r"""Take the key of a record apart into the texts of its fields.

    >>> parted("4006|a\\|b"), parted("1001")
    (('4006', 'a|b'), ('1001',))
    """
    parts = [""]
    for piece in re.findall(r"\\.|[^\\]", key, re.DOTALL):
        if piece == "|":
            parts.append("")
        else:
            parts[-1] += piece[-1]
    return tuple(parts) if len(parts) > 1 else (key,)


def known_keys(store: Store, system: str, stream: str) -> Iterator[tuple[str, ...]]:
    """Give the key of each record that was read of a stream, as texts of its fields."""
    table = schema.record_version
    mine = (table.c.system == system, table.c.stream == stream, table.c.latest)
    with store.reading() as connection:
        for key in connection.execute(sa.select(table.c.key).where(*mine)).scalars():
            yield parted(key)


def opened_system(home: Home, store: Store, name: str) -> Connector:
    """Open a system with what the store keeps for it: budgets, tokens, EDI references."""
    world = World(
        project=home.project,
        scratch=home.scratch,
        budgets=StoreBudgets(store),
        tokens=StoreTokens(home, store),
        known=partial(known_keys, store),
    )
    connector = open_system(home, name, world)
    for attribute, kept in (
        ("control", StoreReferences(store)),
        ("interchanges", StoreInterchanges(store)),
        ("life", StoreLife(store)),
    ):
        if hasattr(connector, attribute):
            vars(connector)[attribute] = kept
    return connector
