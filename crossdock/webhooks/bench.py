"""How long a burst of webhooks waits for its yes: ``make bench-webhooks``; the last line is JSON.

The receiver runs in a process of its own, on a home of its own with SQLite; every call comes over
a connection of its own, all of them at once. What was answered with yes is counted in the store.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import multiprocessing
import os
import resource
import secrets
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from crossdock.home import Home

CALLS = 1_000
_SYSTEM = """\
connector: rest
settings: {url: "https://shop.example"}
streams:
  orders:
    path: orders
    key: id
    webhooks: {signature: shopify, secrets: [{env: BENCH_WEBHOOK_SECRET}]}
"""


def measure(calls: int = CALLS, folder: Path | None = None) -> dict[str, Any]:
    """Send ``calls`` at once; gives what was stored and the times of the answers in ms."""
    _allow_connections(calls)
    with tempfile.TemporaryDirectory(prefix="crossdock-webhooks-", dir=folder) as name:
        home = _project(Path(name))
        ports: Any = multiprocessing.get_context("spawn").Queue()
        process = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(ports, dict(os.environ))
        )
        process.start()
        try:
            port = ports.get(timeout=120)
            asyncio.run(_one(port, b"GET /health HTTP/1.1\r\nHost: hub\r\n\r\n"))  # it is up
            found = asyncio.run(_burst(port, calls))
        finally:
            process.terminate()
            process.join(30)
        return {**found, "stored": _stored(home), "calls": calls}


def _project(folder: Path) -> Home:
    path = folder / "config" / "systems" / "shop.yaml"
    path.parent.mkdir(parents=True)
    (folder / "config" / "flows").mkdir()
    path.write_text(_SYSTEM, encoding="utf-8")
    for name in ("CROSSDOCK_DATABASE_URL", "CROSSDOCK_OBJECTS_URL", "CROSSDOCK_KEY_FILE"):
        os.environ.pop(name, None)
    os.environ.update(
        CROSSDOCK_PROJECT=str(folder),
        CROSSDOCK_HOME=str(folder / "state"),
        BENCH_WEBHOOK_SECRET=secrets.token_urlsafe(32),
    )
    return Home.find()


def _serve(ports: Any, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    import socket

    from crossdock.webhooks.listening import Listening
    from crossdock.webhooks.serve import server

    _allow_connections(CALLS)
    listening = socket.create_server(("127.0.0.1", 0), backlog=2_048)
    made = server(Home.find(), Listening())
    ports.put(listening.getsockname()[1])
    made.run(sockets=[listening])


def _allow_connections(calls: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * calls + 200)), hard))


async def _burst(port: int, calls: int) -> dict[str, Any]:
    secret = os.environ["BENCH_WEBHOOK_SECRET"].encode()
    requests = [_request(secret, number) for number in range(calls)]
    start = time.perf_counter()
    answers = await asyncio.gather(*map(partial(_one, port), requests))
    seconds = time.perf_counter() - start
    times = sorted(spent for _, spent in answers)
    return {
        "yes": sum(status == 200 for status, _ in answers),
        "seconds": round(seconds, 3),
        "p50_ms": round(times[len(times) // 2] * 1000, 1),
        "p99_ms": round(times[max(0, len(times) * 99 // 100 - 1)] * 1000, 1),
        "longest_ms": round(times[-1] * 1000, 1),
    }


def _request(secret: bytes, number: int) -> bytes:
    lines = [{"sku": f"A{line}", "quantity": 2, "price": "9.50"} for line in range(20)]
    body = json.dumps({"id": number, "number": f"S{number}", "line_items": lines}).encode()
    sign = base64.b64encode(hmac.digest(secret, body, "sha256")).decode()
    head = (
        "POST /webhooks/shop/orders HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\nX-Shopify-Hmac-SHA256: {sign}\r\n"
        f"X-Shopify-Topic: orders/create\r\nX-Shopify-Webhook-Id: {number}\r\n\r\n"
    )
    return head.encode() + body


async def _one(port: int, request: bytes) -> tuple[int, float]:
    start = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    line = await reader.readline()
    spent = time.perf_counter() - start
    writer.close()
    return int(line.split()[1]) if line else 0, spent


def _stored(home: Home) -> int:
    from crossdock.store import open_store
    from crossdock.webhooks import inbox

    return sum(int(row["calls"]) for row in inbox.counts(open_store(home)))


def main() -> int:
    """Measure and print; 1 when a call was lost or the slowest hundredth took a second."""
    found = measure()
    sys.stdout.write(
        f"{found['stored']} of {found['calls']} webhooks stored in {found['seconds']} s; "
        f"answered within {found['p50_ms']} ms (half), {found['p99_ms']} ms (99 of 100), "
        f"{found['longest_ms']} ms (all)\n{json.dumps(found)}\n"
    )
    return int(not found["calls"] == found["yes"] == found["stored"] or found["p99_ms"] >= 1_000)


if __name__ == "__main__":
    sys.exit(main())
