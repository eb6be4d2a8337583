"""What the hostile sandbox takes: every delivery class, batches, and jobs that post later."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from crossdock.sandbox.journal import digest
from crossdock.sandbox.server import Answer, Request
from crossdock.testing.hostile_lists import refused

BATCH = 5


class Targets:
    """Takes documents with ``number`` (our reference) and ``quantity``, which must not be negative.

    ``POST /orders`` knows idempotency keys, ``PUT /stock/{number}`` is an upsert, ``POST /notes``
    books whatever comes (``GET /notes?reference=`` finds), ``POST /marks`` does too and cannot be
    asked. ``POST /prices`` takes five at once with a verdict each, ``POST /strict`` five or none,
    and ``POST /jobs`` accepts and posts later.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.effects: dict[str, list[str]] = {}
        self._keys: dict[str, tuple[str, int]] = {}
        self._held: dict[tuple[str, str], int] = {}
        self.jobs: list[list[Mapping[str, Any]]] = []
        self._posted: dict[int, list[dict[str, Any]]] = {}
        self._next = 0

    def answer(self, request: Request) -> Answer | None:
        """Answer a write or a look-up, None where it is none."""
        path = request.path.strip("/")
        name, _, ident = path.partition("/")
        with self._lock:
            if name == "notes" and request.method == "GET":
                return self._find(request)
            if name == "jobs" and request.method == "GET":
                return self._job(ident)
            if name == "stock" and request.method == "GET":
                return self._one(unquote(ident))
            if name not in {"orders", "stock", "notes", "marks", "prices", "strict", "jobs"}:
                return None
            if request.method not in {"POST", "PUT"}:
                return refused(405, "this is not how it is sent")
            try:
                body = json.loads(request.body)
            except ValueError:
                return refused(400, "the body is no JSON")
            if name in {"prices", "strict", "jobs"}:
                return self._many(name, body.get("items", []))
            return self._single(name, body, request)

    def post(self) -> None:
        """Post the jobs that were accepted."""
        with self._lock:
            for number, items in enumerate(self.jobs, start=1):
                if number not in self._posted:
                    self._posted[number] = [self._verdict("jobs", item) for item in items]

    # -- one document --------------------------------------------------------------------------
    def _single(self, name: str, body: Mapping[str, Any], request: Request) -> Answer:
        wrong = _wrong(body)
        if wrong:
            return refused(422, wrong)
        key = request.headers.get("idempotency-key", "")
        if name == "orders" and key in self._keys:
            sha, ident = self._keys[key]
            if sha != digest(dict(body)):
                return refused(422, "this key was used with another body")
            return _made(ident)
        ident = self._take(name, body)
        if name == "orders" and key:
            self._keys[key] = (digest(dict(body)), ident)
        return _made(ident)

    def _take(self, name: str, body: Mapping[str, Any]) -> int:
        reference = str(body["number"])
        upsert = name in {"stock", "prices", "strict", "jobs"}
        if upsert and (name, reference) in self._held:
            return self._held[name, reference]
        self._next += 1
        self._held[name, reference] = self._next
        self.effects.setdefault(name, []).append(reference)
        return self._next

    def _one(self, reference: str) -> Answer:
        ident = self._held.get(("stock", reference))
        if ident is None:
            return refused(404, "there is no such stock")
        return Answer(200, json.dumps({"id": ident, "number": reference}).encode())

    def _find(self, request: Request) -> Answer:
        wanted = request.query.get("reference")
        found = [{"id": ident, "number": reference}
                 for (name, reference), ident in self._held.items()
                 if name == "notes" and wanted in (None, reference)]  # fmt: skip
        return Answer(200, json.dumps({"notes": found}).encode())

    # -- many documents ------------------------------------------------------------------------
    def _many(self, name: str, items: list[Mapping[str, Any]]) -> Answer:
        if len(items) > BATCH:
            return refused(413, f"at most {BATCH} at once")
        if name == "jobs":
            self.jobs.append(items)
            rows = [{"number": item.get("number"), "state": "accepted"} for item in items]
            return _json(202, {"job": len(self.jobs), "items": rows})
        if name == "strict" and any(_wrong(item) for item in items):
            return refused(422, "one of them is wrong, none was taken")
        return _json(200, {"items": [self._verdict(name, item) for item in items]})

    def _verdict(self, name: str, item: Mapping[str, Any]) -> dict[str, Any]:
        wrong = _wrong(item)
        if wrong:
            return {"number": item.get("number"), "error": wrong}
        return {"number": item["number"], "id": self._take(name, item)}

    def _job(self, text: str) -> Answer:
        number = int(text) if text.isdigit() else 0
        if not 0 < number <= len(self.jobs):
            return refused(404, "there is no such job")
        if number not in self._posted:
            return _json(200, {"state": "RUNNING"})
        return _json(200, {"state": "DONE", "items": self._posted[number]})


def _wrong(body: Any) -> str:
    if not isinstance(body, Mapping) or not body.get("number"):
        return "it has no number"
    quantity = body.get("quantity")
    if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 0:
        return f"the quantity {quantity!r} is not one"
    return ""


def _made(ident: int) -> Answer:
    return _json(201, {"id": ident})


def _json(status: int, body: Mapping[str, Any]) -> Answer:
    return Answer(status, json.dumps(body).encode())
