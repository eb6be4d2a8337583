"""What servers answer, and connections that are gone: at the door of REST systems."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.rest import Rest
from crossdock.connector import Outcome, Page, Parcel, Reads, World
from crossdock.errors import CrossdockError, Misconfigured, Unreadable
from crossdock.formats import tables
from tests.faults.catalogue import fault
from tests.wire.conftest import Clock, Heard, answer

Serve = Callable[..., Any]
LIST = {"path": "orders", "records": "orders", "key": "id"}
ORDER = {"delivery": "none", "key": "id", "path": "orders"}


def connect(world: World, url: str, spec: dict[str, Any], **settings: Any) -> Rest:
    """Open a REST system with one stream."""
    rest = Rest(url=url, **settings)
    vars(rest)["allow_private"] = True
    rest.bind("shop", world, {"orders": Rest.stream("orders", spec)})
    return rest


def read(world: World, url: str, spec: dict[str, Any]) -> list[Page]:
    """Read the stream from its beginning."""
    rest = connect(world, url, spec)
    try:
        return list(rest.read(rest.reads()["orders"], None))
    finally:
        rest.close()


def write(world: World, url: str, spec: dict[str, Any], *parcels: Parcel) -> list[Outcome]:
    """Send parcels."""
    rest = connect(world, url, spec)
    try:
        return rest.write(rest.writes()["orders"], list(parcels) or [parcel()])
    finally:
        rest.close()


def parcel(operation: Any = "create", their_id: str | None = None) -> Parcel:
    """One order."""
    return Parcel("r1", "k1", operation, {"id": 7, "total": "1.00"}, their_id)


@fault("N21")
@pytest.mark.parametrize("status", [404, 410])
def test_a_document_that_is_gone_is_not_made_again_by_a_change(
    world: World, serve: Serve, status: int
) -> None:
    server = serve(lambda heard: answer('{"message": "no such order"}', status))
    spec = {**ORDER, "delivery": "upsert", "update": {"path": "orders/{their_id}"}}
    [outcome] = write(world, server.url, spec, parcel("update", "77"))
    assert (outcome.verdict, outcome.message) == ("refused", "no such order")
    assert [(heard.method, heard.path) for heard in server.heard] == [("PUT", "/orders/77")]


@fault("N22")
@pytest.mark.parametrize("status", [409, 412])
def test_another_version_at_the_target_is_for_a_person(
    world: World, serve: Serve, status: int
) -> None:
    server = serve(lambda heard: answer('{"message": "version 4 is there"}', status))
    [outcome] = write(world, server.url, ORDER)
    assert (outcome.verdict, outcome.message) == ("refused", "version 4 is there")
    assert len(server.heard) == 1


@fault("N22")
def test_a_key_that_is_being_worked_on_is_waited_for(
    world: World, serve: Serve, clock: Clock
) -> None:
    """As the stream declares: the shop says 409 while the first try is still under way."""
    answers = [answer('{"error": "busy"}', 409, Retry_After="3"), answer('{"id": 9}', 201)]
    server = serve(lambda heard: answers[len(server.heard) - 1])
    spec = {**ORDER, "delivery": "idempotency_key", "idempotency_header": "Idempotency-Key"}
    spec["verdict"] = [{"status": 409, "is": "try_later"}]
    [outcome] = write(world, server.url, spec)
    assert (outcome.verdict, outcome.their_id) == ("delivered", "9")
    assert clock.sleeps == [3.0]
    assert len({heard.headers["idempotency-key"] for heard in server.heard}) == 1


@fault("N34", "E09")
@pytest.mark.parametrize(
    "head", ["application/json", "application/json; charset=iso-8859-1", "text/plain; charset=x"]
)
def test_a_header_says_another_character_set(
    world: World, serve: Serve, tmp_path: Path, head: str
) -> None:
    text = json.dumps({"orders": [{"id": 1, "name": "Größe 茶"}]}, ensure_ascii=False)
    server = serve(lambda heard: answer(text.encode(), Content_Type=head))
    [page] = read(world, server.url, LIST)
    assert page.body == text.encode(), "bytes are kept as they came"
    body = tmp_path / "latin"
    body.write_bytes(text.replace("茶", "").encode("latin-1"))
    with pytest.raises(Unreadable, match="do not decode"):
        list(tables(Reads("orders", ("id",), records="orders"), "json", body))


class _Closing:
    """Closes each connection a moment after its answer, without a word."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def __call__(self, heard: Heard) -> None:
        self.closed.clear()
        heard.send(answer('{"orders": []}', 200 if heard.method == "GET" else 201))
        heard.socket.shutdown(2)
        self.closed.set()


