"""An EDI account: one system with one partner, opened for what is done between the flows' steps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from crossdock import systems
from crossdock.connector import Page, Reads
from crossdock.edi.guide import Guides
from crossdock.edi.interchange import Interchange
from crossdock.edi.partner import Partner
from crossdock.home import Home
from crossdock.objects import Kept, Objects
from crossdock.store import Store
from crossdock.store.shared import opened_system


@runtime_checkable
class Correspondent(Protocol):
    """What a connector can do that takes part in the correspondence."""

    known: Partner

    def replies(self) -> Iterator[tuple[Reads, Page]]:
        """Yield the files of CONTRL and APERAK that lie there."""

    def landed(self, stream: Reads, page: Page) -> None:
        """Archive a file that was taken."""

    def survey(self, body: Path) -> list[Interchange]:
        """Give the interchanges of a file with every finding of their envelopes."""

    def post(self, message: str, key: str, make: Callable[[str], bytes]) -> tuple[str, str]:
        """Leave an answer; gives its control reference and the file's name."""

    def close(self) -> None:
        """Give connections back."""


@dataclass
class Account:
    """One opened system with its partner and the store."""

    home: Home
    store: Store
    system: str
    connector: Correspondent
    flow: str = ""
    run_id: str = ""

    @property
    def partner(self) -> Partner:
        """The partner of the account."""
        return self.connector.known

    @property
    def guides(self) -> Guides:
        """The message guides with the partner's differences."""
        return Guides(self.home.project / "edi" / "guides", self.partner.guides)

    @contextmanager
    def kept(self, row: Any) -> Iterator[Path]:
        """Give the bytes of a kept object as a file; ``row`` is of the table ``object``."""
        name = hashlib.sha256(str(row.id).encode()).hexdigest()[:20]
        path = self.home.scratch / f"edi-{name}"
        kept = Kept(row.sha256, row.size, row.path, bytes(row.wrapped_key))
        try:
            with path.open("wb") as file:
                for frame in Objects(self.home).open(kept):
                    file.write(frame)
            yield path
        finally:
            path.unlink(missing_ok=True)


def is_account(home: Home, name: str) -> bool:
    """Say, without opening it, whether a system names a partner."""
    data = systems.document(home, name).data
    settings = data.get("settings") if isinstance(data, dict) else None
    return isinstance(settings, dict) and "partner" in settings


@contextmanager
def opened(
    home: Home, store: Store, name: str, flow: str = "", run_id: str = ""
) -> Iterator[Account | None]:
    """Open the account ``name``; None where its connector takes no part in the correspondence."""
    if not is_account(home, name):
        yield None
        return
    connector = opened_system(home, store, name)
    try:
        if isinstance(connector, Correspondent):
            yield Account(home, store, name, cast(Correspondent, connector), flow, run_id)
        else:
            yield None
    finally:
        connector.close()
