"""The SQL connector against real databases: SQLite and PostgreSQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from connectors.sql import Sql
from crossdock.connector import Outcome, Parcel, Reads, World, Writes
from crossdock.errors import Misconfigured, TryLater
from tests.faults.catalogue import fault

LINE = pa.struct(
    [
        ("sku", pa.string()),
        ("quantity", pa.decimal128(18, 6)),
        ("price", pa.decimal128(18, 6)),
    ]
)
AT = datetime(2024, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)
ORDERS = {
    "delivery": "upsert",
    "key": ["order_no"],
    "create": True,
    "children": {"lines": {"table": "order_lines"}},
}


def order(
    number: str, *lines: tuple[str, str, str], total: str = "12.34", **rest: Any
) -> dict[str, Any]:
    """One document as the push step gives it, with the engine's columns."""
    rows = [
        {"sku": sku, "quantity": Decimal(quantity), "price": Decimal(price)}
        for sku, quantity, price in lines
    ]
    return {
        "_reference": f"ref-{number}",
        "_key": number,
        "_operation": rest.pop("operation", "create"),
        "_their_id": None,
        "_version": rest.pop("version", 1),
        "order_no": number,
        "placed_at": AT,
        "paid": True,
        "total": Decimal(total),
        "note": rest.pop("note", None),
        "lines": rows,
    }


def table(*documents: dict[str, Any]) -> pa.Table:
    """Documents as an Arrow table of their declared types."""
    return pa.Table.from_pylist(
        list(documents),
        schema=pa.schema(
            [
                ("_reference", pa.string()),
                ("_key", pa.string()),
                ("_operation", pa.string()),
                ("_their_id", pa.string()),
                ("_version", pa.int64()),
                ("order_no", pa.string()),
                ("placed_at", pa.timestamp("us", "UTC")),
                ("paid", pa.bool_()),
                ("total", pa.decimal128(18, 6)),
                ("note", pa.string()),
                ("lines", pa.list_(LINE)),
            ]
        ),
    )


Open = Callable[..., Sql]


@pytest.fixture
def connect(any_url: str, world: World) -> Iterator[Open]:
    """Open connectors on the database of this test; they are closed at its end."""
    made = []

    def opened(streams: Mapping[str, Any], **settings: Any) -> Sql:
        connector = Sql(url=any_url, **settings)
        kinds = {name: Sql.stream(name, spec) for name, spec in streams.items()}
        connector.bind("warehouse", world, kinds)
        made.append(connector)
        return connector

    yield opened
    for connector in made:
        connector.close()


@pytest.fixture
def run(any_url: str) -> Iterator[Callable[[str], list[Any]]]:
    """Run a statement beside the connector, as another client of the database would."""
    engine = sa.create_engine(any_url)

    def execute(statement: str) -> list[Any]:
        with engine.begin() as connection:
            result = connection.exec_driver_sql(statement)
            return list(result) if result.returns_rows else []

    yield execute
    engine.dispose()


def target(connector: Sql, name: str = "orders") -> Writes:
    return connector.writes()[name]


def source(connector: Sql, name: str) -> Reads:
    return connector.reads()[name]


def verdicts(outcomes: list[Outcome]) -> list[str]:
    return [outcome.verdict for outcome in outcomes]


# -- writing -------------------------------------------------------------------------------------
def test_documents_and_lines_arrive_with_every_digit(connect: Open, run: Any) -> None:
    warehouse = connect({"orders": ORDERS})
    outcomes = warehouse.write_table(
        target(warehouse),
        table(order("1", ("A", "2", "0.000001"), ("B", "1", "123456789012.123456")), order("2")),
    )
    assert [(o.reference, o.verdict, o.their_id) for o in outcomes] == [
        ("ref-1", "delivered", "1"),
        ("ref-2", "delivered", "2"),
    ]
    lines = run("SELECT order_no, crossdock_line, sku, price FROM order_lines ORDER BY 1, 2")
    assert [(a, b, c, Decimal(d)) for a, b, c, d in lines] == [
        ("1", 1, "A", Decimal("0.000001")),
        ("1", 2, "B", Decimal("123456789012.123456")),
    ]
    (found,) = run("SELECT total, note, crossdock_reference FROM orders WHERE order_no = '1'")
    assert (Decimal(found[0]), found[1], found[2]) == (Decimal("12.34"), None, "ref-1")


