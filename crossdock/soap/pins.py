"""Keep to a contract: a WSDL is pinned by its hash, and a change is an alert with a diff.

The pin is ``wsdl_sha256`` of the system, else the first contract that was ever seen. While calls
still fit, the pinned copy goes on being used; where they would not, the flow stops.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from crossdock.errors import Misconfigured, TryLater
from crossdock.soap.contract import MAIN, Contract, Difference, Fetch, Signatures, collect, compare

log = logging.getLogger(__name__)

_SHOWN = 12


@dataclass(frozen=True)
class Pinned:
    """The contract in use: path of its WSDL, address of the service, and what has changed."""

    wsdl: Path
    address: str
    sha256: str
    changed: Difference | None = None

    def endpoint(self, location: str) -> str:
        """The address to call; raises Misconfigured where a WSDL of the network leads elsewhere."""
        here, there = urlsplit(location), urlsplit(self.address)
        if not self.address:
            raise Misconfigured("the WSDL does not say where the service is", fix="set endpoint")
        if here.scheme not in {"http", "https"}:
            return self.address
        weaker = here.scheme == "https" and there.scheme != "https"
        if here.hostname != there.hostname or weaker:
            raise Misconfigured(
                f"the WSDL says that the service is at {there.scheme}://{there.netloc}",
                where=location,
                fix="where that is right, say endpoint: in the system's settings",
            )
        return self.address


@dataclass(frozen=True)
class Pins:
    """Contracts of one system, kept in ``folder``; ``signatures`` reads those of a kept WSDL."""

    folder: Path
    signatures: Callable[[Path], Signatures]

    def contract(self, location: str, fetch: Fetch, sha256: str, used: set[str]) -> Pinned:
        """Give the contract to use for ``location`` (URL or path of a WSDL).

        ``sha256`` is the declared pin or empty, ``used`` the operations that we call. Raises
        Misconfigured where the WSDL changed so that these would break. A contract that was only
        the first seen gives way to a fresh one that breaks nothing and has operations of ``used``
        that it did not have.
        """
        pin = sha256 or self._first_seen()
        try:
            fresh = collect(location, fetch)
        except TryLater:
            kept = self.folder / pin / MAIN
            if not pin or not kept.exists():
                raise
            log.warning("the WSDL of %s cannot be fetched; its pinned copy is used", location)
            return self._kept(kept, pin)
        if not pin or fresh.sha256 == pin:
            return self._fresh(fresh)
        return self._changed(fresh, pin, location, used, declared=bool(sha256))

    def _first_seen(self) -> str:
        path = self.folder / "pin"
        return path.read_text(encoding="ascii").strip() if path.exists() else ""

    def _fresh(self, fresh: Contract) -> Pinned:
        path = fresh.keep(self.folder)
        pin = self.folder / "pin"
        if not pin.exists() or pin.read_text(encoding="ascii").strip() != fresh.sha256:
            part = self.folder / "pin.part"
            part.write_text(fresh.sha256, encoding="ascii")
            part.replace(pin)
        return Pinned(path, fresh.address, fresh.sha256)

    def _kept(self, path: Path, pin: str) -> Pinned:
        return Pinned(path, collect(str(path), read_file).address, pin)

    def _changed(
        self, fresh: Contract, pin: str, location: str, used: set[str], *, declared: bool
    ) -> Pinned:
        kept = self.folder / pin / MAIN
        fix = f"look at the change; when it is right, write wsdl_sha256: {fresh.sha256}"
        if not kept.exists():
            raise Misconfigured(
                "the WSDL is not the pinned one, of which there is no copy here",
                where=location,
                fix=fix,
            )
        before, after = self.signatures(kept), self.signatures(fresh.keep(self.folder))
        found = compare(before, after, used)
        shown = "; ".join(found.lines[:_SHOWN]) or "wording only"
        if found.breaking:
            raise Misconfigured(f"the WSDL changed: {shown}", where=location, fix=fix)
        if not declared and used - set(before) and used <= set(after):
            log.warning("the WSDL of %s grew by what is called now (%s)", location, shown)
            return self._fresh(fresh)
        log.warning("the WSDL of %s changed (%s); its pinned copy is used", location, shown)
        return Pinned(kept, fresh.address, pin, found)


def read_file(location: str) -> bytes:
    """Read a document of a contract that lies in the project; raises Misconfigured."""
    try:
        return Path(location).read_bytes()
    except OSError as error:
        raise Misconfigured(f"there is no WSDL: {error.strerror}", where=location) from None
