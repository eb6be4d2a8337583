"""Planted secrets and personal data stay where they belong, whatever goes wrong.

Runs fail in every way that answers, files and people have; then everything that was written is
searched. Secrets may stand nowhere. Personal data may stand in sealed bytes, in the typed tables of
the canonical model and in compressed versions, and nowhere else.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from crossdock import sample_shop
from crossdock.model import ENTITIES
from crossdock.sandbox.calls import Calls
from crossdock.sandbox.server import Answer, Request, Server
from crossdock.sandbox.shop import Shop
from tests.webhooks.conftest import FLOW, SHOP, WAREHOUSE

ROOT = Path(__file__).parents[2]

SECRETS = {
    "SHOP_CLIENT_SECRET": "canary-shop-secret-7f3a91",
    "ECHO_TOKEN": "canary-echo-token-b2c846",
    "SHOP_WEBHOOK_SECRET": "canary-hook-secret-5d10ee",
    "SHOP_WEBHOOK_OLD_SECRET": "canary-hook-old-secret-9ab2",
    "FAR_PASSWORD": "canary-database-word-41c7dd",
    "WRONG_SECRET": "canary-wrong-secret-e0d5c2",
}
PEOPLE = {
    "name": "Canaria Planted-Qzx",
    "email": "canary.qzx@private.example",
    "card": "4111111111114242",
    "street": "77 Canary Row Qzx",
    "phone": "+44 113 496 7733",
    "note": "ring twice, canary note qzx",
}

ECHO = """\
about: A system that says everything it heard, and says no.
connector: rest
settings: {url: "${ECHO_URL}", auth: header, token: {env: ECHO_TOKEN}}
allow_private: true
streams:
  orders:
    delivery: idempotency_key
    key: number
    path: orders
    idempotency_header: Idempotency-Key
    money: total
  customers: {path: customers, key: id, records: customers}
"""
FAR = """\
about: A database that is not there.
connector: sql
settings: {url: {env: FAR_URL}}
streams:
  orders: {table: orders, key: [number]}
"""
FILES = """\
about: Files that nobody can read.
connector: files
settings: {path: "${FILES_FOLDER}/*"}
streams:
  orders: {media: json, key: id}
"""
MAPPING = """\
from: sales_order
to: echo.orders
fields:
  number: id
  currency: currency
  total: total_amount
  name: {path: buyer_name, optional: true}
  email: {path: buyer_email, optional: true}
  street: {path: delivery_street, optional: true}
  note: {path: note, optional: true}
