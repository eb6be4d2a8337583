"""Changes at a REST target: they go where the stream says, under a key of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.rest import Rest
from crossdock.connector import Outcome, Parcel, World

from .conftest import Heard, RawServer, answer

Serve = Callable[..., RawServer]
POSTED = {"delivery": "none", "key": "id", "path": "orders", "method": "POST", "their_id": "id"}
KEYED = {"delivery": "idempotency_key", "idempotency_header": "Idempotency-Key"}
UPDATE = {"update": {"method": "PUT", "path": "orders/{their_id}"}}
CREATE = Parcel("shop/1", "key-1", "create", {"number": "1"})
CHANGE = Parcel("shop/1", "key-2", "update", {"number": "1"}, their_id="5")


def send(world: World, url: str, spec: dict[str, Any], *parcels: Parcel) -> list[Outcome]:
    rest = Rest(url=url)
    rest.bind("shop", world, {"orders": Rest.stream("orders", spec)})
    vars(rest)["allow_private"] = True
    try:
        return rest.write(rest.writes()["orders"], list(parcels))
    finally:
        rest.close()


@pytest.fixture
def server(serve: Serve) -> RawServer:
    return serve(lambda heard: answer('{"id": "5"}'))


def sent(server: RawServer) -> list[tuple[str, str]]:
    return [(heard.method, heard.path) for heard in server.heard]


@pytest.mark.parametrize("more", [{}, KEYED])
def test_a_change_is_never_another_post(
    world: World, server: RawServer, more: dict[str, Any]
) -> None:
    change, create = send(world, server.url, {**POSTED, **more}, CHANGE, CREATE)
    assert (create.verdict, change.verdict) == ("delivered", "refused")
    assert "the change of shop/1 must be made there by hand" in change.message
    assert sent(server) == [("POST", "/orders")]


def test_a_change_goes_where_the_stream_says(world: World, server: RawServer) -> None:
    outcomes = send(world, server.url, {**POSTED, **UPDATE}, CREATE, CHANGE)
    assert [(o.verdict, o.their_id) for o in outcomes] == [("delivered", "5")] * 2
    assert sent(server) == [("POST", "/orders"), ("PUT", "/orders/5")]


def test_a_change_has_another_idempotency_key_than_its_create(world: World, serve: Serve) -> None:
    """A target that knows the key answers as it did before, and the change would be lost."""
    taken: dict[str, bytes] = {}

    def handler(heard: Heard) -> bytes:
        taken.setdefault(heard.headers["idempotency-key"], heard.body)
        return answer('{"id": "5"}')

    server = serve(handler)
    changed = Parcel("shop/1", "key-2", "update", {"number": "1", "note": "new"}, their_id="5")
    send(world, server.url, {**POSTED, **KEYED, **UPDATE}, CREATE, changed, changed)
    assert taken == {"key-1": b'{"number":"1"}', "key-2": b'{"number":"1","note":"new"}'}


def test_an_upsert_may_post_its_changes(world: World, server: RawServer) -> None:
    outcomes = send(world, server.url, {**POSTED, "delivery": "upsert"}, CHANGE)
    assert [outcome.verdict for outcome in outcomes] == ["delivered"]
    assert sent(server) == [("POST", "/orders")]
