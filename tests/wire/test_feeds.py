"""The four kinds of change feed, details, sweeps, and jobs that are asked about until final."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.graphql import Graphql
from connectors.rest import Rest
from crossdock.connector import Page, Parcel, World
from crossdock.errors import Misconfigured, TryLater

from .conftest import START, Clock, Heard, answer

Serve = Callable[..., Any]


def connect(world: World, url: str, spec: dict[str, Any], kind: Any = Rest) -> Any:
    made = kind(url=url)
    vars(made)["allow_private"] = True
    made.bind("shop", world, {"it": kind.stream("it", spec)})
    return made


def read(api: Any, cursor: str | None = None) -> list[Page]:
    try:
        return list(api.read(api.reads()["it"], cursor))
    finally:
        api.close()


def rows(pages: list[Page], path: str = "items") -> list[Any]:
    found: list[Any] = []
    for page in pages:
        assert isinstance(page.body, bytes)
        document = json.loads(page.body)
        for name in path.split("."):
            document = document[name]
        found += document
    return found


def ids(pages: list[Page]) -> list[int]:
    return [row["id"] for row in rows(pages)]


# -- logs ---------------------------------------------------------------------------------------
class Events:
    """Events after a token; an empty page gives no token, an old token is gone."""

    def __init__(self, count: int, oldest: int = 0) -> None:
        self.count, self.oldest = count, oldest

    def __call__(self, heard: Heard) -> bytes:
        after = int(heard.query.get("from", "e0")[1:])
        if after < self.oldest and "from" in heard.query:
            return answer('{"message": "token too old"}', 410)
        chosen = range(after + 1, min(after + 3, self.count) + 1)
        return answer(json.dumps({"items": [{"id": n, "token": f"e{n}"} for n in chosen]}))


LOG = {
    "path": "events", "records": "items", "key": "id", "feed": "log",
    "log": {"token": "last:token", "parameter": "from", "size": 3},
}  # fmt: skip


def test_a_log_goes_on_after_every_token(world: World, serve: Serve) -> None:
    server = serve(Events(8))
    pages = read(connect(world, server.url, LOG))
    assert ids(pages) == list(range(1, 9))
    assert [page.cursor for page in pages] == ["e3", "e6", "e8"]
    for cut, page in enumerate(pages, start=1):
        rest = read(connect(world, server.url, LOG), page.cursor)
        assert ids(pages[:cut]) + ids(rest) == list(range(1, 9))
    assert read(connect(world, server.url, LOG), "e8") == []


def test_a_log_that_lost_events_says_so(world: World, serve: Serve) -> None:
    server = serve(Events(8, oldest=5))
    with pytest.raises(Misconfigured, match="events are lost"):
        read(connect(world, server.url, LOG), "e2")


def test_a_delta_link_is_opaque_and_a_dead_one_begins_anew(world: World, serve: Serve) -> None:
    def delta(heard: Heard) -> bytes:
        if heard.query.get("delta") == "dead":
            return answer("{}", 410)
        if "delta" in heard.query:
            return answer(json.dumps({"items": [{"id": 3}], "delta": "/it?delta=2%2Fb&x"}))
        if "skip" in heard.query:
            return answer(json.dumps({"items": [{"id": 2}], "delta": "/it?delta=1"}))
        return answer(json.dumps({"items": [{"id": 1}], "next": "/it?skip=A%20b"}))

    server = serve(delta)
    spec = {
        "path": "it", "records": "items", "key": "id", "feed": "log", "log": {"link": "delta"},
        "paging": {"kind": "next_url", "path": "next"},
    }  # fmt: skip
    first = read(connect(world, server.url, spec))
    assert ids(first) == [1, 2]
    assert [page.cursor for page in first] == [None, "/it?delta=1"]
    second = read(connect(world, server.url, spec), first[-1].cursor)
    assert [page.cursor for page in second] == ["/it?delta=2%2Fb&x"]
    read(connect(world, server.url, spec), second[-1].cursor)
    assert server.heard[-1].target == "/it?delta=2%2Fb&x"
    assert ids(read(connect(world, server.url, spec), "/it?delta=dead")) == [1, 2]


# -- windows ------------------------------------------------------------------------------------
class Modified:
    """What was modified between two instants, newest first, by page numbers.

    After each answer one of the records that were not changed yet is changed, as in a shop.
    """

    def __init__(self, count: int, clock: Clock, *, busy: bool) -> None:
        self.modified = {n: START - timedelta(hours=count - n) for n in range(1, count + 1)}
        self.clock, self.busy = clock, busy
        self.spans: list[tuple[str, str]] = []

    def __call__(self, heard: Heard) -> bytes:
        since, until = (
            datetime.fromtimestamp(int(heard.query[name]), UTC) for name in ("from", "to")
        )
        assert until - since <= timedelta(days=1)
        assert until <= self.clock.now() - timedelta(minutes=3)
        found = [n for n, at in self.modified.items() if since <= at < until]
        found.sort(key=lambda n: self.modified[n], reverse=True)
        page = int(heard.query["page"])
        chosen = found[(page - 1) * 4 : page * 4]
        if self.busy and len(found) > 4:
            self.modified[found[0]] = self.clock.now()
            self.clock.passed += 1
        more = len(found) > page * 4
        return answer(json.dumps({"items": [{"id": n} for n in chosen], "more": more}))


WINDOW = {
    "path": "trades", "records": "items", "key": "id", "feed": "window", "order": "newest_first",
    "paging": {"kind": "page", "parameter": "page", "more": "more", "size": {"size": 4}},
    "window": {"from": "from", "until": "to", "most": 86_400, "format": "epoch"},
    "start": "2026-10-28T12:00:00+00:00", "overlap": 600, "horizon": 180,
}  # fmt: skip


@pytest.mark.parametrize("busy", [False, True], ids=["still", "changing"])
def test_a_window_is_read_from_its_last_page(
    world: World, clock: Clock, serve: Serve, busy: bool
) -> None:
    shop = Modified(50, clock, busy=busy)
    server = serve(shop)
    pages = read(connect(world, server.url, WINDOW))
    got = set(ids(pages))
    clock.passed += 600
    shop.busy = False
    last = [page.cursor for page in pages if page.cursor][-1]
    again = read(connect(world, server.url, WINDOW), last)
    assert got | set(ids(again)) == set(range(1, 51))
    marks = [page.cursor for page in pages if page.cursor]
    assert marks == sorted(marks)
    assert len(marks) <= len(pages)


def test_a_window_resumes_after_every_cursor(world: World, clock: Clock, serve: Serve) -> None:
    server = serve(Modified(50, clock, busy=False))
    pages = read(connect(world, server.url, WINDOW))
    whole = set(ids(pages))
    for cut, page in enumerate(pages, start=1):
        if page.cursor:
            rest = read(connect(world, server.url, WINDOW), page.cursor)
            assert set(ids(pages[:cut])) | set(ids(rest)) == whole


def test_a_window_needs_a_start(world: World, serve: Serve) -> None:
    server = serve(lambda heard: answer('{"items": []}'))
    spec = {name: value for name, value in WINDOW.items() if name != "start"}
    with pytest.raises(Misconfigured, match="no start"):
        read(connect(world, server.url, spec))


# -- queues and details -------------------------------------------------------------------------
def test_a_queue_is_told_what_was_landed(world: World, serve: Serve) -> None:
    waiting = [1, 2, 3]
    states: dict[int, str] = dict.fromkeys(waiting, "new")

    def queue(heard: Heard) -> bytes:
        if heard.path == "/orders/taken":
            for number in json.loads(heard.body)["orders"]["ids"]:
                waiting.remove(number)
                states[number] = "confirm"
            return answer("{}")
        if heard.path == "/orders/status":
            asked = json.loads(heard.body)["orders"]
            assert len(asked) <= 2
            return answer(json.dumps({"items": [{"id": n, "status": states[n]} for n in asked]}))
        found = waiting if heard.path == "/orders/new" else sorted(states)
        return answer(json.dumps({"orders": [{"id": number} for number in found]}))

    server = serve(queue)
    new = {
        "path": "orders/new", "records": "orders", "key": "id", "feed": "queue",
        "ack": {"path": "orders/taken", "ids": "orders.ids"},
    }  # fmt: skip
    api = connect(world, server.url, new)
    stream = api.reads()["it"]
    [page] = list(api.read(stream, None))
    assert page.cursor is None
    assert waiting == [1, 2, 3], "nothing leaves the queue before it is landed"
    api.landed(stream, page)
    assert waiting == []
    assert list(api.read(stream, None)) == []
    api.close()
    status = {
        "path": "orders", "records": "items", "key": "id",
        "detail": {"path": "orders/status", "list": "orders", "ids": "orders", "chunk": 2},
    }  # fmt: skip
    polled = rows(read(connect(world, server.url, status)))
    assert polled == [{"id": n, "status": "confirm"} for n in (1, 2, 3)]


def test_details_are_fetched_one_by_one(world: World, serve: Serve) -> None:
    def shop(heard: Heard) -> bytes:
        if heard.path.startswith("/orders/"):
            return answer(json.dumps({"items": [{"id": heard.path.removeprefix("/orders/")}]}))
        return answer('{"names": [{"no": "a/b"}, {"no": "c"}, {"no": "a/b"}]}')

    server = serve(shop)
    spec = {
        "path": "orders", "records": "items", "key": "id",
        "detail": {"path": "orders/{id}", "list": "names", "field": "no"},
    }  # fmt: skip
    assert rows(read(connect(world, server.url, spec))) == [{"id": "a%2Fb"}, {"id": "c"}]


# -- deletes ------------------------------------------------------------------------------------
def test_a_sweep_tells_what_is_gone(world: World, serve: Serve) -> None:
    there = [1, 3]
    server = serve(lambda heard: answer(json.dumps({"d": {"items": [{"id": n} for n in there]}})))
    spec = {"path": "p", "records": "d.items", "key": "id", "deletes": "sweep"}

    def known(system: str, stream: str) -> Iterator[tuple[str, ...]]:
        assert (system, stream) == ("shop", "it")
        return iter([("1",), ("2",), ("3",)])

    pages = read(connect(replace(world, known=known), server.url, spec))
    assert rows(pages, "d.items") == [{"id": 1}, {"id": 3}, {"id": "2", "_deleted": True}]
    there.clear()
    with pytest.raises(TryLater, match="empty, though 3 records are known"):
        read(connect(replace(world, known=known), server.url, spec))


def test_changes_that_the_source_threw_away_are_missed_aloud(world: World, serve: Serve) -> None:
    server = serve(lambda heard: answer('{"items": [{"id": 1, "at": "2026-10-31T00:00:00Z"}]}'))
    spec = {
        "path": "p", "records": "items", "key": "id", "cursor": "at", "since": "since",
        "grain": "second", "kept": 60 * 86_400,
    }  # fmt: skip
    assert len(read(connect(world, server.url, spec), "2026-10-01T00:00:00Z")) == 1
    with pytest.raises(Misconfigured, match=r"61\.5 days ago and keeps its changes for 60"):
        read(connect(world, server.url, spec), "2026-09-01T00:00:00Z")


# -- jobs ---------------------------------------------------------------------------------------
class Bulk:
    """Takes a bulk, posts it two questions later, with a result for each item."""

    def __init__(self) -> None:
        self.jobs: list[list[str]] = []
        self.asked = 0

    def __call__(self, heard: Heard) -> bytes:
        if heard.path == "/file":
            lines = [{"sku": sku, "error": "no such" if sku == "b" else None, "id": f"X{sku}"}
                     for sku in reversed(self.jobs[0])]  # fmt: skip
            return answer("\n".join(json.dumps(line) for line in lines))
        if heard.method == "POST":
            self.jobs.append([item["sku"] for item in json.loads(heard.body)["items"]])
            items = [{"sku": sku, "status": "accepted"} for sku in self.jobs[-1]]
            return answer(json.dumps({"bulk": f"j{len(self.jobs)}", "items": items}), 202)
        self.asked += 1
        if self.asked < 3:
            return answer('{"state": "RUNNING"}', Retry_After="7")
        return answer(json.dumps({"state": "DONE", "url": f"http://{heard.headers['host']}/file"}))


def test_a_job_is_asked_about_until_it_is_final(world: World, serve: Serve) -> None:
    server = serve(Bulk())
    spec = {
        "delivery": "upsert", "key": "sku", "path": "bulk", "batch": 10, "wrap": "items",
        "accepts": True, "results": {"path": "items"},
        "verdict": [{"field": "status", "equals": "accepted", "is": "accepted"}],
        "job": {
            "handle": "bulk", "path": "bulk/{their_id}", "file": "url", "their_id": "id",
            "verdict": [{"field": "state", "equals": "RUNNING", "is": "accepted"}],
            "results": {"match": "sku"},
            "items": [{"field": "error", "is": "refused", "message": "error"}],
        },
    }  # fmt: skip
    api = connect(world, server.url, spec)
    stream = api.writes()["it"]
    parcels = [Parcel(f"r{n}", sku, "create", {"sku": sku}) for n, sku in enumerate("abc")]
    taken = api.write(stream, parcels)
    assert [(one.verdict, one.their_id) for one in taken] == [
        ("accepted", "j1#0"), ("accepted", "j1#1"), ("accepted", "j1#2"),
    ]  # fmt: skip
    asking = [replace(p, their_id=one.their_id) for p, one in zip(parcels, taken, strict=True)]
    for _ in range(2):
        [first, *_others] = api.follow(stream, asking)
        assert (first.verdict, first.their_id, first.after) == ("accepted", "j1#0", 7.0)
    final = api.follow(stream, asking)
    assert [(one.verdict, one.their_id) for one in final] == [
        ("delivered", "Xa"), ("refused", "j1#1"), ("delivered", "Xc"),
    ]  # fmt: skip
    assert final[1].message == "no such"
    api.close()


# -- GraphQL ------------------------------------------------------------------------------------
ORDERS = "query ($first: Int, $after: String) { orders(first: $first) { nodes { id } } }"


def test_a_connection_is_paged_by_its_cursor(world: World, serve: Serve) -> None:
    def shop(heard: Heard) -> bytes:
        given = json.loads(heard.body)
        assert given["query"] == ORDERS
        after = int(given["variables"].get("after", 0))
        nodes = [{"id": n} for n in range(after + 1, min(after + 2, 5) + 1)]
        info = {"hasNextPage": after + 2 < 5, "endCursor": str(after + 2)}
        return answer(json.dumps({"data": {"orders": {"nodes": nodes, "pageInfo": info}}}))

    server = serve(shop)
    spec = {"query": ORDERS, "records": "orders.nodes", "key": "id",
            "paging": {"kind": "connection", "size": {"first": 2}}}  # fmt: skip
    pages = read(connect(world, server.url, spec, Graphql))
    assert [row["id"] for row in rows(pages, "data.orders.nodes")] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("code", "error"),
    [("FORBIDDEN", Misconfigured), ("THROTTLED", TryLater), ("INTERNAL_SERVER_ERROR", TryLater),
     ("GRAPHQL_VALIDATION_FAILED", Misconfigured)],
)  # fmt: skip
def test_errors_inside_200(world: World, serve: Serve, code: str, error: Any) -> None:
    body = {"data": None, "errors": [{"message": "their words", "extensions": {"code": code}}]}
    server = serve(lambda heard: answer(json.dumps(body)))
    spec = {"query": ORDERS, "records": "orders.nodes", "key": "id"}
    with pytest.raises(error, match="their words"):
        read(connect(world, server.url, spec, Graphql))


def test_a_mutation_is_refused_by_user_errors(world: World, serve: Serve) -> None:
    def shop(heard: Heard) -> bytes:
        given = json.loads(heard.body)
        if given["query"].startswith("query"):
            return answer(json.dumps({"data": {"orders": {"nodes": [
                {"id": "7", "code": given["variables"]["code"]}]}}}))  # fmt: skip
        order = given["variables"]["input"]
        assert given["variables"]["key"] == order["code"] + "-key"
        bad = [{"message": "no such sku"}] if order["code"] == "bad" else []
        made = {"order": None if bad else {"id": "7"}, "userErrors": bad}
        return answer(json.dumps({"data": {"orderCreate": made}}))

    server = serve(shop)
    spec = {
        "delivery": "idempotency_key", "key": "code", "mutation": "mutation { x }",
        "result": "orderCreate", "their_id": "order.id", "refusals": "userErrors",
        "variables": {"key": "{key}"}, "reference": "code",
        "lookup": {"query": "query { y }", "variables": {"code": "{reference}"},
                   "records": "orders.nodes"},
    }  # fmt: skip
    api = connect(world, server.url, spec, Graphql)
    stream = api.writes()["it"]
    one, two = (Parcel(code, f"{code}-key", "create", {"code": code}) for code in ("good", "bad"))
    [good] = api.write(stream, [one])
    [bad] = api.write(stream, [two])
    assert (good.verdict, good.their_id) == ("delivered", "7")
    assert (bad.verdict, bad.message) == ("refused", "no such sku")
    found = api.lookup(stream, [one])["good"]
    assert found is not None
    assert found.their_id == "7"
    api.close()
