"""A fault plan is a pure function; a journal survives what its system does not."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.sandbox.faults import FAULTS, Fault, Plan
from crossdock.sandbox.journal import Journal, read


@given(st.integers(0, 99), st.integers(1, 10_000), st.sampled_from(["GET /a", "POST /b"]))
def test_the_same_question_has_the_same_answer(seed: int, number: int, endpoint: str) -> None:
    plan = Plan(seed=seed, rate=0.2, names=FAULTS)
    assert plan.fault(number, endpoint, 1) == plan.fault(number, endpoint, 7)


def test_the_share_of_faults_is_about_what_was_asked_for() -> None:
    plan = Plan(seed=1, rate=0.06)
    found = [plan.fault(number, "GET /a", number) for number in range(5_000)]
    assert 0.05 < sum(fault is not None for fault in found) / 5_000 < 0.07
    assert {fault.name for fault in found if fault} == set(plan.names)


def test_exact_rows_win_and_may_repeat() -> None:
    plan = Plan([{"at": 3, "times": 2, "fault": "429", "after": 7}])
    assert [plan.fault(number, "x", 1) for number in range(2, 6)] == [
        None,
        Fault("429", 7.0),
        Fault("429", 7.0),
        None,
    ]


def test_an_unknown_fault_is_named() -> None:
    with pytest.raises(ValueError, match="no fault 'tired'"):
        Plan([{"at": 1, "fault": "tired"}]).fault(1, "x", 1)


def test_a_torn_last_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    journal = Journal(path, "a")
    journal.write(journal.entry("accepted", "order", "1", {"a": 1}))
    journal.close()
    with path.open("ab") as file:
        file.write(b'{"at": "2024')
    assert len(list(read(path))) == 1
    journal = Journal(path, "a")
    journal.write(journal.entry("accepted", "order", "2", {"a": 2}))
    journal.close()
    assert [entry.their_id for entry in read(path)] == ["1", "2"]


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.jsonl", "a")

    def work(name: str) -> None:
        for number in range(50):
            journal.write(journal.entry("accepted", "order", f"{name}{number}", {"x": "y" * 500}))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    assert len({entry.their_id for entry in read(tmp_path / "a.jsonl")}) == 200
