"""An OData service on loopback, version 2 or 4, strict about what servers are strict about.

The CSRF token is bound to all cookies of the answer that gave it; pages are the server's, by an
opaque skip token; a change without ``If-Match`` is 428 and with an old one 412; a changeset is
whole or nothing; query options that it does not know are refused.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from crossdock.sandbox.server import Answer, Request, Server
from crossdock.testing.hostile_lists import ELSEWHERE, instant

_KNOWN = {"$filter", "$format", "$select", "$expand", "$orderby", "$skiptoken", "$deltatoken"}
_ONE = re.compile(r"^/Orders\((?:'(.*)')\)$")
_SINCE = re.compile(r"ChangedAt ge (?:datetimeoffset')?([0-9T:Z-]+)'?")
_EQUALS = re.compile(r"Reference eq '((?:[^']|'')*)'$")
PAGE = 10


class ODataService:
    """Orders with ``ID``, ``Reference``, ``Quantity`` and ``ChangedAt``; ``url`` is the root."""

    user, password = "odata-user", "odata-password"

    def __init__(self, version: int, now: Any) -> None:
        self.version = version
        self._now = now
        self._lock = threading.RLock()
        self.orders: dict[str, dict[str, Any]] = {}
        self.events: list[str] = []
        self.created: list[str] = []
        self._sessions: dict[str, str] = {}
        self._skips: dict[str, tuple[list[str], int, bool]] = {}
        self.server = Server(self._answer)
        self.url = self.server.url

    # -- what its own people do ----------------------------------------------------------------
    def put(self, reference: str, moment: Any = None, **values: Any) -> str:
        """Create or change an order."""
        with self._lock:
            known = next((k for k, o in self.orders.items() if o["Reference"] == reference), None)
            ident = known or f"{len(self.orders) + 1:04}"
            version = self.orders[ident]["Version"] + 1 if known else 1
            self.orders[ident] = {
                **self.orders.get(ident, {"ID": ident, "Quantity": 1}), "Reference": reference,
                **values, "ChangedAt": instant(moment or self._now()), "Version": version,
            }  # fmt: skip
            self.events.append(ident)
            return ident

    def remove(self, ident: str) -> None:
        """Delete an order."""
        with self._lock:
            del self.orders[ident]
            self.events.append(ident)

    # -- requests ------------------------------------------------------------------------------
    def _answer(self, request: Request) -> Answer:
        expected = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return self._wrong(401, "log on")
        with self._lock:
            fetched = self._token(request)
            if isinstance(fetched, Answer):
                return fetched
            answer = (self._batch if request.path == "/$batch" else self._one)(request)
        return Answer(answer.status, answer.body, answer.media, {**answer.headers, **fetched})

    def _token(self, request: Request) -> Answer | Mapping[str, str]:
        if request.headers.get("x-csrf-token", "").lower() == "fetch":
            token, name = secrets.token_hex(8), f"SAP_SESSIONID_{secrets.token_hex(2)}"
            cookie = f"{name}={secrets.token_hex(8)}"
            self._sessions[token] = cookie
            return {"X-CSRF-Token": token, "Set-Cookie": f"{cookie}; path=/; HttpOnly"}
        if request.method == "GET":
            return {}
        held = self._sessions.get(request.headers.get("x-csrf-token", ""))
        if held is None or held not in request.headers.get("cookie", ""):
            return Answer(403, b"CSRF token validation failed", "text/plain",
                          {"x-csrf-token": "Required"})  # fmt: skip
        return {}

    def _one(self, request: Request) -> Answer:
        if request.path in {"", "/"}:
            return Answer(200, b"{}")
        found = _ONE.match(unquote(request.path))
        if request.method == "GET" and request.path == "/Orders":
            return self._list(request)
        if request.method == "POST" and request.path == "/Orders":
            return self._create(request)
        if not found or found[1] not in self.orders:
            return self._wrong(404, "there is no such thing")
        if request.method == "GET":
            return self._shown(found[1], 200)
        if request.method in {"MERGE", "PATCH"}:
            return self._change(found[1], request)
        return self._wrong(405, "this is not allowed here")

    def _list(self, request: Request) -> Answer:
        unknown = set(request.query) - _KNOWN
        if unknown:
            return self._wrong(400, f"unknown query option {sorted(unknown)[0]}")
        token = request.query.get("$skiptoken")
        if token is not None:
            if token not in self._skips:
                return self._wrong(400, "this skip token is not valid")
            return self._page(*self._skips[token], request)
        delta = "odata.track-changes" in request.headers.get("prefer", "")
        since = request.query.get("$deltatoken")
        if since is not None:
            if not since.isdigit() or int(since) > len(self.events):
                return self._wrong(410, "this delta token is not valid any more")
            chosen = list(dict.fromkeys(self.events[int(since) :]))
            return self._page(chosen, 0, True, request)
        wanted = request.query.get("$filter", "")
        after, equal = _SINCE.search(wanted), _EQUALS.search(wanted)
        if wanted and not (after or equal):
            return self._wrong(400, "this filter is not understood")
        rows = sorted(self.orders.values(), key=lambda o: (o["ChangedAt"], o["ID"]))
        if after:
            rows = [row for row in rows if row["ChangedAt"] >= after[1]]
        if equal:
            rows = [row for row in rows if row["Reference"] == equal[1].replace("''", "'")]
        return self._page([row["ID"] for row in rows], 0, delta, request)

    def _page(self, chosen: list[str], start: int, delta: bool, request: Request) -> Answer:
        begin = max(0, start - PAGE) if request.breaks("duplicate_page") else start
        rows = [self._row(ident) for ident in chosen[begin : start + PAGE]]
        beside = {}
        old = self.version == 2
        if start + PAGE < len(chosen):
            token = secrets.token_urlsafe(6)
            self._skips[token] = (chosen, start + PAGE, delta)
            where = f"{self.url}/Orders" if old else "Orders"
            beside["__next" if old else "@odata.nextLink"] = f"{where}?$skiptoken={token}"
        elif delta:
            link = f"{self.url}/Orders?$deltatoken={len(self.events)}"
            beside["__delta" if old else "@odata.deltaLink"] = link
        if request.breaks("loop"):
            query = "&".join(f"{name}={value}" for name, value in request.query.items())
            beside["__next" if old else "@odata.nextLink"] = f"{self.url}/Orders?{query}"
        if request.breaks("elsewhere"):
            beside["__next" if old else "@odata.nextLink"] = f"{ELSEWHERE}/Orders"
        body = {"d": {"results": rows, **beside}} if old else {"value": rows, **beside}
        return Answer(200, json.dumps(body).encode())

    def _row(self, ident: str) -> dict[str, Any]:
        if ident not in self.orders:
            return {"ID": ident, "@removed": {"reason": "deleted"}}
        return {name: value for name, value in self.orders[ident].items() if name != "Version"}

    def _create(self, request: Request) -> Answer:
        body = _body(request)
        if not body.get("Reference") or not isinstance(body.get("Quantity"), int):
            return self._wrong(400, "Reference and Quantity are wanted")
        if body["Quantity"] < 0:
            return self._wrong(400, "the quantity must not be negative")
        ident = f"{len(self.orders) + 1:04}"
        self.orders[ident] = {"ID": ident, **body, "ChangedAt": instant(self._now()), "Version": 1}
        self.events.append(ident)
        self.created.append(str(body["Reference"]))
        return self._shown(ident, 201)

    def _change(self, ident: str, request: Request) -> Answer:
        given = request.headers.get("if-match")
        if given is None:
            return self._wrong(428, "If-Match is wanted")
        if given != self._etag(ident):
            return self._wrong(412, "it was changed meanwhile")
        self.orders[ident] |= _body(request)
        self.orders[ident] |= {"ChangedAt": instant(self._now()),
                               "Version": self.orders[ident]["Version"] + 1}  # fmt: skip
        self.events.append(ident)
        return Answer(204, b"", headers={"ETag": self._etag(ident)})

    def _etag(self, ident: str) -> str:
        return f'W/"{self.orders[ident]["Version"]}"'

    def _shown(self, ident: str, status: int) -> Answer:
        row = self._row(ident)
        body = {"d": row} if self.version == 2 else row
        return Answer(status, json.dumps(body).encode(), headers={"ETag": self._etag(ident)})

    def _wrong(self, status: int, words: str) -> Answer:
        message: Any = {"lang": "en", "value": words} if self.version == 2 else words
        return Answer(status, json.dumps({"error": {"code": "X/1", "message": message}}).encode())

    # -- batches -------------------------------------------------------------------------------
    def _batch(self, request: Request) -> Answer:
        if self.version == 4:
            return self._json_batch(request)
        mark = re.search(r"boundary=(\S+)", request.headers.get("content-type", ""))
        if not mark or b"\r\n" not in request.body:
            return self._wrong(400, "this is no multipart/mixed")
        pieces = re.findall(
            rb"\r\n\r\n(POST|MERGE|PATCH) (\S+) HTTP/1.1\r\n(.*?)\r\n\r\n(.*?)\r\n--",
            request.body, re.DOTALL,
        )  # fmt: skip
        out, lines = secrets.token_hex(6), []
        for method, path, head, body in pieces:
            answer = self._inner(method.decode(), path.decode(), head.decode(), body)
            text = (
                f"HTTP/1.1 {answer.status} X\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(answer.body)}\r\n\r\n"
            ).encode() + answer.body
            frame = b"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            if answer.status < 300:
                inner = secrets.token_hex(6).encode()
                text = (b"Content-Type: multipart/mixed; boundary=" + inner + b"\r\n\r\n--" + inner
                        + b"\r\n" + frame + text + b"\r\n--" + inner + b"--")  # fmt: skip
            else:
                text = frame + text  # a failed changeset comes as one plain part
            lines.append(f"--{out}\r\n".encode() + text + b"\r\n")
        body = b"".join(lines) + f"--{out}--\r\n".encode()
        return Answer(202, body, f"multipart/mixed; boundary={out}")

    def _json_batch(self, request: Request) -> Answer:
        rows = []
        for item in _body(request).get("requests", []):
            head = "\r\n".join(f"{name}: {value}" for name, value in item["headers"].items())
            content = json.dumps(item.get("body")).encode()
            answer = self._inner(item["method"], item["url"], head, content)
            rows.append({"id": item["id"], "status": answer.status,
                         "body": json.loads(answer.body or b"null")})  # fmt: skip
        return Answer(200, json.dumps({"responses": rows[::-1]}).encode())  # in any order

    def _inner(self, method: str, path: str, head: str, body: bytes) -> Answer:
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head.split("\r\n"))
        }
        parts = urlsplit(path)
        query = dict(parse_qsl(parts.query))
        return self._one(Request(method, f"/{parts.path.lstrip('/')}", query, headers, body))


def _body(request: Request) -> dict[str, Any]:
    try:
        found = json.loads(request.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
