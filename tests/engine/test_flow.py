"""A whole flow over the till's invoices, on both databases: nothing twice, nothing lost."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sqlalchemy as sa

from crossdock import sample_data
from crossdock.flow import Books
from crossdock.store import schema
from tests.engine.project import VOLATILE, Project, order
from tests.faults.catalogue import fault

ORDERS = 150


@pytest.fixture(scope="module")
def sales() -> pa.Table:
    """A year of a small till, with all of its dirt."""
    return sample_data.online_retail(ORDERS, seed=7)


def money(table: pa.Table) -> Decimal:
    """Add quantity times price, the slow and certain way."""
    pairs = zip(table["Quantity"].to_pylist(), table["UnitPrice"].to_pylist(), strict=True)
    return sum((Decimal(q) * Decimal(p) for q, p in pairs), Decimal(0))


def check(books: Books, status: int | None = None) -> dict[str, Any]:
    """The books of a run that went well."""
    assert books.balanced, json.dumps(books.data, indent=1)
    if status is not None:
        assert books.exit_status == status, (books.later, books.data)
    return books.data


def invoices(table: pa.Table) -> int:
    """Count the invoice numbers."""
    return len(pc.unique(table["InvoiceNo"]))


def test_books_balance_and_money_is_that_of_the_file(project: Project, sales: pa.Table) -> None:
    project.sales(sales)
    books = check(project.run(), 3)
    records = books["records"]
    assert records["read"] == invoices(sales)
    assert records["read"] == sum(n for name, n in records.items() if name != "read")
    assert records["quarantined"] > 0
    assert records["pending"] == records["unchanged"] == 0
    (gbp,) = books["money"]
    assert Decimal(gbp["read"]) == money(sales)
    parts = (Decimal(gbp[name]) for name in gbp if name not in {"read", "currency"})
    assert sum(parts) == money(sales)
    depot = project.depot()
    assert len(depot["orders"]) + len(depot["invoices"]) == records["delivered"]
    assert len({row[0] for row in depot["orders"]}) == len(depot["orders"])
    held = project.rows(sa.select(schema.hold.c.key, schema.hold.c.cause))
    assert len(held) == records["quarantined"]
    positive = set(
        sales.filter(pc.invert(pc.starts_with(sales["Quantity"], "-")))["InvoiceNo"].to_pylist()
    )
    every = set(sales["InvoiceNo"].to_pylist())
    assert {key for key, _ in held} == {key for key in every - positive if key[0] not in "AC"}


@fault("F05", "W02")
def test_the_same_bytes_again_write_nothing(project: Project, sales: pa.Table) -> None:
    project.sales(sales)
    first = check(project.run())
    hub, depot = project.hub(*VOLATILE), project.depot()
    again = check(project.run())
    assert project.hub(*VOLATILE) == hub
    assert project.depot() == depot
    assert again["records"] == {
        **dict.fromkeys(again["records"], 0),
        "read": first["records"]["read"],
        "unchanged": first["records"]["read"],
    }
    assert again["money"][0]["read"] == again["money"][0]["unchanged"] == first["money"][0]["read"]
    assert project.books(first["run"]) == first


def test_a_shuffled_file_brings_nothing_new(project: Project, sales: pa.Table) -> None:
    project.sales(sales)
    first = check(project.run())
    hub, depot = project.hub(*VOLATILE), project.depot()
    order = list(range(sales.num_rows))[::-1]
    project.sales(sales.take(pa.array(order)))
    again = check(project.run())
    assert again["records"]["unchanged"] == again["records"]["read"] == first["records"]["read"]
    assert project.hub(*VOLATILE) == hub
    assert project.depot() == depot


@fault("F04")
def test_only_what_changed_is_written_once(project: Project, sales: pa.Table) -> None:
    project.sales(sales)
    check(project.run())
    before = {row[0]: row for row in project.depot()["orders"]}
    plain = sorted(before)[:: len(before) // 4][:4]
    changed = [
        str(int(q) + 1) if no in plain else q
        for no, q in zip(
            sales["InvoiceNo"].to_pylist(), sales["Quantity"].to_pylist(), strict=True
        )
    ]
    place = sales.column_names.index("Quantity")
    altered = sales.set_column(place, "Quantity", pa.array(changed))
    project.sales(altered)
    books = check(project.run())
    records = books["records"]
    assert (records["delivered"], records["unchanged"]) == (4, invoices(sales) - 4)
    assert Decimal(books["money"][0]["read"]) == money(altered)
    after = {row[0]: row for row in project.depot()["orders"]}
    assert after.keys() == before.keys()
    assert sorted(no for no in after if after[no] != before[no]) == plain
    n = project.rows(
        sa.select(schema.record_version.c.key, schema.record_version.c.n).where(
            schema.record_version.c.n > 1, schema.record_version.c.stream == "sales"
        )
    )
    assert sorted(n) == [(no, 2) for no in plain]
    sent = project.rows(
        sa.select(schema.outbox.c.operation, schema.outbox.c.document_version).where(
            schema.outbox.c.run_id == books["run"]
        )
    )
    assert sorted(tuple(row) for row in sent) == [("update", 2)] * 4


@fault("B06")
def test_what_is_gone_from_the_file_stays_as_it_was(project: Project, sales: pa.Table) -> None:
    project.sales(sales)
    check(project.run())
    depot = project.depot()
    some = sales.filter(pc.not_equal(sales["InvoiceNo"], project.depot()["orders"][0][0]))
    project.sales(some)
    records = check(project.run())["records"]
    assert records["read"] == records["unchanged"] == invoices(sales) - 1
    assert project.depot() == depot


@fault("B07")
def test_there_and_back_are_three_versions(project: Project) -> None:
    for total, price in (("25.00", "10.00"), ("27.00", "11.00"), ("25.00", "10.00")):
        lines = [
            {"sku": "MUG", "quantity": "2", "price": price},
            {"sku": "TEA", "quantity": "1", "price": "5.00"},
        ]
        project.orders([order("1", total, lines=lines), order("2")])
        books = check(project.run("orders"), 0)
    assert books["records"]["unchanged"] == books["records"]["delivered"] == 1
    versions = schema.record_version
    found = project.rows(
        sa.select(versions.c.key, versions.c.n, versions.c.state, versions.c.latest).order_by(
            versions.c.key, versions.c.n
        )
    )
    assert [tuple(row) for row in found] == [
        ("1", 1, "delivered", False),
        ("1", 2, "delivered", False),
        ("1", 3, "delivered", True),
        ("2", 1, "delivered", True),
    ]
    totals = [Decimal(line["body"]["total"]) for line in project.effects()]
    assert totals == [25, 25, 27, 25]


@fault("W06")
def test_an_older_change_never_overwrites_a_newer_one(project: Project) -> None:
    def come(day: int, note: str) -> dict[str, Any]:
        project.orders([order("1", note=note, updated=f"2026-03-{day:02} 10:00:00")])
        return check(project.run("orders"))

    come(5, "new")
    old = come(4, "old")
    assert old["records"]["rejected"] == 1
    assert list(old["reasons"]) == ["superseded: older than the version that is known"]
    assert come(6, "newest")["records"]["delivered"] == 1
    assert [line["body"].get("note") for line in project.effects()] == ["new", "newest"]


@fault("N26")
def test_two_versions_in_one_pull_are_both_on_the_books(project: Project) -> None:
    project.orders([order("1", note="a"), order("2"), order("1", note="b"), order("1", note="b")])
    books = check(project.run("orders"), 0)
    counts = {name: n for name, n in books["records"].items() if n}
    assert counts == {"read": 4, "delivered": 2, "rejected": 1, "unchanged": 1}
    assert [line["body"].get("note") for line in project.effects()] == ["b", None]


@fault("F12")
def test_an_unreadable_file_is_held_and_the_others_go_on(project: Project) -> None:
    project.orders([order("1")], "a.ndjson")
    (project.folder / "inbox/orders/b.ndjson").write_bytes(b'{"number": "2", "cu')
    (project.folder / "inbox/orders/c.ndjson").write_bytes(b"")
    project.orders([order("3")], "d.ndjson")
    books = check(project.run("orders"), 3)
    assert books["records"]["delivered"] == 2
    held = project.rows(sa.select(schema.hold.c.key, schema.hold.c.subject, schema.hold.c.cause))
    wanted = [("b.ndjson", "object", "unreadable"), ("c.ndjson", "object", "unreadable")]
    assert sorted(tuple(row) for row in held) == wanted
    again = check(project.run("orders"))
    assert (again["records"]["read"], again["records"]["unchanged"]) == (2, 2)


HOSTILE = [
    '{"number": "n1", "note": "nul \\u0000 byte"}',
    '{"number": "n2\\u0000"}',
    '{"number": "n3", "note": "\\ud800"}',
    '{"number": "n4", "total": "1e400"}',
    '{"number": "n5", "total": "999999999999999999999"}',
    '{"number": "n6", "placed": "0001-01-01 00:00:00"}',
    '{"number": "n7", "lines": {"sku": "x"}}',
    '{"number": "n8", "lines": [[[]]]}',
    '{"number": {"a": 1}}',
    '{"number": "n9", "note": "' + "x" * 100_000 + '"}',
    '{"number": "' + "k" * 3000 + '"}',
    '{"number": "n10", "currency": "' + "E" * 300 + '"}',
    '{"number": "n11", "\\u0000field": 1}',
    '{"number": "n12", "total": true}',
    '{"number": "n13", "buyer": ["a"]}',
    '{"number": "n14|x", "note": "\\\\.\\n\\\\."}',
    '{"number": "../../etc/passwd", "note": "\'; DROP TABLE run; --"}',
    "[1, 2]",
    "null",
]


@fault("E10", "D10", "M06")
def test_hostile_records_are_held_and_stop_no_other(project: Project) -> None:
    good = [json.dumps(order(str(n))) for n in range(1, 6)]
    lines = [json.dumps({**order(""), **_loaded(text)}) for text in HOSTILE]
    project.write("inbox/orders/a.ndjson", "\n".join([*good, *lines]) + "\n")
    books = check(project.run("orders"), 3)
    assert books["records"]["read"] == len(good) + len(lines)
    assert books["records"]["unchanged"] == 0
    delivered = {line["body"]["order_no"] for line in project.effects()}
    assert {"1", "2", "3", "4", "5"} <= delivered


def _loaded(text: str) -> dict[str, Any]:
    found = json.loads(text)
    return found if isinstance(found, dict) else {"odd": found}


def test_a_line_that_cannot_be_counted_leaves_the_books_even(project: Project) -> None:
    table = pa.table(
        {
            "InvoiceNo": ["500001", "500001", "500002"],
            "StockCode": ["A", "B", "A"],
            "Description": ["a", "b", "a"],
            "Quantity": ["1", "two", "3"],
            "InvoiceDate": ["2026-03-01 10:00:00"] * 3,
            "UnitPrice": ["5.00", "1.00", "2.00"],
            "CustomerID": ["1"] * 3,
            "Country": ["X"] * 3,
        }
    )
    project.sales(table)
    books = check(project.run(), 3)
    assert books["records"]["quarantined"] == 1
    assert books["money"] == [
        {
            "currency": "GBP", "read": "11", "delivered": "6", "quarantined": "5",
            "rejected": "0", "pending": "0", "unchanged": "0", "adjusted": "0",
        }
    ]  # fmt: skip


def test_two_records_that_make_one_document_stop_nothing(project: Project) -> None:
    """Without a rule against it, and in one batch or in two."""
    project.file("mappings/till/order.yaml", ("id: number\n", "id: {path: number, as: trimmed}\n"))
    project.file(
        "validation/orders.yaml",
        ("  - rule: duplicate_document_number\n    severity: hold_record\n", ""),
    )
    project.orders([order("1"), order("1 ", note="x"), order("2")])
    books = check(project.run("orders"), 3)
    assert books["records"]["quarantined"] == 2
    assert books["reasons"] == {"conflict: conflict.id": 2}
    assert [line["body"]["order_no"] for line in project.effects()] == ["2"]
    assert check(project.run("orders"))["records"]["unchanged"] == 3


def test_workers_share_batches_and_change_nothing(lite: Project, sales: pa.Table) -> None:
    lite.file("config/flows/sales.yaml", ("shop: till", "shop: till\nbatch_lines: 500"))
    sales = sales.slice(0, 2500)
    lite.sales(sales)
    books = check(lite.run(workers=2), 3)
    assert books["records"]["read"] == invoices(sales)
    batches = lite.rows(sa.select(sa.func.count()).select_from(schema.batch))
    assert batches[0][0] > 4
    numbers = Counter(row[0] for row in lite.depot()["orders"])
    assert set(numbers.values()) == {1}
    assert check(lite.run(workers=2))["records"]["unchanged"] == invoices(sales)


def test_no_raw_value_lies_in_clear_in_the_state_folder(lite: Project, sales: pa.Table) -> None:
    canary = "canary4711"
    description = pa.array([canary] * sales.num_rows)
    place = sales.column_names.index("Description")
    lite.sales(sales.set_column(place, "Description", description))
    check(lite.run())
    files = [path for path in (lite.folder / "state").rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if canary.encode() in path.read_bytes()] == []
    assert not list((lite.folder / "state" / "scratch").iterdir()), "temporary files stay behind"
    for path in files:
        assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0, path
