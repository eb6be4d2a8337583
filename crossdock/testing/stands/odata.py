"""The stands of the connector ``odata``: a strict service of version 4, and one of version 2."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from crossdock.connector import Parcel
from crossdock.sandbox.server import Server
from crossdock.testing.cases import Lacking
from crossdock.testing.odata_service import ODataService
from crossdock.testing.stand import Stand


class OdataStand(Stand):
    """A service with orders: by time of change, by delta link, created singly and in batches."""

    version: ClassVar[int] = 4
    lacks: ClassVar[Mapping[str, str]] = {
        "pages_of_one_record": "the server decides how long a page is",
        "pages_of_the_largest_size": "the server decides how long a page is",
        "pages_that_shift_lose_nothing": "the server's skip tokens hold their place",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.service = ODataService(self.version, self.clock.now)
        start = self.clock.now() - timedelta(hours=2)
        for number in range(25):
            self.service.put(f"REF-{number}", start + timedelta(seconds=60 * (number // 2)))
        self._stack = contextlib.ExitStack()

    def start(self) -> None:
        """Start the service."""
        self.service.server.start()
        self._stack.callback(self.service.server.stop)

    def stop(self) -> None:
        """Stop it."""
        self._stack.close()

    @property
    def server(self) -> Server:
        """The service's server."""
        return self.service.server

    def settings(self) -> Mapping[str, Any]:
        """Give root, account, and that changes need a token."""
        return {"url": self.service.url, "protocol": self.version, "csrf_check": True,
                "user": self.service.user, "password": self.service.password}  # fmt: skip

    def streams(self) -> Mapping[str, Mapping[str, Any]]:
        """Give two lists and two targets over one entity set."""
        target = {
            "delivery": "lookup_before_create", "key": "Reference", "entity": "Orders", "id": "ID",
            "reference": "Reference", "etag": True,
            "lookup": {"filter": "Reference eq {'reference'}"},
        }  # fmt: skip
        return {
            "orders": {"entity": "Orders", "key": "ID", "cursor": "ChangedAt",
                       "since": "ChangedAt", "grain": "second", "overlap": 60,
                       "order": "oldest_first", "orderby": ["ChangedAt", "ID"]},
            "changes": {"entity": "Orders", "key": "ID", "delta": True, "deletes": "tombstone",
                        "tombstone": "@removed"},
            "new_orders": target,
            "many_orders": {**target, "batch": 5},
        }  # fmt: skip

    def wrong(self) -> Mapping[str, Any]:
        """Give a wrong password."""
        return {"password": "wrong-password"}

    def unreachable(self) -> Mapping[str, Any]:
        """Give an address where nobody is."""
        return {"url": "http://127.0.0.1:9/odata"}

    def there(self, stream: str) -> set[str]:
        """Ask the service itself."""
        return set(self.service.orders)

    def commit_late(self, stream: str) -> str:
        """Commit an order half a minute older than the newest."""
        newest = max(order["ChangedAt"] for order in self.service.orders.values())
        moment = datetime.fromisoformat(newest) - timedelta(seconds=30)
        return self.service.put(f"LATE-{stream}", moment)

    def strange(self, stream: str) -> str:
        """Add an order with properties that nobody knows."""
        return self.service.put("NEW", Status="TELEPORTED", Invented={"a": [1]})

    def plant(self, stream: str, values: Mapping[str, Any]) -> str:
        """Add an order with odd texts."""
        return self.service.put("ODD", Odd=dict(values))

    def remove(self, stream: str) -> str:
        """Delete an order, where the stream tells it."""
        if stream != "changes":
            raise Lacking("only a delta link tells deletions")
        ident = sorted(self.service.orders)[3]
        self.service.remove(ident)
        return ident

    def parcel(self, stream: str, number: int, *, good: bool = True) -> Parcel:
        """Make an order with a quote in its reference; a negative quantity is refused."""
        reference = f"o'{stream}-{number}"
        body = {"Reference": reference, "Quantity": 2 if good else -2}
        return Parcel(reference, f"key-{reference}", "create", body)

    def effects(self, stream: str) -> Sequence[str]:
        """Give what was created."""
        return self.service.created
