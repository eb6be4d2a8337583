"""A project whose shop calls: the sandbox's shop, the example's mappings, a warehouse in SQLite."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from crossdock import flow as steps
from crossdock import sample_shop
from crossdock.flow import Books
from crossdock.home import Home
from crossdock.sandbox.calls import Calls
from crossdock.sandbox.shop import Shop
from crossdock.store import Store, engine, open_store
from crossdock.webhooks.listening import Listening
from crossdock.webhooks.serve import server

ROOT = Path(__file__).parents[2]
SECRET = "whsec_" + "c2FuZGJveC13ZWJob29rLXNlY3JldC0wMQ=="
OLD_SECRET = "whsec_" + "c2FuZGJveC13ZWJob29rLXNlY3JldC0wMA=="

SHOP = """\
about: A shop that calls.
connector: rest
settings:
  url: ${SHOP_URL}
  auth: oauth2
  token_url: ${SHOP_URL}/oauth/token
  client_id: crossdock
  client_secret: {env: SHOP_CLIENT_SECRET}
allow_private: true
streams:
  orders:
    path: orders
    records: orders
    key: id
    paging: {kind: link, size: {limit: 100}}
    cursor: updated_at
    since: updated_since
    grain: second
    order: oldest_first
    money: {sum: total, currency: currency}
    webhooks:
      signature: shopify
      secrets: [{env: SHOP_WEBHOOK_SECRET}, {env: SHOP_WEBHOOK_OLD_SECRET}]
"""

WAREHOUSE = """\
about: The warehouse.
connector: sql
settings: {url: {env: WAREHOUSE_URL}}
streams:
  sales_order:
    delivery: upsert
    key: order_id
    money: total_amount
    create: true
    children: {lines: {table: sales_order_line}}
"""

FLOW = """\
about: Orders of the shop into the warehouse.
organisation: demo
shop: web
legs:
  - pull: shop.orders
    map: [shop/sales_order]
push:
  - {to: warehouse.sales_order, entity: sales_order, map: warehouse/sales_order}
"""


@dataclass
class World:
    """The project, its shop, and what may be asked of them."""

    folder: Path
    shop: Shop

    @property
    def home(self) -> Home:
        return Home.find()

    @property
    def store(self) -> Store:
        return open_store(self.home)

    def say(self, **changes: Any) -> None:
        """Change what the shop's file says about webhooks."""
        text = SHOP
        for key, value in changes.items():
            lines = [line for line in text.splitlines() if not line.startswith(f"      {key}:")]
            text = "\n".join(lines) + f"\n      {key}: {json.dumps(value)}\n"
        (self.folder / "config/systems/shop.yaml").write_text(text, encoding="utf-8")

    def run(self) -> Books:
        return steps.run(self.home, "orders", 0)

    def arrived(self) -> dict[str, str]:
        """Give the total of each order in the warehouse."""
        path = self.folder / "warehouse.db"
        if not path.exists():
            return {}
        with closing(sqlite3.connect(path)) as database:
            rows = database.execute("SELECT order_id, status FROM sales_order").fetchall()
        return dict(rows)


def order(number: int, **changes: Any) -> dict[str, Any]:
    """Give an order of the sample shop with its own number."""
    made = sample_shop.shop_orders(3, dirt=False)[0]
    at = f"2026-03-01T10:{number % 60:02}:00+00:00"
    return {
        **made, "id": 5000 + number, "number": f"W{number}", "updated_at": at, **changes,
    }  # fmt: skip


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the hub's tables."""
    import sqlalchemy as sa

    from crossdock.store.migrate import migrate

    path = tmp_path_factory.mktemp("blank") / "hub.db"
    made = sa.create_engine(f"sqlite:///{path}")
    migrate(made)
    made.dispose()
    return path


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blank: Path) -> Iterator[World]:
    """A project on SQLite with an empty shop."""
    folder = tmp_path / "project"
    for name in ("shop", "warehouse"):
        shutil.copytree(ROOT / "mappings" / name, folder / "mappings" / name)
    for name, text in (
        ("systems/shop", SHOP), ("systems/warehouse", WAREHOUSE), ("flows/orders", FLOW),
    ):  # fmt: skip
        path = folder / "config" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "state").mkdir(mode=0o700)
    shutil.copyfile(blank, folder / "state" / "hub.db")
    with Shop(tmp_path) as shop:
        for name, value in {
            "CROSSDOCK_PROJECT": str(folder),
            "CROSSDOCK_HOME": str(folder / "state"),
            "SHOP_URL": shop.url,
            "SHOP_CLIENT_SECRET": shop.client_secret,
            "SHOP_WEBHOOK_SECRET": SECRET,
            "SHOP_WEBHOOK_OLD_SECRET": OLD_SECRET,
            "WAREHOUSE_URL": f"sqlite:///{folder / 'warehouse.db'}",
        }.items():
            monkeypatch.setenv(name, value)
        Home.find().make_key()
        yield World(folder, shop)
    for at in list(engine._engines):
        engine._engines.pop(at).dispose()


@dataclass(frozen=True)
class Receiver:
    """A running receiver."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/webhooks/shop/orders"

    def raw(self, data: bytes, *, end: bool = False) -> bytes:
        """Send bytes and read the answer to its end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as sock:
            sock.sendall(data)
            if end:
                sock.shutdown(socket.SHUT_WR)
            parts = []
            with contextlib.suppress(ConnectionError):
                while part := sock.recv(65_536):
                    parts.append(part)
            return b"".join(parts)


@contextlib.contextmanager
def running(made: uvicorn.Server) -> Iterator[Receiver]:
    """Serve in a thread on a free port."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    thread = threading.Thread(
        target=lambda: asyncio.run(made.serve(sockets=[listening])), daemon=True
    )
    thread.start()
    until = time.monotonic() + 60
    while not made.started:
        assert time.monotonic() < until
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield Receiver(listening.getsockname()[1])
    finally:
        made.should_exit = True
        thread.join(60)
        listening.close()


@pytest.fixture
def listen(world: World) -> Iterator[Callable[..., Receiver]]:
    """Start the receiver of the world; options as of ``server``."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> Receiver:
            made = server(world.home, Listening(), **options)
            return stack.enter_context(running(made))

        yield start


@pytest.fixture
def calls(world: World, listen: Callable[..., Receiver]) -> Calls:
    """The shop's calls, which reach a running receiver."""
    world.shop.calls = Calls(listen().url, SECRET)
    return world.shop.calls
