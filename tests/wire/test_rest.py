"""The declarative REST connector against the sandbox shop, in every paging style and fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.rest import Rest
from crossdock.connector import Page, Parcel, World
from crossdock.errors import CrossdockError, Misconfigured, TryLater
from crossdock.sandbox.faults import NO_FAULTS, Plan
from crossdock.sandbox.shop import Shop
from tests.faults.catalogue import fault

from .conftest import START, Clock

PAGING: dict[str, Any] = {
    "link": {"kind": "link", "size": {"limit": 4}},
    "next": {"kind": "next_url", "path": "next", "size": {"limit": 4}},
    "cursor": {
        "kind": "cursor",
        "path": "next_cursor",
        "parameter": "cursor",
        "size": {"limit": 4},
        "alone": True,
    },
    "page": {"kind": "page", "parameter": "page", "pages": "pages", "size": {"limit": 4}},
    "offset": {"kind": "offset", "parameter": "offset", "total": "total", "size": {"limit": 4}},
}


def order(number: int) -> dict[str, Any]:
    moment = START - timedelta(days=1) + timedelta(seconds=number // 3)
    return {
        "id": number,
        "number": f"A-{number}",
        "status": "open",
        "currency": "EUR",
        "total": "1.10",
        "updated_at": moment.isoformat().replace("+00:00", "Z"),
    }


def shop(folder: Path, clock: Clock, count: int = 23, **given: Any) -> Shop:
    orders = [order(number) for number in range(1, count + 1)]
    return Shop(
        folder,
        orders=orders,
        products=[{"sku": "a/b", "updated_at": "2026-01-01T00:00:00Z"}],
        now=clock.now,
        **given,
    )


def listing(style: str, **more: Any) -> dict[str, Any]:
    return {
        "path": "orders",
        "records": "orders",
        "key": "id",
        "cursor": "updated_at",
        "grain": "second",
        "since": "updated_since",
        "order": "oldest_first",
        "parameters": {"paging": style, "sort": "updated_at"},
        "paging": PAGING[style],
        **more,
    }


def connect(world: World, shop: Shop, streams: dict[str, Any], **settings: Any) -> Rest:
    given = {
        "url": shop.url,
        "auth": "oauth2",
        "token_url": f"{shop.url}/oauth/token",
        "client_id": shop.client_id,
        "client_secret": shop.client_secret,
        **settings,
    }
    rest = Rest(**given)
    vars(rest)["allow_private"] = True
    rest.bind("shop", world, {name: Rest.stream(name, spec) for name, spec in streams.items()})
    return rest


def records(page: Page) -> list[dict[str, Any]]:
    body = page.body if isinstance(page.body, bytes) else page.body.read_bytes()
    return list(json.loads(body)["orders"])


def ids(pages: list[Page]) -> list[int]:
    return [record["id"] for page in pages for record in records(page)]


@pytest.fixture
def running(tmp_path: Path, clock: Clock) -> Iterator[Shop]:
    with shop(tmp_path, clock) as started:
        yield started


@pytest.mark.parametrize("style", PAGING)
def test_every_record_comes_once_and_oldest_first(world: World, running: Shop, style: str) -> None:
    rest = connect(world, running, {"orders": listing(style)})
    pages = list(rest.read(rest.reads()["orders"], None))
    assert ids(pages) == list(range(1, 24))
    assert len(pages) == 6
    assert pages[-1].cursor == order(23)["updated_at"]
    assert len({page.name for page in pages}) == 6
    rest.close()


@fault("N30")
@pytest.mark.parametrize("style", PAGING)
def test_resuming_from_every_cursor_loses_nothing(world: World, running: Shop, style: str) -> None:
    rest = connect(world, running, {"orders": listing(style)})
    stream = rest.reads()["orders"]
    pages = list(rest.read(stream, None))
    for taken, page in enumerate(pages):
        if page.cursor is None:
            continue
        again = list(rest.read(stream, page.cursor))
        assert set(ids(pages[: taken + 1]) + ids(again)) == set(range(1, 24))
        assert ids(again)[0] > 1 or taken < 1
    last = pages[-1].cursor
    assert last is not None
    assert all(one.cursor is None for one in rest.read(stream, last))
    rest.close()


@pytest.mark.parametrize("style", ["link", "page"])
def test_newest_first_lists_are_handed_on_from_their_end(
    world: World, running: Shop, style: str
) -> None:
    spec = listing(style, order="newest_first")
    spec["parameters"] = {"paging": style, "sort": "-updated_at"}
    rest = connect(world, running, {"orders": spec})
    pages = list(rest.read(rest.reads()["orders"], None))
    assert sorted(ids(pages)) == list(range(1, 24))
    assert {record["id"] for record in records(pages[0])} == {1, 2, 3}
    assert [page.cursor for page in pages] == [None] * 5 + [order(23)["updated_at"]]
    rest.close()


@fault("N27")
def test_records_that_slip_through_shifting_pages_are_read_again(
    world: World, running: Shop
) -> None:
    spec = listing("page")
    spec["paging"] = {**PAGING["page"], "total": "total"}
    rest = connect(world, running, {"orders": spec})
    pages = []
    for number, page in enumerate(rest.read(rest.reads()["orders"], None)):
        pages.append(page)
        if number == 0:  # the first record moves to the end, all others move up by one
            moved = {**order(1), "updated_at": START.isoformat()}
            running.change("orders", moved)
    assert set(ids(pages)) == set(range(1, 24))
    assert [page.cursor for page in pages[:-1]] == [None] * (len(pages) - 1)
    rest.close()


FAULTS = ["429", "429_date", "500", "502_html", "503", "200_html", "empty", "expired_token"]
FAULTS += ["reset", "reset_midway", "truncated", "truncated_gzip", "duplicate_page"]


@fault("N02", "N03", "N05", "N10", "N15", "N18", "N26")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at", [1, 3])
def test_a_fault_on_the_way_loses_nothing(world: World, running: Shop, fault: str, at: int) -> None:
    running.plan = Plan([{"at": at, "endpoint": "GET /orders", "fault": fault}])
    rest = connect(world, running, {"orders": listing("cursor")})
    pages = list(rest.read(rest.reads()["orders"], None))
    assert set(ids(pages)) == set(range(1, 24))
    assert pages[-1].cursor == order(23)["updated_at"]
    rest.close()


@fault("N09", "N10")
def test_a_fault_without_end_is_said(world: World, running: Shop) -> None:
    running.plan = Plan([{"at": 1, "endpoint": "GET /orders", "fault": "503", "times": 99}])
    rest = connect(world, running, {"orders": listing("cursor")})
    with pytest.raises(TryLater, match="503"):
        list(rest.read(rest.reads()["orders"], None))
    [check] = rest.check()
    assert not check.ok
    running.plan = NO_FAULTS
    [check] = rest.check()
    assert check.ok
    rest.close()


def test_tokens_that_die_after_two_calls(tmp_path: Path, world: World, clock: Clock) -> None:
    with shop(tmp_path, clock, token_calls=2) as short:
        rest = connect(world, short, {"orders": listing("link")})
        assert ids(list(rest.read(rest.reads()["orders"], None))) == list(range(1, 24))
        assert short.tokens.granted == 3
        rest.close()


@fault("N07")
def test_a_rate_limit_of_theirs_is_kept(tmp_path: Path, world: World, clock: Clock) -> None:
    with shop(tmp_path, clock, rate=(2, 10.0)) as strict:
        rest = connect(world, strict, {"orders": listing("link")})
        assert ids(list(rest.read(rest.reads()["orders"], None))) == list(range(1, 24))
        assert clock.passed >= 20
        rest.close()
    with shop(tmp_path, clock, rate=(2, 10.0)) as strict:
        rest = connect(world, strict, {"orders": listing("link")}, requests=2, seconds="10")
        before = clock.passed
        assert ids(list(rest.read(rest.reads()["orders"], None))) == list(range(1, 24))
        assert clock.passed - before < 40
        rest.close()


def test_wrong_credentials_stop_the_flow_and_stay_secret(world: World, running: Shop) -> None:
    rest = connect(world, running, {"orders": listing("link")}, client_secret="Wr0ng!secret")
    with pytest.raises(Misconfigured, match="token server says no") as caught:
        list(rest.read(rest.reads()["orders"], None))
    assert "Wr0ng" not in str(caught.value)
    assert "Wr0ng" not in repr(rest)
    rest.close()


STOCK = {
    "delivery": "upsert",
    "key": "sku",
    "path": "stock/{sku}",
    "method": "PUT",
    "their_id": "sku",
}
ORDER = {
    "delivery": "idempotency_key",
    "key": "number",
    "path": "orders",
    "idempotency_header": "Idempotency-Key",
    "their_id": "order.id",
    "lookup": {"path": "orders", "parameters": {"number": "{number}"}, "records": "orders"},
}


def parcel(number: int, **more: Any) -> Parcel:
    body = {
        "number": f"B-{number}",
        "currency": "EUR",
        "total": "2.20",
        "line_items": [{"sku": "a/b", "quantity": 2, "price": "1.10"}],
        **more,
    }
    return Parcel(f"ref-{number}", f"B-{number}", "create", body)


@pytest.fixture
def posting(world: World, running: Shop) -> Iterator[Rest]:
    rest = connect(world, running, {"order": ORDER, "stock": STOCK})
    yield rest
    rest.close()


def accepted(shop: Shop) -> int:
    return len(list(shop.journal.entries("accepted")))


def test_a_write_is_delivered_with_their_id(posting: Rest, running: Shop) -> None:
    stream = posting.writes()["order"]
    [outcome] = posting.write(stream, [parcel(1)])
    assert (outcome.verdict, outcome.their_id) == ("delivered", "24"), outcome
    [again] = posting.write(stream, [parcel(1)])
    assert (again.verdict, again.their_id) == ("delivered", "24")
    assert accepted(running) == 1


@fault("N11", "N12")
@pytest.mark.parametrize(
    "fault",
    ["commit_then_500", "commit_then_reset", "reset", "truncated", "429", "503", "expired_token"],
)
def test_a_lost_acknowledgement_creates_nothing_twice(
    posting: Rest, running: Shop, fault: str
) -> None:
    running.plan = Plan([{"at": 1, "endpoint": "POST /orders", "fault": fault}])
    [outcome] = posting.write(posting.writes()["order"], [parcel(1)])
    assert outcome.verdict == "delivered"
    assert accepted(running) == 1


@fault("N11", "N12")
def test_a_write_of_an_unsafe_class_is_never_sent_twice(world: World, running: Shop) -> None:
    spec = {**ORDER, "delivery": "lookup_before_create"}
    del spec["idempotency_header"]
    rest = connect(world, running, {"order": spec})
    stream = rest.writes()["order"]
    for number, what in enumerate(["commit_then_500", "commit_then_reset"], 1):
        running.plan = Plan([{"at": number, "endpoint": "POST /orders", "fault": what}])
        [outcome] = rest.write(stream, [parcel(number)])
        assert outcome.verdict == "uncertain"
        assert accepted(running) == number
        found = rest.lookup(stream, [parcel(number), parcel(99)])
        assert found[f"ref-{number}"] is not None
        assert found["ref-99"] is None
    running.plan = Plan([{"at": 3, "endpoint": "POST /orders", "fault": "429"}])
    [outcome] = rest.write(stream, [parcel(3)])
    assert outcome.verdict == "delivered"
    rest.close()


def test_refusals_come_one_by_one(posting: Rest, running: Shop) -> None:
    stream = posting.writes()["order"]
    outcomes = posting.write(stream, [parcel(1), parcel(2, surprise=1), parcel(3)])
    assert [outcome.verdict for outcome in outcomes] == ["delivered", "refused", "delivered"]
    assert outcomes[1].reference == "ref-2"
    [missing] = posting.write(
        posting.writes()["stock"], [Parcel("r", "k", "update", {"quantity": "1"})]
    )
    assert (missing.verdict, "sku" in missing.message) == ("refused", True)


def test_what_had_an_effect_is_told_when_the_rest_fails(posting: Rest, running: Shop) -> None:
    running.plan = Plan([{"at": 2, "endpoint": "POST /orders", "fault": "429", "times": 50}])
    outcomes = posting.write(posting.writes()["order"], [parcel(1), parcel(2), parcel(3)])
    assert outcomes[0].verdict == "delivered"
    assert {outcome.verdict for outcome in outcomes[1:]} == {"try_later"}
    assert accepted(running) == 1


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({**listing("link"), "pagng": {}}, "did you mean 'paging'"),
        ({**listing("link"), "paging": "pages"}, "paging is one of"),
        ({**listing("link"), "paging": {"kind": "cursor"}}, "missing"),
        ({**listing("link"), "method": "DELETE"}, "GET or POST"),
        ({"key": "id", "records": "x"}, "needs a path"),
        ({**ORDER, "idempotency_header": ""}, "idempotency_header"),
        ({**STOCK, "batch": 10}, "needs wrap and results"),
        ({**ORDER, "batch": 10}, "that of one document"),
        ({**STOCK, "verdict": [{"is": "ok"}]}, "is:"),
        ({**ORDER, "delivery": "lookup_before_create", "lookup": {}}, None),
    ],
)
def test_mistakes_in_a_stream_show_before_any_request(spec: dict[str, Any], words: str) -> None:
    if words is None:
        assert Rest.stream("x", spec)
        return
    with pytest.raises((ValueError, CrossdockError), match=words):
        Rest.stream("x", spec)


def test_decimals_are_sent_exactly(world: World, running: Shop) -> None:
    from crossdock.rest_sending import Sending
    from crossdock.rest_write import Writer

    stream = Rest.stream("stock", STOCK)
    writer = Writer(None, "http://x", stream)  # type: ignore[arg-type]
    body = {"sku": "a", "price": Decimal("1.10"), "deep": {"n": Decimal("1E+3")}}
    sending = Sending.of(stream, "update")  # type: ignore[arg-type]
    assert writer._body(sending, [Parcel("r", "k", "update", body)]) == (
        b'{"sku":"a","price":1.10,"deep":{"n":1000}}'
    )
