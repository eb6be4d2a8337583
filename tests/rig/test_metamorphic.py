"""I10: pages, batches, processes and restarts change nothing at the targets."""

from __future__ import annotations

import pytest

from tests.rig.checker import Content, difference
from tests.rig.story import WAIT, Rig
from tests.rig.worlds import Changes

#: More than the rig's own pages of three, batches of six lines and two orders a call.
OTHERS: dict[str, Changes] = {
    "pages of one": {"config/systems/shop.yaml": [("{limit: 3}", "{limit: 1}")]},
    "one page": {"config/systems/shop.yaml": [("{limit: 3}", "{limit: 100}")]},
    "one batch": {
        f"config/flows/{flow}.yaml": [("batch_lines: 6", "batch_lines: 600")]
        for flow in ("keys", "lookup", "edi", "hook")
    },
    "an order a call": {"config/systems/erp.yaml": [("batch: 2", "batch: 1")]},
}
FLOWS = ("keys", "lookup", "edi", "hook")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("changes", OTHERS.values(), ids=OTHERS)
def test_another_cut_brings_the_same(rig: Rig, changes: Changes) -> None:
    with Rig(changes=changes) as other:
        for name in FLOWS:
            mine, theirs = rig.clean(name).second, other.clean(name).second
            assert mine == theirs, difference(theirs, mine)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FLOWS)
def test_more_processes_bring_the_same(rig: Rig, name: str) -> None:
    for workers in (2, 3):
        assert _lived(rig, name, workers) == rig.clean(name).second


def _lived(rig: Rig, name: str, workers: int) -> Content:
    with rig.world(name) as world:
        assert rig.run(world, workers=workers).quiet
        world.go_on()
        rig.board.wait(WAIT)
        assert rig.run(world, workers=workers).quiet
        return world.content()