def test_the_same_write_twice_is_there_once(connect: Open, run: Any) -> None:
    warehouse = connect({"orders": ORDERS})
    for _ in range(2):
        outcomes = warehouse.write_table(target(warehouse), table(order("1", ("A", "2", "1"))))
        assert verdicts(outcomes) == ["delivered"]
    assert run("SELECT count(*) FROM orders")[0][0] == 1
    assert run("SELECT count(*) FROM order_lines")[0][0] == 1


def test_a_newer_version_replaces_lines_and_an_older_one_does_nothing(
    connect: Open, run: Any
) -> None:
    warehouse = connect({"orders": ORDERS})
    stream = target(warehouse)
    first = table(
        order("1", ("A", "1", "1"), ("B", "1", "1"), version=3), order("2", ("C", "1", "1"))
    )
    warehouse.write_table(stream, first)
    newer = table(order("1", ("Z", "9", "1"), version=4, total="9"), order("3", ("D", "1", "1")))
    assert verdicts(warehouse.write_table(stream, newer)) == ["delivered", "delivered"]
    older = table(order("1", ("OLD", "1", "1"), version=2), order("2", ("E", "1", "1"), version=2))
    outcomes = warehouse.write_table(stream, older)
    assert verdicts(outcomes) == ["refused", "delivered"]
    assert "newer version" in outcomes[0].message
    lines = run("SELECT order_no, sku FROM order_lines ORDER BY 1, 2")
    assert [tuple(row) for row in lines] == [("1", "Z"), ("2", "E"), ("3", "D")]
    assert run("SELECT crossdock_version FROM orders WHERE order_no = '1'")[0][0] == 4


def test_one_key_twice_in_a_call_ends_with_the_later(connect: Open, run: Any) -> None:
    warehouse = connect({"orders": ORDERS})
    both = table(
        order("1", ("A", "1", "1"), version=1), order("1", ("B", "1", "1"), version=2, total="2")
    )
    assert verdicts(warehouse.write_table(target(warehouse), both)) == ["delivered", "delivered"]
    assert [tuple(row) for row in run("SELECT sku FROM order_lines")] == [("B",)]


def test_a_delete_takes_the_lines_along(connect: Open, run: Any) -> None:
    warehouse = connect({"orders": ORDERS})
    stream = target(warehouse)
    warehouse.write_table(stream, table(order("1", ("A", "1", "1")), order("2", ("B", "1", "1"))))
    both = table(order("1", operation="delete", version=2), order("3", ("C", "1", "1")))
    assert verdicts(warehouse.write_table(stream, both)) == ["delivered", "delivered"]
    assert [row[0] for row in run("SELECT sku FROM order_lines ORDER BY 1")] == ["B", "C"]
    assert [row[0] for row in run("SELECT order_no FROM orders ORDER BY 1")] == ["2", "3"]


def test_one_bad_document_does_not_stop_the_others(connect: Open, run: Any) -> None:
    run(
        "CREATE TABLE small (note text, "
        "order_no varchar(5) PRIMARY KEY CHECK (length(order_no) < 6))"
    )
    warehouse = connect({"small": {"delivery": "upsert", "key": "order_no"}})
    names = ["1", "2", "much too long", "4", "5"]
    rows = table(*(order(name) for name in names)).select(
        ["_reference", "_key", "_operation", "_their_id", "_version", "order_no", "note"]
    )
    outcomes = warehouse.write_table(target(warehouse, "small"), rows)
    assert verdicts(outcomes) == ["delivered", "delivered", "refused", "delivered", "delivered"]
    assert "much too long" not in outcomes[2].message
    assert [row[0] for row in run("SELECT order_no FROM small ORDER BY 1")] == ["1", "2", "4", "5"]


def test_an_empty_key_is_refused_alone(connect: Open) -> None:
    warehouse = connect({"orders": ORDERS})
    rows = table(order("1"), {**order("x"), "order_no": None})
    outcomes = warehouse.write_table(target(warehouse), rows)
    assert verdicts(outcomes) == ["delivered", "refused"]
    assert "order_no is empty" in outcomes[1].message


def test_a_refused_first_call_leaves_no_half_made_tables(connect: Open) -> None:
    warehouse = connect({"orders": ORDERS})
    stream = target(warehouse)
    assert verdicts(warehouse.write_table(stream, table({**order("1"), "order_no": None}))) == [
        "refused"
    ]
    assert verdicts(warehouse.write_table(stream, table(order("1")))) == ["delivered"]


