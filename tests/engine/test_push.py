"""What targets say, class by class: nothing goes twice, nothing is called delivered early."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock import closing, quarantine
from crossdock.errors import Misconfigured
from crossdock.flow import Books
from crossdock.store import schema
from tests.engine.conftest import Databases
from tests.engine.project import Project, order
from tests.faults.catalogue import fault

CLASSES = ["idempotency_key", "upsert", "lookup_before_create", "none"]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """End runs at once; what was postponed waits for the next one."""
    monkeypatch.setattr(closing, "PATIENCE", -1.0)


@pytest.fixture(params=CLASSES)
def target(request: pytest.FixtureRequest, make: Callable[..., Project]) -> Project:
    """The project with a target of each delivery class."""
    return make(delivery=request.param)


@pytest.fixture
def keyed(make: Callable[..., Project]) -> Project:
    """The project with a target of one class, where the class makes no difference."""
    return make(delivery="idempotency_key")


def counts(books: Books) -> dict[str, int]:
    """The books of a balanced run, without what is zero."""
    assert books.balanced, books.data
    return {name: n for name, n in books.data["records"].items() if n}


def numbers(lines: list[dict[str, Any]]) -> Counter[str]:
    """How often each order had an effect."""
    return Counter(line["body"]["order_no"] for line in lines)


def due(project: Project) -> None:
    """Let the time pass after which postponed documents are tried again."""
    with project.store.writing() as connection:
        connection.execute(schema.outbox.update().values(next_try_at=None))


def outbox(project: Project) -> dict[str, list[str]]:
    """The states of each document's outbox rows, the oldest first."""
    rows = project.rows(sa.select(schema.outbox).order_by(schema.outbox.c.id))
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.document_key.split("|")[2], []).append(row.state)
    return found


@fault("N24")
def test_every_verdict_has_its_place_in_the_books(target: Project) -> None:
    target.orders([order(str(n)) for n in range(1, 6)])
    target.script(o2=["refused"], o4=["accepted"])
    books = target.run("orders")
    assert counts(books) == {"read": 5, "delivered": 3, "quarantined": 1, "pending": 1}
    assert books.exit_status == 3
    assert books.data["reasons"] == {"refused: refused": 1}
    (money,) = books.data["money"]
    assert (money["delivered"], money["quarantined"], money["pending"]) == ("75", "25", "25")
    (hold,) = quarantine.listed(target.store, cause="refused")
    assert (hold["subject"], hold["key"], hold["summary"]) == ("delivery", "2", "it says refused")
    effects = numbers(target.effects())
    assert effects == {"1": 1, "3": 1, "4": 1, "5": 1}


def test_a_refused_document_is_sent_again_when_a_steward_says_so(keyed: Project) -> None:
    keyed.orders([order("1"), order("2")])
    keyed.script(o2=["refused", "delivered"])
    first = keyed.run("orders")
    (hold,) = quarantine.listed(keyed.store)
    quarantine.resubmit(keyed.store, [hold["id"]], who="test")
    assert keyed.books(first.run)["records"]["pending"] == 1
    keyed.run("orders")
    later = keyed.books(first.run)
    assert later["balanced"]
    assert later["records"]["delivered"] == 2
    assert later["reasons"] == {}
    assert numbers(keyed.effects()) == {"1": 1, "2": 1}
    assert len({line["key"] for line in keyed.tries() if line["number"] == "2"}) == 1


@fault("N10", "P30")
def test_what_must_wait_is_tried_again_with_the_same_key(target: Project) -> None:
    target.orders([order(str(n)) for n in range(1, 4)])
    target.script(o2=["try_later", "try_later", "try_later", "delivered"])
    assert target.run("orders").balanced
    for _ in range(3):
        due(target)
        books = target.run("orders")
        assert books.balanced
    assert outbox(target) == {n: ["delivered"] for n in "123"}
    assert numbers(target.effects()) == {"1": 1, "2": 1, "3": 1}
    tries = [line for line in target.tries() if line["number"] == "2"]
    assert len({(line["key"], line["operation"]) for line in tries}) == 1


