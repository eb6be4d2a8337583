"""The sample shop adds up where it should, and is wrong where it means to be."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from stdnum import ean

from crossdock.model.codes import countries, minor_units
from crossdock.sample_data import catalogue
from crossdock.sample_shop import (
    shop_orders,
    shop_prices,
    shop_products,
    shop_stock,
    write_ndjson,
)


def total(order: dict[str, Any]) -> Decimal:
    goods = sum((Decimal(line["total"]) for line in order["line_items"]), Decimal(0))
    return (
        goods
        + Decimal(order["shipping_total"])
        + Decimal(order["tax_total"])
        - Decimal(order["discount_total"])
    )


def test_clean_orders_add_up_in_the_decimals_of_their_currency() -> None:
    orders = shop_orders(400, seed=2, dirt=False)
    assert {"EUR", "GBP", "JPY", "KWD"} == {order["currency"] for order in orders}
    for order in orders:
        assert total(order) == Decimal(order["total"])
        digits = minor_units(order["currency"])
        for line in order["line_items"]:
            assert Decimal(line["price"]) * line["quantity"] == Decimal(line["total"])
            assert -Decimal(line["price"]).as_tuple().exponent == digits  # type: ignore[operator]
            assert ean.is_valid(line["gtin"])
        assert order["shipping_address"]["country"] in countries()


def test_orders_are_in_the_order_of_their_changes_and_say_their_offset() -> None:
    orders = shop_orders(200)
    times = [datetime.fromisoformat(order["updated_at"]) for order in orders]
    assert times == sorted(times)
    assert len({time.utcoffset() for time in times}) > 3
    assert [order["id"] for order in orders] == list(range(1001, 1201))


@pytest.mark.parametrize("orders", [12, 250])
def test_dirt_is_there_and_leaves_the_rest_clean(orders: int) -> None:
    made = shop_orders(orders)
    bad_gtin = [o for o in made if not all(ean.is_valid(i["gtin"]) for i in o["line_items"])]
    off = [o for o in made if total(o) != Decimal(o["total"])]
    comma = [o for o in made if any("," in i["price"] for i in o["line_items"])]
    nowhere = [o for o in made if o["shipping_address"]["country"] not in countries()]
    namibia = [o for o in made if o["shipping_address"]["country"] == "NA"]
    emoji = [o for o in made if "👩" in o["customer"]["name"]]
    for kind in (bad_gtin, off, comma, nowhere, emoji):
        assert 1 <= len(kind) <= 1 + orders // 100
    assert namibia
    assert shop_orders(orders) == made
    assert shop_orders(orders, seed=2) != made


def test_products_stock_and_prices_speak_of_the_same_skus(tmp_path: Path) -> None:
    products, stock, prices = shop_products(), shop_stock(), shop_prices()
    skus = {record["sku"] for record in products}
    assert len(skus) == 400
    assert skus == {record["sku"] for record in stock} == {record["sku"] for record in prices}
    assert skus <= set(catalogue()[0])
    assert {line["sku"] for order in shop_orders(300) for line in order["line_items"]} <= skus
    assert all(ean.is_valid(record["gtin"]) for record in products)
    assert all(record["on_hand"] >= 0 for record in stock)
    write_ndjson(products, tmp_path / "products.ndjson")
    lines = (tmp_path / "products.ndjson").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == products
