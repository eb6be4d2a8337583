"""The Tryton connector against a real Tryton."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connectors.tryton import Tryton
from crossdock.connector import Parcel, World
from crossdock.real.tryton import Erp, decimal
from tests.real.proxy import Way, way_to

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PLACE = {"street": "12 High Street", "postal_code": "53111", "city": "Bonn"}
PARTY = {
    "code": "web-7",
    "name": "Ada Okafor",
    "addresses": {"1": PLACE},
    "contact_mechanisms": {
        "1": {"type": "email", "value": "ada@example.com"},
        "2": {"type": "phone", "value": None},
    },
}
MUG = {
    "code": "MUG-1",
    "name": "Mug",
    "type": "goods",
    "default_uom": {"symbol": "u"},
    "sale_uom": {"symbol": "u"},
    "account_category": {"name": "Goods"},
    "list_price": Decimal("10.00"),
}
ADDRESS = {"party": {"code": "web-7"}, **PLACE}
SALE: dict[str, Any] = {
    "party": {"code": "web-7"},
    "currency": {"code": "EUR"},
    "sale_date": date(2026, 11, 22),
    "invoice_address": ADDRESS,
    "shipment_address": ADDRESS,
    "lines": [
        {
            "product": {"code": "MUG-1"},
            "description": "Mug",
            "quantity": Decimal(2),
            "unit": {"symbol": "u"},
            "amount": Decimal("18.00"),
            "taxes": {"rate": Decimal("0.19")},
        }
    ],
    "charges": [
        {
            "description": "Shipping",
            "quantity": Decimal(1),
            "amount": Decimal("4.90"),
            "taxes": {"rate": Decimal(0)},
        }
    ],
    "total_amount": Decimal("26.32"),
    "state": "confirmed",
}


def opened(world: World, url: str, erp: Erp, **settings: Any) -> Tryton:
    given = {"user": "admin", "password": erp.password, "rounding": "0.05", **settings}
    made = Tryton(url=url, **given)
    made.bind("erp", world, {})
    vars(made)["allow_private"] = True
    return made


@pytest.fixture(scope="session")
def stocked(erp: Erp, tmp_path_factory: pytest.TempPathFactory) -> Erp:
    """A company with a customer, two products and their stock."""
    scratch = tmp_path_factory.mktemp("scratch")
    made = opened(World(project=scratch, scratch=scratch), erp.url, erp)
    assert put(made, "customer", PARTY).verdict == "delivered"
    assert put(made, "template", MUG).verdict == "delivered"
    cup = {**MUG, "code": "CUP-1", "name": "Cup", "list_price": Decimal("5.01")}
    assert put(made, "template", cup).verdict == "delivered"
    made.close()
    erp.count_stock({"MUG-1": 40, "CUP-1": 7})
    return erp


@pytest.fixture
def tryton(stocked: Erp, world: World) -> Iterator[Tryton]:
    made = opened(world, stocked.url, stocked)
    yield made
    made.close()


@pytest.fixture
def way(stocked: Erp) -> Iterator[Way]:
    with way_to(stocked.url) as made:
        yield made


def read(tryton: Tryton, stream: str, cursor: str | None = None) -> tuple[list[Any], str | None]:
    found, reads = [], tryton.reads()[stream]
    for page in tryton.read(reads, cursor):
        path = tryton.world.scratch / page.name
        path.write_bytes(page.body)  # type: ignore[arg-type]
        for table in tryton.tables(reads, page.media, path):
            found += [json.loads(text) for text in table["json"].to_pylist()]
        cursor = page.cursor or cursor
    return found, cursor


def put(tryton: Tryton, stream: str, body: dict[str, Any], operation: Any = "create") -> Any:
    (outcome,) = tryton.write(tryton.writes()[stream], [Parcel("k", "k", operation, body)])
    return outcome


def looked_up(tryton: Tryton, stream: str, body: dict[str, Any]) -> Any:
    parcel = Parcel("k", "k", "create", body)
    return tryton.lookup(tryton.writes()[stream], [parcel])["k"]


def count(erp: Erp, model: str, *domain: Any) -> int:
    return int(erp.model(model, "search_count", list(domain)))


def test_it_says_whether_the_account_works(
    tryton: Tryton, stocked: Erp, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    assert all(line.ok for line in tryton.check())
    wrong = opened(world, stocked.url, stocked, password="hunter2-hunter2")
    lines = list(wrong.check())
    assert not any(line.ok for line in lines)
    assert "hunter2" not in repr(wrong) + str(lines) + caplog.text
    wrong.close()


def test_a_list_is_the_same_twice_and_in_pages_of_one(
    tryton: Tryton, stocked: Erp, world: World
) -> None:
    put(tryton, "sale", {**SALE, "reference": "S-READ"})
    small = opened(world, stocked.url, stocked, page=1)
    for stream in tryton.reads():
        whole = read(tryton, stream)[0]
        assert whole == read(tryton, stream)[0]
        assert whole == read(small, stream)[0]
        assert whole, stream
    small.close()


def test_stock_and_prices_are_answers_with_a_place_and_a_currency(tryton: Tryton) -> None:
    stock = {one["code"]: one for one in read(tryton, "stock")[0]}
    assert Decimal(str(stock["MUG-1"]["quantity"])) == 40
    assert stock["MUG-1"]["location"] == "WH"
    prices = {one["code"]: one for one in read(tryton, "prices")[0]}
    assert (prices["CUP-1"]["list_price_used"], prices["CUP-1"]["currency"]) == ("5.01", "EUR")


def test_a_record_that_was_never_changed_is_seen_by_its_making(tryton: Tryton, erp: Erp) -> None:
    _, cursor = read(tryton, "sales")
    assert cursor
    ident = erp.model("sale.sale", "create", [{"party": erp.first("party.party")}])[0]
    found = {one["id"]: one for one in read(tryton, "sales", cursor)[0]}
    assert found[ident]["write_date"] is None
    assert found[ident]["create_date"]


def test_what_changes_in_a_part_is_seen(tryton: Tryton, erp: Erp) -> None:
    _, cursor = read(tryton, "parties")
    time.sleep(1.1)  # a clock of whole seconds
    place = erp.first("party.address", ["party.code", "=", "web-7"])
    erp.model("party.address", "write", [place], {"attn": "Ms Okafor"})
    far = [one for one in read(tryton, "parties", cursor)[0] if one["code"] == "web-7"]
    (party,) = far
    assert party["addresses"][0]["write_date"] > party["write_date"]
    _, after = read(tryton, "parties", cursor)
    assert after > cursor  # type: ignore[operator]


def test_a_sale_is_confirmed_and_read_back(tryton: Tryton, erp: Erp) -> None:
    body = {**SALE, "reference": "S-1"}
    made = put(tryton, "sale", body)
    assert made.verdict == "delivered"
    (sale,) = [one for one in read(tryton, "sales")[0] if one["reference"] == "S-1"]
    assert str(sale["id"]) == made.their_id
    assert sale["state"] in {"confirmed", "processing"}
    assert (sale["total_amount"], sale["tax_amount"]) == ("26.32", "3.42")
    prices = [Decimal(line["unit_price"]) for line in sale["lines"]]
    assert prices == [Decimal(9), Decimal("4.9")]
    again = put(tryton, "sale", body)
    assert (again.verdict, again.their_id) == ("delivered", made.their_id)
    assert count(erp, "sale.sale", ["reference", "=", "S-1"]) == 1


@pytest.mark.parametrize("lost", ["sale.sale.create", "sale.sale.quote", "sale.sale.confirm"])
def test_a_sale_is_there_once_though_nobody_heard_the_yes(
    lost: str, stocked: Erp, world: World, way: Way
) -> None:
    body = {**SALE, "reference": f"S-{lost[10:]}"}
    lossy = opened(world, way.url, stocked)
    way.lose(lost.encode())
    assert put(lossy, "sale", body).verdict == "uncertain"
    assert way.lost == 1
    found = looked_up(lossy, "sale", body)
    assert (found is None) == (lost != "sale.sale.confirm")  # half made is not there yet
    assert put(lossy, "sale", body).verdict == "delivered"
    assert count(stocked, "sale.sale", ["reference", "=", body["reference"]]) == 1
    assert count(stocked, "sale.line", ["sale.reference", "=", body["reference"]]) == 2
    lossy.close()


@pytest.mark.parametrize(
    ("stream", "body", "model"),
    [
        ("customer", {**PARTY, "code": "web-lost"}, "party.party"),
        ("template", {**MUG, "code": "LOST-1"}, "product.template"),
    ],
)
def test_a_master_is_there_once_though_nobody_heard_the_yes(
    stream: str, body: dict[str, Any], model: str, stocked: Erp, world: World, way: Way
) -> None:
    lossy = opened(world, way.url, stocked)
    way.lose(f"{model}.create".encode())
    assert put(lossy, stream, body).verdict == "uncertain"
    assert looked_up(lossy, stream, body) is not None
    assert put(lossy, stream, body).verdict == "delivered"
    assert count(stocked, model, ["code", "=", body["code"]]) == 1
    lossy.close()


def test_two_ways_of_rounding_become_a_line_and_more_is_refused(tryton: Tryton, erp: Erp) -> None:
    near = {**SALE, "reference": "S-NEAR", "total_amount": Decimal("26.33")}
    assert put(tryton, "sale", near).verdict == "delivered"
    assert put(tryton, "sale", near).verdict == "delivered"
    assert count(erp, "sale.line", ["sale.reference", "=", "S-NEAR"]) == 3
    far = put(tryton, "sale", {**SALE, "reference": "S-FAR", "total_amount": Decimal(30)})
    assert far.verdict == "refused"
    assert "comes to 26.32" in far.message
    assert count(erp, "sale.sale", ["reference", "=", "S-FAR"]) == 0


def test_what_is_under_way_is_changed_by_hand(tryton: Tryton) -> None:
    body = {**SALE, "reference": "S-FIX"}
    assert put(tryton, "sale", body).verdict == "delivered"
    more = {**body, "lines": [{**SALE["lines"][0], "quantity": Decimal(3)}]}
    assert put(tryton, "sale", more, "update").verdict == "refused"
    assert put(tryton, "sale", {**body, "state": "cancelled"}, "update").verdict == "refused"
    draft = {**SALE, "reference": "S-DRAFT", "state": "draft"}
    assert put(tryton, "sale", draft).verdict == "delivered"
    assert put(tryton, "sale", {**draft, "state": "cancelled"}, "update").verdict == "delivered"


def test_a_sale_waits_for_its_buyer(tryton: Tryton) -> None:
    body = {**SALE, "reference": "S-WAIT", "party": {"code": "nobody"}}
    said = put(tryton, "sale", body)
    assert (said.verdict, said.message) == (
        "try_later",
        "Tryton has no party.party with code nobody",
    )


def test_what_is_there_already_is_not_written_again(tryton: Tryton, erp: Erp) -> None:
    def stamps() -> Any:
        return [
            erp.model(model, "search_read", [], 0, None, [["id", "ASC"]], ["write_date"])
            for model in ("party.party", "party.address", "product.template", "sale.sale")
        ]

    put(tryton, "sale", {**SALE, "reference": "S-STILL"})
    put(tryton, "list_price", {"code": "MUG-1", "list_price": Decimal("10.00")})
    before = stamps()
    put(tryton, "customer", PARTY)
    put(tryton, "template", {**MUG, "list_price": Decimal(99)})
    put(tryton, "sale", {**SALE, "reference": "S-STILL"})
    put(tryton, "list_price", {"code": "MUG-1", "list_price": Decimal("10.00")})
    assert stamps() == before


def test_a_price_is_set_and_comes_back(tryton: Tryton) -> None:
    assert (
        put(tryton, "list_price", {"code": "CUP-1", "list_price": Decimal("5.5000")}).verdict
        == "delivered"
    )
    prices = {one["code"]: one["list_price_used"] for one in read(tryton, "prices")[0]}
    assert Decimal(prices["CUP-1"]) == Decimal("5.5")
    later = put(tryton, "list_price", {"code": "NONE", "list_price": Decimal(1)})
    assert later.verdict == "try_later"


def test_a_change_of_somebody_else_is_not_written_over(tryton: Tryton, erp: Erp) -> None:
    stream = tryton.writes()["customer"]
    body = {"code": "web-7", "name": "Ada O."}
    known = tryton._present(stream, body)
    ident = erp.first("party.party", ["code", "=", "web-7"])
    erp.model("party.party", "write", [ident], {"name": "Ada, by hand"})
    from crossdock.errors import TryLater

    with pytest.raises(TryLater, match="ConcurrencyException"):
        tryton._put(stream, body, known)
    assert erp.model("party.party", "read", [ident], ["name"])[0]["name"] == "Ada, by hand"
    erp.model("party.party", "write", [ident], {"name": PARTY["name"]})


def test_a_session_that_ends_meanwhile_is_opened_again(tryton: Tryton) -> None:
    assert read(tryton, "prices")[0]
    tryton._ask("common.db.logout")
    assert read(tryton, "prices")[0]


def test_records_that_change_while_they_are_read_come_with_the_next_read(
    tryton: Tryton, stocked: Erp, world: World
) -> None:
    small = opened(world, stocked.url, stocked, page=1)
    reads = small.reads()["parties"]
    pages = small.read(reads, None)
    first = next(pages)
    ident = json.loads(first.body)["answer"]["result"][0]["id"]  # type: ignore[arg-type]
    stocked.model("party.party", "write", [ident], {"lang": None})
    last = first
    for page in pages:
        last = page
    found, _ = read(tryton, "parties", last.cursor)
    assert ident in {one["id"] for one in found}
    small.close()


def test_two_who_create_the_same_party_make_one(stocked: Erp, world: World) -> None:
    both = [opened(world, stocked.url, stocked) for _ in range(2)]
    said: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda one=one: said.append(
                put(one, "customer", {**PARTY, "code": "web-race"}).verdict
            )
        )
        for one in both
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "delivered" in said
    assert count(stocked, "party.party", ["code", "=", "web-race"]) == 1
    for one in both:
        one.close()


def test_typed_values_are_what_tryton_itself_writes(erp: Erp) -> None:
    from crossdock.tagged_json import plain, typed

    assert typed(Decimal("1.50")) == decimal("1.5")
    assert (
        plain(
            {
                "__class__": "datetime",
                "year": 2026,
                "month": 11,
                "day": 22,
                "hour": 2,
                "minute": 2,
                "second": 5,
                "microsecond": 7,
            }
        )
        == "2026-11-22T02:02:05.000007"
    )