examples: [examples/none.yaml]
"""


def flow(pull: str, mapping: str) -> str:
    return FLOW.replace("shop.orders", pull).replace("shop/sales_order", mapping)


def order(number: int, **changes: Any) -> dict[str, Any]:
    made = sample_shop.shop_orders(number + 1, dirt=False)[number]
    made["customer"] = {"id": 5, "name": PEOPLE["name"], "phone": PEOPLE["phone"]}
    made["shipping_address"] = {
        **made["shipping_address"], "name": PEOPLE["name"], "street": PEOPLE["street"],
    }  # fmt: skip
    return {
        **made, "email": PEOPLE["email"], "note": f"{PEOPLE['note']} {PEOPLE['card']}", **changes,
    }  # fmt: skip


def echo(request: Request) -> Answer:
    """Say no, and quote everything: headers, query and body."""
    heard = f"{dict(request.headers)} {dict(request.query)} {request.body.decode()}"
    if request.method == "GET":
        return Answer(500, json.dumps({"error": heard}).encode())
    number = len(request.body) % 3
    if number == 0:
        return Answer(400, f"<html><body>{heard}</body></html>".encode(), "text/html")
    if number == 1:
        return Answer(200, json.dumps({"error": {"message": heard}}).encode())
    return Answer(422, json.dumps({"errors": [{"message": heard}], "message": heard}).encode())


class Canaries:
    """The project, and everything that it said."""

    def __init__(self, folder: Path, environment: dict[str, str], process: Any) -> None:
        self.folder = folder
        self.environment = environment
        self.said: list[tuple[str, str]] = []
        self._process = process

    def crossdock(self, *words: str, **environment: str) -> Any:
        """Run a command with every logger open, and keep what it said; gives its stdout."""
        asked = {"words": words, "environment": environment}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        self.said += [(f"{' '.join(words)}: {name}", answer[name]) for name in ("stdout", "stderr")]
        return answer["stdout"]


@pytest.fixture
def canaries(tmp_path: Path) -> Iterator[Canaries]:
    folder = tmp_path / "project"
    for name in ("shop", "warehouse"):
        shutil.copytree(ROOT / "mappings" / name, folder / "mappings" / name)
    files = {
        "config/systems/shop.yaml": SHOP,
        "config/systems/warehouse.yaml": WAREHOUSE,
        "config/systems/echo.yaml": ECHO,
        "config/systems/far.yaml": FAR,
        "config/systems/files.yaml": FILES,
        "config/flows/orders.yaml": FLOW
        + "  - {to: echo.orders, entity: sales_order, map: echo/order}\n",
        "config/flows/read_files.yaml": flow("files.orders", "files/order"),
        "config/flows/read_echo.yaml": flow("echo.customers", "echo/customer"),
        "config/flows/read_far.yaml": flow("far.orders", "far/order"),
        "mappings/echo/order.yaml": MAPPING,
        **{f"mappings/{n}/examples/none.yaml": "[]\n" for n in ("echo", "files", "far")},
        "incoming/broken.json": f'[{{"id": 1, "name": "{PEOPLE["name"]}", "card": 4111, ]',
        "incoming/empty_key.json": json.dumps([{"name": PEOPLE["name"]}, order(1, total="five")]),
        "incoming/page.json": f"<html>{PEOPLE['email']}</html>",
        "incoming/latin.json": f"[\"{PEOPLE['name']} ü\"]",
        "said/receiver.txt": "",
    }
    text = (ROOT / "mappings/shop/sales_order.yaml").read_text(encoding="utf-8")
    for start, kind in (("files.orders", "order"), ("echo.customers", "customer"),
                        ("far.orders", "order")):  # fmt: skip
        name = start.partition(".")[0]
        plain = text.replace("from: shop.orders", f"from: {start}").partition("examples:")[0]
        plain += "examples: [examples/none.yaml]\n"
        files[f"mappings/{name}/{kind}.yaml"] = plain
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("latin-1" if "latin" in name else "utf-8"))

    class Guarded(Shop):
        client_secret = SECRETS["SHOP_CLIENT_SECRET"]

    orders = [order(0), order(1), order(2, total="five"), order(3, status="no such status"),
              order(4, currency="XXQ"), order(5, line_items="none"), order(6)]  # fmt: skip
    with ExitStack() as stack:
        shop = stack.enter_context(Guarded(tmp_path, orders=orders))
        server = Server(echo)
        server.start()
        stack.callback(server.stop)
        environment = {
            **SECRETS,
            "CROSSDOCK_PROJECT": str(folder),
            "CROSSDOCK_HOME": str(folder / "state"),
            "SHOP_URL": shop.url,
            "ECHO_URL": server.url,
            "FILES_FOLDER": str(folder / "incoming"),
            "WAREHOUSE_URL": f"sqlite:///{folder / 'warehouse.db'}",
            "FAR_URL": f"postgresql://hub:{SECRETS['FAR_PASSWORD']}@127.0.0.1:9/far",
        }
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "tests.security.saying", str(folder / "said" / "log.txt")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                env={**os.environ, **environment}, cwd=ROOT,
            )
        )
        found = Canaries(folder, environment, process)
        yield found
        process.kill()


def _end(canaries: Canaries) -> None:
    """Let the process end by itself, and keep its last words and its log."""
    _, errors = canaries._process.communicate(timeout=120)
    log = (canaries.folder / "said" / "log.txt").read_text(encoding="utf-8")
    canaries.said += [("the process: stderr", errors), ("the process: log", log)]


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_nothing_planted_is_found_where_it_does_not_belong(canaries: Canaries) -> None:
    run = canaries.crossdock
    run("run", "orders", "--workers", "0")
    run("run", "orders", "--workers", "0", "--debug", SHOP_CLIENT_SECRET=SECRETS["WRONG_SECRET"])
    run("run", "read_files", "--workers", "0", "--debug")
    run("run", "read_echo", "--workers", "0", "--debug")
    run("run", "read_far", "--workers", "0", "--debug")
    for system in ("shop", "echo", "far", "files"):
        run("check", system, "--debug")
    run("check", "shop", SHOP_CLIENT_SECRET=SECRETS["WRONG_SECRET"])
    run("doctor")
    run("ledger", "orders", "--json")
    run("report", "--html", str(canaries.folder / "said" / "report.html"))
    run("webhooks", "list")
    _call(canaries)
    run("run", "orders", "--workers", "0", "--debug")
    held = json.loads(run("quarantine", "list", "--json"))
    _end(canaries)
    assert {row["cause"] for row in held} >= {"mapping", "refused"}, held
    assert any("401" in text or "does not let" in text or "refused" in text
               for name, text in canaries.said if "stderr" in name)  # fmt: skip
    found = [*_in_words(canaries), *_in_files(canaries), *_in_tables(canaries)]
    assert not found, "\n".join(found)


def _call(canaries: Canaries) -> None:
    """Serve webhooks: one true call that cannot be read, one that is not signed."""
    said = canaries.folder / "said" / "receiver.txt"
    command = [sys.executable, "-m", "crossdock.cli", "webhooks", "serve", "--port", "0"]
    code = (
        "import asyncio, logging, socket\n"
        f"logging.basicConfig(filename={str(said)!r}, level=logging.DEBUG)\n"
        "from crossdock.home import Home\n"
        "from crossdock.webhooks.listening import Listening\n"
        "from crossdock.webhooks.serve import server\n"
        "one = socket.create_server(('127.0.0.1', 0))\n"
        "print(one.getsockname()[1], flush=True)\n"
        "server(Home.find(), Listening()).run(sockets=[one])\n"
    )
    with subprocess.Popen(
        [*command[:1], "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **canaries.environment}, cwd=canaries.folder,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        url = f"http://127.0.0.1:{process.stdout.readline().strip()}/webhooks/shop/orders"
        good = Calls(url, SECRETS["SHOP_WEBHOOK_SECRET"], tries=1)
        assert good.tell("orders/create", order(6, id=9901, number="S9901"))
        good.tell("orders/create", {"broken": PEOPLE["name"] + '"' * 3})
        Calls(url, "canary-of-nobody-at-all", tries=1).tell("orders/create", dict(PEOPLE))
        process.terminate()
        output, errors = process.communicate(timeout=60)
    canaries.said += [("receiver: stdout", output), ("receiver: stderr", errors)]


def _planted(text: str, *, people: bool = True) -> list[str]:
    wanted = [*SECRETS.values(), *(PEOPLE.values() if people else ())]
    return [word for word in wanted if word in text]


def _in_words(canaries: Canaries) -> Iterator[str]:
    for name, text in canaries.said:
        for word in _planted(text):
            at = text.index(word)
            yield f"{name} says {word!r}: ...{text[max(0, at - 120):at + 60]!r}"


def _in_files(canaries: Canaries) -> Iterator[str]:
    """Search every file of the project but the inputs themselves and the typed tables."""
    inputs = {"incoming", "config", "mappings"}
    for path in sorted(canaries.folder.rglob("*")):
        inside = path.relative_to(canaries.folder).parts
        if not path.is_file() or inside[0] in inputs or path.name.startswith("warehouse.db"):
            continue
        people = not path.name.startswith("hub.db")
        for word in _planted(path.read_bytes().decode("latin-1"), people=people):
            yield f"{'/'.join(inside)} holds {word!r}"


def _in_tables(canaries: Canaries) -> Iterator[str]:
    """Search every column of the hub's database that is not a typed table."""
    typed = {name for entity in ENTITIES for name in (entity, f"{entity}_line")}
    with closing(sqlite3.connect(canaries.folder / "state" / "hub.db")) as database:
        listed = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in listed:
            cursor = database.execute(f'SELECT * FROM "{name}"')  # noqa: S608 - our own tables
            columns = [column[0] for column in cursor.description]
            for row in cursor:
                for column, value in zip(columns, row, strict=True):
                    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
                    for word in _planted(text, people=name not in typed):
                        yield f"{name}.{column} holds {word!r}: {text[:200]!r}"