def test_a_sleeping_target_gets_everything_later_and_the_run_says_so(target: Project) -> None:
    target.orders([order("1")])
    target.script(o1=["later"])
    books = target.run("orders")
    assert counts(books) == {"read": 1, "pending": 1}
    assert books.exit_status == 1
    assert "the target sleeps" in books.later
    target.script()
    due(target)
    target.run("orders")
    assert target.books(books.run)["records"]["delivered"] == 1
    assert numbers(target.effects()) == {"1": 1}


@fault("N11", "N12")
def test_a_lost_answer_is_never_a_second_effect(target: Project) -> None:
    delivery = "none" if "erp.none" in outbox_targets(target) else ""
    target.orders([order(str(n)) for n in range(1, 4)])
    target.script(o2=["lost", "delivered"])
    first = target.run("orders")
    assert first.balanced
    due(target)
    target.run("orders")
    journal = target.effects()
    if delivery:
        assert counts(first) == {"read": 3, "delivered": 2, "quarantined": 1}
        (hold,) = quarantine.listed(target.store, cause="uncertain")
        quarantine.release(target.store, [hold["id"]], who="test", reason="it is there")
    assert target.books(first.run)["records"]["delivered"] == 3
    creates = [line for line in journal if line["body"]["order_no"] == "2"]
    assert len({line["their_id"] for line in creates}) == 1, "it is there twice"
    assert target.run("orders").data["records"]["unchanged"] == 3
    assert target.effects() == journal


def outbox_targets(project: Project) -> str:
    """The target that the flow delivers to."""
    return (project.folder / "config/flows/orders.yaml").read_text("utf-8")


@fault("N12")
@pytest.mark.parametrize("act", ["breaks", "breaks_before"])
def test_a_send_that_ends_in_an_exception(target: Project, act: str) -> None:
    target.orders([order(str(n)) for n in range(1, 8)])
    target.script(o5=[act, "delivered"])
    first = target.run("orders")
    assert first.balanced
    blind = "erp.none" in outbox_targets(target)
    if blind:
        states = Counter(state for states in outbox(target).values() for state in states)
        assert states == {"delivered": 4, "uncertain": 3}, "the whole call is uncertain"
        before = target.effects()
        due(target)
        target.run("orders")
        assert target.effects() == before, "what is uncertain is never sent again"
        return
    due(target)
    target.run("orders")
    assert target.books(first.run)["records"]["delivered"] == 7
    ids = {(line["body"]["order_no"], line["their_id"]) for line in target.effects()}
    assert len(ids) == 7, "a document is there twice"


@fault("N24")
def test_partial_batches_are_settled_one_by_one(target: Project) -> None:
    target.orders([order(str(n)) for n in range(1, 7)])
    target.script(o1=["refused"], o3=["try_later"], o5=["accepted"])
    books = target.run("orders")
    assert counts(books)["quarantined"] == 1
    states = {number: states[-1] for number, states in outbox(target).items()}
    assert states["1"] == "refused"
    assert states["5"] == "accepted"
    assert {states[n] for n in "246"} == {"delivered"}
    ids = {
        row.document_key.split("|")[2]: row.their_id
        for row in target.rows(sa.select(schema.outbox).where(schema.outbox.c.state == "delivered"))
    }
    journal = {line["body"]["order_no"]: line["their_id"] for line in target.effects()}
    assert {n: journal[n] for n in ids} == ids, "answers were given to other documents"


def test_a_closed_account_stops_the_flow_and_marks_nothing(keyed: Project) -> None:
    keyed.orders([order(str(n)) for n in range(1, 4)])
    keyed.script(o1=["misconfigured"])
    with pytest.raises(Misconfigured, match="account is closed"):
        keyed.run("orders")
    assert {state for states in outbox(keyed).values() for state in states} == {"pending"}
    assert not quarantine.listed(keyed.store)
    keyed.script()
    books = keyed.run("orders")
    assert counts(books) == {"read": 3, "delivered": 3}
    assert numbers(keyed.effects()) == {"1": 1, "2": 1, "3": 1}


