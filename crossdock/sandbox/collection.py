"""A shop's records of one kind, in a stable order by time of change, page by page."""

from __future__ import annotations

import base64
import bisect
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from crossdock.sandbox.journal import canonical, digest

Position = tuple[int, Any]
Rows = Iterable[Mapping[str, Any]] | Path
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def load(rows: Rows) -> list[Mapping[str, Any]]:
    """Read records from a file (a JSON list, or an object a line), or as they are given."""
    if not isinstance(rows, Path):
        return list(rows)
    text = rows.read_text(encoding="utf-8")
    if text.lstrip().startswith("["):
        return list(json.loads(text))
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def microseconds(text: str) -> int:
    """Give microseconds since 1970 of an ISO instant; raises ValueError without an offset.

    >>> microseconds("2024-01-01T00:00:00+01:00")
    1704063600000000
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text} has no offset from UTC")
    return (instant - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True)
class Record:
    """A record as it is now; ``position`` is its place in the order of change."""

    position: Position
    body: Mapping[str, Any]

    @cached_property
    def text(self) -> str:
        """The record as canonical JSON, which is also how it is served."""
        return canonical(self.body)

    @cached_property
    def sha(self) -> str:
        """The SHA-256 of ``text``."""
        return digest(self.text.encode())


class Collection:
    """Records by their id (the field ``key``), ordered by ``updated_at`` and then by id."""

    def __init__(self, name: str, key: str, records: Iterable[Mapping[str, Any]] = ()) -> None:
        self.name = name
        self.key = key
        self._by_id: dict[Any, Record] = {}
        self._order: list[Position] = []
        for body in records:
            ident = body[key]
            self._by_id[ident] = Record((microseconds(body["updated_at"]), ident), body)
        self._order = sorted(record.position for record in self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, ident: Any) -> bool:
        return ident in self._by_id

    def get(self, ident: Any) -> Record | None:
        """Find a record by its id."""
        return self._by_id.get(ident)

    def records(self) -> list[Record]:
        """All records in their order."""
        return [self._by_id[ident] for _, ident in self._order]

    def put(self, body: Mapping[str, Any]) -> Record:
        """Add a record, or replace the one with its id; it moves to its new place."""
        ident = body[self.key]
        self.remove(ident)
        record = Record((microseconds(body["updated_at"]), ident), body)
        self._by_id[ident] = record
        bisect.insort(self._order, record.position)
        return record

    def remove(self, ident: Any) -> None:
        """Delete a record; one that is not there is no error."""
        old = self._by_id.pop(ident, None)
        if old is not None:
            del self._order[bisect.bisect_left(self._order, old.position)]

    def since(self, since: int | None, *, newest_first: bool = False) -> list[Position]:
        """Places of all records changed at or after ``since`` (microseconds)."""
        start = 0 if since is None else bisect.bisect_left(self._order, since, key=lambda p: p[0])
        places = self._order[start:]
        return places[::-1] if newest_first else places

    def at(self, places: Iterable[Position]) -> list[Record]:
        """Records at these places."""
        return [self._by_id[ident] for _, ident in places]


def after(places: list[Position], last: Position, *, newest_first: bool) -> int:
    """Index of the first place behind ``last``, which need not be there any more."""
    if newest_first:
        return sum(1 for place in places if place >= last)
    return bisect.bisect_right(places, last)


def write_cursor(state: Mapping[str, Any]) -> str:
    """Pack the state of a listing into an opaque word for a URL."""
    return base64.urlsafe_b64encode(json.dumps(state).encode()).decode().rstrip("=")


def read_cursor(text: str) -> dict[str, Any]:
    """Unpack what ``write_cursor`` packed; raises ValueError for anything else."""
    state = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    if not isinstance(state, dict):
        raise ValueError("not a cursor")
    return state
