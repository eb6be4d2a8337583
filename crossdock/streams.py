"""What a connector declares about a system: streams, budgets, versions.

Declarations only: nothing here touches the world. ``crossdock.connector`` gives them on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

DeliveryClass = Literal["idempotency_key", "upsert", "lookup_before_create", "none"]
Operation = Literal["create", "update", "delete"]
Grain = Literal["none", "100ns", "microsecond", "millisecond", "second", "minute", "day"]
Feed = Literal["full", "changes", "log", "window", "queue"]
Unit = Literal["milliseconds", "seconds", "minutes", "epoch", "epoch_ms"]
How = Literal["real server", "vendor's schema or client", "documents only", "own sandbox"]


GONE = "_deleted"
"""The field of a record that a sweep did not find any more; the others are those of its key."""


@dataclass(frozen=True)
class Verified:
    """Against which version of the system a connector was tried, and by what."""

    version: str
    by: How


@dataclass(frozen=True)
class Signals:
    """Where an answer says what it cost and how much of the budget is left.

    Each is a dotted path in the body, or ``header:Name``. ``remaining`` with ``reset`` (in
    ``unit``; ``epoch`` is a point in time) is a window; ``remaining`` with ``restore`` (units a
    second) is a bucket that fills again; ``rate`` is requests a second and replaces what was
    declared; ``cost`` is what this very request cost.
    """

    remaining: str = ""
    reset: str = ""
    unit: Unit = "seconds"
    restore: str = ""
    rate: str = ""
    cost: str = ""


@dataclass(frozen=True)
class Budget:
    """What an account, or one stream of it, allows: ``requests`` in any ``seconds``.

    ``burst`` is the most that may go at once (0: one in twenty-five). ``costs`` says what an answer
    of a status costs beside its request, such as ``{"4xx": 9}``. A request may cost more than one.
    """

    requests: float = 0
    seconds: float = 1.0
    burst: float = 0
    costs: Mapping[str, float] = field(default_factory=dict)
    signals: Signals = Signals()

    @classmethod
    def of(cls, spec: Mapping[str, Any] | Budget | None) -> Budget | None:
        """Make a budget of its YAML; raises TypeError for a key that it does not have.

        >>> Budget.of({"requests": 40, "seconds": 60, "signals": {"cost": "cost"}}).signals.cost
        'cost'
        """
        if spec is None or isinstance(spec, Budget):
            return spec
        given = dict(spec)
        given["signals"] = Signals(**given.get("signals", {}))
        for name in ("requests", "seconds", "burst"):
            if name in given:
                given[name] = float(given[name])
        return cls(**given)


@dataclass(frozen=True)
class Reads:
    """A stream that a system offers.

    ``key`` names the fields that identify a record; ``media`` the format of its bytes;
    ``records`` where the records lie in an answer (dotted path); ``cursor`` the field or token
    that orders changes; ``grain`` its smallest step; ``overlap``, ``horizon`` and ``kept`` are in
    seconds: how far to read again, how long until a change can be read at all, and how long the
    source keeps its changes (0: for ever).
    ``feed`` says how changes come: ``changes`` (updated since, in a stable order), ``log`` (events
    after an opaque token), ``window`` (changed from ... until, pages newest first), ``queue``
    (whatever is new, until it is taken), ``full`` (everything, each time).
    ``deletes``: ``tombstone`` where the field ``tombstone`` of a record says that it is gone
    (as ``field`` or ``field=value``), ``sweep`` where what a full read no longer gives is gone.
    ``right`` is the vendor's name of the right that reading needs; ``budget`` is this stream's
    own, beside the account's. ``options`` holds what only this kind of connector understands.
    ``group`` is True where one record is several rows that share ``key`` (lines of an invoice).
    ``money`` declares how the amount of a record is counted at landing, from the raw values:
    ``{"multiply": ["Quantity", "UnitPrice"], "currency": {"constant": "GBP"}}`` or
    ``{"sum": "total", "currency": "currency"}``.
    """

    name: str
    key: tuple[str, ...]
    media: str = "json"
    records: str = ""
    cursor: str | None = None
    grain: Grain = "none"
    overlap: float = 0.0
    horizon: float = 0.0
    kept: float = 0.0
    feed: Feed | None = None
    order: Literal["oldest_first", "newest_first", "none"] = "none"
    deletes: Literal["never", "tombstone", "sweep"] = "never"
    tombstone: str = ""
    group: bool = False
    money: Mapping[str, Any] | None = None
    right: str = ""
    budget: Budget | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> Feed:
        """How changes come; without ``feed`` a stream with a cursor gives changes.

        >>> Reads("orders", ("id",), cursor="updated_at").shape, Reads("taxes", ("id",)).shape
        ('changes', 'full')
        """
        return self.feed or ("changes" if self.cursor else "full")

    @property
    def gone_by(self) -> str:
        """The field that marks a record as gone, "" where there is none; sweeps have their own."""
        if self.deletes == "sweep":
            return self.tombstone or GONE
        return self.tombstone if self.deletes == "tombstone" else ""


@dataclass(frozen=True)
class Writes:
    """A stream that a system takes.

    ``key`` is the natural key in the target's own field names, ``delivery`` its class (law 4),
    ``batch`` the most parcels in one call, ``reference`` the field of theirs that carries our
    reference, ``money`` the dotted path of the payload whose sum is booked as delivered (with
    ``currency``), ``columns`` True where the connector takes Arrow tables rather than dicts.
    ``deadline`` is the longest time in seconds that one send may take. ``accepts`` is True where
    the target may take a document without having posted it yet (``Connector.follow`` asks).
    ``right`` is the vendor's name of the right that writing needs; ``budget`` is this stream's
    own, beside the account's.
    """

    name: str
    key: tuple[str, ...]
    delivery: DeliveryClass
    batch: int = 1
    reference: str = ""
    money: str = ""
    currency: str = "currency"
    columns: bool = False
    deadline: float = 60.0
    accepts: bool = False
    right: str = ""
    budget: Budget | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