@fault("C14")
def test_hostile_text_goes_in_as_it_is(connect: Open) -> None:
    warehouse = connect({"orders": ORDERS})
    stream = target(warehouse)
    notes = ['"; DROP TABLE orders; --', "\\.", "\\N", "", "a,b\r\nc", "😀 ñ 中", "'"]
    documents = [order(f"{n}", (note or "-", "1", "1"), note=note) for n, note in enumerate(notes)]
    assert set(verdicts(warehouse.write_table(stream, table(*documents)))) == {"delivered"}
    parcels = [Parcel(f"r{n}", f"{n}", "create", {"order_no": f"{n}"}) for n in range(len(notes))]
    found = warehouse.lookup(stream, parcels)
    bodies = [f.body for f in found.values() if f and f.body]
    assert [body["note"] for body in bodies] == notes
    assert [body["lines"][0]["sku"] for body in bodies] == [note or "-" for note in notes]


def test_lookup_gives_back_what_was_sent(connect: Open) -> None:
    warehouse = connect({"orders": ORDERS})
    stream = target(warehouse)
    warehouse.write_table(stream, table(order("1", ("A", "2", "0.5"), ("B", "3", "0.25"))))
    found = warehouse.lookup(
        stream,
        [
            Parcel("r1", "1", "update", {}, their_id="1"),
            Parcel("r2", "2", "create", {"order_no": "2"}),
        ],
    )
    assert found["r2"] is None
    assert found["r1"] is not None
    assert found["r1"].their_id == "1"
    body = dict(found["r1"].body or {})
    assert body["total"] == Decimal("12.34")
    assert body["placed_at"] == AT
    assert [(line["sku"], line["price"]) for line in body["lines"]] == [
        ("A", Decimal("0.5")),
        ("B", Decimal("0.25")),
    ]


def test_a_missing_table_or_column_names_the_statement_that_adds_it(
    connect: Open, run: Any
) -> None:
    run("CREATE TABLE orders (order_no varchar(20) PRIMARY KEY, paid boolean)")
    strict = {**ORDERS, "create": False}
    warehouse = connect({"orders": strict, "absent": strict})
    with pytest.raises(Misconfigured, match="no table absent"):
        warehouse.write_table(target(warehouse, "absent"), table(order("1")))
    with pytest.raises(Misconfigured, match="ADD COLUMN"):
        warehouse.write_table(target(warehouse), table(order("1")))


def test_a_new_column_is_added_where_the_stream_makes_tables(connect: Open, run: Any) -> None:
    warehouse = connect({"orders": ORDERS})
    stream = target(warehouse)
    warehouse.write_table(stream, table(order("1")).drop_columns(["note"]))
    assert verdicts(warehouse.write_table(stream, table(order("2", note="hello")))) == ["delivered"]
    assert [tuple(r) for r in run("SELECT order_no, note FROM orders ORDER BY 1")] == [
        ("1", None),
        ("2", "hello"),
    ]


