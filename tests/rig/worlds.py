"""What every world of the rig has: where records come from, where they go, who keeps a journal."""

from __future__ import annotations

import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Self

import psycopg

from crossdock.sandbox.faults import NO_FAULTS, Plan
from crossdock.sandbox.partner import Partner
from tests.rig.attempts import ROOT
from tests.rig.board import Board

PARTS = Path(__file__).parent / "project"
CHANGES = {  # smaller pages and chunks than in life: bugs are about boundaries, not volume
    "config/systems/shop.yaml": [("{limit: 100}", "{limit: 3}"), ("sandbox: true\n", "")],
    "config/systems/erp.yaml": [("batch: 50", "batch: 2"), ("sandbox: true\n", "")],
    "config/systems/partner.yaml": [("sandbox: true\n", "")],
    "validation/sales_order.yaml": [  # nobody asks at a counter or in a file of EDI for names
        ("buyer_missing\n    severity: hold_record", "buyer_missing\n    severity: note")
    ],
}
FAULTS = ("503", "429", "500", "502_html", "200_html", "empty", "reset", "reset_midway",
          "truncated", "truncated_gzip", "commit_then_500", "commit_then_reset", "server_fault",
          "expired_token", "duplicate_page")  # fmt: skip
FILE_FAULTS = ("half_file", "reset_file", "commit_then_reset")
RATE = 0.06

Changes = Mapping[str, list[tuple[str, str]]]


def project(folder: Path, changes: Changes | None = None) -> Path:
    """Copy the example project into ``folder``, with small pages and the flows of the rig."""
    for name in ("config", "mappings", "validation", "edi"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copytree(PARTS, folder, dirs_exist_ok=True)
    for page in (*CHANGES.items(), *(changes or {}).items()):
        name, pairs = page
        text = (folder / name).read_text("utf-8")
        for old, new in pairs:
            assert old in text, f"{name} has no {old!r}"
            text = text.replace(old, new)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Wanted:
    """A record as the source showed it last: number, key at the source, money.

    ``versions`` says how it looked each time, oldest first, in the words that targets keep too.
    """

    number: str
    key: str
    amount: Decimal
    currency: str
    versions: tuple[str, ...]


@dataclass(frozen=True)
class Effect:
    """Something that a target did: to which number, whose money, and the version it took."""

    number: str
    operation: str
    amount: Decimal
    version: str


def version(name: object, amount: object) -> str:
    """Spell a version of an order as sources and targets both can: for whom, and how much."""
    return f"{name} {Decimal(str(amount or 0)).normalize():f}"


@dataclass
class World(ABC):
    """One small world: its folder, its hub, and the systems that run in this process."""

    folder: Path
    board: Board
    variant: int = 0
    database_url: str = ""
    receiver: Callable[[World], AbstractContextManager[str]] | None = None
    disk: Path | None = None  # where the hub's own files lie, if that is elsewhere
    systems: list[Any] = field(default_factory=list)

    flow: ClassVar[str] = ""
    unsure: ClassVar[bool] = False  # whether what is held may have arrived: nobody can say
    lived: ClassVar[bool] = False  # whether something happens before every story

    def __post_init__(self) -> None:
        self._open: dict[str, Any] | None = None
        self.state = (self.disk or self.folder) / "state"
        self.database_url = self.database_url or f"sqlite:///{self.state / 'hub.db'}"
        self.begin()
        for system in self.systems:
            system.__enter__()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for system in self.systems:
            system.__exit__(None, None, None)

    # -- what each world says of itself ---------------------------------------------------------
    @abstractmethod
    def begin(self) -> None:
        """Put the records in place and make the systems."""

    @abstractmethod
    def go_on(self) -> None:
        """Let the source's own people work: a record is new, one is put right, one is changed."""

    @abstractmethod
    def addresses(self) -> dict[str, str]:
        """Give the variables that name the systems."""

    @abstractmethod
    def wanted(self) -> dict[str, Wanted]:
        """What the source showed by its own journal, the newest version of each, by number."""

    @abstractmethod
    def effects(self) -> dict[str, list[Effect]]:
        """Everything that ever happened at each target by its own journal, in order."""

    @abstractmethod
    def content(self) -> dict[str, list[str]]:
        """What lies at the targets now, in their own words, sorted."""

    def prelude(self) -> None:
        """Let happen what happened before every story."""
        return

    def inside(self, name: str) -> list[str]:
        """Give the numbers of the records in a file; none where records do not come in files."""
        return []

    def half_made(self) -> list[str]:
        """Name the files at the targets that are not whole."""
        return []

    # -- what follows from that -------------------------------------------------------------------
    @property
    def variables(self) -> dict[str, str]:
        """The environment of the processes of this world."""
        return {
            "CROSSDOCK_HOME": str(self.state),
            "CROSSDOCK_DATABASE_URL": self.database_url,
            "WAREHOUSE_URL": f"sqlite:///{self.state / 'warehouse.db'}",
            **self.addresses(),
        }

    def arrived(self) -> dict[str, dict[str, list[Decimal]]]:
        """What each target has: target -> number -> the amount of each document there."""
        there: dict[str, dict[str, list[Decimal]]] = {}
        for target, effects in self.effects().items():
            mine = there.setdefault(target, {})
            for effect in effects:
                amounts = mine.setdefault(effect.number, [])
                if effect.operation != "create" and amounts:
                    amounts.pop()
                if effect.operation != "delete":
                    amounts.append(effect.amount)
        return {
            target: {number: amounts for number, amounts in mine.items() if amounts}
            for target, mine in there.items()
        }

    def exact(self, amount: Any) -> Decimal:
        """Read an amount of the hub's tables: SQLite has whole numbers of millionths."""
        scaled = self.database_url.startswith("sqlite")
        return Decimal(amount or 0).scaleb(-6) if scaled else Decimal(amount or 0)

    def break_by(self, seed: int) -> None:
        """Let a share of all requests fail."""
        for number, system in enumerate(self.systems):
            names = FILE_FAULTS if isinstance(system, Partner) else FAULTS
            system.plan = Plan(seed=seed * 3 + number, rate=RATE, names=names)

    def heal(self) -> None:
        """Let nothing fail any more."""
        for system in self.systems:
            system.plan = NO_FAULTS

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Ask many questions of one state: what is opened for one of them stays open meanwhile."""
        self._open = {}
        try:
            yield
        finally:
            for connection in self._open.values():
                connection.close()
            self._open = None

    def rows(self, name: str, statement: str) -> list[tuple[Any, ...]]:
        """Read a database of this world by itself, without the engine; no table is no rows."""
        if self._open is None:
            with self.reading():
                return self.rows(name, statement)
        if name not in self._open:
            if name != "hub" or self.database_url.startswith("sqlite"):
                path = self.state / f"{name}.db"
                if not path.exists():
                    return []
                self._open[name] = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            else:
                self._open[name] = psycopg.connect(self.database_url, autocommit=True)
        try:
            found: list[tuple[Any, ...]] = self._open[name].execute(statement).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
        return found