def test_a_mended_mapping_after_a_closed_account_needs_no_steward(keyed: Project) -> None:
    """Nothing was sent, so another body is nobody's error."""
    keyed.orders([order("1")])
    keyed.script(o1=["misconfigured"])
    with pytest.raises(Misconfigured):
        keyed.run("orders")
    keyed.file("mappings/erp/order.yaml", ("examples:", "  remark: {constant: mended}\nexamples:"))
    keyed.script()
    assert counts(keyed.run("orders")) == {"read": 1, "delivered": 1}


@fault("B05")
def test_an_update_knows_their_number_and_keeps_it(keyed: Project) -> None:
    keyed.orders([order("1")])
    keyed.run("orders")
    for note in ("b", "c"):
        keyed.orders([order("1", note=note)])
        assert counts(keyed.run("orders")) == {"read": 1, "delivered": 1}
    tries = keyed.tries()
    assert [line["operation"] for line in tries] == ["create", "update", "update"]
    assert [line["their_id"] for line in tries] == [None, "T1", "T1"]
    assert len({line["key"] for line in tries}) == 3
    bound = keyed.rows(
        sa.select(schema.binding.c.their_id).where(schema.binding.c.system == "erp")
    )
    assert [row.their_id for row in bound] == ["T1"]


def test_a_newer_version_takes_the_place_of_one_that_was_never_sent(keyed: Project) -> None:
    keyed.orders([order("1", note="a"), order("2")])
    keyed.script(o2=["misconfigured"])
    with pytest.raises(Misconfigured):
        keyed.run("orders")
    keyed.script()
    first = keyed.run("orders").run
    keyed.script(o1=["refused", "delivered"])
    keyed.orders([order("1", note="b"), order("2")])
    second = keyed.run("orders")
    assert counts(second) == {"read": 2, "quarantined": 1, "unchanged": 1}
    keyed.orders([order("1", note="c"), order("2")])
    third = keyed.run("orders")
    assert counts(third) == {"read": 2, "delivered": 1, "unchanged": 1}
    assert not quarantine.listed(keyed.store)
    superseded = keyed.books(second.run)
    assert superseded["balanced"]
    assert superseded["reasons"] == {"superseded: a newer version came": 1}
    assert [line["body"].get("note") for line in keyed.effects()][-1] == "c"
    assert keyed.books(first)["balanced"]


@fault("P31")
def test_a_newer_version_waits_while_the_older_is_uncertain(make: Callable[..., Project]) -> None:
    project = make(delivery="none")
    project.orders([order("1", note="a")])
    project.script(o1=["lost", "delivered"])
    project.run("orders")
    project.orders([order("1", note="b")])
    waits = project.run("orders")
    assert counts(waits) == {"read": 1, "pending": 1}
    project.orders([order("1", note="c")])
    newest = project.run("orders")
    assert counts(newest) == {"read": 1, "pending": 1}
    assert project.books(waits.run)["records"]["rejected"] == 1, "it was never sent"
    assert len(project.tries()) == 1
    (hold,) = quarantine.listed(project.store)
    quarantine.release(project.store, [hold["id"]], who="test", reason="it is there")
    project.run("orders")
    assert [line["body"]["note"] for line in project.effects()] == ["a", "c"]
    assert [line["operation"] for line in project.effects()] == ["create", "update"]
    assert project.books(newest.run)["records"]["delivered"] == 1


def test_a_create_that_never_arrived_is_made_by_the_next_version(
    make: Callable[..., Project],
) -> None:
    project = make(delivery="none")
    project.orders([order("1", note="a")])
    project.script(o1=["unsure", "delivered"])
    project.run("orders")
    (hold,) = quarantine.listed(project.store)
    quarantine.reject(project.store, [hold["id"]], who="test", reason="it is not there")
    project.orders([order("1", note="b")])
    assert counts(project.run("orders")) == {"read": 1, "delivered": 1}
    assert [line["operation"] for line in project.effects()] == ["create"]


