"""Faults that were found while the hub was built: each lost or doubled something once, or could."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from connectors.rest import Rest
from crossdock.store import schema
from tests.engine.conftest import Databases, forget
from tests.engine.project import Project, order
from tests.engine.test_crash import Dying, dying
from tests.faults.catalogue import fault
from tests.postgres import Given
from tests.wire.conftest import Clock, RawServer, answer

__all__ = ["dying"]
Make = Callable[..., Project]
pytestmark = pytest.mark.usefixtures("impatient")


def counts(books: Any) -> dict[str, int]:
    """The books of a balanced run, without what is zero."""
    assert books.balanced, books.data
    return {name: n for name, n in books.data["records"].items() if n}


@fault("X04")
def test_a_target_that_gives_no_number_is_not_sent_our_own(
    make: Make, serve: Callable[..., RawServer], still: Clock
) -> None:
    server = serve(lambda heard: answer("", 201))
    project = make()
    project.write(
        "config/systems/erp.yaml",
        f'connector: rest\nsettings: {{url: "{server.url}"}}\nallow_private: true\nstreams:\n'
        "  upsert:\n    delivery: upsert\n    key: order_no\n    path: orders\n    money: total\n"
        '    create: {method: POST}\n    update: {path: "orders/{their_id}"}\n',
    )
    project.orders([order("1", note="a")])
    assert counts(project.run("orders")) == {"read": 1, "delivered": 1}
    project.orders([order("1", note="b")])
    assert counts(project.run("orders")) == {"read": 1, "quarantined": 1}
    assert [heard.method for heard in server.heard] == ["POST"]


@fault("X05")
def test_one_key_for_a_batch_is_refused(make: Make) -> None:
    """The key of a batch changes with its members: a retry in another grouping is a second one."""
    spec = {
        "delivery": "idempotency_key",
        "key": "id",
        "path": "orders",
        "idempotency_header": "Idempotency-Key",
        "wrap": "orders",
        "results": {"path": "results"},
    }
    assert Rest.stream("orders", spec)
    with pytest.raises(ValueError, match="idempotency"):
        Rest.stream("orders", {**spec, "batch": 10})


@fault("X06")
def test_owners_and_ids_with_the_same_letters_are_different_documents(lite: Project) -> None:
    """Shop "a" with the order "b|1" is not shop "a|b" with the order "1"."""
    lite.file("mappings/till/order.yaml", ("  id: number\n", "  id: number\n  shop: seller\n"))
    lite.orders([order("b|1", seller="a"), order("1", seller="a|b", buyer="B2")])
    assert counts(lite.run("orders")) == {"read": 2, "delivered": 2}
    assert sorted(line["body"]["order_no"] for line in lite.effects()) == ["1", "b|1"]


@fault("X07")
@pytest.mark.xfail(
    strict=True,
    reason="what was not counted raw is counted at the target: red, though nothing is lost",
)
def test_an_amount_that_cannot_be_counted_raw_leaves_the_books_even(lite: Project) -> None:
    decimal = 'defaults: {zone: Europe/Berlin, decimal: "."}'
    lite.file("mappings/till/order.yaml", (decimal, decimal.replace('"."', '","')))
    lines = [{"sku": "MUG", "quantity": "1", "price": "25,00"}]
    lite.orders([order("1", "25,00", lines=lines)])
    books = lite.run("orders")
    assert len(lite.effects()) == 1
    assert books.balanced, books.data["money"]


@fault("X08", "M06")
@pytest.mark.parametrize("price", ["999999999999.00"])
def test_a_run_of_more_than_a_million_millions(project: Project, price: str) -> None:
    lines = [{"sku": "MUG", "quantity": "1", "price": price}]
    project.orders([order(str(n), price, lines=lines) for n in range(1, 5)])
    books = project.run("orders")
    assert counts(books) == {"read": 4, "delivered": 4}
    (money,) = books.data["money"]
    assert money["read"] == money["delivered"] == f"{4 * int(float(price))}"


@fault("X09", "M08")
@pytest.mark.xfail(
    strict=True,
    reason="a record has one amount: rows in a second currency are added under the first one",
)
def test_rows_of_one_record_in_two_currencies_leave_the_books_even(lite: Project) -> None:
    till = "config/systems/till.yaml"
    lite.file(till, ("currency: {constant: GBP}", "currency: Currency"))
    for name in ("sale", "credit"):
        lite.file(f"mappings/till/{name}.yaml", ("currency: {constant: GBP}", "currency: Currency"))
    lite.write(
        "inbox/sales/sales.csv",
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country,Currency\n"
        "500001,A,a,1,2026-03-01 10:00:00,5.00,1,X,EUR\n"
        "500001,B,b,1,2026-03-01 10:00:00,7.00,1,X,USD\n"
        "500002,A,a,1,2026-03-01 10:00:00,2.00,1,X,EUR\n",
    )
    books = lite.run()
    assert counts(books) == {"read": 2, "delivered": 1, "quarantined": 1}
    money = {row["currency"]: (row["delivered"], row["quarantined"]) for row in books.data["money"]}
    assert money == {"EUR": ("2", "5"), "USD": ("0", "7")}


@pytest.fixture
def met(make: Make, server: Given, request: pytest.FixtureRequest) -> Iterator[Project]:
    """Two flows that make the same product, on PostgreSQL."""
    name = f"test_{request.node.name[:20]}_{id(request)}"
    url = server.database(name, "blank")
    project = make(Databases("postgresql", url, url))
    for flow, system in (("till", "till.catalogue"), ("shop", "shop.wares")):
        project.write(
            f"config/flows/{flow}.yaml",
            f"organisation: tiny\nshop: web\nlegs:\n  - pull: {system}\n    map: [{flow}/ware]\n"
            "push:\n  - {to: erp.upsert, entity: product, map: erp/ware}\n",
        )
    project.write(
        "mappings/erp/ware.yaml",
        "from: product\nto: erp.upsert\nfields:\n  order_no: id\n  name: name\n"
        "  total: {constant: 0}\nexamples: [examples/none.yaml]\n",
    )
    project.file(
        "config/systems/erp.yaml",
        ("key: order_no, money: total, batch: 3}\n  lookup", "key: order_no, batch: 3}\n  lookup"),
    )
    yield project
    forget()
    server.drop(name)


@fault("X10", "P20")
@pytest.mark.slow
def test_two_flows_that_meet_in_one_new_document(met: Project, dying: Dying) -> None:
    """Each looks, sees nothing, and waits with its insert until the other has looked as well."""
    with psycopg.connect(met.hub_url, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION wait_a_moment() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$"
        )
        connection.execute(
            "CREATE TRIGGER wait_a_moment BEFORE INSERT ON document_version"
            " EXECUTE FUNCTION wait_a_moment()"
        )
    for stream in ("catalogue", "wares"):
        rows = "sku,name,text,brand,updated\nMUG,Mug,,,\n"
        met.write(f"inbox/{stream}/a.csv", rows)
    ended = dying.run((met, "till", 0), (met, "shop", 0))
    assert {code for code, _ in ended} <= {0, 75}, ended
    with psycopg.connect(met.hub_url, autocommit=True) as connection:
        connection.execute("DROP TRIGGER wait_a_moment ON document_version")
    for flow in ("till", "shop"):
        assert met.run(flow).balanced
    products = met.rows(sa.select(schema.typed["product"][0].c.document_key))
    assert [row.document_key for row in products] == ["tiny|web|MUG"]


@fault("X11")
@pytest.mark.slow
@pytest.mark.xfail(
    strict=True,
    reason="kept bytes without a row are encrypted and named nowhere; nothing looks for them",
)
def test_bytes_of_a_pull_that_died_before_its_commit_do_not_stay(make: Make, dying: Dying) -> None:
    project = make(delivery="idempotency_key")
    project.orders([order("1")])
    raw = project.folder / "state" / "objects" / "raw"
    for place in range(14, 60):
        ((code, said),) = dying.run((project, "orders", place))
        assert code == -9, said
        if raw.exists() and [path for path in raw.rglob("*") if path.is_file()]:
            break
    project.orders([order("1"), order("2")])
    for _ in range(3):
        assert project.run("orders").balanced
    kept = {path.name for path in raw.rglob("*") if path.is_file()}
    named = {Path(row.path).name for row in project.rows(sa.select(schema.kept_object.c.path))}
    assert kept == named


@fault("X12")
@pytest.mark.xfail(strict=True, reason="nothing removes the step files of runs that are over")
def test_step_files_of_runs_that_are_over_do_not_pile_up(lite: Project) -> None:
    batches = lite.folder / "state" / "objects" / "batches"
    for day in range(3):
        lite.orders([order("1", note=f"day {day}")])
        assert counts(lite.run("orders"))["delivered"] == 1
    runs = [path for path in batches.iterdir() if list(path.rglob("*"))]
    assert len(runs) < 3


@fault("X13")
def test_a_lease_whose_release_was_lost_ends_by_itself(project: Project) -> None:
    """The database went away in the moment of giving back; nobody may wait for ever."""
    store = project.store
    assert store.acquire("flow/x", "elsewhere:1", 0.2) == 1
    found: list[int] = []

    def wait() -> None:
        while not found:
            number = store.acquire("flow/x", "elsewhere:2", 30.0)
            if number is not None:
                found.append(number)

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join(30)
    assert found == [2]


def giant(seed: int = 1) -> str:
    """A text of six thousand bytes that no compression makes small."""
    random = Random(seed)  # noqa: S311 - no secret
    return "".join(chr(random.randrange(0x4E00, 0x9FFF)) for _ in range(2000))


@fault("X14", "E10")
def test_a_giant_for_a_number_is_held_and_stops_no_other(project: Project) -> None:
    """PostgreSQL indexes at most 2,704 bytes: one such record would fail its batch for ever."""
    good, bad = order("1"), order(giant())
    other = order("2", lines=[{"sku": giant(2), "quantity": "1", "price": "25.00"}])
    project.orders([good, bad, other, order("3")])
    books = project.run("orders")
    assert counts(books) == {"read": 4, "delivered": 2, "quarantined": 2}
    assert sorted(line["body"]["order_no"] for line in project.effects()) == ["1", "3"]
    assert counts(project.run("orders")) == {"read": 4, "unchanged": 4}


@fault("X14")
def test_a_giant_that_a_mapping_makes_is_held(project: Project) -> None:
    project.file("mappings/till/order.yaml", ("  id: number\n", "  id: note\n"))
    project.file("mappings/till/order.yaml", ("  note: {path: note, optional: true}\n", ""))
    project.file("mappings/till/order.yaml", ("examples:", "ignore: [number]\nexamples:"))
    project.orders([order("1", note="A"), order("2", note=giant())])
    assert counts(project.run("orders")) == {"read": 2, "delivered": 1, "quarantined": 1}
    assert [line["body"]["order_no"] for line in project.effects()] == ["A"]
