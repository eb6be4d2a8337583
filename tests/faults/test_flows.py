"""Whole flows, from a REST source and from files: bad pages, echoes, parents, filters, tasks."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock import flow as steps
from crossdock import ledger, quarantine
from crossdock.errors import CrossdockError, Misconfigured, TryLater
from crossdock.store import schema
from tests.engine.conftest import forget
from tests.engine.project import FILES, VOLATILE, Project, order
from tests.faults.catalogue import fault
from tests.wire.conftest import START, Clock, Heard, RawServer, answer

Make = Callable[..., Project]
WEB = """\
connector: rest
settings: {{url: "{url}"}}
allow_private: true
streams:
  orders:
    path: orders
    records: orders
    key: number
    paging: {{kind: next_url, path: next}}
    cursor: updated_at
    since: since
    grain: second
    overlap: 600
    order: oldest_first
    money: {{sum: total, currency: currency}}
"""
FLOW = """\
organisation: tiny
shop: web
expect_at_least: 0%
legs:
  - pull: web.orders
    map: [web/order]
push:
  - {to: erp.idempotency_key, entity: sales_order, map: erp/order}
"""


def records(books: Any) -> dict[str, int]:
    """The books of a balanced run, without what is zero."""
    assert books.balanced, books.data
    return {name: n for name, n in books.data["records"].items() if n}


def numbers(project: Project) -> list[str]:
    """The orders that had an effect, in order."""
    return [line["body"]["order_no"] for line in project.effects()]


class Web:
    """A shop's list in pages of three, by the time of change, with times of its own clock."""

    def __init__(self, skew: timedelta = timedelta()) -> None:
        self.orders: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.now = START + skew
        self.spoil: Callable[[Heard, int], bytes | None] | None = None

    def put(self, number: str, at: datetime | None = None, **more: Any) -> None:
        """Add an order, or change one."""
        moment = (at or self.now).isoformat().replace("+00:00", "Z")
        self.orders = [one for one in self.orders if one["number"] != number]
        self.orders.append(order(number, updated_at=moment, **more))

    def __call__(self, heard: Heard) -> bytes | None:
        page = int(heard.query.get("page", "1"))
        if self.spoil is not None:
            spoilt = self.spoil(heard, page)
            if spoilt is not None:
                return spoilt or None
        since = heard.query.get("since", "")
        if page == 1:
            self.asked.append(since)
        found = sorted(
            (one for one in self.orders if one["updated_at"] >= since),
            key=lambda one: (one["updated_at"], one["number"]),
        )
        some = found[(page - 1) * 3 : page * 3]
        more = f"?page={page + 1}&since={since}" if len(found) > page * 3 else None
        return answer(json.dumps({"orders": some, "next": more}))


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def shop(make: Make, serve: Callable[..., RawServer], web: Web, still: Clock) -> Project:
    """The project with a REST shop as its source."""
    project = make(delivery="idempotency_key")
    project.write("config/systems/web.yaml", WEB.format(url=serve(web).url))
    mapping = FILES["mappings/till/order.yaml"].replace("from: till.orders", "from: web.orders")
    project.write("mappings/web/order.yaml", f"{mapping}ignore: [updated_at]\n")
    project.write("mappings/web/examples/none.yaml", "[]\n")
    project.write("config/flows/web.yaml", FLOW)
    return project


def cursor(project: Project) -> str | None:
    """How far the list was read."""
    found = project.rows(sa.select(schema.cursor.c.value).where(schema.cursor.c.system == "web"))
    return found[0].value if found else None


@fault("N01", "N09", "N02", "N20")
@pytest.mark.parametrize(
    ("spoilt", "error"),
    [
        (answer("{}", 503), TryLater),
        (answer("{}", 429, Retry_After="3600"), TryLater),
        (b"", TryLater),
        (answer('{"orders": [{"number": "9"', length=False), TryLater),
        (answer('{"message": "no"}', 403), Misconfigured),
    ],
    ids=["503", "429", "reset", "cut", "403"],
)
def test_a_list_that_fails_on_its_second_page_moves_nothing(
    shop: Project, web: Web, still: Clock, spoilt: bytes, error: type[CrossdockError]
) -> None:
    for number in range(1, 6):
        web.put(str(number), START + timedelta(seconds=number))
    web.spoil = lambda heard, page: spoilt if page == 2 else None
    with pytest.raises(error):
        shop.run("web")
    assert cursor(shop) is None
    assert not shop.rows(sa.select(schema.kept_object.c.id))
    web.spoil = None
    still.passed += 3600
    assert records(shop.run("web")) == {"read": 5, "delivered": 5}
    assert sorted(numbers(shop)) == ["1", "2", "3", "4", "5"]
    assert cursor(shop) == "2026-11-01T12:00:05Z"


