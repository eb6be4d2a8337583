"""Small worlds around an engine: where records come from, where they go, who keeps a journal."""

from __future__ import annotations

import csv
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from crossdock import sample_shop
from crossdock.sandbox.erp import Erp
from crossdock.sandbox.faults import NO_FAULTS, Plan
from crossdock.sandbox.shop import Shop
from tests.rig.attempts import ROOT

ORDERS = 12
LATER = "2026-01-06T12:00:00+00:00"
KNOWN = {"id": 901, "name": "Ada Okafor", "phone": "+44 113 496 0901"}
CHANGES = {  # smaller pages and chunks than in life: bugs are about boundaries, not volume
    "config/systems/shop.yaml": [("{limit: 100}", "{limit: 5}"), ("sandbox: true\n", "")],
    "config/systems/erp.yaml": [("batch: 50", "batch: 4"), ("sandbox: true\n", "")],
    "config/flows/shop_orders.yaml": [("legs:", "batch_lines: 15\nlegs:")],
    "validation/sales_order.yaml": [  # a till does not ask for names
        ("buyer_missing\n    severity: hold_record", "buyer_missing\n    severity: note")
    ],
}


def project(folder: Path) -> Path:
    """Copy the example project into ``folder``, with small pages."""
    for name in ("config", "mappings", "validation"):
        shutil.copytree(ROOT / name, folder / name)
    for name, changes in CHANGES.items():
        text = (folder / name).read_text("utf-8")
        for old, new in changes:
            assert old in text, f"{name} has no {old!r}"
            text = text.replace(old, new)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Wanted:
    """A record that the source showed: business number, key at the source, and its money."""

    number: str
    key: str
    amount: Decimal
    currency: str


@dataclass
class World:
    """One small world: its folder, its flow, its environment, and the systems that run in it."""

    folder: Path
    flow: str
    variables: dict[str, str]
    shop: Shop | None = None
    erp: Erp | None = None

    def wanted(self) -> dict[str, Wanted]:
        """What the source exposed, newest version of each, by number."""
        if self.shop is None:
            return _receipts(self.folder / "till")
        found = {}
        for entry in self.shop.journal.entries("exposed", entity="orders"):
            body = entry.body
            found[body["number"]] = Wanted(
                body["number"], str(body["id"]), Decimal(body["total"]), body["currency"]
            )
        return found

    def arrived(self) -> dict[str, dict[str, list[Decimal]]]:
        """What each target took, by its own journal or tables: target -> number -> amounts."""
        there: dict[str, dict[str, list[Decimal]]] = {"warehouse.sales_order": {}}
        for row in self.rows("warehouse.db", "SELECT order_id, total_amount FROM sales_order"):
            there["warehouse.sales_order"].setdefault(row[0], []).append(Decimal(str(row[1])))
        if self.erp is not None:
            mine = there.setdefault("erp.sales_order", {})
            for entry in self.erp.journal.entries("accepted", entity="sales_order"):
                amounts = mine.setdefault(entry.reference, [])
                if entry.operation == "change":  # of a document that is there already
                    amounts.pop()
                amounts.append(Decimal(entry.amount or "0"))
        return there

    def content(self) -> dict[str, Any]:
        """Everything that lies at the targets, to be compared with an undisturbed world's."""
        found: dict[str, Any] = {
            "orders": sorted(  # less the hub's own number of the version, in the last column
                repr(row[:-1]) for row in self.rows("warehouse.db", "SELECT * FROM sales_order")
            ),
            "lines": sorted(map(repr, self.rows("warehouse.db", "SELECT * FROM sales_order_line"))),
        }
        if self.erp is not None:
            accepted = self.erp.journal.entries("accepted", entity="sales_order")
            found["erp"] = sorted({e.reference: e.body_sha256 for e in accepted}.items())
        return found

    def effects(self) -> list[str]:
        """Every effect that ever happened at a target, in order, and the tables as they are."""
        journal = self.erp.journal.entries("accepted", "refused") if self.erp else []
        return [*(f"{entry.kind} {entry.reference} {entry.at}" for entry in journal),
                *map(str, self.content().values())]  # fmt: skip

    def rows(self, name: str, statement: str) -> list[tuple[Any, ...]]:
        """Read a database of this world by itself, without the engine; no table is no rows."""
        path = self.folder / "state" / name
        if not path.exists():
            return []
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return connection.execute(statement).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
        finally:
            connection.close()

    def break_by(self, seed: int, rate: float, names: tuple[str, ...]) -> None:
        """Let a share of all requests fail."""
        for number, system in enumerate(s for s in (self.shop, self.erp) if s is not None):
            system.plan = Plan(seed=seed * 2 + number, rate=rate, names=names)

    def go_on(self) -> None:
        """Let the source's own people work: one record is new, one put right, one changed."""
        if self.shop is None:
            _write_receipts(self.folder / "till" / "day0.csv", range(6), right=True)
            _write_receipts(self.folder / "till" / "later.csv", [ORDERS])
            return
        new = sample_shop.shop_orders(ORDERS + 1, dirt=False)
        married = {**new[6]["customer"], "name": "Ada King"}
        for order, customer in ((new[ORDERS], KNOWN), (new[2], KNOWN), (new[6], married)):
            self.shop.change("orders", {**order, "customer": customer, "updated_at": LATER})

    def heal(self) -> None:
        """Let nothing fail any more."""
        for system in (self.shop, self.erp):
            if system is not None:
                system.plan = NO_FAULTS


