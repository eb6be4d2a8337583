"""The checker believes the world: whatever is wrong there or in the books is said."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from tests.rig import checker
from tests.rig.story import Rig
from tests.rig.worlds import World

HUB = [
    ("DELETE FROM hold WHERE key = '1003'", "S1003 is lost"),
    ("DELETE FROM hold WHERE key = '1003'", "are nowhere"),
    ("UPDATE run SET balanced = 0", "do not balance"),
    ("UPDATE run SET state = 'open'", "did not end"),
    ("UPDATE outbox SET state = 'sending' WHERE id = 1", "still being sent"),
    ("UPDATE batch SET state = 'pulled'", "was not resolved"),
    ("DELETE FROM ledger WHERE version_id = 1", "stands in no ledger row"),
    (
        "UPDATE ledger SET state = 'rejected' WHERE state = 'delivered'",
        "the ledger does not say so",
    ),
    ("UPDATE ledger SET state = 'delivered'", "it is not there"),
    ("UPDATE record_version SET state = 'pending'", "a record is pending"),
    ("UPDATE record_version SET latest = 0", "not one newest version"),
    ("DELETE FROM object", "bytes that were never kept"),
    ("DELETE FROM verdict", "has no verdict"),
]
WAREHOUSE = [
    ("DELETE FROM sales_order WHERE order_id = 'S1001'", "S1001 is lost"),
    ("UPDATE sales_order SET total_amount = '1.00' WHERE order_id = 'S1001'", "are nowhere"),
    ("UPDATE sales_order SET status = 'x'", "differ from an undisturbed run"),
    ("UPDATE sales_order SET order_id = 'S9' WHERE order_id = 'S1001'", "no source showed"),
]


@pytest.fixture(scope="module")
def quiet(rig: Rig) -> Iterator[World]:
    """A world after its first run."""
    with rig.world("shop") as world:
        ended = rig.engine.attempt(world.variables, world.flow, restart=True)
        assert ended.status == 3, ended.error
        connection = sqlite3.connect(world.folder / "state" / "hub.db")
        connection.execute("PRAGMA journal_mode = DELETE")  # all of it in one file
        connection.close()
        yield world


@pytest.mark.parametrize(
    ("name", "statement", "words"),
    [*(("hub.db", *row) for row in HUB), *(("warehouse.db", *row) for row in WAREHOUSE)],
)
def test_what_is_wrong_is_said(quiet: World, name: str, statement: str, words: str) -> None:
    path = quiet.folder / "state" / name
    before, normal = path.read_bytes(), quiet.content()
    assert not checker.problems(quiet, normal)
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
    try:
        found = checker.problems(quiet, normal)
    finally:
        path.write_bytes(before)
    assert any(words in problem for problem in found), found


def test_a_double_is_said(quiet: World) -> None:
    assert quiet.erp is not None
    first = quiet.erp.journal.entries("accepted")[0]
    quiet.erp.journal.write(first)
    found = checker.problems(quiet)
    assert f"erp.sales_order has {first.reference} 2 times" in found
