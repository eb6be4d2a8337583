"""The quarantine: a steward's decisions, their effect on the books, and the trail of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock import audit, quarantine
from crossdock.errors import Misconfigured
from crossdock.store import schema
from tests.engine.project import Project, order
from tests.faults.catalogue import fault


def crooked(project: Project) -> str:
    """Run with three orders that the rule holds and one that passes; gives the run."""
    project.orders([order("1"), order("2", "30.00"), order("3", "31.00"), order("4", "32.00")])
    books = project.run("orders")
    assert books.balanced
    assert books.exit_status == 3
    return books.run


def delivered(project: Project) -> list[str]:
    """The orders that had an effect, in order."""
    return [line["body"]["order_no"] for line in project.effects()]


def test_list_and_show_say_what_is_held_and_why(project: Project) -> None:
    run = crooked(project)
    held = quarantine.listed(project.store)
    assert [hold["key"] for hold in held] == ["2", "3", "4"]
    assert {hold["amount"] for hold in held} == {"30", "31", "32"}
    assert [hold["key"] for hold in quarantine.listed(project.store, limit=2)] == ["2", "3"]
    for words, found in (
        ({"flow": "orders"}, 3),
        ({"flow": "other"}, 0),
        ({"rule": "total_adds_up"}, 3),
        ({"rule": "buyer_missing"}, 0),
        ({"cause": "check"}, 3),
        ({"cause": "mapping"}, 0),
        ({"run": run}, 3),
        ({"run": run, "cause": "check", "flow": "orders", "rule": "total_adds_up"}, 3),
    ):
        assert len(quarantine.listed(project.store, **words)) == found, words  # type: ignore[arg-type]
    shown = quarantine.show(project.store, held[0]["id"])
    (verdict,) = shown["verdicts"]
    assert (verdict["rule"], verdict["field"]) == ("total_adds_up", "total_amount")
    assert verdict["message"] == "the lines do not add up to the total"
    assert shown["actions"] == ["resubmit", "release", "reject"]


@fault("D05")
def test_after_the_mapping_is_mended_held_records_flow_on_once(project: Project) -> None:
    placed = 'issued_at: {path: placed, as: instant, format: "%Y-%m-%d'
    wrong = placed.replace("%Y-%m-%d", "%d.%m.%Y")
    project.file("mappings/till/order.yaml", (placed, wrong))
    project.orders([order("1"), order("2", "30.00")])
    first = project.run("orders")
    assert first.data["records"]["quarantined"] == 2
    held = quarantine.listed(project.store, cause="mapping")
    assert [hold["key"] for hold in held] == ["1", "2"]
    quarantine.resubmit(project.store, [hold["id"] for hold in held], who="test", reason="mended")
    assert [hold["decided"] for hold in quarantine.listed(project.store)] == [True, True]
    project.file("mappings/till/order.yaml", (wrong, placed))
    second = project.run("orders")
    assert second.balanced
    stands = project.books(first.run)
    assert stands["balanced"], stands
    assert stands["records"]["delivered"] == 1
    assert stands["reasons"] == {"check: total_adds_up": 1}
    assert [hold["cause"] for hold in quarantine.listed(project.store)] == ["check"]
    assert delivered(project) == ["1"]
    again = project.run("orders")
    assert again.data["records"]["unchanged"] == again.data["records"]["read"] == 2
    assert delivered(project) == ["1"]


@fault("P34")
def test_a_release_delivers_in_spite_of_the_rule(project: Project) -> None:
    run = crooked(project)
    two, three, _ = quarantine.listed(project.store)
    quarantine.release(project.store, [two["id"], three["id"]], who="ann", reason="agreed")
    assert project.books(run)["records"]["quarantined"] == 3
    project.run("orders")
    stands = project.books(run)
    assert stands["balanced"], stands
    assert (stands["records"]["delivered"], stands["records"]["quarantined"]) == (3, 1)
    assert stands["money"][0]["delivered"] == "86"
    assert delivered(project) == ["1", "2", "3"]
    project.run("orders")
    assert delivered(project) == ["1", "2", "3"]
    with pytest.raises(Misconfigured, match="already"):
        quarantine.release(project.store, [two["id"]], who="ann", reason="again")


def test_a_rejection_stands_in_the_books_with_its_reason(project: Project) -> None:
    run = crooked(project)
    two, *_ = quarantine.listed(project.store)
    quarantine.reject(project.store, [two["id"]], who="ann", reason="a test order")
    stands = project.books(run)
    assert stands["balanced"], stands
    assert stands["records"]["rejected"] == 1
    assert stands["reasons"]["rejected by ann: a test order"] == 1
    assert stands["money"][0]["rejected"] == "30"
    project.run("orders")
    assert "2" not in delivered(project)


def test_a_newer_version_supersedes_a_held_one(project: Project) -> None:
    run = crooked(project)
    project.orders([order("1"), order("2"), order("3", "31.00"), order("4", "32.00")])
    books = project.run("orders")
    assert books.data["records"]["delivered"] == 1
    assert books.data["records"]["unchanged"] == 3
    stands = project.books(run)
    assert stands["balanced"], stands
    assert (stands["records"]["rejected"], stands["records"]["quarantined"]) == (1, 2)
    assert [hold["key"] for hold in quarantine.listed(project.store)] == ["3", "4"]


@fault("P32")
def test_a_decision_on_what_is_superseded_meanwhile_does_no_harm(project: Project) -> None:
    run = crooked(project)
    two, *_ = quarantine.listed(project.store)
    quarantine.release(project.store, [two["id"]], who="ann", reason="agreed")
    project.orders([order("1"), order("2", note="right"), order("3", "31.00"), order("4", "32.00")])
    books = project.run("orders")
    assert books.balanced
    assert project.books(run)["balanced"]
    bodies = [line["body"] for line in project.effects() if line["body"]["order_no"] == "2"]
    assert bodies[-1].get("note") == "right"


def test_decisions_are_all_or_none_and_need_a_reason(lite: Project) -> None:
    crooked(lite)
    two, three, _ = quarantine.listed(lite.store)
    store = lite.store
    with pytest.raises(Misconfigured, match="no hold 999"):
        quarantine.reject(store, [two["id"], 999], who="ann", reason="x")
    assert len(quarantine.listed(store)) == 3
    for act in (quarantine.reject, quarantine.release):
        with pytest.raises(Misconfigured, match="needs a reason"):
            act(store, [two["id"]], who="ann", reason="  ")
    quarantine.reject(store, [three["id"]], who="ann", reason="x")
    with pytest.raises(Misconfigured, match="rejected already"):
        quarantine.resubmit(store, [three["id"]], who="ann")
    with pytest.raises(Misconfigured, match="there is no hold 4711"):
        quarantine.show(store, 4711)


def test_a_later_decision_takes_the_place_of_an_earlier(lite: Project) -> None:
    crooked(lite)
    two, *_ = quarantine.listed(lite.store)
    quarantine.resubmit(lite.store, [two["id"]], who="ann")
    quarantine.release(lite.store, [two["id"]], who="bob", reason="agreed")
    lite.run("orders")
    assert delivered(lite) == ["1", "2"]
    states = [row["state"] for row in quarantine.show(lite.store, two["id"])["decisions"]]
    assert states == ["replaced", "done"]


def test_unreadable_bytes_are_held_once_and_read_again_on_demand(project: Project) -> None:
    (project.folder / "inbox/orders").mkdir(parents=True)
    torn = project.folder / "inbox/orders/a.ndjson"
    torn.write_bytes(b'{"number": "2", "cu')
    first = project.run("orders")
    assert first.exit_status == 3
    project.run("orders")
    assert len(quarantine.listed(project.store, cause="unreadable")) == 1
    (hold,) = quarantine.listed(project.store, cause="unreadable")
    quarantine.resubmit(project.store, [hold["id"]], who="ann")
    project.run("orders")
    assert len(quarantine.listed(project.store, cause="unreadable")) == 1, "it is still unreadable"
    (hold,) = quarantine.listed(project.store, cause="unreadable")
    quarantine.reject(project.store, [hold["id"]], who="ann", reason="sent by mistake")
    assert project.run("orders").balanced
    assert quarantine.listed(project.store) == []
    project.orders([order("2")], "a.ndjson")
    assert project.run("orders").data["records"]["delivered"] == 1


def test_the_trail_shows_every_act_and_every_change_to_it(project: Project) -> None:
    crooked(project)
    two, three, four = quarantine.listed(project.store)
    store = project.store
    assert audit.broken_at(store) is None
    quarantine.release(store, [two["id"], three["id"]], who="ann", reason="agreed")
    quarantine.reject(store, [four["id"]], who="bob", reason="öäü \x1f |")
    assert audit.broken_at(store) is None
    rows = project.rows(sa.select(schema.audit).order_by(schema.audit.c.id))
    assert [(row.who, row.action) for row in rows] == [
        ("ann", "quarantine.release"),
        ("ann", "quarantine.release"),
        ("bob", "quarantine.reject"),
    ]


EPOCH = datetime.fromtimestamp(0, UTC)
TAMPERING: list[tuple[str, Any, int]] = [
    ("a name", lambda t: t.update().where(t.c.id == 2).values(who="nobody"), 2),
    ("a reason", lambda t: t.update().where(t.c.id == 1).values(detail="{}"), 1),
    ("a time", lambda t: t.update().where(t.c.id == 3).values(at=EPOCH), 3),
    ("a row gone", lambda t: t.delete().where(t.c.id == 2), 2),
    ("the first gone", lambda t: t.delete().where(t.c.id == 1), 1),
    ("the last gone", lambda t: t.delete().where(t.c.id == 3), 3),
    ("all gone", lambda t: t.delete(), 1),
]  # fmt: skip


@pytest.mark.parametrize(("what", "change", "broken"), TAMPERING, ids=[t[0] for t in TAMPERING])
def test_tampering_shows(
    lite: Project, what: str, change: Callable[[Any], Any], broken: int
) -> None:
    store = lite.store
    with store.writing() as connection:
        for number in range(3):
            audit.write(connection, "ann", "act", f"thing/{number}", {"reason": "because"})
    assert audit.broken_at(store) is None
    with store.writing() as connection:
        connection.execute(change(schema.audit))
    assert audit.broken_at(store) == broken, what
