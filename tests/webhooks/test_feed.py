"""What a shop calls about is landed once, whatever is lost, doubled, late or out of order."""

from __future__ import annotations

import itertools
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock import quarantine, systems
from crossdock.errors import Misconfigured, TryLater
from crossdock.objects import Objects
from crossdock.sandbox.calls import Calls
from crossdock.sandbox.faults import Plan
from crossdock.store import schema
from crossdock.webhooks import inbox
from tests.faults.catalogue import fault
from tests.webhooks.conftest import World, order


def states(world: World) -> dict[str, int]:
    with world.store.reading() as connection:
        table = schema.inbox
        rows = connection.execute(sa.select(table.c.state, sa.func.count()).group_by(table.c.state))
        return {str(state): int(count) for state, count in rows}


def test_a_call_is_landed_by_the_next_run_and_the_poll_finds_nothing_new(
    world: World, calls: Calls
) -> None:
    world.shop.change("orders", order(1))
    assert calls.answers == {200: 1}
    assert states(world) == {"waiting": 1}
    first = world.run()
    assert first.balanced
    assert first.data["records"] == {**first.data["records"], "read": 2, "delivered": 1}
    assert first.data["records"]["unchanged"] == 1
    assert world.arrived() == {"W1": "confirmed"}
    assert states(world) == {"landed": 1}
    again = world.run()
    assert again.balanced
    assert again.data["records"]["delivered"] == 0


@fault("W05")
def test_what_was_lost_the_poll_finds(world: World, calls: Calls) -> None:
    calls.plan = Plan([{"at": 2, "fault": "lost_call"}])
    for number in (1, 2, 3):
        world.shop.change("orders", order(number))
    assert len(calls.lost) == 1
    assert states(world) == {"waiting": 2}
    assert world.run().balanced
    assert set(world.arrived()) == {"W1", "W2", "W3"}


@fault("W01", "W02")
def test_a_doubled_call_is_one_item(world: World, calls: Calls) -> None:
    calls.plan = Plan([{"at": 1, "fault": "doubled_call"}])
    world.shop.change("orders", order(1))
    assert calls.answers == {200: 2}
    assert states(world) == {"waiting": 1}
    done = world.run()
    assert done.balanced
    assert done.data["records"]["delivered"] == 1


@fault("W06")
def test_a_late_call_never_undoes_what_is_newer(world: World, calls: Calls) -> None:
    """The update arrives, and is delivered; then the create arrives."""
    world.say(reconcile="1 day")
    calls.plan = Plan([{"at": 1, "fault": "late_call"}])
    world.shop.change("orders", order(1, status="open"))
    late, calls.late = calls.late, []
    newer = "2026-03-02T10:00:00+00:00"
    world.shop.change("orders", order(1, status="confirmed", updated_at=newer))
    world.run()
    assert world.arrived() == {"W1": "confirmed"}
    calls.late = late
    calls.flush()
    done = world.run()
    assert done.balanced
    assert done.data["records"]["unchanged"] == 1
    assert world.arrived() == {"W1": "confirmed"}
    assert world.run().data["records"]["read"] == 0


@fault("W03")
@pytest.mark.parametrize("arrival", list(itertools.permutations(range(3))))
def test_every_order_of_arrival_gives_the_same(world: World, arrival: tuple[int, ...]) -> None:
    world.say(reconcile=False, because="a test of the inbox alone")
    bodies = [
        order(1, status=status, updated_at=f"2026-03-0{day}T10:00:00+01:00")
        for day, status in ((1, "open"), (2, "confirmed"), (3, "shipped"))
    ]
    for number in arrival:
        keep(world, bodies[number])
    done = world.run()
    assert done.balanced
    assert world.arrived() == {"W1": "shipped"}
    assert done.data["records"]["read"] == 3


def keep(world: World, body: dict[str, Any] | bytes, **changes: Any) -> None:
    """Put a call into the inbox as the receiver does."""
    values: dict[str, Any] = {
        "system": "shop",
        "stream": "orders",
        "event": uuid.uuid4().hex,
        "topic": "orders/updated",
        "brings": "record",
        "media": "json",
        "received_at": datetime.now(UTC),
        "body": body if isinstance(body, bytes) else json.dumps(body).encode(),
    }
    inbox.keep(world.store, Objects(world.home), [inbox.Call(**{**values, **changes})])