def test_a_document_that_cannot_be_mapped_out_is_held_alone(keyed: Project) -> None:
    mapping = "mappings/erp/order.yaml"
    keyed.file(mapping, ("examples:", "  weight: {path: note, as: decimal}\nexamples:"))
    keyed.orders([order("1", note="1.5"), order("2", note="heavy"), order("3", note="2")])
    first = keyed.run("orders")
    assert counts(first) == {"read": 3, "delivered": 2, "quarantined": 1}
    (hold,) = quarantine.listed(keyed.store, cause="mapping")
    assert (hold["key"], hold["subject"]) == ("2", "delivery")
    assert quarantine.show(keyed.store, hold["id"])["verdicts"][0]["field"] == "note"
    keyed.file(mapping, ("  weight: {path: note, as: decimal}\n", ""))
    quarantine.resubmit(keyed.store, [hold["id"]], who="test")
    keyed.run("orders")
    assert keyed.books(first.run)["records"]["delivered"] == 3
    assert numbers(keyed.effects()) == {"1": 1, "2": 1, "3": 1}


@fault("P30")
def test_after_too_many_tries_a_steward_decides(make: Callable[..., Project]) -> None:
    project = make(delivery="upsert")
    project.orders([order("1")])
    project.script(o1=["try_later"])
    for _ in range(9):
        books = project.run("orders")
        due(project)
    assert books.balanced
    assert outbox(project) == {"1": ["uncertain"]}
    (hold,) = quarantine.listed(project.store)
    assert hold["rule"] == "gave_up"
    project.script()
    quarantine.resubmit(project.store, [hold["id"]], who="test")
    project.run("orders")
    assert numbers(project.effects()) == {"1": 1}


def test_two_flows_create_a_document_once(make: Callable[..., Project]) -> None:
    project = make(delivery="idempotency_key")
    project.orders([order("1")])
    project.run("orders")
    flow = (project.folder / "config/flows/orders.yaml").read_text("utf-8")
    project.write("config/flows/renamed.yaml", flow)
    project.run("renamed")
    assert numbers(project.effects()) == {"1": 1}


def test_on_both_databases(project: Project, database: Databases) -> None:
    project.orders([order(str(n)) for n in range(1, 9)])
    project.script(o2=["refused"], o3=["try_later"], o4=["lost", "delivered"], o5=["accepted"])
    first = project.run("orders")
    assert first.balanced, database.kind
    due(project)
    project.script()
    project.run("orders")
    stands = project.books(first.run)
    assert stands["balanced"]
    assert stands["records"] == {
        "read": 8, "delivered": 6, "quarantined": 1, "rejected": 0, "pending": 1, "unchanged": 0,
    }  # fmt: skip


@fault("X15")
def test_what_was_accepted_is_asked_about_until_it_is_final(make: Callable[..., Project]) -> None:
    project = make(delivery="posting")
    project.orders([order(str(n)) for n in range(1, 6)])
    project.script(**{f"o{n}": ["accepted"] for n in range(1, 6)})
    assert counts(project.run("orders")) == {"read": 5, "pending": 5}

    project.write("erp/posted.json", '{"1": "delivered", "2": "refused", "3": "uncertain"}')
    project.run("orders")
    states = {"1": "delivered", "2": "refused", "3": "uncertain", "4": "accepted", "5": "accepted"}
    assert {key: found[-1] for key, found in outbox(project).items()} == states
    causes = {hold["key"]: hold["cause"] for hold in quarantine.listed(project.store)}
    assert causes == {"2": "refused", "3": "uncertain"}
    binding = schema.binding
    (bound,) = project.rows(sa.select(binding).where(binding.c.system == "erp"))
    assert bound.their_id == "P-T1"
    ledger = schema.ledger
    (money,) = project.rows(sa.select(ledger.c.amount).where(ledger.c.state == "delivered"))
    assert money.amount == 25

    project.write("erp/posted.json", '{"4": "later", "5": "later"}')
    books = project.run("orders")
    assert "the target sleeps" in books.later
    project.write("erp/posted.json", '{"4": "delivered", "5": "delivered"}')
    project.run("orders")
    assert {key: found[-1] for key, found in outbox(project).items()} == states | {
        "4": "delivered", "5": "delivered"
    }  # fmt: skip
    assert numbers(project.effects()) == {str(n): 1 for n in range(1, 6)}
    assert not project.rows(sa.select(schema.batch).where(schema.batch.c.waiting))
