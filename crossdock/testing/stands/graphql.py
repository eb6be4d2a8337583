"""The stand of the connector ``graphql``: an API with a real schema."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from crossdock.connector import Parcel
from crossdock.sandbox.server import Server
from crossdock.testing.graphql_service import SCHEMA, GraphqlService
from crossdock.testing.stand import Stand

_ORDERS = """query ($first: Int!, $after: String, $since: String) {
  orders(first: $first, after: $after, since: $since) {
    nodes { id number updatedAt status } pageInfo { hasNextPage endCursor } } }"""
_CREATE = """mutation ($input: OrderInput!, $key: String!) {
  orderCreate(input: $input, key: $key) { order { id } userErrors { message } } }"""
_FIND = """query ($number: String!) {
  orders(first: 5, number: $number) { nodes { id number } } }"""
_STOCK = """mutation ($input: StockInput!) { stockSet(input: $input) {
  ... on Stock { sku } ... on StockError { errorCode message } } }"""


class GraphqlStand(Stand):
    """Orders by connection, created with a key; stock by a mutation that gives a union."""

    lacks: ClassVar[Mapping[str, str]] = {
        "a_next_page_elsewhere_is_not_followed": "a cursor is a variable and leads nowhere",
        "pages_that_shift_lose_nothing": "its stand changes nothing during a read",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.project = folder
        (folder / "schema.graphql").write_text(SCHEMA, encoding="utf-8")
        self.service = GraphqlService(self.clock.now)
        start = self.clock.now() - timedelta(hours=2)
        for number in range(25):
            self.service.put(f"N{number}", start + timedelta(seconds=60 * (number // 2)))
        self._stack = contextlib.ExitStack()

    def start(self) -> None:
        """Start the API."""
        self.service.server.start()
        self._stack.callback(self.service.server.stop)

    def stop(self) -> None:
        """Stop it."""
        self._stack.close()

    @property
    def server(self) -> Server:
        """The API's server."""
        return self.service.server

    def settings(self) -> Mapping[str, Any]:
        """Give endpoint, token and schema."""
        return {"url": self.service.url, "token": self.service.token, "schema": "schema.graphql"}

    def wrong(self) -> Mapping[str, Any]:
        """Give a token that opens nothing."""
        return {"token": "wrong-token"}

    def unreachable(self) -> Mapping[str, Any]:
        """Give an address where nobody is."""
        return {"url": "http://127.0.0.1:9/graphql"}

    def streams(self) -> Mapping[str, Mapping[str, Any]]:
        """Give a list and two targets."""
        return {
            "orders": {
                "query": _ORDERS, "records": "orders.nodes", "key": "id", "cursor": "updatedAt",
                "since": "since", "grain": "second", "overlap": 60, "order": "oldest_first",
                "paging": {"kind": "connection", "size": {"first": 10}},
            },
            "new_orders": {
                "delivery": "idempotency_key", "key": "number", "mutation": _CREATE,
                "variables": {"key": "{key}"}, "result": "orderCreate", "their_id": "order.id",
                "refusals": "userErrors",
                "lookup": {"query": _FIND, "variables": {"number": "{number}"},
                           "records": "orders.nodes"},
            },
            "stock": {
                "delivery": "upsert", "key": "sku", "mutation": _STOCK, "result": "stockSet",
                "their_id": "sku", "code": "errorCode",
            },
        }  # fmt: skip

    def there(self, stream: str) -> set[str]:
        """Ask the API's own orders."""
        return set(self.service.orders)

    def commit_late(self, stream: str) -> str:
        """Commit an order half a minute older than the newest."""
        newest = max(order["updatedAt"] for order in self.service.orders.values())
        return self.service.put("LATE", datetime.fromisoformat(newest) - timedelta(seconds=30))

    def strange(self, stream: str) -> str:
        """Add an order with a status that nobody knows."""
        return self.service.put("NEW", status="TELEPORTED")

    def plant(self, stream: str, values: Mapping[str, Any]) -> str:
        """Add an order with odd texts."""
        return self.service.put("ODD", status="".join(values.values()))

    def parcel(self, stream: str, number: int, *, good: bool = True) -> Parcel:
        """Make a document; a negative quantity is refused."""
        reference = f"{stream}-{number}"
        name = "sku" if stream == "stock" else "number"
        body = {name: reference, "quantity": 2 if good else -2}
        return Parcel(reference, f"key-{reference}", "create", body)

    def effects(self, stream: str) -> Sequence[str]:
        """Give what was created."""
        return self.service.created["stock" if stream == "stock" else "orders"]
