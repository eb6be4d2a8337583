"""A small threaded HTTP server for the sandbox, with faults on the wire.

Nagle's delay is off and answers are written in one piece; otherwise each request costs 40 ms.
"""

from __future__ import annotations

import gzip
import json
import math
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from crossdock.sandbox.faults import NO_FAULTS, Fault, Plan


@dataclass(frozen=True)
class Request:
    """What a caller sent: header names are in lower case, ``fault`` is what shall go wrong."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    fault: Fault | None = None

    def breaks(self, name: str) -> bool:
        """Say whether the plan wants the fault ``name`` in this request."""
        return self.fault is not None and self.fault.name == name


@dataclass(frozen=True)
class Answer:
    """What the system answers."""

    status: int
    body: bytes = b""
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


_HTML = b"<!doctype html><html><head><title>Bad gateway</title></head><body>Bad gateway</body>"
_INSTEAD = {
    "500": Answer(500, b'{"error":"internal error"}'),
    "commit_then_500": Answer(500, b'{"error":"internal error"}'),
    "503": Answer(503, b'{"error":"try again later"}'),
    "502_html": Answer(502, _HTML, "text/html; charset=utf-8"),
    "html_fault": Answer(500, _HTML, "text/html; charset=utf-8"),
    "200_html": Answer(200, _HTML, "text/html; charset=utf-8"),
    "empty": Answer(200),
    "409": Answer(409, b'{"error":"somebody else is changing this record"}'),
    "412": Answer(412, b'{"error":"the record has changed meanwhile"}'),
    "413": Answer(413, b'{"error":"the call is too large"}'),
    "422": Answer(422, b'{"error":"the record is not taken"}'),
}
_THROTTLED = {"429", "429_date", "429_ms", "429_minutes", "429_epoch", "420_date", "ban_text"}
_BEFORE = {
    "500", "502_html", "503", "200_html", "empty", "html_fault", "409", "412", "413", "422",
}  # fmt: skip


class Server:
    """Serve ``answer`` on a free loopback port, as ``url``.

    ``endpoint`` names the route of a request for the fault plan, such as ``GET /orders``. Assign
    ``plan`` at any time: ``server.plan = NO_FAULTS`` heals the system.
    """

    def __init__(
        self,
        answer: Callable[[Request], Answer],
        endpoint: Callable[[str, str], str] = lambda method, path: f"{method} {path}",
        port: int = 0,
        plan: Plan = NO_FAULTS,
    ) -> None:
        self._answer = answer
        self._endpoint = endpoint
        self.plan = plan
        self.requests = 0
        self.by_endpoint: Counter[str] = Counter()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"server_of": self})
        self._http = _Threads(("127.0.0.1", port), handler)
        self.port: int = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and drop the connections that are open."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        self._http.drop_connections()

    def forget_counts(self) -> None:
        """Count requests from zero again, so that a plan's numbers start anew."""
        with self._lock:
            self.requests = 0
            self.by_endpoint.clear()

    def respond(self, request: Request) -> tuple[Answer, Fault | None]:
        """Count the request, ask the plan, and answer; the fault is for the wire to carry out."""
        name = self._endpoint(request.method, request.path)
        with self._lock:
            self.requests += 1
            self.by_endpoint[name] += 1
            fault = self.plan.fault(self.requests, name, self.by_endpoint[name])
        if fault is None:
            return self._answer(request), None
        if fault.name in _THROTTLED:
            return throttled(fault.name, fault.after), fault
        if fault.name in _BEFORE:
            return _INSTEAD[fault.name], fault
        if fault.name == "reset":
            return Answer(503), fault
        if fault.name == "echo":
            return _echo(request), fault
        answer = self._answer(
            Request(
                request.method, request.path, request.query, request.headers, request.body, fault
            )
        )
        return _INSTEAD.get(fault.name, answer), fault


