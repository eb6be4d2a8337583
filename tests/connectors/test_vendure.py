"""What the Vendure connector makes of answers; the server itself is in tests/real."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.vendure import Vendure
from crossdock.connector import World
from crossdock.errors import Misconfigured, Refused
from crossdock.exchange import NoAnswer
from crossdock.graphql_calls import said_no
from crossdock.graphql_text import Word, operation


@pytest.fixture
def vendure(world: World) -> Vendure:
    made = Vendure(url="https://shop.example.com/admin-api", api_key="k3y-k3y")
    made.bind("shop", world, {})
    return made


def parsed(vendure: Vendure, stream: str, listed: str, items: list[Any]) -> list[Any]:
    path = vendure.world.scratch / "page"
    path.write_text(json.dumps({"data": {listed: {"totalItems": 1, "items": items}}}), "utf-8")
    tables = vendure.tables(vendure.reads()[stream], "json", path)
    return [json.loads(text) for table in tables for text in table["json"].to_pylist()]


def test_the_rate_of_shipping_is_found_in_the_sums_of_the_order(vendure: Vendure) -> None:
    shipping = {"discountedPrice": 490, "discountedPriceWithTax": 583}
    taxes = [{"taxRate": 7, "taxBase": 1000}, {"taxRate": 19, "taxBase": 490}]
    order = {"id": "1", "shippingLines": [shipping], "taxSummary": taxes}
    (record,) = parsed(vendure, "orders", "orders", [order])
    assert record["shippingLines"] == [
        {"discountedPrice": "4.90", "discountedPriceWithTax": "5.83", "taxRate": 19}
    ]


def test_each_price_and_each_stock_level_is_a_record(vendure: Vendure) -> None:
    prices = [{"currencyCode": "EUR", "price": 999}, {"currencyCode": "SEK", "price": 11000}]
    found = parsed(vendure, "prices", "productVariants", [{"id": "1", "prices": prices}])
    assert [(one["id"], one["price"]["price"]) for one in found] == [("1", "9.99"), ("1", "110.00")]
    none = {"id": "1", "state": "Shipped", "fulfillments": None}
    assert parsed(vendure, "fulfilments", "orders", [none]) == []


def test_a_watched_order_is_asked_for_by_its_number(vendure: Vendure) -> None:
    orders = vendure.reads()["orders"]
    placed = {"orderPlacedAt": {"isNull": False}}
    assert vendure._wanted(orders, {"since": None, "open": []}) == placed
    asked = vendure._wanted(orders, {"since": "2026-01-02T00:00:00Z", "open": ["7"]})
    assert asked["_and"][0] == placed
    since = {"after": "2026-01-01T23:59:00Z"}
    assert asked["_and"][1]["_or"] == [
        {"updatedAt": since},
        {"orderPlacedAt": since},
        {"id": {"in": ["7"]}},
    ]


def test_what_a_text_holds_stays_in_the_text() -> None:
    given = {"name": 'a"}) { id }', "languageCode": Word("en")}
    text = operation("createProduct", "id", input=given)
    assert text == '{ createProduct(input: {name: "a\\"}) { id }", languageCode: en}) { id } }'


@pytest.mark.parametrize(("code", "kind"), [
    ("FORBIDDEN", Misconfigured), ("USER_INPUT_ERROR", Refused), ("INTERNAL_SERVER_ERROR", NoAnswer)
])  # fmt: skip
def test_an_error_says_what_to_do(code: str, kind: type[Exception]) -> None:
    assert isinstance(said_no({"message": "no", "extensions": {"code": code}}), kind)


def test_no_secret_is_shown(vendure: Vendure) -> None:
    assert "k3y-k3y" not in repr(vendure)
