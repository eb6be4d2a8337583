"""The Vendure connector against a real Vendure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.vendure import Vendure
from crossdock.connector import Parcel, World
from crossdock.real.vendure import Shop
from tests.real.proxy import Way, way_to

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

BUYER = {
    "firstName": "Ada",
    "lastName": "Okafor",
    "emailAddress": "ada@example.com",
    "streetLine1": "12 High Street",
    "postalCode": "53111",
    "city": "Bonn",
}
PLACE = {
    "fullName": "Bo Berg",
    "streetLine1": "Ring 5",
    "postalCode": "20095",
    "city": "Hamburg",
    "countryCode": "DE",
}
ORDER = {
    "customer": {"name": "Bo Berg", "email": "bo@example.com"},
    "address": PLACE,
    "lines": [{"sku": "MUG-1", "quantity": Decimal(2)}],
    "total": Decimal("29.63"),
}


def opened(world: World, url: str, shop: Shop, **settings: Any) -> Vendure:
    given = {"user": "superadmin", "password": shop.password, **settings}
    made = Vendure(url=url, **given)
    made.bind("shop", world, {})
    vars(made)["allow_private"] = True
    return made


@pytest.fixture
def vendure(shop: Shop, world: World) -> Iterator[Vendure]:
    made = opened(world, f"{shop.url}/admin-api", shop)
    yield made
    made.close()


@pytest.fixture
def way(shop: Shop) -> Iterator[Way]:
    with way_to(f"{shop.url}/admin-api") as made:
        yield made


def read(vendure: Vendure, stream: str, cursor: str | None = None) -> tuple[list[Any], str | None]:
    """All records of a stream, in their order, and the cursor after them."""
    found, reads = [], vendure.reads()[stream]
    for page in vendure.read(reads, cursor):
        path = vendure.world.scratch / page.name
        path.write_bytes(page.body)  # type: ignore[arg-type]
        for table in vendure.tables(reads, page.media, path):
            found += [json.loads(text) for text in table["json"].to_pylist()]
        cursor = page.cursor or cursor
    return found, cursor


def put(vendure: Vendure, stream: str, body: dict[str, Any], key: str = "k") -> Any:
    (outcome,) = vendure.write(vendure.writes()[stream], [Parcel(key, key, "create", body)])
    return outcome


def looked_up(vendure: Vendure, stream: str, body: dict[str, Any]) -> Any:
    parcel = Parcel("k", "k", "create", body)
    return vendure.lookup(vendure.writes()[stream], [parcel])["k"]


def orders(shop: Shop) -> list[Any]:
    text = "{ orders { items { id code state updatedAt payments { transactionId } } } }"
    return list(shop.admin(text)["orders"]["items"])


def state_of(shop: Shop, code: str) -> Any:
    return next(order for order in orders(shop) if order["code"] == code)


def test_it_says_whether_the_account_works(
    vendure: Vendure, shop: Shop, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    assert all(line.ok for line in vendure.check())
    wrong = opened(world, f"{shop.url}/admin-api", shop, password="hunter2-hunter2")
    lines = list(wrong.check())
    assert not any(line.ok for line in lines)
    assert "let this administrator in" in lines[0].detail
    assert "hunter2" not in repr(wrong) + str(lines) + caplog.text
    wrong.close()


def test_an_api_key_is_enough(shop: Shop, world: World) -> None:
    made = shop.admin("""mutation { createApiKey(input: { roleIds: ["1"],
        translations: [{ languageCode: en, name: "hub" }] }) { apiKey } }""")
    keyed = opened(
        world,
        f"{shop.url}/admin-api",
        shop,
        user="",
        password="",
        api_key=made["createApiKey"]["apiKey"],
    )
    assert all(line.ok for line in keyed.check())
    keyed.close()


def test_a_list_is_the_same_twice_and_in_pages_of_one(
    vendure: Vendure, shop: Shop, world: World
) -> None:
    variant = shop.offer("PEN-1", "Pen", 99, 50)
    shop.buy(BUYER, [(variant, 3)])
    small = opened(world, f"{shop.url}/admin-api", shop, page=1)
    for stream in vendure.reads():
        whole = read(vendure, stream)[0]
        assert whole == read(vendure, stream)[0]
        assert whole == read(small, stream)[0]
        assert whole or stream == "fulfilments"
    small.close()


def test_money_is_decimal_and_counted_with_the_tax(vendure: Vendure, shop: Shop) -> None:
    code = shop.buy(BUYER, [("2", 3)])
    order = next(one for one in read(vendure, "orders")[0] if one["code"] == code)
    assert order["lines"][0]["unitPrice"] == "5.01"
    assert order["shippingLines"][0]["taxRate"] == 19
    comes = shop.admin("{ orders { items { code totalWithTax } } }")["orders"]["items"]
    cents = next(one["totalWithTax"] for one in comes if one["code"] == code)
    assert Decimal(order["totalWithTax"]) * 100 == cents


def test_an_order_that_is_shipped_is_seen_though_its_date_stands_still(
    vendure: Vendure, shop: Shop
) -> None:
    code = shop.buy(BUYER, [("1", 1)])
    _, cursor = read(vendure, "orders")
    assert cursor
    far = json.dumps({**json.loads(cursor), "since": "2099-01-01T00:00:00Z"})
    assert code in {order["code"] for order in read(vendure, "orders", far)[0]}
    before = state_of(shop, code)
    shop.ship(code, "T-100")
    after = state_of(shop, code)
    assert (before["state"], after["state"]) == ("PaymentSettled", "Shipped")
    assert before["updatedAt"] == after["updatedAt"], "this Vendure moves the date: say so in docs"
    # even a cursor after every date gives it, since it was not final when it was last seen
    shipped, cursor = read(vendure, "orders", far)
    assert {one["code"]: one["state"] for one in shipped}[code] == "Shipped"
    parts = {one["code"]: one["fulfilment"] for one in read(vendure, "fulfilments")[0]}
    assert parts[code]["trackingCode"] == "T-100"
    shop.admin(
        'mutation($f: ID!) { transitionFulfillmentToState(id: $f, state: "Delivered")'
        " { __typename } }",
        f=parts[code]["id"],
    )
    delivered, cursor = read(vendure, "orders", cursor)
    assert {one["code"]: one["state"] for one in delivered}[code] == "Delivered"
    assert cursor
    assert state_of(shop, code)["id"] not in json.loads(cursor)["open"]


def test_a_cart_is_no_order_until_it_is_placed(vendure: Vendure, shop: Shop) -> None:
    def cart(text: str, token: str, **given: Any) -> tuple[Any, str]:
        return shop._data("shop-api", text, given, token)

    added = "mutation($v: ID!) { addItemToOrder(productVariantId: $v, quantity: 1) { __typename ... on Order { code } } }"  # noqa: E501
    data, token = cart(added, "", v="1")
    code = data["addItemToOrder"]["code"]
    assert code not in {one["code"] for one in read(vendure, "orders")[0]}
    assert token


WRITES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "variant": ({"sku": "JAR-1", "name": "Jar", "price": Decimal("7.5")}, {"name": "Jar, big"}),
    "customer": (
        {"email": "cy@example.com", "name": "Cy Young", "address": PLACE},
        {"name": "Cy Old"},
    ),
    "stock_on_hand": ({"sku": "MUG-1", "on_hand": Decimal(77)}, {"on_hand": Decimal(78)}),
    "variant_price": (
        {"sku": "MUG-1", "currency": "EUR", "amount": Decimal("10.00")},
        {"amount": Decimal("11.00")},
    ),
}


@pytest.mark.parametrize("stream", WRITES)
def test_a_document_is_written_once_however_often_it_is_sent(
    stream: str, vendure: Vendure, shop: Shop
) -> None:
    body, change = WRITES[stream]
    first = put(vendure, stream, body)
    assert first.verdict == "delivered"
    again = put(vendure, stream, body)
    assert (again.verdict, again.their_id) == ("delivered", first.their_id)
    assert looked_up(vendure, stream, body).their_id == first.their_id
    changed = put(vendure, stream, {**body, **change})
    assert (changed.verdict, changed.their_id) == ("delivered", first.their_id)
    put(vendure, stream, body)


def test_what_is_there_already_is_not_written_again(vendure: Vendure, shop: Shop) -> None:
    text = "{ productVariants { items { sku updatedAt stockLevels { updatedAt } } } }"
    put(vendure, "stock_on_hand", {"sku": "CUP-1", "on_hand": Decimal(12)})
    before = shop.admin(text)
    put(vendure, "stock_on_hand", {"sku": "CUP-1", "on_hand": Decimal(12)})
    put(vendure, "variant_price", {"sku": "CUP-1", "currency": "EUR", "amount": Decimal("5.01")})
    assert shop.admin(text) == before


def test_one_bad_variant_stops_no_other(vendure: Vendure, shop: Shop) -> None:
    parcels = [
        Parcel(sku, sku, "update", {"sku": sku, "currency": currency, "amount": Decimal(price)})
        for sku, currency, price in (
            ("MUG-1", "EUR", "10.50"),
            ("CUP-1", "USD", "5"),
            ("NONE", "EUR", "5"),
            ("PEN-1", "EUR", "1.005"),
        )
    ]
    said = vendure.write(vendure.writes()["variant_price"], parcels)
    assert [one.verdict for one in said] == ["delivered", "refused", "refused", "refused"]
    assert "USD" in said[1].message
    put(vendure, "variant_price", {"sku": "MUG-1", "currency": "EUR", "amount": Decimal("10.00")})


def test_an_order_is_placed_once_though_nobody_heard_the_yes(
    vendure: Vendure, shop: Shop, world: World, way: Way
) -> None:
    body = {**ORDER, "number": "PO-LOST"}
    lossy = opened(world, way.url, shop)
    way.lose(b"addManualPaymentToOrder")
    assert put(lossy, "order", body).verdict == "uncertain"
    assert way.lost == 1
    found = looked_up(lossy, "order", body)
    assert found is not None
    again = put(lossy, "order", body)
    assert (again.verdict, again.their_id) == ("delivered", found.their_id)
    placed = [
        one
        for one in orders(shop)
        if "PO-LOST" in [paid["transactionId"] for paid in one["payments"] or []]
    ]
    assert len(placed) == 1
    lossy.close()


@pytest.mark.parametrize("lost", ["createDraftOrder", "addItemToDraftOrder", "setDraftOrder"])
def test_a_draft_that_was_lost_on_the_way_is_no_order(
    lost: str, vendure: Vendure, shop: Shop, world: World, way: Way
) -> None:
    number = f"PO-{len(lost)}"
    lossy = opened(world, way.url, shop)
    way.lose(lost.encode())
    assert put(lossy, "order", {**ORDER, "number": number}).verdict == "uncertain"
    assert looked_up(lossy, "order", {"number": number}) is None
    assert put(lossy, "order", {**ORDER, "number": number}).verdict == "delivered"
    placed = [
        one
        for one in orders(shop)
        if number in [paid["transactionId"] for paid in one["payments"] or []]
    ]
    assert len(placed) == 1
    lossy.close()


def test_an_order_that_comes_to_something_else_is_refused_and_leaves_no_draft(
    vendure: Vendure, shop: Shop
) -> None:
    drafts = sum(one["state"] == "Draft" for one in orders(shop))
    said = put(vendure, "order", {**ORDER, "number": "PO-X", "total": Decimal("1.00")})
    assert said.verdict == "refused"
    assert "the shop comes to 29.63" in said.message
    assert sum(one["state"] == "Draft" for one in orders(shop)) == drafts


def test_goods_are_shipped_once_though_nobody_heard_the_yes(
    shop: Shop, world: World, way: Way
) -> None:
    code = shop.buy(BUYER, [("1", 2)])
    body = {
        "order": code,
        "tracking": "T-200",
        "carrier": "DHL",
        "state": "Shipped",
        "lines": [{"sku": "MUG-1", "quantity": Decimal(1)}],
    }
    lossy = opened(world, way.url, shop)
    way.lose(b"addFulfillmentToOrder")
    assert put(lossy, "fulfilment", body).verdict == "uncertain"
    assert looked_up(lossy, "fulfilment", body) is None  # made, and not shipped yet
    assert put(lossy, "fulfilment", body).verdict == "delivered"
    assert put(lossy, "fulfilment", body).verdict == "delivered"
    parts = shop.admin(
        "query($c: String!) { orders(options: { filter: { code: { eq: $c } } })"
        " { items { state fulfillments { trackingCode state } } } }",
        c=code,
    )
    (order,) = parts["orders"]["items"]
    assert order["fulfillments"] == [{"trackingCode": "T-200", "state": "Shipped"}]
    assert order["state"] == "PartiallyShipped"
    more = {**body, "tracking": "T-201", "lines": [{"sku": "MUG-1", "quantity": Decimal(5)}]}
    refused = put(lossy, "fulfilment", more)
    assert (refused.verdict, "ALREADY_FULFILLED" in refused.message) == ("refused", True)
    lossy.close()


def test_a_session_that_ends_meanwhile_is_opened_again(vendure: Vendure, shop: Shop) -> None:
    assert read(vendure, "prices")[0]
    vendure.do("logout", "success")  # ends all sessions of this administrator
    shop._token = ""
    assert read(vendure, "prices")[0]


def test_nothing_that_is_quoted_becomes_part_of_an_operation(vendure: Vendure, shop: Shop) -> None:
    nasty = 'x"}) { id } } #'
    assert put(vendure, "variant", {"sku": "Q-1", "name": nasty}).verdict == "delivered"
    names = {one["sku"]: one["name"] for one in read(vendure, "products")[0]}
    assert names["Q-1"] == nasty


def test_landed_bytes_are_the_servers_own(vendure: Vendure, tmp_path: Path) -> None:
    (page, *_) = vendure.read(vendure.reads()["prices"], None)
    assert set(json.loads(page.body)) == {"data"}  # type: ignore[arg-type]
