"""The stand of the connector ``rest`` on the hostile system: every capability is used here."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from crossdock.connector import Parcel
from crossdock.sandbox.server import Server
from crossdock.testing.hostile import Hostile
from crossdock.testing.stand import Stand

_LIST: Mapping[str, Any] = {"records": "items", "key": "id", "right": "records.read"}
THROTTLES: tuple[Mapping[str, Any], ...] = (
    {"header": "X-Rate-Limit-Time-Reset-Ms", "is": "try_later",
     "after": {"header": "X-Rate-Limit-Time-Reset-Ms", "unit": "milliseconds"}},
    {"header": "Item-Retry-After", "is": "try_later",
     "after": {"header": "Item-Retry-After", "unit": "minutes"}},
    {"header": "X-RateLimit-Reset", "is": "try_later",
     "after": {"header": "X-RateLimit-Reset", "unit": "epoch"}},
    {"status": 420, "is": "try_later", "after": {"header": "X-RateLimit-Resource-Until"}},
    {"field": "error_response.sub_msg", "contains": "This ban will last", "is": "try_later",
     "after": {"field": "error_response.sub_msg", "unit": "text"}},
)  # fmt: skip
LISTS: Mapping[str, Mapping[str, Any]] = {
    "changes": {
        "path": "changes", "cursor": "updated_at", "since": "updated_since", "grain": "second",
        "overlap": 60, "order": "oldest_first", "deletes": "tombstone", "tombstone": "deleted",
        "paging": {"kind": "next_url", "path": "next", "size": {"limit": 10}},
    },
    "numbered": {
        "path": "numbered", "cursor": "updated_at", "since": "since", "grain": "second",
        "overlap": 60, "order": "newest_first", "deletes": "tombstone", "tombstone": "deleted",
        "paging": {"kind": "page", "parameter": "page", "pages": "pages", "size": {"size": 10}},
    },
    "log": {
        "path": "log", "feed": "log", "deletes": "tombstone", "tombstone": "deleted",
        "log": {"token": "token", "parameter": "after", "more": "more"},
    },
    "window": {
        "path": "window", "feed": "window", "order": "newest_first", "overlap": 60,
        "window": {"from": "from", "until": "to", "most": 86_400, "format": "epoch"},
        "paging": {"kind": "page", "parameter": "page", "more": "has_next", "size": {"size": 10}},
        "deletes": "tombstone", "tombstone": "deleted",
    },
    "queue": {"path": "queue", "feed": "queue", "ack": {"path": "queue/taken", "ids": "ids"}},
    "all": {
        "path": "all", "deletes": "sweep",
        "paging": {"kind": "offset", "parameter": "offset", "total": "total",
                   "size": {"size": 10}},
    },
}  # fmt: skip
_ITEM = [{"field": "error", "is": "refused", "message": "error"}]
_MANY: Mapping[str, Any] = {
    "delivery": "upsert", "batch": 5, "wrap": "items", "their_id": "id",
    "results": {"path": "items", "match": "number", "field": "number"}, "verdict": _ITEM,
}  # fmt: skip
TARGETS: Mapping[str, Mapping[str, Any]] = {
    "orders": {"delivery": "idempotency_key", "path": "orders", "their_id": "id",
               "idempotency_header": "Idempotency-Key"},
    "stock": {"delivery": "upsert", "path": "stock/{number}", "method": "PUT", "their_id": "id",
              "lookup": {"path": "stock/{number}"}},
    "notes": {"delivery": "lookup_before_create", "path": "notes", "their_id": "id",
              "reference": "number",
              "lookup": {"path": "notes", "parameters": {"reference": "{reference}"},
                         "records": "notes"}},
    "marks": {"delivery": "none", "path": "marks", "their_id": "id"},
    "prices": {**_MANY, "path": "prices"},
    "strict": {**_MANY, "path": "strict"},
    "jobs": {**_MANY, "path": "jobs", "accepts": True,
             "verdict": [{"field": "state", "equals": "accepted", "is": "accepted"}, *_ITEM],
             "job": {"handle": "job", "path": "jobs/{their_id}",
                     "verdict": [{"field": "state", "equals": "RUNNING", "is": "accepted"}],
                     "results": {"path": "items"}, "items": _ITEM}},
}  # fmt: skip


class HostileStand(Stand):
    """A stand on the hostile system; subclass it for a REST connector whose streams it can play.

    ``count`` is how many records there are.
    """

    throttles = ("429", "429_date", "429_ms", "429_epoch", "429_minutes", "420_date", "ban_text")
    sandbox: ClassVar[type[Hostile]] = Hostile
    count: ClassVar[int] = 25
    most = 50

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.hostile = self.sandbox(count=self.count, now=self.clock.now)
        self._stack = contextlib.ExitStack()

    def start(self) -> None:
        """Start the hostile system."""
        self._stack.enter_context(self.hostile)

    def stop(self) -> None:
        """Stop it."""
        self._stack.close()

    @property
    def server(self) -> Server:
        """The hostile system's server."""
        return self.hostile.server

    def settings(self) -> Mapping[str, Any]:
        """Give the settings of the connector ``rest``."""
        return {
            "url": self.hostile.url,
            "auth": "oauth2",
            "token_url": f"{self.hostile.url}/token",
            "client_id": self.hostile.client_id,
            "client_secret": self.hostile.client_secret,
        }

    def streams(self) -> Mapping[str, Mapping[str, Any]]:
        """Give every feed and every target of the hostile system."""
        start = self.clock.now() - timedelta(days=2)
        lists = {name: {**_LIST, **spec, "errors": list(THROTTLES)} for name, spec in LISTS.items()}
        lists["window"]["start"] = start.isoformat()
        targets = {name: {"key": "number", **spec} for name, spec in TARGETS.items()}
        return {**lists, **targets}

    def wrong(self) -> Mapping[str, Any]:
        """Give a wrong secret."""
        return {"client_secret": "wrong-secret"}

    def unreachable(self) -> Mapping[str, Any]:
        """Give an address where nobody is."""
        return {"url": "http://127.0.0.1:9", "token_url": "http://127.0.0.1:9/token"}

    def without_right(self) -> tuple[Mapping[str, Any], str]:
        """Give an account that may not read."""
        return {"client_id": self.hostile.blind_id}, "records.read"

    # -- reading -------------------------------------------------------------------------------
    def there(self, stream: str) -> set[str]:
        """Give the ids of what is there; the queue has what is waiting."""
        if stream == "queue":
            return set(self.hostile.lists.waiting)
        return self.hostile.lists.live()

    def commit_late(self, stream: str) -> str:
        """Commit a record thirty seconds older than the newest."""
        lists = self.hostile.lists
        newest = lists.records.records()[-1].position[0] / 1_000_000
        if stream == "window":  # its cursor is the end of the window, not the newest record
            newest = self.clock.now().timestamp() - 1
        moment = datetime.fromtimestamp(newest, UTC) - timedelta(seconds=30)
        return lists.put(f"LATE-{stream}", moment)

    def while_reading(self, stream: str) -> None:
        """Change the oldest record after each page."""
        self.hostile.lists.busy = True

    def calm(self) -> None:
        """Change nothing any more."""
        self.hostile.lists.busy = False

    def plant(self, stream: str, values: Mapping[str, Any]) -> str:
        """Add a record with odd values."""
        ident = self.hostile.lists.put("ODD", odd=dict(values), name=values["emoji"])
        self.clock.sleep(5.0)
        return ident

    def strange(self, stream: str) -> str:
        """Add a record with a status and a field that nobody knows."""
        ident = self.hostile.lists.put("NEW", status="teleported", invented={"a": [1]})
        self.clock.sleep(5.0)
        return ident

    def remove(self, stream: str) -> str:
        """Delete the third record that is left."""
        self.clock.sleep(100.0)
        ident = sorted(self.hostile.lists.live())[2]
        self.hostile.lists.put(ident, deleted=True)
        self.clock.sleep(5.0)
        return ident

    # -- writing -------------------------------------------------------------------------------
    def parcel(self, stream: str, number: int, *, good: bool = True) -> Parcel:
        """Make a document that is good, or has a negative quantity."""
        reference = f"{stream}-{number}"
        body = {"number": reference, "quantity": number if good else -1}
        return Parcel(reference, f"key-{reference}", "create", body)

    def effects(self, stream: str) -> Sequence[str]:
        """Give what the targets took."""
        return self.hostile.targets.effects.get(stream, [])

    def post(self, stream: str) -> None:
        """Post the jobs."""
        self.hostile.targets.post()
