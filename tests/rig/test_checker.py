"""The checker believes the world: whatever is wrong there or in the books is said."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from tests.rig import checker
from tests.rig.story import WAIT, Rig
from tests.rig.worlds import World

HUB = [
    ("I1", "DELETE FROM hold WHERE key = '1005'", "S5 is lost"),
    ("I3", "DELETE FROM hold WHERE key = '1005'", "are nowhere"),
    ("I1", "UPDATE run SET balanced = 0", "do not balance"),
    ("I1", "DELETE FROM ledger WHERE version_id = 1", "stands in no ledger row"),
    ("I1", "UPDATE ledger SET state = 'lost'", "in no state of the law"),
    ("I1", "UPDATE record_version SET latest = 0", "not one newest version"),
    ("I1", "UPDATE ledger SET state = 'rejected' WHERE state = 'delivered'", "does not say so"),
    ("I1", "UPDATE ledger SET state = 'delivered'", "it is not there"),
    ("I6", "UPDATE run SET state = 'open'", "did not end"),
    ("I6", "UPDATE outbox SET state = 'sending' WHERE id = 1", "still being sent"),
    ("I6", "UPDATE batch SET state = 'pulled'", "was not resolved"),
    ("I6", "UPDATE record_version SET state = 'pending'", "a record is pending"),
    ("I6", "UPDATE ledger SET state = 'pending'", "has a record pending"),
    ("I6", "UPDATE lease SET holder = 'here:1:1'", "a lease is still held"),
    ("I7", "DELETE FROM object", "bytes that were never kept"),
    ("I7", "DELETE FROM verdict", "has no verdict"),
    ("I3", "UPDATE ledger SET amount = amount + 1 WHERE state = 'delivered'", "the ledger says"),
    ("I7", "UPDATE hold SET rule = ''", "has no rule"),
    ("I7", "UPDATE hold SET version_id = NULL", "does not say which version"),
    ("I7", "DELETE FROM binding", "left nothing that we agreed on"),
    ("I7", "UPDATE ledger SET reason = ''", "has no reason"),
    ("I7", "UPDATE outbox SET receipt_at = NULL", "has no receipt"),
    ("I7", "DELETE FROM document_version", "has no document"),
    ("I7", "UPDATE binding SET base_version = 9", "no version of ours"),
    ("I8", "INSERT INTO audit VALUES (2, '', '', '', '', '', '', '')", "trail is broken at 1"),
    ("I8", "INSERT INTO decision VALUES (1, 1, '', '', '', '', '', '')", "1 decisions, 0 acts"),
    ("I9", "UPDATE hold SET summary = 'of Ada Okafor'", "'Ada Okafor' stands in summary"),
    ("I9", "UPDATE run SET detail = 'sandbox-secret'", "'sandbox-secret' stands in detail"),
]
WAREHOUSE = [
    ("I4", "UPDATE sales_order SET status = 'x'", "differ from an undisturbed run"),
    ("I4", "DELETE FROM sales_order_line", "differ from an undisturbed run"),
    ("I1", "DELETE FROM sales_order WHERE order_id = 'S1'", "S1 is lost"),
    ("I3", "UPDATE sales_order SET total_amount = '1.00' WHERE order_id = 'S1'", "are nowhere"),
    ("I2", "INSERT INTO journal VALUES ('create', 'S1', '1.25', 'Ada Okafor')", "S1 2 times"),
    ("I2", "INSERT INTO journal VALUES ('create', 'S9', '1.25', 'x')", "which no source showed"),
    ("I5", "INSERT INTO journal VALUES ('change', 'S1', '9', 'Ada Okafor')", "old or unknown"),
    ("I5", "INSERT INTO journal SELECT * FROM journal WHERE number = 'S1'", "old or unknown"),
]


@pytest.fixture(scope="module")
def quiet(rig: Rig) -> Iterator[World]:
    """A world of two targets after two runs: one order was changed in between."""
    rig.clean("both")
    with rig.world("both") as world:
        rig.run(world)
        world.go_on()
        rig.board.wait(WAIT)
        ended = rig.run(world)
        assert ended.quiet, ended
        for name in ("hub", "warehouse"):
            session = sqlite3.connect(world.state / f"{name}.db")
            session.execute("PRAGMA journal_mode = DELETE")  # all of it in one file
            session.close()
        yield world


@pytest.mark.parametrize(
    ("name", "number", "statement", "words"),
    [*(("hub", *row) for row in HUB), *(("warehouse", *row) for row in WAREHOUSE)],
)
def test_what_is_wrong_is_said(
    quiet: World, name: str, number: str, statement: str, words: str
) -> None:
    path = quiet.state / f"{name}.db"
    before, normal = path.read_bytes(), quiet.content()
    assert not checker.problems(quiet, normal)
    session = sqlite3.connect(path)
    session.execute(statement)
    session.commit()
    session.close()
    try:
        found = checker.problems(quiet, normal)
    finally:
        path.write_bytes(before)
    assert any(one.startswith(f"{number}: ") and words in one for one in found), found


def test_a_double_is_said(quiet: World) -> None:
    journal = quiet.systems[1].journal
    first = journal.entries("accepted")[0]
    length = journal.path.stat().st_size
    journal.write(first)
    try:
        found = checker.problems(quiet)
    finally:
        with journal.path.open("r+b") as file:
            file.truncate(length)
    assert f"I2: erp.sales_order has {first.reference} 2 times" in found


def test_a_temporary_folder_is_said(quiet: World) -> None:
    left = quiet.state / "scratch" / "pull-x"
    left.mkdir()
    found = checker.problems(quiet)
    left.rmdir()
    assert "I6: a temporary folder is left: pull-x" in found


def test_what_was_said_aloud_is_heard(quiet: World) -> None:
    assert checker.problems(quiet, said="the buyer is ada@example.com") == [
        "I9: '@example.com' was said aloud"
    ]


def test_every_invariant_is_tested() -> None:
    tested = {row[0] for row in (*HUB, *WAREHOUSE)}
    assert tested == {*checker.INVARIANTS, "I4"}
