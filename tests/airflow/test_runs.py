"""Whole runs: the colour of a DAG run says the truth about the books."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from crossdock import ledger
from crossdock.home import Home
from crossdock.store import open_store
from tests import tiny
from tests.airflow.conftest import Ran

pytestmark = pytest.mark.filterwarnings("ignore:.*No tasks to run.*")

Run = Callable[[str], Ran]


def test_a_run_with_a_hold_is_green_and_says_so(run_dag: Run, project: Path) -> None:
    ran = run_dag("orders")
    assert ran.state == "success"
    assert {name.partition("[")[0] for name in ran.tasks} == {
        "pull", "map", "check", "gate", "resolve", "push", "books"
    }  # fmt: skip
    assert set(ran.states("map") + ran.states("push") + ran.states("books")) == {"success"}
    assert all(tries == 1 for _, tries, _ in ran.tasks.values())
    assert ran.tasks["push[0]"][2] == "0-0", "the UI shows the batch's name"
    assert tiny.delivered(project) == ["1001", "1003"]
    books = ledger.books(open_store(Home.find()), "orders")
    assert books["records"]["quarantined"] == 1

    again = run_dag("orders")
    assert again.state == "success"
    assert again.states("books") == ["skipped"], "nothing new came in, and nobody is woken"
    assert ledger.books(open_store(Home.find()), "orders")["records"]["unchanged"] == 3


def test_only_ids_travel_between_tasks(run_dag: Run, project: Path) -> None:
    run_dag("orders")
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        values = [row.value for row in session.query(XComModel).all()]
    assert values
    assert all("1001" not in str(value) and "EUR" not in str(value) for value in values)


def test_books_that_do_not_balance_are_red(run_dag: Run, project: Path) -> None:
    assert run_dag("orders").state == "success"
    home = Home.find()
    with closing(sqlite3.connect(home.state / "hub.db")) as database, database:
        database.execute(  # a record that came in and then is nowhere
            "CREATE TRIGGER lost AFTER INSERT ON intake BEGIN"
            " UPDATE intake SET records = records + 1 WHERE run_id = new.run_id; END"
        )
    with closing(sqlite3.connect(project / "shop.db")) as shop, shop:
        shop.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", ("1004", *tiny.GOOD[1:]))
        shop.executemany(
            "INSERT INTO order_lines VALUES (?, ?, ?, ?, ?)",
            [("1004", *line) for line in tiny.LINES],
        )
    ran = run_dag("orders")
    assert ran.states("push") == ["success"]
    assert ran.states("books") == ["failed"]
    assert ran.state == "failed"


def test_what_a_person_must_change_is_not_retried(run_dag: Run, project: Path) -> None:
    (project / "shop.db").unlink()
    ran = run_dag("orders")
    assert ran.tasks["pull"][:2] == ("failed", 1)
    assert ran.states("books") == ["failed"]
    assert ran.state == "failed"


def test_a_gate_that_says_no_stops_the_run_and_the_next_one_goes_on(
    run_dag: Run, project: Path
) -> None:
    suite = project / "validation" / "tiny.yaml"
    text = suite.read_text(encoding="utf-8")
    strict = text.replace("severity: hold_record", "severity: hold_record\n    at_most: 1%\n"
                          "    then: stop_flow")  # fmt: skip
    suite.write_text(strict, encoding="utf-8")
    stopped = run_dag("orders")
    assert stopped.state == "failed"
    assert stopped.tasks["gate"][:2] == ("failed", 1)
    assert set(stopped.states("push")) <= {"upstream_failed"}
    assert tiny.delivered(project) == []

    suite.write_text(text, encoding="utf-8")
    assert run_dag("orders").state == "success"
    assert tiny.delivered(project) == ["1001", "1003"]


def test_a_flow_that_is_misconfigured_is_red_with_the_reason(run_dag: Run, project: Path) -> None:
    file = project / "config" / "flows" / "orders.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("depot.orders", "dept.orders"))
    ran = run_dag("orders")
    assert ran.state == "failed"
    assert ran.tasks["misconfigured"][:2] == ("failed", 1)
