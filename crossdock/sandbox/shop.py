"""The sandbox shop: a REST API as vendors have it, on loopback.

Reads ``/orders``, ``/products``, ``/stock`` and ``/prices`` page by page (see ``listing``), takes
``PUT /stock/{sku}``, ``PUT /prices/{sku}`` and ``POST /orders`` with an Idempotency-Key, and wants
a bearer token of ``POST /oauth/token``. Strict about content types, unknown fields and limits.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from crossdock.sandbox import shop_bodies as bodies
from crossdock.sandbox.calls import Calls
from crossdock.sandbox.collection import Collection, Record, Rows, load
from crossdock.sandbox.faults import NO_FAULTS, Plan
from crossdock.sandbox.journal import Entry, Journal, canonical, digest
from crossdock.sandbox.listing import Wrong, page
from crossdock.sandbox.server import Answer, Request, Server, too_many
from crossdock.sandbox.tokens import Tokens

_KEYS = {"orders": "id", "products": "sku", "stock": "sku", "prices": "sku"}
_ITEM = re.compile(r"^/(orders|products|stock|prices)/([^/]+)$")


class Shop:
    """A running shop, as a context manager; ``url`` is where it answers.

    ``folder`` keeps its journal, from which a shop that starts again rebuilds its state.
    ``token_calls`` and ``token_seconds`` end a token's life, ``rate`` is (requests, seconds).
    """

    client_id = "crossdock"
    client_secret = "sandbox-secret"  # noqa: S105 - it opens nothing but the sandbox

    def __init__(
        self,
        folder: Path,
        *,
        orders: Rows = (),
        products: Rows = (),
        stock: Rows = (),
        prices: Rows = (),
        page_limit: int = 250,
        token_calls: int | None = None,
        token_seconds: float = 3600.0,
        rate: tuple[int, float] | None = None,
        port: int = 0,
        plan: Plan = NO_FAULTS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.page_limit = page_limit
        self.now = now
        self.tokens = Tokens(
            self.client_id, self.client_secret, token_calls, token_seconds, rate, now
        )
        given = {"orders": orders, "products": products, "stock": stock, "prices": prices}
        self.data = {
            name: Collection(name, _KEYS[name], load(rows)) for name, rows in given.items()
        }
        self.journal = Journal(folder / "shop.journal.jsonl", "shop", now)
        self._lock = threading.RLock()
        self._in_flight: set[str] = set()
        self._keys: dict[str, tuple[str, Any]] = {}
        self._next_id = 1 + max(
            (int(r.body["id"]) for r in self.data["orders"].records()), default=0
        )
        for entry in self.journal.entries("accepted", "changed"):
            self._apply(entry)
        self.calls: Calls | None = None  # assign one, and the shop tells of changed orders
        self.server = Server(self._answer, self._endpoint, port, plan)
        self.url = self.server.url

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.stop()
        self.journal.close()

    @property
    def plan(self) -> Plan:
        """Which requests break; assign another plan at any time."""
        return self.server.plan

    @plan.setter
    def plan(self, plan: Plan) -> None:
        self.server.plan = plan

    # -- what the shop's own people do ---------------------------------------------------------
    def change(self, collection: str, body: Mapping[str, Any]) -> None:
        """Add or change a record from inside, as the shop's own staff would; it is journalled."""
        with self._lock:
            ident = str(body[_KEYS[collection]])
            new = self.data[collection].get(body[_KEYS[collection]]) is None
            entry = self.journal.entry("changed", collection, ident, dict(body))
            self.journal.write(entry)
            record = self._apply(entry)
        if collection == "orders":
            self._tell("orders/create" if new else "orders/updated", record)

    # -- state ---------------------------------------------------------------------------------
    def _apply(self, entry: Entry) -> Record:
        """Carry an effect out; the same code runs for a new one and for a replayed one."""
        if entry.kind == "changed":
            return self.data[entry.entity].put(entry.body)
        if entry.entity == "orders":
            return self._apply_order(entry)
        body = {**entry.body, "sku": entry.their_id, "updated_at": entry.at}
        return self.data[entry.entity].put(body)

    def _apply_order(self, entry: Entry) -> Record:
        number = int(entry.their_id)
        self._next_id = max(self._next_id, number + 1)
        times = {"created_at": entry.at, "updated_at": entry.at}
        record = self.data["orders"].put({"id": number, **entry.body, **times, "status": "open"})
        if entry.key:
            self._keys[entry.key] = (entry.body_sha256, record.body)
        return record

    # -- routes --------------------------------------------------------------------------------
    def _endpoint(self, method: str, path: str) -> str:
        item = _ITEM.match(path)
        return f"{method} /{item[1]}/{{id}}" if item else f"{method} {path}"

    def _answer(self, request: Request) -> Answer:
        if request.path == "/oauth/token":
            return self.tokens.grant(request)
        wait = self.tokens.wait()
        if wait is not None:
            return too_many(wait)
        denied = self.tokens.deny(request)
        if denied:
            return denied
        name = request.path.strip("/")
        item = _ITEM.match(request.path)
        if request.method == "GET" and name in self.data:
            return self._list(name, request)
        if request.method == "GET" and item:
            return self._read(item[1], unquote(item[2]))
        if request.method == "POST" and name == "orders":
            return self._post_order(request)
        if request.method == "PUT" and item and item[1] in {"stock", "prices"}:
            return self._put(item[1], unquote(item[2]), request)
        return _error(405 if item or name in self.data else 404, "there is no such resource")

    # -- reads ---------------------------------------------------------------------------------
    def _list(self, name: str, request: Request) -> Answer:
        query, address = dict(request.query), f"{self.url}/{name}"
        number = query.pop("number", None)
        with self._lock:
            if name == "orders" and number is not None:
                records = [r for r in self.data[name].records() if r.body["number"] == number]
                return self._shown(name, records, {}, {})
            try:
                listed = page(
                    self.data[name],
                    query,
                    address,
                    self.page_limit,
                    repeat=request.breaks("duplicate_page"),
                )
            except Wrong as error:
                return _error(400, str(error))
            return self._shown(name, listed.records, listed.beside, listed.headers)

    def _shown(
        self,
        name: str,
        records: list[Record],
        beside: Mapping[str, Any],
        headers: Mapping[str, str],
    ) -> Answer:
        self._expose(name, records)
        parts = [f'"{key}":{json.dumps(value)}' for key, value in beside.items()]
        rows = ",".join(record.text for record in records)
        text = "{" + ",".join([f'"{name}":[{rows}]', *parts]) + "}"
        return Answer(200, text.encode(), headers=headers)

    def _read(self, name: str, ident: str) -> Answer:
        with self._lock:
            key: Any = int(ident) if name == "orders" and ident.isdigit() else ident
            record = self.data[name].get(key)
            if record is None:
                return _error(404, f"there is no such record in {name}")
            self._expose(name, [record])
            return Answer(200, record.text.encode())

    def _expose(self, name: str, records: list[Record]) -> None:
        fresh = []
        for record in records:
            their_id = str(record.body[_KEYS[name]])
            if not self.journal.was_exposed((name, their_id, record.sha)):
                body = record.body
                fresh.append(
                    self.journal.entry(
                        "exposed",
                        name,
                        their_id,
                        body,
                        body_sha256=record.sha,
                        reference=str(body.get("number", their_id)),
                        amount=body.get("total", body.get("amount")),
                        currency=body.get("currency"),
                    )
                )
        self.journal.expose(fresh)

    # -- writes --------------------------------------------------------------------------------
    def _body(
        self, kind: type[Any], name: str, ident: str, request: Request
    ) -> tuple[dict[str, Any], Answer | None]:
        """Read a write body, or the answer that turns it down (which is journalled)."""
        if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
            return {}, _error(415, "the content type must be application/json")
        try:
            body, errors = bodies.read(kind, request.body)
        except ValueError:
            return {}, _error(400, "the body is not a JSON object")
        if not errors:
            return body, None
        reference = ident or str(body.get("number", ""))
        message = canonical(errors)
        self.journal.write(
            self.journal.entry("refused", name, "", body, reference=reference, message=message)
        )
        return body, Answer(422, json.dumps({"errors": errors}).encode())

    def _put(self, name: str, sku: str, request: Request) -> Answer:
        kind = bodies.StockBody if name == "stock" else bodies.PriceBody
        body, wrong = self._body(kind, name, sku, request)
        if wrong:
            return wrong
        if body.get("sku", sku) != sku:
            return _error(422, "the body names another product than the address")
        with self._lock:
            if sku not in self.data["products"]:
                entry = self.journal.entry("refused", name, sku, body, message="unknown product")
                self.journal.write(entry)
                return _error(404, "there is no such product")
            amount = body.get("amount")
            entry = self.journal.entry(
                "accepted", name, sku, body, amount=amount, currency=body.get("currency")
            )
            self.journal.write(entry)
            return Answer(200, self._apply(entry).text.encode())

    def _post_order(self, request: Request) -> Answer:
        body, wrong = self._body(bodies.OrderBody, "orders", "", request)
        if wrong:
            return wrong
        key = request.headers.get("idempotency-key")
        with self._lock:
            known = self._known(key, body)
            if known:
                return known
            if key:
                self._in_flight.add(key)
        try:
            if request.fault and request.breaks("slow"):
                threading.Event().wait(request.fault.after)
            return self._create(body, key)
        finally:
            self._in_flight.discard(key or "")

    def _known(self, key: str | None, body: Mapping[str, Any]) -> Answer | None:
        if key is None:
            return None
        if key in self._in_flight:
            return _error(409, "a request with this idempotency key is being processed")
        if key not in self._keys:
            return None
        sha, answer = self._keys[key]
        if sha != digest(body):
            return _error(422, "this idempotency key was used with another body")
        text = canonical({"order": answer}).encode()
        return Answer(201, text, headers={"Idempotent-Replayed": "true"})

    def _create(self, body: dict[str, Any], key: str | None) -> Answer:
        with self._lock:
            entry = self.journal.entry(
                "accepted",
                "orders",
                str(self._next_id),
                body,
                reference=body["number"],
                amount=body["total"],
                currency=body["currency"],
                key=key,
            )
            self.journal.write(entry)
            record = self._apply(entry)
        self._tell("orders/create", record)
        return Answer(201, canonical({"order": record.body}).encode())

    def _tell(self, topic: str, record: Record) -> None:
        """Call whoever listens; what a call shows counts as shown, unless it was lost."""
        if self.calls is not None and self.calls.tell(topic, record.body):
            self._expose("orders", [record])


def _error(status: int, message: str) -> Answer:
    return Answer(status, json.dumps({"error": message}).encode())