@contextmanager
def shop_world(folder: Path, template: Path) -> Iterator[World]:
    """A REST shop's orders go to a SOAP ERP that knows no idempotency, and to a SQL warehouse.

    Of twelve orders one does not add up, one has a decimal comma, and one has a customer that the
    ERP does not know.
    """
    shutil.copytree(template, folder / "state")
    orders = sample_shop.shop_orders(ORDERS)
    customers = {str(order["customer"]["id"]) for order in orders[:-1]} | {str(KNOWN["id"])}
    customers.discard(str(orders[-1]["customer"]["id"]))
    with Shop(folder, orders=orders) as shop, Erp(folder, customers=customers) as erp:
        variables = {
            "SANDBOX_SHOP_URL": shop.url,
            "SANDBOX_SHOP_CLIENT_ID": shop.client_id,
            "SANDBOX_SHOP_CLIENT_SECRET": shop.client_secret,
            "SANDBOX_ERP_URL": erp.url,
            "SANDBOX_ERP_WSDL": erp.wsdl,
            "SANDBOX_ERP_USER": erp.user,
            "SANDBOX_ERP_PASSWORD": erp.password,
        }
        yield World(folder, "shop_orders", _variables(folder, variables), shop, erp)


@contextmanager
def till_world(folder: Path, template: Path) -> Iterator[World]:
    """CSV files of a till go to a SQL warehouse; one receipt of twelve has no article."""
    shutil.copytree(template, folder / "state")
    till = folder / "till"
    till.mkdir()
    for part in range(2):
        _write_receipts(till / f"day{part}.csv", range(part * 6, part * 6 + 6))
    yield World(folder, "till_receipts", _variables(folder, {"TILL_FOLDER": f"{till}/*.csv"}))


def _variables(folder: Path, more: dict[str, str]) -> dict[str, str]:
    return {
        "CROSSDOCK_HOME": str(folder / "state"),
        "CROSSDOCK_DATABASE_URL": f"sqlite:///{folder / 'state' / 'hub.db'}",
        "WAREHOUSE_URL": f"sqlite:///{folder / 'state' / 'warehouse.db'}",
        **more,
    }


def _write_receipts(path: Path, numbers: Iterable[int], *, right: bool = False) -> None:
    """Write a till's file; number 4 has a line without an article unless it was put right."""
    lines = [
        (f"B{number:03}", "01.03.2026 09:30", "" if number == 4 and not right else f"A{number}",
         "2", "1,25", "2,50", "EUR")
        for number in numbers
        for _ in range(1 + number % 3)
    ]  # fmt: skip
    with path.open("w", encoding="windows-1251", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["Beleg", "Datum", "Artikel", "Menge", "Preis", "Summe", "Waehrung"])
        writer.writerows(lines)


def _receipts(folder: Path) -> dict[str, Wanted]:
    """Read what the till's files say of each receipt; the file of a later name counts."""
    found: dict[str, Decimal] = {}
    for path in sorted(folder.glob("*.csv")):
        own: dict[str, Decimal] = {}
        with path.open(encoding="windows-1251", newline="") as file:
            for row in csv.DictReader(file, delimiter=";"):
                amount = Decimal(row["Summe"].replace(",", "."))
                own[row["Beleg"]] = own.get(row["Beleg"], Decimal(0)) + amount
        found |= own
    return {number: Wanted(number, number, amount, "EUR") for number, amount in found.items()}