@fault("N29")
def test_a_page_token_that_dies_half_way_is_asked_for_anew_by_the_next_run(
    shop: Project, web: Web
) -> None:
    for number in range(1, 8):
        web.put(str(number), START + timedelta(seconds=number))
    dead = answer('{"message": "this cursor has expired"}', 400)
    web.spoil = lambda heard, page: dead if page == 3 else None
    with pytest.raises(Misconfigured, match="expired"):
        shop.run("web")
    web.spoil = None
    assert records(shop.run("web")) == {"read": 7, "delivered": 7}
    assert web.asked == ["", ""], "it began where the last run that ended well had stopped"


@fault("N26", "N30", "N31")
def test_records_of_one_second_and_late_ones_arrive_once(shop: Project, web: Web) -> None:
    for number in range(1, 12):
        web.put(f"{number:02}")
    assert records(shop.run("web")) == {"read": 11, "delivered": 11}
    web.put("12")
    web.put("13", START - timedelta(minutes=9))
    assert records(shop.run("web")) == {"read": 13, "delivered": 2, "unchanged": 11}
    assert sorted(numbers(shop)) == [f"{number:02}" for number in range(1, 14)]
    assert web.asked[1] == "2026-11-01T11:50:00Z"


@fault("N26")
def test_a_page_that_comes_twice_is_booked_as_unchanged(shop: Project, web: Web) -> None:
    for number in range(1, 6):
        web.put(str(number), START + timedelta(seconds=number))
    first = [one for one in web.orders if one["number"] in "123"]

    def twice(heard: Heard, page: int) -> bytes | None:
        if page == 2:
            return answer(json.dumps({"orders": first, "next": "?page=3"}))
        if page == 3:
            return answer(json.dumps({"orders": web.orders[3:], "next": None}))
        return None

    web.spoil = twice
    books = shop.run("web")
    assert records(books) == {"read": 8, "delivered": 5, "unchanged": 3}
    assert sorted(numbers(shop)) == ["1", "2", "3", "4", "5"]


@fault("N32", "N33", "P26")
@pytest.mark.parametrize("minutes", [-600, 10])
def test_a_clock_that_differs_hides_no_record(
    shop: Project, web: Web, still: Clock, minutes: int
) -> None:
    """Their clock is ours and some; then midnight and the end of a month pass."""
    web.now += timedelta(minutes=minutes)
    web.put("1")
    shop.run("web")
    for step in range(2, 5):
        web.now += timedelta(hours=13)
        still.passed += 13 * 3600
        web.put(str(step))
        assert records(shop.run("web"))["delivered"] == 1
    assert numbers(shop) == ["1", "2", "3", "4"]


@fault("W06", "B05")
def test_a_change_that_comes_late_does_not_overwrite(shop: Project, web: Web) -> None:
    web.put("1", START, note="new", updated="2026-03-05 10:00:00")
    shop.run("web")
    web.put("1", START + timedelta(seconds=5), note="old", updated="2026-03-04 10:00:00")
    assert records(shop.run("web")) == {"read": 1, "rejected": 1}
    assert [line["body"].get("note") for line in shop.effects()] == ["new"]


@fault("X03")
def test_a_page_that_is_as_it_was_is_news_when_another_one_said_otherwise(
    shop: Project, web: Web
) -> None:
    """A list shrinks to one page and grows again: its second page has the very bytes of before."""
    shop.file("config/systems/web.yaml", ("    cursor: updated_at\n    since: since\n", ""))
    shop.file("config/systems/web.yaml", ("    grain: second\n    overlap: 600\n", ""))

    def stand(*orders: dict[str, Any]) -> None:
        web.orders = [{"updated_at": "2026-11-01T12:00:00Z", **one} for one in orders]
        shop.run("web")

    fill = [order(f"0{number}") for number in range(1, 4)]
    stand(*fill, order("9", note="a"))
    stand(fill[0], order("9", note="b"))
    stand(*fill, order("9", note="a"))
    notes = [line["body"]["note"] for line in shop.effects() if line["body"]["order_no"] == "9"]
    assert notes == ["a", "b", "a"]


# -- steps, tasks and processes -------------------------------------------------------------------


