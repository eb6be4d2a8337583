"""Killed several times and disturbed on the way; the same seed is the same run."""

from __future__ import annotations

import pytest

from tests.faults.catalogue import fault
from tests.rig.attempts import Attempt
from tests.rig.board import Boundary
from tests.rig.story import SWEPT, Rig
from tests.rig.telling import check


@fault("P13", "N10", "N11", "N12")
@pytest.mark.timeout(900)
def test_fifty_seeds(rig: Rig) -> None:
    check([rig.seeded(seed, SWEPT[:1]) for seed in range(50)])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(10_000, 10_300, 50))
def test_fifty_seeds_of_all_worlds(rig: Rig, first: int) -> None:
    check([rig.seeded(seed) for seed in range(first, first + 50)])


@fault("P13")
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_each_by_its_seed(rig: Rig, seed_part: range) -> None:
    check([rig.seeded(seed) for seed in seed_part])


@pytest.mark.parametrize("seed", [0, 3])
def test_the_same_seed_is_the_same_run(rig: Rig, seed: int) -> None:
    (first, wrote), (second, wrote_again) = (_lived(rig, seed) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.boundaries == other.boundaries
        assert (one.killed, one.status) == (other.killed, other.status)
    assert wrote == wrote_again


def _lived(rig: Rig, seed: int) -> tuple[list[Attempt], list[str]]:
    """Kill twice amid faults and recover; gives the attempts, and all that the journals say."""
    name = SWEPT[seed]
    boundaries: list[Boundary] = rig.clean(name).boundaries
    with rig.world(name) as world:
        world.break_by(seed)
        kills = [len(boundaries) // 3, len(boundaries) // 2, None]
        attempts = [rig.run(world, kill_at, seed=f"{seed}") for kill_at in kills]
        journals = sorted(world.folder.glob("*/*.journal.jsonl"))
        return attempts, [path.read_text("utf-8") for path in journals]
