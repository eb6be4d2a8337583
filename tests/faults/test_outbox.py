"""What waits to be sent: over new mappings, old backups, long silences and refusals of all."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock import quarantine
from crossdock.store import schema
from tests.engine.conftest import forget
from tests.engine.project import Project, order
from tests.faults.catalogue import fault

Make = Callable[..., Project]
pytestmark = pytest.mark.usefixtures("impatient")
REMARK = ("examples:", "  remark: {constant: mended}\nexamples:")


def counts(books: Any) -> dict[str, int]:
    """The books of a balanced run, without what is zero."""
    assert books.balanced, books.data
    return {name: n for name, n in books.data["records"].items() if n}


def documents(project: Project) -> Counter[str]:
    """How many documents the target has under each number."""
    made = {(line["body"]["order_no"], line["their_id"]) for line in project.effects()}
    return Counter(number for number, _ in made)


def due(project: Project) -> None:
    """Let the time pass after which postponed documents are tried again."""
    with project.store.writing() as connection:
        connection.execute(schema.outbox.update().values(next_try_at=None))


@fault("P27")
@pytest.mark.parametrize("delivery", ["upsert", "idempotency_key"])
def test_a_new_mapping_does_not_change_what_was_perhaps_sent(make: Make, delivery: str) -> None:
    project = make(delivery=delivery)
    project.orders([order("1"), order("2")])
    project.script(o1=["try_later"])
    project.run("orders")
    project.file("mappings/erp/order.yaml", REMARK)
    project.script()
    due(project)
    project.run("orders")
    assert documents(project) == {"2": 1}
    (hold,) = quarantine.listed(project.store, cause="uncertain")
    assert "another body" in hold["summary"]
    quarantine.resubmit(project.store, [hold["id"]], who="ann")
    assert counts(project.run("orders")) == {"read": 2, "unchanged": 2}
    assert documents(project) == {"1": 1, "2": 1}
    assert project.effects()[-1]["body"]["remark"] == "mended"


@fault("P27")
def test_a_new_mapping_between_two_steps_is_used_whole_or_not_at_all(lite: Project) -> None:
    """A run that was stopped half way by a refusal goes on with the mapping of its second start."""
    lite.orders([order(str(n), buyer="") for n in range(1, 5)])
    with pytest.raises(Exception, match="buyer_missing"):
        lite.run("orders")
    lite.file(
        "mappings/till/order.yaml",
        ("buyer_id: {path: buyer, optional: true}", "buyer_id: {constant: B9}"),
    )
    lite.file("mappings/till/order.yaml", ("examples:", "ignore: [buyer]\nexamples:"))
    assert counts(lite.run("orders")) == {"read": 4, "delivered": 4}


def save(project: Project, folder: Path) -> Callable[[], None]:
    """Back the hub's database up; gives what restores it."""
    forget()
    hub = Path(project.hub_url.removeprefix("sqlite:///"))
    folder.mkdir()
    shutil.copyfile(hub, folder / "hub.db")

    def restore() -> None:
        forget()
        for ending in ("-wal", "-shm"):
            Path(f"{hub}{ending}").unlink(missing_ok=True)
        shutil.copyfile(folder / "hub.db", hub)

    return restore


@fault("P29")
@pytest.mark.parametrize("delivery", ["idempotency_key", "lookup_before_create"])
def test_a_restored_backup_doubles_nothing(make: Make, tmp_path: Path, delivery: str) -> None:
    project = make(delivery=delivery)
    project.orders([order("1")])
    project.run("orders")
    restore = save(project, tmp_path / "backup")
    project.orders([order("1", note="b"), order("2"), order("3")])
    assert counts(project.run("orders")) == {"read": 3, "delivered": 3}
    before = documents(project)
    restore()
    project.orders([order("1", note="b"), order("2"), order("3"), order("4")])
    assert counts(project.run("orders")) == {"read": 4, "delivered": 4}
    assert documents(project) == before + Counter("4")


