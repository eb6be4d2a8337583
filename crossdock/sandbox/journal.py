"""The journal of a sandbox system: what it exposed, took and refused, kept by itself.

One JSON object a line, on disk before the system answers. Tests believe this file and never the
hub's own tables. A system that starts again replays it, so an effect once accepted stays.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

Kind = Literal["exposed", "accepted", "refused", "changed"]
Operation = Literal["", "create", "change"]


def canonical(body: Any) -> str:
    """Write ``body`` as JSON with sorted keys and no spaces, so that equal bodies hash equally.

    >>> canonical({"b": 1, "a": "ü"})
    '{"a":"ü","b":1}'
    """
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(body: Any) -> str:
    """Give the SHA-256 of ``body``: of the bytes themselves, else of its canonical JSON."""
    data = body if isinstance(body, bytes) else canonical(body).encode()
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Entry:
    """One line of a journal.

    ``kind`` is exposed (a record version was shown to a caller), accepted (an effect happened
    here), refused (a write was turned down), or changed (the system's own people did something).
    ``reference`` is the business number or the caller's reference, ``their_id`` the system's own
    id, ``amount`` a decimal as text, ``key`` the caller's idempotency key where there was one.
    ``operation`` tells create from change at systems that have both, and is empty elsewhere.
    """

    at: str
    system: str
    kind: Kind
    entity: str
    reference: str
    their_id: str
    body_sha256: str
    amount: str | None = None
    currency: str | None = None
    body: Any = None
    key: str | None = None
    message: str = ""
    operation: Operation = ""

    @property
    def version(self) -> tuple[str, str, str]:
        """What makes this version of a record: entity, their id and hash of the content."""
        return (self.entity, self.their_id, self.body_sha256)


class Journal:
    """An append-only file of entries, on disk (fdatasync) before ``write`` returns.

    Safe for many threads of one process. ``torn`` lines (a crash in the middle of a write) at
    the end of the file are cut off when it is opened, as they were never answered for.
    """

    def __init__(
        self,
        path: Path,
        system: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.path = path
        self.system = system
        self._now = now
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._exposed: set[tuple[str, str, str]] = set()
        self._cut_torn_line()
        self._exposed.update(entry.version for entry in self.entries("exposed"))
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _cut_torn_line(self) -> None:
        if not self.path.exists():
            return
        data = self.path.read_bytes()
        if data and not data.endswith(b"\n"):
            with self.path.open("r+b") as file:
                file.truncate(data.rfind(b"\n") + 1)

    def entry(self, kind: Kind, entity: str, their_id: str, body: Any, **rest: Any) -> Entry:
        """Build an entry of this system with the time of now; ``write`` makes it durable."""
        reference = rest.pop("reference", their_id)
        sha = rest.pop("body_sha256", None) or digest(body)
        at = self._now().isoformat()
        return Entry(at, self.system, kind, entity, reference, their_id, sha, body=body, **rest)

    def write(self, *entries: Entry) -> None:
        """Append ``entries`` together and wait until they are on disk."""
        if not entries:
            return
        lines = "".join(
            json.dumps(asdict(entry), ensure_ascii=False, separators=(",", ":")) + "\n"
            for entry in entries
        ).encode(errors="backslashreplace")  # names of files may be no UTF-8
        with self._lock:
            view = memoryview(lines)
            while view:
                view = view[os.write(self._file, view) :]
            os.fdatasync(self._file)

    def expose(self, entries: Sequence[Entry]) -> None:
        """Append those of ``entries`` whose version was never shown before."""
        with self._lock:
            fresh = [entry for entry in entries if entry.version not in self._exposed]
            self._exposed.update(entry.version for entry in fresh)
        self.write(*fresh)

    def was_exposed(self, version: tuple[str, str, str]) -> bool:
        """Say whether this record version was shown to a caller before."""
        return version in self._exposed

    def entries(self, *kinds: Kind, entity: str | None = None) -> list[Entry]:
        """Read the entries back from disk, all or only of these ``kinds`` and ``entity``."""
        return [
            entry
            for entry in read(self.path)
            if (not kinds or entry.kind in kinds) and entity in (None, entry.entity)
        ]

    def close(self) -> None:
        """Close the file; the journal stays readable."""
        os.close(self._file)


def read(path: Path) -> Iterator[Entry]:
    """Read a journal file, also that of a running or a dead process; a torn last line ends it."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield Entry(**json.loads(line))


def effects(entries: Iterable[Entry]) -> Mapping[tuple[str, str], list[Entry]]:
    """Group accepted effects by (entity, reference), oldest first."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        if entry.kind == "accepted":
            found.setdefault((entry.entity, entry.reference), []).append(entry)
    return found


def created(entries: Iterable[Entry]) -> Mapping[tuple[str, str], list[Entry]]:
    """Group what was created by (entity, reference): more than one there is a double.

    Changes of what is there already are left out.
    """
    return effects(entry for entry in entries if entry.operation != "change")
