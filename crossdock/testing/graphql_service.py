"""A GraphQL API on loopback: a real schema, executed by graphql-core, with vendors' manners.

Failures come with status 200: no token is ``FORBIDDEN``, a refused order has ``userErrors``, and
each answer says what it cost. ``stockSet`` gives a union, as Vendure's mutations do.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from crossdock import graphql
from crossdock.sandbox.server import Answer, Request, Server
from crossdock.testing.hostile_lists import instant

SCHEMA = """
type Order { id: ID! number: String! updatedAt: String! status: String }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type Orders { nodes: [Order!]! pageInfo: PageInfo! }
type UserError { message: String! field: [String!] }
type OrderPayload { order: Order userErrors: [UserError!]! }
type Stock { sku: ID! quantity: Int! }
type StockError { errorCode: String! message: String! }
union StockResult = Stock | StockError
input OrderInput { number: String! quantity: Int! }
input StockInput { sku: ID! quantity: Int! }
type Query {
  orders(first: Int!, after: String, since: String, number: String): Orders!
  stock(sku: ID!): Stock
}
type Mutation {
  orderCreate(input: OrderInput!, key: String!): OrderPayload!
  stockSet(input: StockInput!): StockResult!
}
"""


class GraphqlService:
    """Orders and stock; ``url`` is the endpoint, ``token`` what opens it."""

    token = "graphql-token"  # noqa: S105 - it opens nothing but the sandbox

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.RLock()
        self.orders: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.created: dict[str, list[str]] = {"orders": [], "stock": []}
        self.stock: dict[str, int] = {}
        self._schema = graphql.schema_from(SCHEMA)
        self.server = Server(self._answer)
        self.url = f"{self.server.url}/graphql"

    def put(self, number: str, moment: datetime | None = None, status: str = "active") -> str:
        """Create or change an order, now or at ``moment``."""
        with self._lock:
            known = next((k for k, o in self.orders.items() if o["number"] == number), None)
            ident = known or str(len(self.orders) + 1)
            when = instant(moment or self._now().astimezone(UTC))
            self.orders[ident] = {"id": ident, "number": number, "updatedAt": when,
                                  "status": status}  # fmt: skip
            return ident

    def _answer(self, request: Request) -> Answer:
        if request.path != "/graphql" or request.method != "POST":
            return Answer(404, b'{"errors":[{"message":"POST to /graphql"}]}')
        if request.headers.get("authorization") != f"Bearer {self.token}":
            error = {"message": "you are not authorised", "extensions": {"code": "FORBIDDEN"}}
            return Answer(200, json.dumps({"data": None, "errors": [error]}).encode())
        try:
            given = json.loads(request.body)
        except ValueError:
            return Answer(400, b'{"errors":[{"message":"no JSON"}]}')
        root = _Root(self, request)
        with self._lock:
            made = graphql.execute(self._schema, given["query"], given.get("variables"), root)
        made["extensions"] = {"cost": {"actual": 10, "available": 990, "restore": 50}}
        return Answer(200, json.dumps(made).encode())


class _Root:
    """The fields at the top; graphql-core calls them with (info, arguments)."""

    def __init__(self, service: GraphqlService, request: Request) -> None:
        self._service = service
        self._request = request

    def orders(self, info: Any, first: int, after: str | None = None, since: str | None = None,
               number: str | None = None) -> dict[str, Any]:  # fmt: skip
        rows = sorted(self._service.orders.values(), key=lambda o: (o["updatedAt"], int(o["id"])))
        rows = [row for row in rows if since is None or row["updatedAt"] >= since]
        rows = [row for row in rows if number is None or row["number"] == number]
        start = int(after or 0)
        begin = max(0, start - first) if self._request.breaks("duplicate_page") else start
        more, end = start + first < len(rows), start + first
        if self._request.breaks("loop"):
            more, end = True, start
        info_ = {"hasNextPage": more, "endCursor": str(end)}
        return {"nodes": rows[begin : start + first], "pageInfo": info_}

    def stock(self, info: Any, sku: str) -> dict[str, Any] | None:
        found = self._service.stock.get(sku)
        return None if found is None else {"sku": sku, "quantity": found}

    def orderCreate(self, info: Any, input: dict[str, Any], key: str) -> dict[str, Any]:  # noqa: A002, N802
        service = self._service
        if input["quantity"] < 0:
            error = {"message": "the quantity must not be negative", "field": ["quantity"]}
            return {"order": None, "userErrors": [error]}
        if key not in service.keys:
            service.keys[key] = service.put(input["number"])
            service.created["orders"].append(input["number"])
        return {"order": service.orders[service.keys[key]], "userErrors": []}

    def stockSet(self, info: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802
        if input["quantity"] < 0:
            return {"__typename": "StockError", "errorCode": "NEGATIVE", "message": "below nothing"}
        if input["sku"] not in self._service.stock:
            self._service.created["stock"].append(input["sku"])
        self._service.stock[input["sku"]] = input["quantity"]
        return {"__typename": "Stock", **input}
