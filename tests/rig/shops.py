"""Worlds that begin at a REST shop: to a market, to an ERP, to a folder, to two at once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from crossdock.sandbox.erp import Erp
from crossdock.sandbox.partner import Partner
from crossdock.sandbox.shop import Shop
from tests.rig.warehouse import Warehouse
from tests.rig.worlds import Effect, Wanted, World, version

ORDERS = {0: 6}  # in the sweep's variant one of each kind of trouble; else 12, one of them bad
MANY = 12
CUSTOMERS = {f"C{number}" for number in range(1, 40)} - {"C6"}
NEVER = "C6"  # a customer that the ERP does not know; a country that the market does not take


def order(number: int, *, name: str = "Ada Okafor", minute: int = 0, **trouble: Any) -> Any:
    """Make an order of a shop with one or two lines; ``trouble`` replaces parts of it."""
    prices = [(Decimal(number) + Decimal(line) / 4, line) for line in range(1, 2 + number % 2)]
    lines = [
        {"id": line, "sku": f"SKU{number}{line}", "title": f"Thing {line}", "quantity": line,
         "price": f"{price:.2f}", "tax_rate": "20", "total": f"{price * line:.2f}"}
        for price, line in prices
    ]  # fmt: skip
    total = sum((Decimal(line["total"]) for line in lines), Decimal(0))
    at = f"2026-01-05T{8 + number // 60:02}:{number % 60:02}:{minute:02}+00:00"
    return {
        "id": 1000 + number, "number": f"S{number}", "status": "open",
        "currency": "EUR" if number % 3 else "GBP", "created_at": at, "updated_at": at,
        "customer": {"id": f"C{number}", "name": name}, "email": f"c{number}@example.com",
        "shipping_address": {"country": "GB"}, "line_items": lines, "total": f"{total:.2f}",
        **trouble,
    }  # fmt: skip


def troubled(number: int, kind: int) -> Any:
    """Make an order that does not add up, has a decimal comma, or that the target refuses."""
    made = order(number)
    if kind == 0:
        made["total"] = f"{Decimal(made['total']) + 1:.2f}"
    elif kind == 1:
        made["line_items"][0]["price"] = made["line_items"][0]["price"].replace(".", ",")
    else:
        made |= {"customer": {"id": NEVER, "name": "Nobody"}, "shipping_address": {"country": "U1"}}
    return made


def shown(bodies: Iterable[Any]) -> dict[str, Wanted]:
    """Say what a shop showed: the newest version of each order, and those before it."""
    found: dict[str, Wanted] = {}
    for body in bodies:
        known = found.get(body["number"])
        words = version(body["customer"]["name"], body["total"])
        found[body["number"]] = Wanted(
            body["number"], str(body["id"]), Decimal(body["total"]), body["currency"],
            (*(known.versions if known else ()), words),
        )  # fmt: skip
    return found


class ShopWorld(World):
    """Orders of a REST shop; some are bad, and later one is new and one put right."""

    def begin(self) -> None:
        self.count = ORDERS.get(self.variant, MANY)
        self.bad = {3: 0, 5: 1, 6: 2} if self.variant == 0 else {2 + self.variant: self.variant % 3}
        self.shop = Shop(
            self.folder / "shop",
            orders=[
                troubled(number, self.bad[number]) if number in self.bad else order(number)
                for number in range(1, self.count + 1)
            ],
            now=self.board.now,
        )
        self.systems = [self.shop, *self.targets()]

    def targets(self) -> list[Any]:
        """Make the systems that are written to."""
        raise NotImplementedError

    def go_on(self) -> None:
        for body in self.changed():
            self.shop.change("orders", body)

    def changed(self) -> list[Any]:
        """Make an order that is new, one put right, and one changed where the target takes that."""
        later = "2026-01-06T12:00:0{}+00:00"
        changed = [order(self.count + 1), order(min(self.bad))]
        if self.takes_changes:
            changed.append(order(1, name="Ada King"))
        return [
            {**body, "updated_at": later.format(number)} for number, body in enumerate(changed)
        ]

    takes_changes = True

    def addresses(self) -> dict[str, str]:
        return {
            "SANDBOX_SHOP_URL": self.shop.url,
            "SANDBOX_SHOP_CLIENT_ID": self.shop.client_id,
            "SANDBOX_SHOP_CLIENT_SECRET": self.shop.client_secret,
        }

    def wanted(self) -> dict[str, Wanted]:
        return shown(
            entry.body for entry in self.shop.journal.entries("exposed", entity="orders")
        )


class Keys(ShopWorld):
    """REST to REST: a market that knows idempotency keys, and takes no changes."""

    flow = "keys"
    takes_changes = False

    def targets(self) -> list[Any]:
        self.market = Shop(self.folder / "market", now=self.board.now)
        return [self.market]

    def addresses(self) -> dict[str, str]:
        return {**super().addresses(), "MARKET_URL": self.market.url}

    def effects(self) -> dict[str, list[Effect]]:
        entries = self.market.journal.entries("accepted", entity="orders")
        return {
            "market.orders": [
                Effect(entry.reference, "create", Decimal(entry.amount or 0),
                       version(entry.body["customer"]["name"], entry.amount))
                for entry in entries
            ]
        }  # fmt: skip

    def content(self) -> dict[str, list[str]]:
        entries = self.market.journal.entries("accepted", entity="orders")
        return {"market": sorted(json.dumps(entry.body, sort_keys=True) for entry in entries)}


class Lookup(ShopWorld):
    """REST to SOAP: an ERP that books twice what is created twice, so it is asked first."""

    flow = "lookup"

    def targets(self) -> list[Any]:
        self.erp = Erp(self.folder / "erp", customers=CUSTOMERS, now=self.board.now)
        return [self.erp]

    def addresses(self) -> dict[str, str]:
        return {
            **super().addresses(),
            "SANDBOX_ERP_URL": self.erp.url,
            "SANDBOX_ERP_WSDL": self.erp.wsdl,
            "SANDBOX_ERP_USER": self.erp.user,
            "SANDBOX_ERP_PASSWORD": self.erp.password,
        }

    def effects(self) -> dict[str, list[Effect]]:
        entries = self.erp.journal.entries("accepted", entity="sales_order")
        return {
            "erp.sales_order": [
                Effect(entry.reference, entry.operation or "create", Decimal(entry.amount or 0),
                       version(entry.body["CustomerName"], entry.amount))
                for entry in entries
            ]
        }  # fmt: skip

    def content(self) -> dict[str, list[str]]:
        now: dict[str, str] = {}
        for entry in self.erp.journal.entries("accepted", entity="sales_order"):
            now[entry.reference] = json.dumps(entry.body, sort_keys=True)
        return {"erp": sorted(now.values())}


class Blind(Lookup):
    """REST to SOAP: an ERP that can neither be asked nor knows keys; stewards decide in doubt."""

    flow = "blind"
    unsure = True
    takes_changes = False

    def effects(self) -> dict[str, list[Effect]]:
        return {"blind.sales_order": super().effects()["erp.sales_order"]}


class Both(Lookup):
    """REST to SOAP and to SQL in one flow."""

    flow = "both"

    def begin(self) -> None:
        super().begin()
        self.warehouse = Warehouse(self.state / "warehouse.db", self.folder.parent)

    def effects(self) -> dict[str, list[Effect]]:
        return {**super().effects(), "warehouse.sales_order": self.warehouse.effects()}

    def content(self) -> dict[str, list[str]]:
        return {**super().content(), **self.warehouse.content()}


def partner_variables(partner: Partner) -> dict[str, str]:
    """Name a partner as config/systems reads it."""
    return {
        "SANDBOX_PARTNER_HOST": partner.host,
        "SANDBOX_PARTNER_PORT": str(partner.port),
        "SANDBOX_PARTNER_USER": partner.user,
        "SANDBOX_PARTNER_PASSWORD": partner.password,
        "SANDBOX_PARTNER_HOST_KEY": partner.host_key,
    }