def test_two_workers_that_meet_on_new_tables_both_deliver(connect: Open, run: Any) -> None:
    results: list[str] = []

    def worker(number: int) -> None:
        warehouse = connect({"orders": ORDERS})
        documents = [order(f"{number}-{n}", ("A", "1", "1")) for n in range(50)]
        results.extend(verdicts(warehouse.write_table(target(warehouse), table(*documents))))

    threads = [threading.Thread(target=worker, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["delivered"] * 200
    assert run("SELECT count(*) FROM order_lines")[0][0] == 200


def test_a_key_of_two_columns(connect: Open, run: Any) -> None:
    spec = {"delivery": "upsert", "key": ["sku", "location"], "create": True}
    warehouse = connect({"stock": spec})
    rows = pa.table(
        {
            "_reference": ["a", "b"],
            "_key": ["A|main", "A|shop"],
            "_operation": ["create", "create"],
            "_their_id": pa.nulls(2, pa.string()),
            "sku": ["A", "A"],
            "location": ["main", "shop"],
            "on_hand": pa.array([1, 2], pa.int64()),
        }
    )
    outcomes = warehouse.write_table(target(warehouse, "stock"), rows)
    assert [o.their_id for o in outcomes] == ["A|main", "A|shop"]
    by_id = Parcel("x", "k1", "update", {}, their_id="A|shop")
    by_reference, absent = Parcel("b", "k2", "update", {}), Parcel("c", "k3", "update", {})
    found = warehouse.lookup(target(warehouse, "stock"), [by_id, by_reference, absent])
    assert found["c"] is None
    for name in ("x", "b"):
        there = found[name]
        assert there is not None
        assert (there.their_id, there.body) == (
            "A|shop",
            {"sku": "A", "location": "shop", "on_hand": 2},
        )


# -- reading -------------------------------------------------------------------------------------
@pytest.fixture
def products(run: Any) -> Callable[[str], list[Any]]:
    """A table of 25 products, five of them changed at each instant."""
    run(
        "CREATE TABLE products "
        "(id varchar(9) PRIMARY KEY, changed varchar(30), price numeric(18,6))"
    )
    for number in range(25):
        run(
            f"INSERT INTO products VALUES ('P{number:02}', "  # noqa: S608 - a test's own
            f"'2024-03-01T00:0{number // 5}:00Z', {number}.25)"
        )
    return run  # type: ignore[no-any-return]


READS = {"key": "id", "cursor": "changed", "page": 4}


def rows_of(connector: Sql, name: str, cursor: str | None = None) -> list[tuple[Any, str | None]]:
    """All pages as (rows, cursor)."""
    found = []
    for page in connector.read(source(connector, name), cursor):
        assert isinstance(page.body, bytes)
        found.append(([json.loads(line) for line in page.body.splitlines()], page.cursor))
    return found


@fault("N30")
def test_every_row_once_though_pages_break_inside_an_instant(connect: Open, products: Any) -> None:
    warehouse = connect({"products": READS})
    pages = rows_of(warehouse, "products")
    ids = [row["id"] for rows, _ in pages for row in rows]
    assert ids == [f"P{number:02}" for number in range(25)]
    assert len(pages) == 7


def test_going_on_from_each_cursor_loses_nothing(connect: Open, products: Any) -> None:
    warehouse = connect({"products": READS})
    pages = rows_of(warehouse, "products")
    for number, (_, cursor) in enumerate(pages, start=1):
        rest = [row["id"] for rows, _ in rows_of(warehouse, "products", cursor) for row in rows]
        assert rest == [row["id"] for rows, _ in pages[number:] for row in rows]


@fault("N31")
def test_an_overlap_reads_the_last_minutes_again(connect: Open, products: Any) -> None:
    warehouse = connect({"products": {**READS, "overlap": 60}})
    last = rows_of(warehouse, "products")[-1][1]
    again = [row["id"] for rows, _ in rows_of(warehouse, "products", last) for row in rows]
    assert again == [f"P{number:02}" for number in range(15, 25)]


@fault("M01", "M06")
def test_decimals_and_instants_leave_exactly(connect: Open, run: Any) -> None:
    warehouse = connect({"orders": {**ORDERS}, "sold": {"table": "orders", "key": "order_no"}})
    warehouse.write_table(target(warehouse), table(order("1", total="0.100001")))
    ((row,), cursor) = rows_of(warehouse, "sold")[0]
    assert cursor is None
    assert row["total"] == "0.100001"
    assert datetime.fromisoformat(row["placed_at"]) == AT


def test_child_rows_come_with_their_document(connect: Open) -> None:
    reads = {
        "table": "orders",
        "key": "order_no",
        "children": {"lines": {"table": "order_lines", "order": ["crossdock_line"]}},
    }
    warehouse = connect({"orders": ORDERS, "sold": reads})
    warehouse.write_table(
        target(warehouse), table(order("1", ("A", "1", "1"), ("B", "2", "1")), order("2"))
    )
    ((first, second), _) = rows_of(warehouse, "sold")[0]
    assert [line["sku"] for line in first["lines"]] == ["A", "B"]
    assert second["lines"] == []


def test_rows_without_a_cursor_value_are_not_passed_over(connect: Open, products: Any) -> None:
    products("INSERT INTO products VALUES ('P99', NULL, 1)")
    warehouse = connect({"products": READS})
    with pytest.raises(Misconfigured, match="1 rows have no changed"):
        rows_of(warehouse, "products")


def test_a_query_needs_leave_and_cannot_write(connect: Open, products: Any) -> None:
    spec = {**READS, "query": "SELECT id, changed FROM products WHERE id < 'P03'"}
    closed = connect({"some": spec})
    with pytest.raises(Misconfigured, match="does not allow queries"):
        rows_of(closed, "some")
    opened = connect({"some": spec}, allow_queries=True)
    assert [row["id"] for row in rows_of(opened, "some")[0][0]] == ["P00", "P01", "P02"]
    evil = connect(
        {"some": {**spec, "query": "DELETE FROM products RETURNING id, changed"}},
        allow_queries=True,
    )
    with pytest.raises(Misconfigured):
        rows_of(evil, "some")
    assert products("SELECT count(*) FROM products")[0][0] == 25


def test_names_are_looked_up_and_never_pasted(connect: Open, products: Any) -> None:
    warehouse = connect({"bad": {**READS, "table": "products; DROP TABLE products"}})
    with pytest.raises(Misconfigured, match="known: products"):
        rows_of(warehouse, "bad")
    warehouse = connect({"bad": {**READS, "table": "products", "cursor": "nope"}})
    with pytest.raises(Misconfigured, match="no column 'nope'"):
        rows_of(warehouse, "bad")


def test_a_horizon_leaves_the_newest_rows_for_later(database_url: str, world: World) -> None:
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE p (id int PRIMARY KEY, at timestamptz)")
        connection.exec_driver_sql(
            "INSERT INTO p VALUES (1, now() - interval '1 hour'), (2, now())"
        )
    engine.dispose()
    warehouse = Sql(url=database_url)
    spec = {"key": "id", "cursor": "at", "horizon": 600}
    warehouse.bind("warehouse", world, {"p": Sql.stream("p", spec)})
    assert [row["id"] for rows, _ in rows_of(warehouse, "p") for row in rows] == [1]
    warehouse.close()


# -- accounts ------------------------------------------------------------------------------------
def test_check_says_what_is_there(connect: Open, products: Any) -> None:
    warehouse = connect({"products": READS, "orders": {**ORDERS, "create": False}})
    said = {check.what: check.ok for check in warehouse.check()}
    assert said == {"connect": True, "stream products": True, "stream orders": False}


def test_a_database_that_is_away_is_for_later_and_keeps_its_password(
    world: World,
) -> None:
    warehouse = Sql(url="postgresql://hub:hush@127.0.0.1:1/none")
    warehouse.bind("warehouse", world, {"orders": Sql.stream("orders", ORDERS)})
    with pytest.raises(TryLater) as caught:
        warehouse.write_table(target(warehouse), table(order("1")))
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(warehouse)
    (check,) = warehouse.check()
    assert not check.ok


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({**ORDERS, "delivery": "none"}, "merged by key"),
        ({**ORDERS, "key": []}, "needs a key"),
        ({**ORDERS, "tabel": "x"}, "unknown: tabel"),
    ],
)
def test_a_stream_that_cannot_work_is_refused_when_it_is_read(
    spec: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Sql.stream("orders", spec)


def test_an_address_of_another_kind_is_refused(world: World, tmp_path: Path) -> None:
    for url, words in (("mysql://x/y", "mysql"), ("nonsense", "not a database address")):
        warehouse = Sql(url=url)
        warehouse.bind("w", world, {"orders": Sql.stream("orders", ORDERS)})
        with pytest.raises(Misconfigured, match=words):
            warehouse.write_table(target(warehouse), table(order("1")))


@fault("P21")
def test_a_locked_table_is_for_later(connect: Open, any_url: str, run: Any) -> None:
    warehouse = connect({"orders": {**ORDERS, "deadline": 0.5}}, timeout=1)
    warehouse.write_table(target(warehouse), table(order("1")))
    engine = sa.create_engine(any_url)
    with engine.connect() as other:
        if engine.dialect.name == "postgresql":
            other.exec_driver_sql("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        else:
            other.connection.driver_connection.isolation_level = None  # type: ignore[union-attr]
            other.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(TryLater):
            warehouse.write_table(target(warehouse), table(order("2")))
        other.rollback()
    engine.dispose()
    assert verdicts(warehouse.write_table(target(warehouse), table(order("2")))) == ["delivered"]


@fault("P18")
def test_a_killed_server_answers_again_and_nothing_is_doubled(
    connect: Open, any_url: str, request: pytest.FixtureRequest, run: Any
) -> None:
    server = request.getfixturevalue("postgres") if any_url.startswith("postgresql") else None
    if not hasattr(server, "restart"):
        pytest.skip("not a server of our own")
    warehouse = connect({"orders": ORDERS})
    warehouse.write_table(target(warehouse), table(order("1", ("A", "1", "1"))))
    server.restart()
    assert verdicts(
        warehouse.write_table(target(warehouse), table(order("1", ("A", "1", "1"))))
    ) == ["delivered"]
