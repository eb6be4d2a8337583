"""The books: their shape, and that they tell the truth when the store was tampered with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock import closing, ledger, worker
from crossdock.errors import Misconfigured, Refused, TryLater
from crossdock.store import schema
from tests.engine.project import Project, order
from tests.faults.catalogue import fault

COUNTS = ("read", "delivered", "quarantined", "rejected", "pending", "unchanged")


def some(project: Project) -> str:
    """Run once: two delivered, one held, one refused; gives the run."""
    project.orders([order("1"), order("2"), order("3", "30.00"), order("4")])
    project.script(o4=["refused"])
    return project.run("orders").run


def test_the_shape_is_fixed(project: Project) -> None:
    run = some(project)
    books = project.books(run)
    assert json.loads(json.dumps(books)) == books
    assert list(books) == [
        "flow", "run", "balanced", "records", "money", "by_target", "by_entity", "reasons",
        "findings",
    ]  # fmt: skip
    assert (books["flow"], books["run"], books["balanced"]) == ("orders", run, True)
    assert tuple(books["records"]) == COUNTS
    assert books["records"] == dict(zip(COUNTS, (4, 2, 2, 0, 0, 0), strict=True))
    assert books["money"] == [
        {
            "currency": "EUR", "read": "105", "delivered": "50", "quarantined": "55",
            "rejected": "0", "pending": "0", "unchanged": "0", "adjusted": "0",
        }
    ]  # fmt: skip
    assert books["by_target"] == {"erp.upsert": books["records"]}
    assert books["by_entity"] == {"sales_order": books["records"]}
    assert books["reasons"] == {"check: total_adds_up": 1, "refused: refused": 1}
    assert books["findings"] == {
        "total_adds_up": {"severity": "hold_record", "records": 1, "lines": 2}
    }
    text = json.dumps(books["money"])
    assert not re.search(r'[0-9][eE][+-]?[0-9]|: -?[0-9]', text), "money is text, and plain"


def test_every_currency_is_counted_for_itself(project: Project) -> None:
    project.orders(
        [order("1"), order("2", currency="GBP"), order("3", "0.000001", currency="GBP", lines=[])]
    )
    books = project.run("orders")
    assert books.balanced
    found = {line["currency"]: line["read"] for line in books.data["money"]}
    assert found == {"EUR": "25", "GBP": "25.000001"}


TAMPERING: list[tuple[str, Callable[[], Any]]] = [
    ("a version is lost", lambda: schema.record_version.delete().where(
        schema.record_version.c.key == "1")),
    ("a version's amount", lambda: schema.record_version.update().where(
        schema.record_version.c.key == "3").values(amount=1)),
    ("what was read", lambda: schema.intake.update().values(records=5)),
    ("what came in", lambda: schema.intake.update().values(amount=104)),
    ("what was delivered", lambda: schema.record_version.update().where(
        schema.record_version.c.key == "1").values(delivered_amount=24)),
    ("the money at a target", lambda: schema.ledger.update().where(
        schema.ledger.c.state == "delivered").values(amount=20)),
    ("the place at a target", lambda: schema.ledger.delete().where(
        schema.ledger.c.state == "delivered")),
]  # fmt: skip


@pytest.mark.parametrize(("what", "change"), TAMPERING, ids=[name for name, _ in TAMPERING])
def test_books_that_do_not_add_up_are_red(
    lite: Project, what: str, change: Callable[[], Any]
) -> None:
    run = some(lite)
    with lite.store.writing() as connection:
        connection.execute(change())
        connection.execute(schema.run.update().values(state="open"))
    assert lite.books(run)["balanced"] is False, what
    worker.identify("elsewhere:1")
    lite.store.acquire("flow/orders", "elsewhere:1", 60.0)
    with lite.store.writing() as connection:
        fence = connection.execute(sa.select(schema.lease.c.fence).where(
            schema.lease.c.name == "flow/orders")).scalar_one()  # fmt: skip
        connection.execute(schema.run.update().values(fence=fence))
    books = closing.close_run(lite.home, lite.store, run)
    assert (books.balanced, books.exit_status) == (False, 1)
    assert "NOT BALANCED" in books.summary()


@fault("P24")
def test_a_worker_that_was_outrun_does_not_act_under_its_successors_number(lite: Project) -> None:
    run = some(lite)
    with lite.store.writing() as connection:
        connection.execute(schema.run.update().values(state="open"))
    worker.identify("the old one:1")
    lite.store.acquire("flow/orders", "its successor:2", 60.0)
    with pytest.raises(TryLater, match="gone to another worker"):
        closing.close_run(lite.home, lite.store, run)
    assert lite.store.holder("flow/orders") is not None, "the successor keeps its lease"


def test_books_of_nothing_say_what_to_do(lite: Project) -> None:
    with pytest.raises(Misconfigured, match="has not run yet"):
        ledger.books(lite.store, flow="orders")
    with pytest.raises(Misconfigured, match="no flow has run yet"):
        ledger.latest_run(lite.store)
    with pytest.raises(Misconfigured, match="there is no run 'x'"):
        ledger.books(lite.store, run="x")


@fault("D02", "D03", "B18")
# -- the gate ------------------------------------------------------------------------------------
def test_over_a_threshold_nothing_is_delivered_and_the_same_run_goes_on(project: Project) -> None:
    nobody: dict[str, Any] = {"buyer": ""}
    project.orders([order("1", **nobody), order("2", **nobody), order("3", **nobody), order("4")])
    with pytest.raises(Refused, match="buyer_missing"):
        project.run("orders")
    ((run, state),) = project.rows(sa.select(schema.run.c.id, schema.run.c.state))
    assert state == "stopped"
    assert project.tries() == []
    assert project.rows(sa.select(schema.record_version)) == []
    stands = project.books(run)
    assert stands["balanced"]
    assert stands["records"]["pending"] == stands["records"]["read"] == 4
    with pytest.raises(Refused):
        project.run("orders")
    project.file("validation/orders.yaml", ("at_most: 50%", "at_most: 80%"))
    books = project.run("orders")
    assert books.run == run
    assert books.balanced
    assert books.data["records"]["delivered"] == 4
    assert len(project.effects()) == 4


@fault("N17")
def test_a_stream_that_fell_silent_stops_the_run(project: Project) -> None:
    project.file("config/flows/orders.yaml", ("shop: web", "shop: web\nexpect_at_least: 50%"))
    for number in range(3):
        project.orders([order(f"{number}-{n}") for n in range(6)], f"{number}.ndjson")
        assert project.run("orders").balanced
        (project.folder / f"inbox/orders/{number}.ndjson").unlink()
    project.orders([order("9-1")], "9.ndjson")
    with pytest.raises(Refused, match=r"till\.orders brought 1 records; it usually brings 6"):
        project.run("orders")
    assert len(project.effects()) == 18
    project.file("config/flows/orders.yaml", ("at_least: 50%", "at_least: 10%"))
    books = project.run("orders")
    assert books.balanced
    assert len(project.effects()) == 19


@pytest.mark.parametrize("alike", [True, False])
def test_one_number_on_records_of_several_batches(project: Project, alike: bool) -> None:
    project.file("config/flows/orders.yaml", ("shop: web", "shop: web\nbatch_lines: 1"))
    project.file("mappings/till/order.yaml", ("id: number\n", "id: {path: number, as: trimmed}\n"))
    note = {} if alike else {"note": "other"}
    project.orders([order("1"), order("1 ", **note), order("2")])
    books = project.run("orders")
    assert books.balanced
    held = 1 if alike else 2
    assert books.data["reasons"] == {"check: duplicate_document_number": held}
    assert books.data["records"]["delivered"] == 3 - held
    assert len(project.effects()) == 3 - held