@fault("N38")
@pytest.mark.parametrize("delivery", ["none", "upsert"])
def test_an_idle_connection_that_was_closed_is_no_lost_answer(
    world: World, serve: Serve, delivery: str
) -> None:
    closing = _Closing()
    server = serve(closing)
    rest = connect(world, server.url, {**ORDER, "delivery": delivery})
    for count in range(1, 4):
        [outcome] = rest.write(rest.writes()["orders"], [parcel()])
        assert closing.closed.wait(10)
        assert outcome.verdict == "delivered", outcome
        assert len(server.heard) == count
    rest.close()


@fault("D07", "N20")
@pytest.mark.parametrize(("status", "words"), [(410, "use v3"), (403, "use v3"), (404, "use v3")])
def test_an_interface_that_was_switched_off_stops_the_flow_at_once(
    world: World, serve: Serve, clock: Clock, status: int, words: str
) -> None:
    server = serve(lambda heard: answer(json.dumps({"message": words}), status))
    with pytest.raises(Misconfigured, match=words):
        read(world, server.url, LIST)
    assert len(server.heard) == 1
    assert clock.sleeps == []


@fault("N16")
@pytest.mark.parametrize(
    "body", ['{"error": "quota"}', '{"data": null}', "[]", "null", '"busy"', "{}"]
)
def test_an_error_with_status_200_is_never_an_empty_list(
    world: World, serve: Serve, body: str
) -> None:
    with pytest.raises(CrossdockError):
        read(world, serve(lambda heard: answer(body)).url, LIST)


@fault("N11", "N12")
@pytest.mark.parametrize("status", [500, 502, 504, 520])
def test_an_unsafe_write_that_ended_in_a_server_error_is_uncertain(
    world: World, serve: Serve, status: int
) -> None:
    server = serve(lambda heard: answer("{}", status))
    [outcome] = write(world, server.url, ORDER)
    assert outcome.verdict == "uncertain"
    assert len(server.heard) == 1


@fault("N24", "N11")
def test_a_batch_whose_second_half_fails_says_so_of_that_half_only(
    world: World, serve: Serve
) -> None:
    """A batch of five with room for two: the third call ends without an answer."""

    def handler(heard: Heard) -> bytes | None:
        items = json.loads(heard.body)["items"]
        if any(item["id"] == 4 for item in items):
            heard.reset()
            return None
        return answer(json.dumps({"done": [{"id": item["id"]} for item in items]}))

    server = serve(handler)
    spec = {
        **ORDER,
        "batch": 2,
        "wrap": "items",
        "results": {"path": "done", "match": "id", "field": "id"},
    }
    parcels = [Parcel(f"r{n}", f"k{n}", "create", {"id": n}) for n in range(5)]
    verdicts = [outcome.verdict for outcome in write(world, server.url, spec, *parcels)]
    assert verdicts == ["delivered"] * 4 + ["uncertain"]


POISON = [
    b'{"id": 6, "price": NaN}',
    b'{"id": 6, "id": 7}',
    b'{"id": 6, "note": "\\u0000"}',
    b'{"id": 6, "note": "\\b"}',
    b'{"id": 6, "note": "\\ud800"}',
    b'{"id": 6, "number": ' + b"9" * 5000 + b"}",
    b'{"id": 6, "deep": ' + b"[" * 150 + b"]" * 150 + b"}",
]


@fault("X16", "E10", "C12", "L11")
@pytest.mark.parametrize("record", POISON, ids=range(len(POISON)))
def test_a_record_that_cannot_be_trusted_does_not_stop_its_list(
    world: World, serve: Serve, tmp_path: Path, record: bytes
) -> None:
    """A customer who types a control character must not keep every other order back."""

    def handler(heard: Heard) -> bytes:
        if heard.query.get("page") == "2":
            return answer(b'{"orders": [{"id": 8}], "next": ""}')
        return answer(b'{"orders": [{"id": 5}, ' + record + b'], "next": "?page=2"}')

    spec = {**LIST, "paging": {"kind": "next_url", "path": "next"}}
    rest = connect(world, serve(handler).url, spec)
    stream = rest.reads()["orders"]
    rows = []
    for number, page in enumerate(rest.read(stream, None)):
        assert isinstance(page.body, bytes)
        (tmp_path / str(number)).write_bytes(page.body)
        for table in rest.tables(stream, page.media, tmp_path / str(number)):
            rows += table.to_pylist()
    rest.close()
    assert [json.loads(row["json"])["id"] for row in rows if not row["_fault"]] == [5, 8]
    assert len([row for row in rows if row["_fault"]]) == 1