@fault("P25", "P06", "P07")
def test_every_task_may_run_again(lite: Project) -> None:
    lite.orders([order("1"), order("2", "99.00"), order("3")])
    batches = steps.pull("orders", "run-1")
    assert steps.pull("orders", "run-1") == batches
    run = steps.run_of(batches[0])
    for step in (steps.map, steps.check):
        for _ in range(2):
            step(batches[0])
    for _ in range(2):
        steps.gate(run)
    for step in (steps.resolve, steps.push):
        step(batches[0])
        before, effects = lite.hub(*VOLATILE), lite.effects()
        step(batches[0])
        assert lite.hub(*VOLATILE) == before
        assert lite.effects() == effects
    assert steps.close(run).balanced
    again = steps.close(run)
    assert again.data["records"] == ledger.books(lite.store, run=run)["records"]
    assert numbers(lite) == ["1", "3"]


@fault("P14", "P11")
@pytest.mark.slow
@pytest.mark.parametrize("delivery", ["upsert", "none"])
def test_ended_by_sigterm_while_it_sends(make: Make, delivery: str) -> None:
    project = make(delivery=delivery)
    project.orders([order("1"), order("2")])
    os.mkfifo(project.folder / "erp" / "tries.jsonl")  # the target does not answer
    process = subprocess.Popen(
        [sys.executable, "-m", "crossdock.cli", "run", "orders", "--workers", "1"],
        env={**os.environ, **project.variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 200
        sending: list[Any] = []
        while not sending and time.monotonic() < deadline:
            time.sleep(0.1)
            with contextlib.suppress(CrossdockError):
                state = schema.outbox.c.state == "sending"
                sending = project.rows(sa.select(schema.outbox.c.id).where(state))
        assert sending, "it never came to the send"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    (project.folder / "erp" / "tries.jsonl").unlink()
    forget()
    books = project.run("orders")
    assert books.balanced
    if delivery == "none":
        assert not project.effects()
        assert len(quarantine.listed(project.store, cause="uncertain")) == 2
    else:
        assert sorted(numbers(project)) == ["1", "2"]
    assert not project.rows(sa.select(schema.lease.c.name).where(schema.lease.c.holder != ""))


# -- business ------------------------------------------------------------------------------------


@fault("B06", "B07")
def test_a_tombstone_deletes_nothing_and_the_record_may_come_again(lite: Project) -> None:
    till = "config/systems/till.yaml"
    lite.file(
        till,
        ("    media: ndjson\n", "    media: ndjson\n    deletes: tombstone\n    tombstone: gone\n"),
    )
    lite.file("mappings/till/order.yaml", ("examples:", "ignore: [gone]\nexamples:"))
    lite.orders([order("1"), order("2")])
    lite.run("orders")
    lite.orders([order("1"), order("2", gone=True)])
    gone = lite.run("orders")
    assert records(gone) == {"read": 2, "unchanged": 1, "rejected": 1}
    assert list(gone.data["reasons"]) == ["deleted at the source: targets keep what they have"]
    assert numbers(lite) == ["1", "2"]
    lite.orders([order("1"), order("2", note="back")])
    assert records(lite.run("orders")) == {"read": 2, "unchanged": 1, "delivered": 1}
    assert lite.effects()[-1]["body"]["note"] == "back"
    versions = lite.rows(
        sa.select(schema.record_version.c.n).where(schema.record_version.c.key == "2")
    )
    assert sorted(row.n for row in versions) == [1, 2, 3]


@fault("B16")
def test_what_the_flow_does_not_want_is_on_the_books_and_at_no_target(lite: Project) -> None:
    flow = "config/flows/orders.yaml"
    lite.file(
        flow, ("map: erp/order}", "map: erp/order, when: {not: {field: buyer_id, equals: TEST}}}")
    )
    lite.orders([order("1"), order("2", buyer="TEST")])
    books = lite.run("orders")
    assert books.data["records"]["read"] == 2
    assert books.balanced
    assert numbers(lite) == ["1"]
    assert lite.run("orders").data["records"]["unchanged"] == 2
    assert numbers(lite) == ["1"]


@fault("B12", "B13")
@pytest.mark.parametrize("order_first", [True, False])
def test_a_child_waits_for_its_parent_and_goes_on_by_itself(
    lite: Project, order_first: bool
) -> None:
    lite.write(
        "validation/orders.yaml",
        """\
suite: orders
entity: sales_order
rules:
  - reference_exists: {field: product_id, entity: product}
    on: lines
    name: product_known
    severity: hold_record
    message: "{value} is not known yet"
examples: {passes: examples/passes.yaml, holds: examples/holds.yaml}
""",
    )
    lite.write("validation/examples/passes.yaml", "[]\n")
    lite.write("validation/examples/holds.yaml", "[]\n")
    lite.write(
        "config/flows/wares.yaml",
        "organisation: tiny\nshop: web\nlegs:\n  - pull: till.catalogue\n    map: [till/ware]\n"
        "push:\n  - {to: depot.products, entity: product, map: depot/product}\n",
    )
    lite.orders([order("1")])
    if order_first:
        lite.write("inbox/catalogue/a.csv", "sku,name,text,brand,updated\nCUP,Cup,,,\n")
        lite.run("wares")
        first = lite.run("orders")
        assert first.data["records"]["quarantined"] == 1
        [hold] = quarantine.listed(lite.store)
        assert hold["cause"] == "waiting for a parent"
        assert not lite.effects()
    lite.write("inbox/catalogue/b.csv", "sku,name,text,brand,updated\nMUG,Mug,,,\nTEA,Tea,,,\n")
    lite.run("wares")
    assert lite.run("orders").balanced
    assert numbers(lite) == ["1"]
    assert not quarantine.listed(lite.store)
    lite.run("orders")
    assert numbers(lite) == ["1"]


@fault("B03")
def test_the_same_stock_twice_writes_once(lite: Project) -> None:
    lite.file(
        "config/systems/erp.yaml",
        (
            "upsert: {delivery: upsert, key: order_no, money: total",
            "upsert: {delivery: upsert, key: order_no",
        ),
    )
    lite.write(
        "mappings/till/level.yaml",
        "from: till.stock\nto: stock_level\ndefaults: {decimal: '.'}\nfields:\n"
        "  id: sku\n  product_id: sku\n  location_id: {constant: main}\n"
        "  on_hand: {path: qty, as: quantity}\nexamples: [examples/none.yaml]\n",
    )
    lite.write(
        "mappings/erp/level.yaml",
        "from: stock_level\nto: erp.upsert\nfields:\n  order_no: id\n  total: on_hand\n"
        "examples: [examples/none.yaml]\n",
    )
    lite.write(
        "config/flows/stock.yaml",
        "organisation: tiny\nshop: web\nlegs:\n  - pull: till.stock\n    map: [till/level]\n"
        "push:\n  - {to: erp.upsert, entity: stock_level, map: erp/level}\n",
    )
    for name in ("a", "b"):
        lite.write(f"inbox/stock/{name}.csv", "sku,qty\nMUG,5\nTEA,-2\n")
        assert lite.run("stock").balanced
    assert [(line["body"]["order_no"], line["body"]["total"]) for line in lite.effects()] == [
        ("MUG", "5.000000"), ("TEA", "-2.000000")]  # fmt: skip


ECHO = """\
connector: sql
settings: {{url: {{env: {name}_URL}}}}
streams:
  products:
    table: products
    key: product_no
  products_in:
    table: products
    delivery: upsert
    key: product_no
    create: true
"""


@fault("B09")
def test_an_echo_between_two_systems_ends_after_the_first_time(
    lite: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A to B, B to A, ten times; each side reads what the other was given."""
    for name in ("a", "b"):
        monkeypatch.setenv(f"{name.upper()}_URL", f"sqlite:///{lite.folder / f'{name}.db'}")
        lite.write(f"config/systems/{name}.yaml", ECHO.format(name=name.upper()))
        lite.write(
            f"mappings/{name}/product.yaml",
            f"from: {name}.products\nto: product\nfields:\n  id: product_no\n"
            "  name: {path: name, optional: true}\n  brand: {path: brand, optional: true}\n"
            "ignore: [version]\nexamples: [examples/none.yaml]\n",
        )
        lite.write(
            f"mappings/{name}/out.yaml",
            f"from: product\nto: {name}.products_in\nfields:\n  product_no: id\n"
            "  name: {path: name, optional: true}\n  brand: {path: brand, optional: true}\n"
            "examples: [examples/none.yaml]\n",
        )
        lite.write(f"mappings/{name}/examples/none.yaml", "[]\n")
    for source, target in (("a", "b"), ("b", "a")):
        lite.write(
            f"config/flows/{source}{target}.yaml",
            f"organisation: tiny\nshop: web\nlegs:\n  - pull: {source}.products\n"
            f"    map: [{source}/product]\npush:\n"
            f"  - {{to: {target}.products_in, entity: product, map: {target}/out}}\n",
        )
    engine = sa.create_engine(f"sqlite:///{lite.folder / 'a.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE products (product_no TEXT PRIMARY KEY, name TEXT, brand TEXT)"
        )
        connection.exec_driver_sql(
            "INSERT INTO products VALUES ('MUG', 'Mug', 'Acme'), ('TEA', 'Tea', NULL)"
        )
    engine.dispose()
    sent: list[int] = []
    for _ in range(4):
        for flow in ("ab", "ba"):
            assert lite.run(flow).balanced
        sent.append(lite.rows(sa.select(sa.func.count()).select_from(schema.outbox))[0][0])
    assert sent[0] == sent[-1], "the echo goes on"
    assert sent[0] <= 4