def too_many(after: float, *, date: bool = False) -> Answer:
    """Build the answer of a rate limit: wait ``after`` seconds, said as a number or as a date."""
    text = str(max(0, round(after)))
    if date:
        text = format_datetime(datetime.now(UTC) + timedelta(seconds=after), usegmt=True)
    return Answer(429, b'{"error":"too many requests"}', headers={"Retry-After": text})


def _echo(request: Request) -> Answer:
    """An error that quotes what was sent, as debug modes of servers do."""
    words = " ".join([*request.headers.values(), *request.query.values()])
    return Answer(400, json.dumps({"error": {"message": f"bad request: {words}"}}).encode())


def throttled(form: str, after: float) -> Answer:
    """Build the answer of a rate limit in one of the forms that vendors have."""
    until = datetime.now(UTC) + timedelta(seconds=after)
    body = b'{"error":"too many requests"}'
    if form == "429_ms":
        return Answer(429, body, headers={"X-Rate-Limit-Time-Reset-Ms": str(int(after * 1000))})
    if form == "429_minutes":
        return Answer(429, body, headers={"Item-Retry-After": str(math.ceil(after / 60))})
    if form == "429_epoch":
        instant = str(math.ceil(until.timestamp()))
        return Answer(429, body, headers={"X-RateLimit-Reset": instant})
    if form == "420_date":
        date = format_datetime(until + timedelta(seconds=1), usegmt=True)
        return Answer(420, body, headers={"X-RateLimit-Resource-Until": date})
    if form == "ban_text":
        words = f"This ban will last for {math.ceil(after)} more seconds"
        return Answer(200, f'{{"error_response":{{"code":7,"sub_msg":"{words}"}}}}'.encode())
    return too_many(after, date=form == "429_date")


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        for connection in list(self._open):
            reset(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is no news; anything else is shown by the base."""
        import sys

        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def reset(connection: socket.socket) -> None:
    """End a connection by RST, as a crashed peer or a firewall does."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
        connection.close()
    except OSError:
        return


class _Handler(BaseHTTPRequestHandler):
    server_of: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    timeout = 60

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        body = self.rfile.read(int(length)) if length.isdigit() else b""
        parts = urlsplit(self.path)
        request = Request(
            self.command,
            parts.path,
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            body,
        )
        answer, fault = self.server_of.respond(request)
        name = fault.name if fault else ""
        if name in {"reset", "commit_then_reset"}:
            self._reset()
        elif name in {"reset_midway", "truncated", "truncated_gzip", "drip"}:
            self._damage(answer, name, fault.after if fault else 1.0)
        else:
            if name == "slow" and fault:
                time.sleep(fault.after)
            self._send(answer, request)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_MERGE = _serve  # noqa: N815

    def _head(self, answer: Answer, length: int | None, **extra: str) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.media)
        for name, value in {**answer.headers, **extra}.items():
            self.send_header(name.replace("_", "-"), value)
        if length is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _send(self, answer: Answer, request: Request) -> None:
        body, extra = answer.body, {}
        if len(body) > 1024 and "gzip" in request.headers.get("accept-encoding", ""):
            body, extra = gzip.compress(body, 1), {"Content_Encoding": "gzip"}
        self._head(answer, len(body), **extra)
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _damage(self, answer: Answer, name: str, after: float) -> None:
        if name == "truncated_gzip":
            packed = gzip.compress(answer.body)
            self._head(answer, None, Content_Encoding="gzip")
            self.wfile.write(packed[: len(packed) // 2])
        elif name == "drip":
            self._head(answer, len(answer.body))
            self._drip(answer.body, after)
        else:
            self._head(answer, len(answer.body))
            self.wfile.write(answer.body[: len(answer.body) // 2])
            if name == "reset_midway":
                self.wfile.flush()
                self._reset()
                return
            self.close_connection = True
        self.wfile.flush()

    def _drip(self, body: bytes, after: float) -> None:
        for number in range(len(body)):
            self.wfile.write(body[number : number + 1])
            self.wfile.flush()
            time.sleep(after)

    def _reset(self) -> None:
        self.close_connection = True
        reset(self.connection)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay silent: what happened stands in the journal."""
