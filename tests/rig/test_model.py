"""A model of two sides in sync: edits, lost, doubled and late calls, polls and stewards.

Hypothesis draws what happens and in which order; what must hold holds whatever it draws.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from crossdock.store import schema
from tests.faults.catalogue import fault
from tests.rig.sync import SIDES, SKUS, Sync, blank

_pieces = st.sampled_from([0, 1, 5, 8, 1000])
_side = st.sampled_from(SIDES)
_sku = st.sampled_from(SKUS)
_number = itertools.count()
_place: list[Path] = []


@pytest.fixture(scope="module", autouse=True)
def template() -> Iterator[None]:
    """An empty store and the project, to be copied for each example."""
    memory = Path("/dev/shm")
    where = memory if memory.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="crossdock-sync-", dir=where))
    blank(folder / "blank")
    _place[:] = [folder]
    yield
    shutil.rmtree(folder, ignore_errors=True)


def made() -> Sync:
    """Two shops and the hub between them."""
    return Sync(_place[0] / f"sync-{next(_number)}", _place[0] / "blank")


class TwoSides(RuleBasedStateMachine):
    """Both shops' people count, calls come or not, and each flow writes to the other shop."""

    def __init__(self) -> None:
        super().__init__()
        self.sync = made()

    def teardown(self) -> None:
        try:
            self._settled()
        finally:
            self.sync.close()

    def _settled(self) -> None:
        """After all of it both sides agree, on a number that somebody counted, and stay quiet."""
        sync = self.sync
        assert sync.quiet() <= 2, "one round settles it, one more sees that"
        left, right = (sync.pieces()[side] for side in SIDES)
        assert left == right
        for sku, pieces in left.items():
            assert pieces in {counted for _, _, counted in sync.edits[sku]}
        before = sync.written()
        for number in range(len(sync.calls)):  # every call again, in any order, is no news
            sync.call(number)
        for _ in range(2):
            for side in SIDES:
                assert sync.run(side).data["records"]["quarantined"] == 0
        assert sync.written() == before
        assert sync.pieces()["left"] == left

    @rule(side=_side, sku=_sku, pieces=_pieces)
    def somebody_counts(self, side: str, sku: str, pieces: int) -> None:
        self.sync.edit(side, sku, pieces)

    @precondition(lambda self: self.sync.calls)
    @rule(data=st.data())
    def a_call_comes(self, data: st.DataObject) -> None:
        """Any of the calls so far: late, again, or before an earlier one; the others are lost."""
        self.sync.call(data.draw(st.integers(0, len(self.sync.calls) - 1)))

    @rule(side=_side)
    def a_flow_runs(self, side: str) -> None:
        self.sync.run(side)

    @rule(side=_side)
    def nothing_happens_twice(self, side: str) -> None:
        """A run after a run writes nothing."""
        self.sync.run(side)
        before = self.sync.written()
        self.sync.run(side)
        assert self.sync.written() == before

    @invariant()
    def nothing_comes_from_nowhere(self) -> None:
        for _, sku, pieces in self.sync.written():
            assert pieces in {counted for _, _, counted in self.sync.edits[sku]}


class OnlyListening(RuleBasedStateMachine):
    """Both shops say how much there is, and the hub keeps what was counted last, whoever said it.

    Nobody writes to the shops, so the order in which the hub hears of things must not matter.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sync = made()
        for path in (self.sync.folder / "config" / "flows").glob("*.yaml"):
            text = path.read_text("utf-8")
            path.write_text(text[: text.index("push:")], encoding="utf-8")

    def teardown(self) -> None:
        try:
            for side in (*SIDES, *SIDES):
                self.sync.run(side)
            assert self._known() == self._counted()
            versions = self._versions()
            for number in range(len(self.sync.calls)):
                self.sync.call(number)
            for side in SIDES:
                self.sync.run(side)
            assert self._known() == self._counted()
            assert self._versions() == versions
        finally:
            self.sync.close()

    def _counted(self) -> dict[str, Decimal]:
        """The last possible count of each side, and of these the later one."""
        found = {}
        for sku, edits in self.sync.edits.items():
            last = {side: (at, pieces) for at, side, pieces in sorted(edits)}
            good = [count for count in last.values() if count[1] >= 0]
            if good:
                found[sku] = Decimal(max(good)[1])
        return found

    def _known(self) -> dict[str, Decimal]:
        table = schema.typed["stock_level"][0]
        with self.sync.store.reading() as connection:
            rows = connection.execute(sa.select(table.c.product_id, table.c.on_hand)).all()
        return {str(sku): Decimal(on_hand) for sku, on_hand in rows}

    def _versions(self) -> int:
        table = schema.document_version
        with self.sync.store.reading() as connection:
            counted = sa.select(sa.func.count()).select_from(table)
            return int(connection.execute(counted).scalar_one())

    @rule(side=_side, sku=_sku, pieces=_pieces)
    def somebody_counts(self, side: str, sku: str, pieces: int) -> None:
        self.sync.edit(side, sku, pieces)

    @precondition(lambda self: self.sync.calls)
    @rule(data=st.data())
    def a_call_comes(self, data: st.DataObject) -> None:
        self.sync.call(data.draw(st.integers(0, len(self.sync.calls) - 1)))

    @rule(side=_side)
    def a_flow_runs(self, side: str) -> None:
        self.sync.run(side)


class WithStewards(TwoSides):
    """Sometimes a count is impossible, and a steward decides about it."""

    def _settled(self) -> None:
        for _ in range(4):
            for side in SIDES:
                self.sync.run(side)
            if not self.sync.release():
                break
        assert self.sync.quiet() <= 2
        before = self.sync.written()
        for side in SIDES:
            self.sync.run(side)
        assert self.sync.written() == before

    @rule(side=_side, sku=_sku)
    def somebody_miscounts(self, side: str, sku: str) -> None:
        self.sync.edit(side, sku, -3)

    @rule()
    def a_steward_decides(self) -> None:
        self.sync.release()


def _play(machine: type[RuleBasedStateMachine], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.generate,),  # what is drawn is short already, and each run takes time
            suppress_health_check=list(HealthCheck),
        ),
    )


@fault("B09")
def test_what_goes_from_a_to_b_comes_back_and_is_not_written_again() -> None:
    sync = made()
    try:
        sync.edit("left", "MUG", 5)
        sync.run("left")
        assert [side for side, _, _ in sync.written()] == ["right"]
        for _ in range(10):
            for side in SIDES[::-1]:
                assert sync.run(side).exit_status == 0
        assert len(sync.written()) == 1
    finally:
        sync.close()


MACHINES = (TwoSides, OnlyListening, WithStewards)


@fault("W03", "W05", "B08")
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("machine", MACHINES)
def test_whatever_happens(machine: type[RuleBasedStateMachine]) -> None:
    _play(machine, 15, 12)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("machine", MACHINES)
def test_whatever_happens_at_length(machine: type[RuleBasedStateMachine]) -> None:
    _play(machine, 100, 20)