@fault("P29")
def test_after_a_restored_backup_a_newer_change_is_no_old_one(make: Make, tmp_path: Path) -> None:
    """The counter of the outbox goes back with the backup; a key must not stand for two bodies."""
    project = make(delivery="idempotency_key")
    project.orders([order("1")])
    project.run("orders")
    restore = save(project, tmp_path / "backup")
    project.orders([order("1", note="before the restore")])
    project.run("orders")
    restore()
    project.orders([order("1", note="after the restore")])
    project.run("orders")
    notes = [line["body"].get("note") for line in project.effects()]
    assert notes == [None, "before the restore", "after the restore"]


@fault("P30", "P31")
def test_a_target_that_is_away_for_days_gets_everything_in_order(make: Make) -> None:
    project = make(delivery="idempotency_key")
    project.script(**{f"o{n}": ["later"] for n in range(1, 7)})
    for day in range(1, 4):
        project.orders([order(str(n), note=f"day {day}") for n in range(1, 2 * day + 1)])
        assert project.run("orders").exit_status == 1
        due(project)
    assert not project.effects()
    project.script()
    project.run("orders")
    waiting = project.rows(sa.select(schema.outbox.c.id).where(schema.outbox.c.state == "pending"))
    assert not waiting
    assert documents(project) == {str(n): 1 for n in range(1, 7)}
    for number in range(1, 7):
        notes = [
            e["body"]["note"] for e in project.effects() if e["body"]["order_no"] == str(number)
        ]
        assert notes == sorted(notes), "an older version came after a newer one"
        assert notes[-1] == "day 3"


@fault("P31")
@pytest.mark.parametrize("act", ["refused", "lost", "try_later"])
def test_a_document_that_cannot_be_sent_keeps_no_other_back(make: Make, act: str) -> None:
    project = make(delivery="none")
    project.orders([order("1", note="a"), order("2", note="a")])
    project.script(o1=[act])
    project.run("orders")
    project.orders([order("1", note="b"), order("2", note="b"), order("3")])
    assert project.run("orders").balanced
    assert [
        (line["body"]["order_no"], line["body"].get("note"))
        for line in project.effects()
        if line["body"]["order_no"] != "1"
    ] == [("2", "a"), ("2", "b"), ("3", None)]


@fault("D08")
def test_a_target_that_wants_a_new_field_gets_all_once_the_mapping_gives_it(make: Make) -> None:
    project = make(delivery="idempotency_key")
    project.orders([order(str(n)) for n in range(1, 7)])
    project.script(**{f"o{n}": ["refused"] for n in range(1, 7)})
    first = project.run("orders")
    assert counts(first) == {"read": 6, "quarantined": 6}
    assert first.data["reasons"] == {"refused: refused": 6}
    assert not project.effects()
    project.file("mappings/erp/order.yaml", REMARK)
    project.script()
    held = quarantine.listed(project.store, rule="refused")
    quarantine.resubmit(project.store, [hold["id"] for hold in held], who="ann")
    project.run("orders")
    assert project.books(first.run)["records"]["delivered"] == 6
    assert documents(project) == {str(n): 1 for n in range(1, 7)}


@fault("N22")
def test_a_refused_change_is_held_and_the_next_one_goes(make: Make) -> None:
    project = make(delivery="upsert")
    project.orders([order("1", note="a")])
    project.run("orders")
    project.script(o1=["refused", "delivered"])
    project.orders([order("1", note="b")])
    assert counts(project.run("orders")) == {"read": 1, "quarantined": 1}
    project.orders([order("1", note="c")])
    assert counts(project.run("orders")) == {"read": 1, "delivered": 1}
    assert not quarantine.listed(project.store)
    assert [line["body"]["note"] for line in project.effects()] == ["a", "c"]


@fault("X01")
@pytest.mark.parametrize("delivery", ["idempotency_key", "lookup_before_create", "upsert"])
def test_a_change_behind_a_create_that_is_refused_becomes_the_create(
    make: Make, delivery: str
) -> None:
    project = make(delivery=delivery)
    project.orders([order("1", note="a")])
    project.script(o1=["unsure", "unsure", "refused", "delivered"])
    project.run("orders")
    project.orders([order("1", note="b")])
    for _ in range(3):
        project.run("orders")
        due(project)
    [effect] = project.effects()
    assert (effect["body"]["note"], effect["operation"]) == ("b", "create")
