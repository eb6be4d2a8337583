"""The connector contract: what a system can say about itself, as declarations.

A connector is a class of declarations; the engine owns paging loops, retries, budgets, logging
and state. ``reads`` and ``writes`` declare streams, ``setting`` and ``secret`` declare what the
account in ``config/systems/<system>.yaml`` must give. See CONTRIBUTING.md for the recipe.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, dataclass_transform

from crossdock.errors import Misconfigured
from crossdock.streams import Budget as Budget
from crossdock.streams import DeliveryClass as DeliveryClass
from crossdock.streams import Feed as Feed
from crossdock.streams import Grain as Grain
from crossdock.streams import Operation as Operation
from crossdock.streams import Reads as Reads
from crossdock.streams import Signals as Signals
from crossdock.streams import Verified as Verified
from crossdock.streams import Writes as Writes

if TYPE_CHECKING:
    import pyarrow as pa

    from crossdock.budget import BudgetStore
    from crossdock.tokens import TokenStore

Verdict = Literal["delivered", "accepted", "refused", "try_later", "uncertain"]

_REQUIRED: Any = dataclasses.MISSING


def setting(help: str, *, default: Any = _REQUIRED, example: str = "") -> Any:  # noqa: A002
    """Declare a setting of a connector, with the help that docs, ``describe`` and errors show."""
    return dataclasses.field(
        default=default, metadata={"help": help, "example": example, "secret": False}
    )


def secret(help: str, *, default: Any = _REQUIRED) -> Any:  # noqa: A002
    """Declare a setting whose value never appears in a log, a repr, an error or a report."""
    return dataclasses.field(
        default=default, repr=False, metadata={"help": help, "example": "", "secret": True}
    )


@dataclass(frozen=True)
class World:
    """What a connector may touch of the outside, handed in by the engine so that rigs can own it.

    ``now`` gives an aware UTC instant, ``monotonic`` and ``sleep`` are in seconds, ``project`` is
    the folder of mappings, guides and samples, ``scratch`` a folder for temporary files.
    ``budgets`` keeps the request budgets that flows and workers share, ``tokens`` the tokens that
    a server rotates; None is this process only. ``known`` gives the keys that were read before of
    (system, stream), for sweeps; each is a tuple of the texts of the key's fields.
    """

    project: Path
    scratch: Path
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: random.Random = field(default_factory=random.Random)
    budgets: BudgetStore | None = None
    tokens: TokenStore | None = None
    known: Callable[[str, str], Iterator[tuple[str, ...]]] | None = None


@dataclass(frozen=True)
class Page:
    """One answer of a source, as bytes, before any parser saw it.

    ``body`` is bytes, or a Path of a local file that the engine lands by streaming (and removes
    when ``temporary``). ``cursor`` is what the engine stores in the transaction that names the
    landed bytes; None leaves the cursor as it is. ``origin`` goes back to ``landed``. ``once`` says
    that the source hands a thing over once: the same bytes under the same name are said anew then,
    and not a thing that still lies there.
    """

    name: str
    body: bytes | Path
    media: str
    cursor: str | None = None
    origin: Any = None
    temporary: bool = False
    once: bool = False


@dataclass(frozen=True)
class Parcel:
    """One document on its way to a target: ``body`` is what the target wants, already mapped."""

    reference: str
    key: str
    operation: Operation
    body: Mapping[str, Any]
    their_id: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What a target said about one parcel.

    ``delivered`` needs their yes for this very record; ``accepted`` is taken but not posted yet:
    it stays pending, ``their_id`` is then the handle by which ``follow`` asks again, ``after`` the
    seconds until that makes sense. ``uncertain`` means that the effect may or may not have
    happened. ``message`` is the target's own words, without personal data.
    """

    reference: str
    verdict: Verdict
    their_id: str | None = None
    message: str = ""
    after: float | None = None


@dataclass(frozen=True)
class Found:
    """What ``lookup`` read back: their id and, where the system gives it, the present record."""

    their_id: str
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Check:
    """One line of ``crossdock check SYSTEM``: what was tried, whether it worked, what to do."""

    what: str
    ok: bool
    detail: str = ""

    @classmethod
    def failed(cls, what: str, error: Exception, stream: Reads | Writes | None = None) -> Check:
        """Make the line of a failure; it names the right that the stream needs.

        >>> Check.failed("read orders", Misconfigured("403"), Reads("o", (), right="read_o")).detail
        "403; the account needs the right 'read_o'"
        """
        words = str(error)
        if stream is not None and stream.right and isinstance(error, Misconfigured):
            words += f"; the account needs the right {stream.right!r}"
        return cls(what, ok=False, detail=words)


