"""Interchange references that came before: the same number with other content is a fault.

The same content again is no fault: its messages are known already and change nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from crossdock.edi.interchange import Interchange, Message
from crossdock.edi.reader import read
from crossdock.edi.tokenizer import CharsetChoice
from crossdock.errors import Misconfigured


@dataclass(frozen=True)
class Sighting:
    """When an interchange reference was first seen, and the digest of what it carried."""

    day: date
    digest: str


class InterchangeLog(Protocol):
    """Remembers interchange references per sender."""

    def first(self, sender: str, reference: str, now: Sighting, window: timedelta) -> Sighting:
        """Give the sighting that holds: an earlier one within ``window``, or ``now``, kept."""
        ...


def surveyed(source: Path, choose: CharsetChoice | None) -> Iterator[tuple[Interchange, str]]:
    """Read ``source`` once: each interchange with its findings and the digest of its messages."""
    digest = hashlib.sha256()
    for item in read(source, choose=choose):
        if isinstance(item, Message):
            digest.update("\n".join(item.segments).encode("utf-8", "surrogatepass"))
        else:
            yield item, digest.hexdigest()
            digest = hashlib.sha256()


class SightingFile:
    """Sightings in an append-only file, one line each, safe between processes of one machine.

    A line is ``sender TAB reference TAB day TAB digest``; a later line holds.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def first(self, sender: str, reference: str, now: Sighting, window: timedelta) -> Sighting:
        """Give the earlier sighting within ``window``, else write ``now`` down and give it."""
        fields = [_plain(sender), _plain(reference)]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise Misconfigured(
                f"cannot remember interchanges: {error.strerror}", where=str(self._path)
            ) from None
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            known = _latest(file.read(), fields)
            if known is not None and now.day - known.day <= window:
                return known
            line = "\t".join([*fields, now.day.isoformat(), now.digest])
            file.write(b"\n" + line.encode())  # a line end first: a torn line stays alone
            file.flush()
            os.fsync(descriptor)
            return now


def _latest(data: bytes, fields: list[str]) -> Sighting | None:
    wanted = ("\t".join(fields) + "\t").encode()
    for line in reversed(data.split(b"\n")):
        if line.startswith(wanted):
            day, _, digest = line[len(wanted) :].decode().partition("\t")
            if len(digest) == 64:
                return Sighting(date.fromisoformat(day), digest)
    return None


def _plain(text: str) -> str:
    """Keep the fields apart, whatever a sender writes into them."""
    return text.encode("unicode_escape").decode()
