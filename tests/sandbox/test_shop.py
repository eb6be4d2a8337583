"""The sandbox shop enforces what vendors enforce, and says so in its journal."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crossdock.sandbox import journal
from crossdock.sandbox.faults import NO_FAULTS, Plan
from crossdock.sandbox.shop import Shop
from tests.sandbox.conftest import NEW, PRODUCT, Caller, record


@pytest.fixture
def shop(tmp_path: Path, rows: list[dict[str, Any]]) -> Iterator[Shop]:
    with Shop(tmp_path, orders=rows, products=[PRODUCT], page_limit=20) as running:
        yield running


@pytest.fixture
def call(shop: Shop) -> Iterator[Caller]:
    caller = Caller(shop)
    caller.sign_in()
    yield caller
    caller.close()


def walk(call: Caller, style: str, more: str = "") -> list[int]:
    """Ids of all orders by one style of paging, 10 at a time."""
    path, ids, page = f"/orders?paging={style}&limit=10{more}", [], 1
    while path:
        status, body = call("GET", path)
        assert status == 200
        ids += [order["id"] for order in body["orders"]]
        page += 1
        if style == "link":
            found = re.search(r"<(.*)>; rel=\"next\"", call.headers.get("link", ""))
            path = call.path_of(found[1]) if found else ""
        elif style == "next":
            path = call.path_of(body["next"]) if body["next"] else ""
        elif style == "cursor":
            path = (
                f"/orders?paging=cursor&cursor={body['next_cursor']}" if body["next_cursor"] else ""
            )
        elif style == "page":
            path = (
                f"/orders?paging=page&limit=10{more}&page={page}" if page <= body["pages"] else ""
            )
        else:
            left = len(ids) < body["total"]
            path = f"/orders?paging=offset&limit=10{more}&offset={len(ids)}" if left else ""
    return ids


@pytest.mark.parametrize("style", ["link", "next", "cursor", "page", "offset"])
def test_each_style_of_paging_gives_all_in_order(call: Caller, style: str) -> None:
    assert walk(call, style) == list(range(1, 48))
    assert walk(call, style, "&sort=-updated_at") == list(range(47, 0, -1))


@pytest.mark.parametrize("style", ["link", "next", "cursor"])
def test_cursors_hold_their_place_when_records_change(shop: Shop, call: Caller, style: str) -> None:
    _, body = call("GET", f"/orders?paging={style}&limit=20")
    shop.change("orders", record(1, minute=59))
    if style == "link":
        found = re.search(r"<(.*)>", call.headers["link"])
        assert found
        path = call.path_of(found[1])
    else:
        path = (
            call.path_of(body["next"])
            if style == "next"
            else f"/orders?paging=cursor&cursor={body['next_cursor']}"
        )
    _, rest = call("GET", path)
    assert [order["id"] for order in rest["orders"]] == list(range(21, 41))
    assert walk(call, style)[-1] == 1


def test_pages_by_number_shift_as_they_do_at_vendors(shop: Shop, call: Caller) -> None:
    call("GET", "/orders?paging=page&limit=20&page=1")
    shop.change("orders", record(1, minute=59))
    _, body = call("GET", "/orders?paging=page&limit=20&page=2")
    assert body["orders"][0]["id"] == 22, "21 is on no page: that is the trap"


def test_updated_since_takes_the_instant_itself(call: Caller) -> None:
    _, body = call("GET", "/orders?limit=20&updated_since=2024-02-29T23:15:00Z")
    assert [order["id"] for order in body["orders"]] == [45, 46, 47]


@pytest.mark.parametrize(
    "query",
    [
        "limit=21", "limit=0", "limit=x", "updated_since=2024-03-01T00:00:00",
        "updated_since=yesterday", "colour=red", "paging=none", "cursor=rubbish", "sort=id",
    ],
)  # fmt: skip
def test_a_query_that_makes_no_sense_is_refused(call: Caller, query: str) -> None:
    status, body = call("GET", f"/orders?{query}")
    assert status == 400
    assert body["error"]


def test_tokens_end_after_calls_and_after_seconds(tmp_path: Path) -> None:
    clock = [datetime(2024, 3, 1, tzinfo=UTC)]
    with Shop(tmp_path, token_calls=2, token_seconds=60, now=lambda: clock[0]) as shop:
        call = Caller(shop)
        assert call("GET", "/orders")[0] == 401
        call.sign_in()
        assert [call("GET", "/orders")[0] for _ in range(3)] == [200, 200, 401]
        call.sign_in()
        clock[0] += timedelta(seconds=61)
        assert call("GET", "/orders")[0] == 401
        assert "invalid_token" in call.headers["www-authenticate"]
        call.close()


def test_a_wrong_secret_gets_no_token(call: Caller) -> None:
    form = "grant_type=client_credentials&client_id=crossdock&client_secret=x"
    assert call("POST", "/oauth/token", form, {})[0] == 401


def test_the_rate_limit_says_how_long_to_wait(tmp_path: Path) -> None:
    with Shop(tmp_path, rate=(2, 30.0)) as shop:
        call = Caller(shop)
        call.sign_in()
        assert [call("GET", "/orders")[0] for _ in range(3)] == [200, 200, 429]
        assert 0 < int(call.headers["retry-after"]) <= 30
        call.close()


# -- writes --------------------------------------------------------------------------------------
def test_the_same_key_with_the_same_body_gives_the_same_answer(shop: Shop, call: Caller) -> None:
    first = call("POST", "/orders", NEW, {"Idempotency-Key": "k1"})
    again = call("POST", "/orders", NEW, {"Idempotency-Key": "k1"})
    assert first == again
    assert first[0] == 201
    assert call.headers["idempotent-replayed"] == "true"
    assert call("POST", "/orders", {**NEW, "total": "4.00"}, {"Idempotency-Key": "k1"})[0] == 422
    assert len(shop.journal.entries("accepted")) == 1


def test_without_a_key_twice_is_two(shop: Shop, call: Caller) -> None:
    for _ in range(2):
        assert call("POST", "/orders", NEW)[0] == 201
    found = journal.effects(shop.journal.entries())
    assert len(found["orders", "N1"]) == 2
    status, body = call("GET", "/orders?number=N1")
    assert (status, len(body["orders"])) == (200, 2)


def test_two_at_once_with_one_key_conflict(shop: Shop, call: Caller) -> None:
    shop.plan = Plan([{"at": 1, "endpoint": "POST /orders", "fault": "slow", "after": 0.3}])
    answers = []

    def first() -> None:
        other = Caller(shop)
        other.token = call.token
        answers.append(other("POST", "/orders", NEW, {"Idempotency-Key": "k"})[0])
        other.close()

    thread = threading.Thread(target=first)
    thread.start()
    while not shop.server.by_endpoint["POST /orders"]:
        time.sleep(0.005)
    time.sleep(0.05)
    assert call("POST", "/orders", NEW, {"Idempotency-Key": "k"})[0] == 409
    thread.join()
    assert answers == [201]


def test_wrong_fields_are_named_one_by_one(shop: Shop, call: Caller) -> None:
    line = {"sku": "A", "quantity": 0, "price": 3.0}
    status, body = call("POST", "/orders", {**NEW, "line_items": [line], "colour": "red"})
    assert status == 422
    assert set(body["errors"]) >= {"line_items.0.price", "colour"}
    assert [entry.reference for entry in shop.journal.entries("refused")] == ["N1"]


def test_content_type_and_json_are_wanted(call: Caller) -> None:
    assert call("PUT", "/stock/A", "x=1", {"Content-Type": "text/plain"})[0] == 415
    assert call("PUT", "/stock/A", "[1]", {"Content-Type": "application/json"})[0] == 400


def test_stock_and_prices_are_put_by_sku(shop: Shop, call: Caller) -> None:
    assert call("PUT", "/stock/A", {"on_hand": 3})[0] == 200
    assert call("PUT", "/prices/A", {"currency": "EUR", "amount": "1.10"})[0] == 200
    assert call("PUT", "/stock/A", {"sku": "A", "on_hand": "3"})[0] == 200
    assert call("PUT", "/stock/A", {"sku": "B", "on_hand": 3})[0] == 422
    assert call("PUT", "/stock/B", {"on_hand": 3})[0] == 404
    assert call("PUT", "/stock/A", {"on_hand": -1})[0] == 422
    assert call("GET", "/stock/A")[1]["on_hand"] == "3"
    (price,) = shop.journal.entries("accepted", entity="prices")
    assert (price.reference, price.amount, price.currency) == ("A", "1.10", "EUR")


def test_a_shop_that_starts_again_knows_everything(tmp_path: Path) -> None:
    with Shop(tmp_path, orders=[record(1)], products=[PRODUCT]) as shop:
        call = Caller(shop)
        call.sign_in()
        made = call("POST", "/orders", NEW, {"Idempotency-Key": "k"})
        call("PUT", "/stock/A", {"on_hand": 3})
        shop.change("orders", record(1, minute=59, status="paid"))
        call.close()
    with Shop(tmp_path, orders=[record(1)], products=[PRODUCT]) as shop:
        call = Caller(shop)
        call.sign_in()
        assert call("POST", "/orders", NEW, {"Idempotency-Key": "k"}) == made
        assert call("GET", "/orders/1")[1]["status"] == "paid"
        assert call("GET", "/stock/A")[1]["on_hand"] == 3
        assert call("POST", "/orders", {**NEW, "number": "N2"})[1]["order"]["id"] == 3
        call.close()


# -- journal and faults ---------------------------------------------------------------------------
def test_each_version_that_was_shown_is_journalled_once(shop: Shop, call: Caller) -> None:
    walk(call, "link")
    walk(call, "page")
    shop.change("orders", record(1, minute=59, total="1.00"))
    walk(call, "next")
    shown = shop.journal.entries("exposed")
    assert len(shown) == 48
    assert [entry.amount for entry in shown if entry.their_id == "1"] == ["12.30", "1.00"]
    assert shown[0].body_sha256 == journal.digest(shown[0].body)


def test_an_effect_stands_though_the_caller_hears_nothing(shop: Shop, call: Caller) -> None:
    for fault in ("commit_then_reset", "commit_then_500", "reset", "503"):
        shop.server.forget_counts()
        shop.plan = Plan([{"at": 1, "fault": fault}])
        body = {**NEW, "number": fault}
        if "reset" in fault:
            with pytest.raises((OSError, http.client.HTTPException)):
                call("POST", "/orders", body)
        else:
            assert call("POST", "/orders", body)[0] >= 500
    accepted = [entry.reference for entry in shop.journal.entries("accepted")]
    assert accepted == ["commit_then_reset", "commit_then_500"]


def test_damaged_answers(shop: Shop, call: Caller) -> None:
    for fault in ("truncated", "reset_midway"):
        shop.server.forget_counts()
        shop.plan = Plan([{"at": 1, "fault": fault}])
        with pytest.raises((OSError, http.client.HTTPException)):
            call("GET", "/orders?limit=20")
    shop.server.forget_counts()
    shop.plan = Plan([{"at": 1, "fault": "expired_token"}])
    assert [call("GET", "/orders")[0] for _ in range(2)] == [401, 401]
    call.sign_in()
    shop.plan = NO_FAULTS
    assert call("GET", "/orders")[0] == 200


def test_a_page_that_repeats_the_one_before(shop: Shop, call: Caller) -> None:
    shop.plan = Plan([{"at": 2, "endpoint": "GET /orders", "fault": "duplicate_page"}])
    ids = walk(call, "next")
    assert ids[:30] == [*range(1, 11), *range(1, 21)]
    assert sorted(set(ids)) == list(range(1, 48))


def test_it_serves_500_requests_a_second(call: Caller) -> None:
    def rate() -> float:
        start = time.perf_counter()
        for _ in range(200):
            assert call("GET", "/orders/1")[0] == 200
        return 200 / (time.perf_counter() - start)

    assert max(rate() for _ in range(3)) > 500
