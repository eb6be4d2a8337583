"""A stand: what the acceptance kit drives a connector on, filled in by the connector's author.

A stand starts a sandbox (or points at a real server), says with which settings and streams the
connector is opened, and can answer from the sandbox's own journal what is there and what came.
Whatever it cannot do raises Lacking with the reason, which the report and the docs page show.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from crossdock.budget import InProcess
from crossdock.connector import Connector, Outcome, Parcel, Reads, World, Writes
from crossdock.sandbox.faults import NO_FAULTS, Plan
from crossdock.sandbox.server import Server
from crossdock.testing.cases import Lacking
from crossdock.tokens import InMemory


class Clock:
    """Real time, plus what was slept: nobody waits, and everybody sees that time has passed."""

    def __init__(self) -> None:
        self.slept = 0.0

    def now(self) -> datetime:
        """Give the instant."""
        return datetime.now(UTC) + timedelta(seconds=self.slept)

    def monotonic(self) -> float:
        """Give seconds that never go back."""
        return time.monotonic() + self.slept

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept += seconds


class Stand:
    """What a case needs of a connector; override what the system has.

    ``lacks`` names cases that cannot be, with the reason. ``throttles`` are the forms of
    ``crossdock.sandbox.faults`` by which this kind of system says that it is too much.
    """

    connector: ClassVar[type[Connector]]
    lacks: ClassVar[Mapping[str, str]] = {}
    throttles: ClassVar[tuple[str, ...]] = ("429", "429_date")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.budgets = InProcess()
        self.tokens = InMemory()
        self.project = Path.cwd()
        self._opened: list[Connector] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for connector in self._opened:
            connector.close()
        self.stop()

    # -- the system ----------------------------------------------------------------------------
    def start(self) -> None:
        """Start the sandbox."""

    def stop(self) -> None:
        """Stop the sandbox."""

    @property
    def server(self) -> Server:
        """The HTTP server whose requests a fault plan breaks."""
        raise Lacking("it does not speak HTTP, so nothing can break its requests")

    def fail(self, fault: str, *, at: int = 1, times: int = 1, after: float = 1.0) -> None:
        """Let requests break from the ``at``-th on from now, ``times`` in a row."""
        self.server.forget_counts()
        row = {"at": at, "times": times, "fault": fault, "after": after}
        self.server.plan = Plan([row])

    def heal(self) -> None:
        """Let nothing break any more."""
        self.server.plan = NO_FAULTS

    # -- the connector -------------------------------------------------------------------------
    def settings(self) -> Mapping[str, Any]:
        """Give settings that work."""
        return {}

    def streams(self) -> Mapping[str, Mapping[str, Any]]:
        """Give the streams of the system's YAML."""
        return {}

    def wrong(self) -> Mapping[str, Any]:
        """Give settings that are turned down, to be laid over the good ones."""
        raise Lacking("it has no credentials")

    def unreachable(self) -> Mapping[str, Any]:
        """Give settings of a system that is not there."""
        raise Lacking("it connects to nothing")

    def without_right(self) -> tuple[Mapping[str, Any], str]:
        """Give settings of an account that lacks a right, and the name of that right."""
        raise Lacking("its accounts have no single rights")

    def open(self, changes: Mapping[str, Any] | None = None, **world: Any) -> Connector:
        """Open the connector, bound to this stand's clock and budgets; it is closed at the end."""
        made = self.connector(**{**self.settings(), **(changes or {})})
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        given: dict[str, Any] = {
            "project": self.project,
            "scratch": scratch,
            "now": self.clock.now,
            "monotonic": self.clock.monotonic,
            "sleep": self.clock.sleep,
            "random": random.Random(7),  # noqa: S311 - waits, not secrets
            "budgets": self.budgets,
            "tokens": self.tokens,
            **world,
        }
        streams = {name: self.connector.stream(name, spec) for name, spec in self.streams().items()}
        made.bind("kit", World(**given), streams)
        vars(made)["allow_private"] = True
        self._opened.append(made)
        return made

    # -- reading -------------------------------------------------------------------------------
    def lists(self) -> Sequence[str]:
        """Name the streams that are read; all that the connector has."""
        found = self.open().reads()
        return [name for name, stream in found.items() if not stream.options.get("of")]

    def there(self, stream: str) -> set[str]:
        """Give the keys of what the system holds, as the engine writes them."""
        raise Lacking("its stand does not say what is there")

    def sized(self, stream: Reads, size: int) -> Reads:
        """Give a stream with pages of ``size`` records."""
        paging = stream.options.get("paging")
        given = paging.get("size") if isinstance(paging, Mapping) else None
        if not isinstance(given, Mapping) or not given:
            raise Lacking("its pages have no size that could be asked for")
        other = {**given, next(iter(given)): size}
        options = {**stream.options, "paging": {**paging, "size": other}}  # type: ignore[dict-item]
        return dataclasses.replace(stream, options=options)

    most: ClassVar[int] = 100
    """The largest page that the system gives."""

    def commit_late(self, stream: str) -> str:
        """Change a record with a time within the overlap before the newest one; give its key."""
        raise Lacking("its stand has no late commits")

    def while_reading(self, stream: str) -> None:
        """From now on change a record after each page that is given out, until ``calm``."""
        raise Lacking("its stand cannot change records during a read")

    def calm(self) -> None:
        """Stop changing records during a read."""

    def plant(self, stream: str, values: Mapping[str, Any]) -> str:
        """Add a record whose text fields hold odd values; give its key."""
        raise Lacking("its stand cannot add odd records")

    def strange(self, stream: str) -> str:
        """Add a record with a code that no list knows, and a new field; give its key."""
        raise Lacking("its records have no codes")

    def remove(self, stream: str) -> str:
        """Delete a record; give its key."""
        raise Lacking("its records are never deleted")

    # -- writing -------------------------------------------------------------------------------
    def targets(self) -> Sequence[str]:
        """Name the streams that are written; all that the connector has."""
        return list(self.open().writes())

    def parcel(self, stream: str, number: int, *, good: bool = True) -> Parcel:
        """Make the ``number``-th parcel; one that is not ``good`` is refused by the system."""
        raise Lacking("its stand has nothing to send")

    def effects(self, stream: str) -> Sequence[str]:
        """Give our reference of each creation there, by the system's own journal.

        A document that was created twice stands here twice; an upsert of it stands once.
        """
        raise Lacking("its stand does not say what came")

    def send(
        self, connector: Connector, stream: Writes, parcels: Sequence[Parcel]
    ) -> list[Outcome]:
        """Write parcels as the engine does."""
        return connector.write(stream, parcels)

    def post(self, stream: str) -> None:
        """Let the system post what it has accepted."""
        raise Lacking("it accepts nothing that it has not posted")

    def opened(self) -> Iterator[Connector]:
        """Give the connectors that were opened."""
        yield from self._opened


StandOf = Callable[[Path], Stand]
