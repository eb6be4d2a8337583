"""Start shop, ERP and partner together, as the demo and ``python -m crossdock.sandbox`` do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossdock.sandbox.erp import Erp
from crossdock.sandbox.partner import Partner
from crossdock.sandbox.shop import Shop


@dataclass(frozen=True)
class Sandbox:
    """The three running systems."""

    shop: Shop
    erp: Erp
    partner: Partner

    def addresses(self) -> dict[str, Any]:
        """Say how each is reached: urls, ports, users, and the partner's host key."""
        partner = self.partner
        return {
            "shop": {
                "url": self.shop.url,
                "client_id": self.shop.client_id,
                "client_secret": self.shop.client_secret,
            },
            "erp": {
                "url": self.erp.url,
                "wsdl": self.erp.wsdl,
                "user": self.erp.user,
                "password": self.erp.password,
            },
            "partner": {
                "host": partner.host,
                "port": partner.port,
                "user": partner.user,
                "password": partner.password,
                "host_key": partner.host_key,
                "client_key": str(partner.client_key),
            },
        }


def furnish(folder: Path, orders: int = 200) -> None:
    """Write sample data for shop, ERP, partners, depot and till into ``folder``, once."""
    from crossdock import sample_edi, sample_shop, sample_till

    files: dict[str, Callable[[], Mapping[str, bytes]]] = {
        "till": lambda: {"receipts-2026-11-20.csv": sample_till.till_receipts()},
        "partner/out": lambda: {
            "ORDERS_000001.edi": sample_till.partner_orders(),
            **sample_edi.retailer_files(),
        },
        "supplier/out": sample_edi.supplier_files,
        "depot": sample_edi.depot_files,
    }
    for place, make in files.items():
        path = folder / place
        if not path.exists():  # later the partner's files are its own affair
            path.mkdir(parents=True)
            for name, data in make().items():
                (path / name).write_bytes(data)

    stock, prices = sample_shop.shop_stock(), sample_shop.shop_prices()
    made = {
        "shop/orders": sample_shop.shop_orders(orders),
        "shop/products": sample_shop.shop_products(),
        "shop/stock": stock,
        "shop/prices": prices,
        "erp/stock": [_stock_item(record) for record in stock],
        "erp/prices": [_price_item(record) for record in prices],
    }
    for name, records in made.items():
        path = folder / f"{name}.ndjson"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            sample_shop.write_ndjson(records, path)


def _stock_item(record: Mapping[str, Any]) -> dict[str, Any]:
    """A shop's stock record as the ERP keeps it."""
    return {
        "ItemNo": record["sku"],
        "Location": record.get("location", "main"),
        "Quantity": str(record["on_hand"]),
        "updated_at": record["updated_at"],
    }


def _price_item(record: Mapping[str, Any]) -> dict[str, Any]:
    """A shop's price record as the ERP keeps it."""
    return {
        "ItemNo": record["sku"],
        "Currency": record["currency"],
        "UnitPrice": str(record["amount"]),
        "updated_at": record["updated_at"],
    }


@contextmanager
def sandbox(
    folder: Path,
    *,
    shop: Mapping[str, Any] | None = None,
    erp: Mapping[str, Any] | None = None,
    partner: Mapping[str, Any] | None = None,
) -> Iterator[Sandbox]:
    """Run all three with their state in ``folder``; the mappings go to their constructors.

    Files such as ``shop/orders.ndjson`` and ``erp/stock.ndjson`` in ``folder`` are what they have
    to offer, where they are there; see ``furnish``.
    """
    goods = _files(folder / "shop", "orders", "products", "stock", "prices")
    books = _files(folder / "erp", "stock", "prices")
    with (
        Shop(folder, **{**goods, **(shop or {})}) as one,
        Erp(folder, **{**books, **(erp or {})}) as two,
        Partner(folder, **(partner or {})) as three,
    ):
        yield Sandbox(one, two, three)


def _files(folder: Path, *names: str) -> dict[str, Any]:
    paths = {name: folder / f"{name}.ndjson" for name in names}
    return {name: path for name, path in paths.items() if path.exists()}