@fault("W09")
def test_unreadable_calls_are_held_and_the_others_go_on(world: World) -> None:
    keep(world, b'{"id": 5001, "number"')
    keep(world, order(2))
    done = world.run()
    assert done.balanced
    assert set(world.arrived()) == {"W2"}
    with world.store.reading() as connection:
        held = connection.execute(sa.select(schema.hold)).mappings().all()
    assert [row["cause"] for row in held] == ["unreadable"]
    quarantine.resubmit(world.store, [held[0]["id"]], who="test", reason="")
    assert world.run().balanced
    assert set(world.arrived()) == {"W2"}


@fault("W04", "W09")
def test_news_without_a_record_lets_the_system_be_asked(world: World) -> None:
    world.say(brings="news", reconcile="1 day")
    world.run()
    world.shop.change("orders", order(1))
    world.run()
    assert world.arrived() == {}
    keep(world, {"id": 5001}, brings="news")
    done = world.run()
    assert done.balanced
    assert set(world.arrived()) == {"W1"}
    assert states(world) == {"landed": 1}


def test_the_poll_waits_for_its_time(world: World) -> None:
    world.say(reconcile="1 hour")
    world.shop.change("orders", order(1))
    world.run()
    assert set(world.arrived()) == {"W1"}
    world.shop.change("orders", order(2))
    world.run()
    assert set(world.arrived()) == {"W1"}
    with world.store.writing() as connection:
        table = schema.poll
        last = connection.execute(sa.select(table.c.at)).scalar_one()
        connection.execute(table.update().values(at=last - timedelta(hours=1)))
    world.run()
    assert set(world.arrived()) == {"W1", "W2"}


@fault("F19", "P23")
def test_two_pulls_never_land_one_item_twice(world: World) -> None:
    keep(world, order(1))
    objects = Objects(world.home)
    [item] = inbox.waiting(world.store, objects, "shop", "orders")
    with world.store.writing() as connection:
        inbox.landed(connection, {item.id: "first"})
    with pytest.raises(TryLater, match="another run"), world.store.writing() as connection:
        inbox.landed(connection, {item.id: "second"})
    assert list(inbox.waiting(world.store, objects, "shop", "orders")) == []


def test_what_waits_is_sealed(world: World) -> None:
    keep(world, order(1, note="canary-5c1d"))
    hub = world.folder / "state" / "hub.db"
    files = [hub, *hub.parent.glob("hub.db-*")]
    assert not [path for path in files if b"canary-5c1d" in path.read_bytes()]
    [item] = inbox.waiting(world.store, Objects(world.home), "shop", "orders")
    assert b"canary-5c1d" in item.body
    assert "canary" not in repr(item)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reconcile": False}, "nobody would notice"),
        ({"reconcile": "often"}, "true, false or a time"),
        ({"secrets": []}, "without a secret is closed"),
        ({"secrets": ["abc"]}, "stands in the file itself"),
        ({"signature": "none"}, "signature is one of"),
        ({"brings": "all"}, "brings is one of"),
        ({"topics": "orders"}, "topics is a list"),
        ({"tolerance": 90_000}, "tolerance is a whole number"),
        ({"zone": "Mars/Base"}, "no time zone"),
        ({"singature": "md5"}, "unknown key"),
    ],
)
def test_mistakes_in_the_file_are_named(
    world: World, changes: dict[str, Any], words: str
) -> None:
    world.say(**changes)
    with pytest.raises(Misconfigured, match=words) as caught:
        world.run()
    assert "shop.yaml:" in str(caught.value)


def test_only_streams_that_are_read_have_webhooks(world: World) -> None:
    path = world.folder / "config/systems/warehouse.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text + "    webhooks: {signature: md5, secrets: [{env: X}]}\n", encoding="utf-8"
    )
    with pytest.raises(Misconfigured, match="nobody reads the stream"):
        systems.open_system(world.home, "warehouse")