@dataclass_transform(kw_only_default=True, field_specifiers=(setting, secret))
class Connector:
    """Base of every connector; subclasses add settings, ``Reads`` and ``Writes``.

    A subclass is made a keyword-only dataclass of its settings by itself. ``streams`` in the
    system's YAML adds streams to those that the class declares (generic connectors have none).
    """

    kind: ClassVar[str] = ""
    versions: ClassVar[tuple[Verified, ...]] = ()
    budget: ClassVar[Budget] = Budget()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclasses.dataclass(kw_only=True, eq=False)(cls)

    # -- bound by the engine after construction ---------------------------------------------
    system: ClassVar[str] = ""
    allow_private: ClassVar[bool] = False  # private addresses, as the system's file says
    _world: ClassVar[World | None] = None
    _declared: ClassVar[Mapping[str, Reads | Writes]] = {}

    def bind(self, system: str, world: World, streams: Mapping[str, Reads | Writes]) -> None:
        """Attach the account's name, the world and the streams from the system's YAML."""
        vars(self).update(system=system, _world=world, _declared=dict(streams))

    @property
    def world(self) -> World:
        """The outside as the engine hands it in; raises Misconfigured before ``bind``."""
        if self._world is None:
            raise Misconfigured(
                f"connector {type(self).__name__} is not bound to a system",
                fix="get it from crossdock.systems.open_system",
            )
        return self._world

    def reads(self) -> dict[str, Reads]:
        """All streams that this system offers, by name."""
        return {name: stream for name, stream in self._all() if isinstance(stream, Reads)}

    def writes(self) -> dict[str, Writes]:
        """All streams that this system takes, by name."""
        return {name: stream for name, stream in self._all() if isinstance(stream, Writes)}

    def _all(self) -> Iterator[tuple[str, Reads | Writes]]:
        for kind in reversed(type(self).__mro__):
            for value in vars(kind).values():
                if isinstance(value, (Reads, Writes)):
                    yield value.name, value
        yield from self._declared.items()

    # -- what a connector says; each may be left out where the system cannot do it ----------
    @classmethod
    def stream(cls, name: str, spec: Mapping[str, Any]) -> Reads | Writes:
        """Make a stream from its YAML; ``write: true`` or ``delivery:`` makes it a target.

        Keys that ``Reads`` or ``Writes`` do not have become ``options``; a connector that knows
        its options overrides this to check them. Raises ValueError for a wrong value.
        """
        kind: type[Reads] | type[Writes] = Writes if "delivery" in spec else Reads
        known = {item.name for item in dataclasses.fields(kind)} - {"name", "options"}
        values = {key: value for key, value in spec.items() if key in known}
        if "budget" in values:
            values["budget"] = Budget.of(values["budget"])
        if isinstance(values.get("key"), str):
            values["key"] = (values["key"],)
        values["key"] = tuple(values.get("key", ()))
        rest = {key: value for key, value in spec.items() if key not in known}
        return kind(name=name, options=rest, **values)

    def check(self) -> Iterator[Check]:
        """Try the account as cheaply as possible; yield one Check per thing tried."""
        raise NotImplementedError

    def read(self, stream: Reads, cursor: str | None) -> Iterator[Page]:
        """Yield the pages of ``stream`` after ``cursor``, oldest first, as bytes.

        Raises TryLater, Misconfigured; never returns an empty stream for an error.
        """
        raise NotImplementedError

    def landed(self, stream: Reads, page: Page) -> None:
        """The page is durable and committed: archive or acknowledge it at the source."""

    def tables(self, stream: Reads, media: str, body: Path) -> Iterator[pa.Table]:
        """Parse landed bytes into tables of raw records; pure, no network.

        Tabular media give one string column per field (a typed source such as Parquet keeps
        exact text of its values); nested media give one column ``json`` with a record each. A
        column ``position`` (int64) holds the line, row or message number in the source.
        Raises Unreadable with the place. The default is ``crossdock.formats.tables``.
        """
        from crossdock import formats

        return formats.tables(stream, media, body)

    def write(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Send at most ``stream.batch`` parcels; answer one Outcome each, in their order.

        Raises TryLater or Misconfigured only when nothing of this call had any effect.
        """
        raise NotImplementedError

    def write_table(self, stream: Writes, parcels: pa.Table) -> list[Outcome]:
        """Send a table (columns ``_reference``, ``_key``, ``_operation``, ``_their_id``, body).

        Called in place of ``write`` where ``stream.columns`` is True.
        """
        raise NotImplementedError

    def lookup(self, stream: Writes, parcels: Sequence[Parcel]) -> dict[str, Found | None]:
        """Read back by our reference or natural key: reference -> Found, None where not there.

        Reads the target's present state; a reference that could not be looked up raises TryLater.
        """
        raise NotImplementedError

    def follow(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Ask what became of parcels that were accepted; one Outcome each, in their order.

        ``their_id`` of a parcel is the handle that the answer ``accepted`` gave; its body may be
        empty. ``accepted`` again means that it is not final yet. Changes nothing there. Needed
        where ``stream.accepts`` is True. Raises TryLater, Misconfigured.
        """
        raise NotImplementedError

    def hosts(self) -> frozenset[str]:
        """Name the hosts that this account may connect to, from its settings."""
        from crossdock.egress import hosts_in

        declared: Any = type(self)
        return hosts_in(
            {item.name: getattr(self, item.name) for item in dataclasses.fields(declared)}
        )

    def close(self) -> None:
        """Give back connections; called once when a step ends."""
