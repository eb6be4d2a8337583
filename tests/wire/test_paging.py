"""Ways of paging and marks of how far was read, one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.rest import Rest
from crossdock.connector import Page, Parcel, World
from crossdock.errors import CrossdockError, Misconfigured, TryLater, Unreadable
from crossdock.paging import Seen, Step, Walk, followed, next_link, paging
from crossdock.watermark import watermark
from tests.faults.catalogue import fault

from .conftest import Heard, answer

NOW = datetime(2026, 11, 1, tzinfo=UTC)
Serve = Callable[..., Any]


def connect(world: World, url: str, spec: dict[str, Any], **settings: Any) -> Rest:
    rest = Rest(url=url, **settings)
    vars(rest)["allow_private"] = True
    rest.bind("shop", world, {"orders": Rest.stream("orders", spec)})
    return rest


def read(rest: Rest, cursor: str | None = None) -> list[Page]:
    try:
        return list(rest.read(rest.reads()["orders"], cursor))
    finally:
        rest.close()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('<https://h/a?p=2>; rel="next"', "https://h/a?p=2"),
        ("<https://h/a?p=2>; rel=next", "https://h/a?p=2"),
        ('<https://h/1>; rel="first", <https://h/3>; rel="next"; title="a, b"', "https://h/3"),
        ('<https://h/1>; rel="nextish"', ""),
        ("", ""),
        ("junk", ""),
    ],
)
def test_link_headers(header: str, expected: str) -> None:
    assert next_link(header) == expected


def test_a_next_page_elsewhere_is_not_sent_our_credentials(world: World, serve: Serve) -> None:
    other = serve(lambda heard: answer('{"orders": []}'))
    body = json.dumps({"orders": [{"id": 1}], "next": f"{other.url}/orders"})
    server = serve(lambda heard: answer(body))
    spec = {"path": "orders", "records": "orders", "key": "id"}
    rest = connect(world, server.url, {**spec, "paging": {"kind": "next_url", "path": "next"}})
    with pytest.raises(Misconfigured, match="another host"):
        read(rest)
    assert not other.heard
    assert followed("https://h/a/b?c=1", "/x?y=2") == Step("https://h/x?y=2")


@fault("N28")
@pytest.mark.parametrize(
    "body",
    ['{"orders": [{"id": 1}], "next": "/orders"}', '{"orders": [{"id": 1}], "next": "?a=1"}'],
)
def test_a_list_that_goes_round_is_found(world: World, serve: Serve, body: str) -> None:
    server = serve(lambda heard: answer(body))
    spec = {"path": "orders", "records": "orders", "key": "id"}
    rest = connect(world, server.url, {**spec, "paging": {"kind": "next_url", "path": "next"}})
    with pytest.raises(Misconfigured, match="circle"):
        read(rest)
    assert len(server.heard) <= 2


def test_a_list_without_end_is_stopped(world: World, serve: Serve) -> None:
    def endless(heard: Heard) -> bytes:
        return answer(json.dumps({"o": [{"id": 1}], "c": str(len(heard.query.get("c", "")) + 1)}))

    server = serve(lambda heard: answer(json.dumps({"o": [1], "c": f"t{len(server.heard)}"})))
    spec = {
        "path": "orders",
        "records": "o",
        "key": "id",
        "most_pages": 30,
        "paging": {"kind": "cursor", "path": "c", "parameter": "c"},
    }
    with pytest.raises(Misconfigured, match="more than 30 pages"):
        read(connect(world, server.url, spec))
    assert len(server.heard) == 30


@fault("N26")
def test_a_page_that_is_given_again_is_not_taken_for_the_next(world: World, serve: Serve) -> None:
    """Some systems answer a page beyond the end with the last page, without end."""
    server = serve(lambda heard: answer('{"items": [{"id": 1}, {"id": 2}], "total_count": 4}'))
    spec = {"path": "orders", "records": "items", "key": "id"}
    way = {"kind": "page", "parameter": "p", "size": {"n": 2}}
    with pytest.raises(TryLater, match="same as the one before"):
        read(connect(world, server.url, {**spec, "paging": way}))


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ({"total": "total", "size": {"n": 2}}, ["1", "2", "3"]),
        ({"more": "more"}, ["1", "2", "3"]),
        ({"size": {"n": 2}}, ["1", "2", "3"]),
        ({}, ["1", "2", "3", "4"]),
        ({"start": 0, "total": "total", "size": {"n": 2}}, ["0", "1", "2"]),
    ],
)
def test_the_ends_of_numbered_pages(
    world: World, serve: Serve, way: dict[str, Any], expected: list[str]
) -> None:
    def handler(heard: Heard) -> bytes:
        number = int(heard.query["p"]) - way.get("start", 1)
        rows = [{"id": n} for n in range(5)][number * 2 : number * 2 + 2]
        return answer(json.dumps({"rows": rows, "total": 5, "more": number < 2}))

    server = serve(handler)
    spec = {"path": "x", "records": "rows", "key": "id"}
    paging_spec = {"kind": "page", "parameter": "p", **way}
    pages = read(connect(world, server.url, {**spec, "paging": paging_spec}))
    assert [heard.query["p"] for heard in server.heard] == expected
    assert len(pages) == 3


def test_keyset_and_parameters_in_a_json_body(world: World, serve: Serve) -> None:
    def handler(heard: Heard) -> bytes:
        asked = json.loads(heard.body)
        start = asked["filter"].get("after", 0)
        rows = [{"id": n} for n in range(1, 6) if n > start][:2]
        return answer(json.dumps(rows))

    server = serve(handler)
    spec = {
        "path": "v2/list",
        "method": "POST",
        "key": "id",
        "parameters": {"filter.status": "new"},
        "paging": {
            "kind": "keyset",
            "parameter": "filter.after",
            "field": "id",
            "size": {"limit": 2},
        },
    }
    pages = read(connect(world, server.url, spec))
    assert len(pages) == 3
    assert json.loads(server.heard[1].body) == {
        "filter": {"status": "new", "after": 2},
        "limit": 2,
    }
    assert server.heard[0].method == "POST"


@fault("N16")
def test_an_answer_without_its_list_is_never_nothing(world: World, serve: Serve) -> None:
    server = serve(lambda heard: answer('{"error": "session lost"}'))
    spec = {"path": "x", "records": "data.orders", "key": "id"}
    with pytest.raises(TryLater, match=r"no 'data\.orders', it holds no object"):
        read(connect(world, server.url, spec))
    spec["errors"] = [{"field": "error", "is": "misconfigured", "message": "error"}]
    with pytest.raises(Misconfigured, match="session lost"):
        read(connect(world, server.url, spec))
    server = serve(lambda heard: answer('{"data": {"orders": null}}'))
    assert read(connect(world, server.url, spec)) == []
    server = serve(lambda heard: answer(b"", 204))
    assert read(connect(world, server.url, spec)) == []


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_list_that_is_refused_stops_the_flow(world: World, serve: Serve, status: int) -> None:
    server = serve(lambda heard: answer('{"message": "unknown filter"}', status))
    with pytest.raises(Misconfigured, match="unknown filter"):
        read(connect(world, server.url, {"path": "x", "key": "id"}))
    assert len(server.heard) == 1


@fault("L01", "N04")
def test_a_report_whose_end_nobody_marked_is_not_trusted(world: World, serve: Serve) -> None:
    server = serve(lambda heard: answer("a,b\n1,2\n", length=False))
    spec = {"path": "report", "key": "a", "media": "csv"}
    with pytest.raises(TryLater, match="nobody marked the end"):
        read(connect(world, server.url, spec))
    [page] = read(connect(world, server.url, {**spec, "unmarked_end": True}))
    assert (page.media, page.body) == ("csv", b"a,b\n1,2\n")


def test_keys_in_the_query_are_not_told(world: World, serve: Serve) -> None:
    server = serve(lambda heard: answer("{}", 403))
    spec = {"path": "x", "key": "id"}
    rest = connect(world, server.url, spec, auth="query", parameter="api_key", token="S3cret!")
    with pytest.raises(Misconfigured) as caught:
        read(rest)
    assert server.heard[0].query == {"api_key": "S3cret!"}
    assert "S3cret" not in str(caught.value)


BATCH = {
    "delivery": "upsert",
    "key": "sku",
    "path": "products/batch",
    "batch": 10,
    "wrap": "products",
    "results": {"path": "results", "match": "sku"},
    "their_id": "id",
    "verdict": [{"field": "error", "is": "refused", "message": "error.text"}],
}


def batch(world: World, url: str, spec: dict[str, Any], count: int = 4) -> list[tuple[str, Any]]:
    rest = connect(world, url, spec)
    parcels = [Parcel(f"r{n}", f"s{n}", "update", {"sku": f"s{n}"}) for n in range(count)]
    try:
        outcomes = rest.write(rest.writes()["orders"], parcels)
    finally:
        rest.close()
    assert [outcome.reference for outcome in outcomes] == [p.reference for p in parcels]
    return [(outcome.verdict, outcome.their_id) for outcome in outcomes]


@fault("N24")
def test_each_parcel_of_a_batch_has_its_own_verdict(world: World, serve: Serve) -> None:
    def handler(heard: Heard) -> bytes:
        skus = [item["sku"] for item in json.loads(heard.body)["products"]]
        results = [{"sku": sku, "id": f"id-{sku}"} for sku in reversed(skus)]
        results[0] = {"sku": skus[-1], "error": {"text": "no price"}}
        return answer(json.dumps({"results": results[:-1]}), 207)

    verdicts = batch(world, serve(handler).url, BATCH)
    assert verdicts == [
        ("uncertain", None),
        ("delivered", "id-s1"),
        ("delivered", "id-s2"),
        ("refused", None),
    ]


@fault("N23")
def test_a_batch_that_is_refused_is_split_until_the_bad_one_stands_alone(
    world: World, serve: Serve
) -> None:
    def handler(heard: Heard) -> bytes:
        skus = [item["sku"] for item in json.loads(heard.body)["products"]]
        if "s2" in skus:
            return answer('{"message": "one is wrong"}', 422)
        return answer(json.dumps({"results": [{"sku": sku, "id": sku} for sku in skus]}))

    server = serve(handler)
    verdicts = batch(world, server.url, BATCH)
    assert verdicts == [
        ("delivered", "s0"),
        ("delivered", "s1"),
        ("refused", None),
        ("delivered", "s3"),
    ]
    assert len(server.heard) == 5


def test_results_in_order_must_be_as_many_as_were_sent(world: World, serve: Serve) -> None:
    spec = {**BATCH, "results": {"path": "results"}}
    server = serve(lambda heard: answer('{"results": [{"id": 1}, {"id": 2}]}'))
    assert batch(world, server.url, spec, 2) == [("delivered", "1"), ("delivered", "2")]
    assert batch(world, server.url, spec, 3) == [("uncertain", None)] * 3


@fault("N15", "N16")
def test_a_success_that_is_a_failure(world: World, serve: Serve) -> None:
    spec = {
        "delivery": "upsert",
        "key": "sku",
        "path": "p/{sku}",
        "verdict": [
            {"field": "userErrors", "is": "refused", "message": "userErrors.0.message"},
            {"status": 202, "is": "accepted"},
        ],
    }
    server = serve(lambda heard: answer('{"userErrors": [{"message": "too long"}]}'))
    assert batch(world, server.url, spec, 1) == [("refused", None)]
    server = serve(lambda heard: answer('{"id": 7}', 202))
    assert batch(world, server.url, spec, 1) == [("accepted", "7")]
    for lie in ("<html>log in", '{"id": 7', "OK"):
        server = serve(lambda heard, lie=lie: answer(lie, length=False))
        assert batch(world, server.url, spec, 1) == [("uncertain", None)]
    server = serve(lambda heard: answer(""))
    assert batch(world, server.url, spec, 1) == [("delivered", None)]
    assert batch(world, server.url, {**spec, "their_id": "id"}, 1) == [("uncertain", None)]


def test_what_a_target_cannot_take_is_for_a_person(world: World, serve: Serve) -> None:
    server = serve(lambda heard: answer(b"", 404 if heard.method == "DELETE" else 204))
    create_only = {"delivery": "none", "key": "id", "path": "orders"}
    both = {**create_only, "delivery": "upsert", "path": "orders/{id}"}
    all_three = {
        **both,
        "update": {"method": "PATCH", "path": "orders/{their_id}"},
        "delete": {"path": "orders/{their_id}"},
    }
    expected = [
        (create_only, ["POST"], ["delivered", "refused", "refused"]),
        (both, ["POST", "PUT"], ["delivered", "delivered", "refused"]),
        (all_three, ["POST", "PATCH", "DELETE"], ["delivered"] * 3),
    ]
    for spec, methods, verdicts in expected:
        server.heard.clear()
        rest = connect(world, server.url, spec)
        parcels = [
            Parcel(f"r{operation}", "k", operation, {"id": 5}, their_id="t/5")
            for operation in ("create", "update", "delete")
        ]
        outcomes = rest.write(rest.writes()["orders"], parcels)
        rest.close()
        assert [outcome.verdict for outcome in outcomes] == verdicts
        assert [heard.method for heard in server.heard] == methods
    assert server.heard[-1].target == "/orders/t%2F5"
    assert outcomes[-1].their_id == "t/5"


def test_a_lookup_whose_filter_is_ignored_is_no_answer(world: World, serve: Serve) -> None:
    spec = {
        "delivery": "lookup_before_create",
        "key": "number",
        "path": "orders",
        "reference": "external_id",
        "lookup": {"path": "orders", "parameters": {"ref": "{reference}"}, "records": "orders"},
    }
    cases: list[tuple[bytes, Any]] = [
        (answer('{"orders": []}'), None),
        (answer('{"orders": [{"id": 5, "external_id": "r0"}]}'), "5"),
        (answer("{}", 404), None),
        (answer('{"orders": [{"id": 5, "external_id": "other"}]}'), Misconfigured),
        (answer('{"orders": [{"id": 5}]}'), Misconfigured),
        (answer('{"error": 1}'), TryLater),
        (answer("{}", 400), TryLater),
    ]
    for data, expected in cases:
        rest = connect(world, serve(lambda heard, data=data: data).url, spec)
        stream = rest.writes()["orders"]
        parcels = [Parcel("r0", "n0", "create", {"number": "n0"})]
        if isinstance(expected, type) and issubclass(expected, CrossdockError):
            with pytest.raises(expected):
                rest.lookup(stream, parcels)
        else:
            found = rest.lookup(stream, parcels)["r0"]
            assert (found.their_id if found else None) == expected
        rest.close()


@pytest.mark.parametrize(
    ("kind", "grain", "overlap", "known", "expected"),
    [
        ("instant", "second", 0, "2026-01-02T00:00:00Z", "2026-01-01T23:59:59Z"),
        ("instant", "second", 600, "2026-01-02T00:00:00+02:00", "2026-01-01T23:50:00+02:00"),
        ("instant", "second", 0, "2026-01-02 00:00:05", "2026-01-02 00:00:04"),
        ("instant", "day", 0, "2026-03-01", "2026-02-28"),
        ("instant", "day", 0, "2026-03-01T10:00:00", "2026-02-28T10:00:00"),
        ("instant", "millisecond", 0, "2026-01-02T00:00:00.500Z", "2026-01-02T00:00:00.499000Z"),
        ("instant", "100ns", 0, "2026-01-02T00:00:00.1234567Z", "2026-01-02T00:00:00.123455Z"),
        ("number", "none", 0, "12345678901234567890", "12345678901234567890"),
        ("epoch", "second", 60, "1767312000", "1767311940"),
        ("epoch_ms", "millisecond", 60, "1767312000000", "1767311940000"),
        ("text", "none", 0, "opaque==", "opaque=="),
    ],
)
def test_a_mark_is_taken_back(
    kind: str, grain: str, overlap: float, known: str, expected: str
) -> None:
    assert watermark(kind, grain, overlap).since(known) == expected


def test_marks_compare_by_instant_and_not_by_text() -> None:
    mark = watermark("instant", "100ns", 0)
    early, late = "2026-01-02T01:00:00.1234567+02:00", "2026-01-01T23:00:00.1234568Z"
    assert mark.later(early, late, NOW) == late
    assert mark.later(late, early, NOW) == late
    assert mark.later(None, early, NOW) == early
    assert mark.later(early, None, NOW) == early
    assert watermark("number", "none", 0).later("9", 10, NOW) == "10"
    assert watermark("text", "none", 0).later("9", "10", NOW) == "9"


def test_a_record_from_the_far_future_does_not_hide_the_others() -> None:
    mark = watermark("instant", "second", 0)
    assert mark.later("2026-10-01T00:00:00Z", "2999-01-01T00:00:00Z", NOW) == "2026-10-01T00:00:00Z"


def test_other_forms_of_dates_are_declared() -> None:
    mark = watermark("instant", "second", 60, pattern="%d.%m.%Y %H:%M:%S")
    assert mark.later("31.12.2025 23:59:59", "01.01.2026 00:00:00", NOW) == "01.01.2026 00:00:00"
    assert mark.since("01.01.2026 00:00:30") == "31.12.2025 23:59:30"
    for kind in ("instant", "number"):
        with pytest.raises(Unreadable):
            watermark(kind, "second", 0).later(None, "01.01.2026", NOW)
    with pytest.raises(Misconfigured):
        watermark("date", "second", 0)


def test_a_list_whose_change_times_cannot_be_read_is_said(world: World, serve: Serve) -> None:
    server = serve(lambda heard: answer('[{"id": 1, "at": "1.1.2026"}]'))
    spec = {"path": "x", "key": "id", "cursor": "at", "grain": "second", "since": "from"}
    with pytest.raises(Misconfigured, match="cursor_format"):
        read(connect(world, server.url, spec))


def test_the_first_read_may_begin_somewhere(world: World, serve: Serve) -> None:
    server = serve(lambda heard: answer('[{"id": 1, "at": "2026-01-01T00:00:00Z"}]'))
    spec = {
        "path": "x",
        "key": "id",
        "cursor": "at",
        "grain": "second",
        "since": "from",
        "since_format": "%d.%m.%Y",
        "start": "01.01.2020",
        "overlap": "86400",
    }
    [page] = read(connect(world, server.url, spec))
    assert page.cursor == "2026-01-01T00:00:00Z"
    read(connect(world, server.url, spec), page.cursor)
    assert [heard.query["from"] for heard in server.heard] == ["01.01.2020", "31.12.2025"]


def test_pages_are_counted_and_seen() -> None:
    walk = Walk(2)
    walk.note(Step("a", {"p": 1}))
    with pytest.raises(Misconfigured, match="circle"):
        walk.note(Step("a", {"p": 1}))
    walk.note(Step("a", {"p": 2}))
    with pytest.raises(Misconfigured, match="more than 2"):
        walk.note(Step("a", {"p": 3}))
    way = paging({"kind": "page", "parameter": "p", "pages": "meta.pages"})
    with pytest.raises(TryLater, match="does not say"):
        way.next(way.first(Step("a")), Seen({}, {}, [1]))
