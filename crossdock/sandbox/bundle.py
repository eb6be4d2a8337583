"""Start shop, ERP and partner together, as the demo and ``python -m crossdock.sandbox`` do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


@contextmanager
def sandbox(
    folder: Path,
    *,
    shop: Mapping[str, Any] | None = None,
    erp: Mapping[str, Any] | None = None,
    partner: Mapping[str, Any] | None = None,
) -> Iterator[Sandbox]:
    """Run all three with their state in ``folder``; the mappings go to their constructors.

    ``orders.ndjson``, ``products.ndjson``, ``stock.ndjson`` and ``prices.ndjson`` in
    ``folder/shop`` are what the shop has to sell, where they are there.
    """
    rows = {
        name: folder / "shop" / f"{name}.ndjson"
        for name in ("orders", "products", "stock", "prices")
    }
    given = {name: path for name, path in rows.items() if path.exists()}
    with (
        Shop(folder, **{**given, **(shop or {})}) as one,
        Erp(folder, **(erp or {})) as two,
        Partner(folder, **(partner or {})) as three,
    ):
        yield Sandbox(one, two, three)
