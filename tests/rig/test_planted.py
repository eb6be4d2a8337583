"""The rig sees: each bug that is planted in a copy of the engine is caught within 25 seeds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import receivers
from tests.rig.planted import BUGS, Bug
from tests.rig.rivals import overtake, stops
from tests.rig.story import Rig, Story, effects, spread

SEEDS = 25


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_can_be_planted(tmp_path: Path, bug: Bug) -> None:
    """Where the engine moved on, this says which bug needs another anchor, and where."""
    code = bug.plant(tmp_path)
    for name, _, _ in bug.changes:
        path = code / name
        compile(path.read_text("utf-8"), str(path), "exec")


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(tmp_path: Path, bug: Bug) -> None:
    with Rig(bug.plant(tmp_path)) as rig:
        assert any(_wrong(rig, bug)), f"not caught within {SEEDS} seeds"


def _wrong(rig: Rig, bug: Bug) -> Iterator[bool]:
    """Play what every rig plays: a quiet life, places of the sweep, seeds, rivals, receivers."""
    for seed in range(SEEDS):
        try:
            yield bool(_swept(rig, bug, seed).problems)
            yield bool(rig.seeded(seed, bug.worlds).problems)
            yield bool(_beside(rig, bug, seed).problems)
        except AssertionError:  # even an undisturbed life goes wrong
            yield True


def _swept(rig: Rig, bug: Bug, seed: int) -> Story:
    """The part of a seed that belongs to the sweep: one of its places, drawn by the seed."""
    world = bug.worlds[seed % len(bug.worlds)]
    places = spread(effects(rig.clean(world).boundaries), SEEDS)
    return rig.play(world, [places[seed * 7 % len(places)]])


def _beside(rig: Rig, bug: Bug, seed: int) -> Story:
    """The part of a seed that has another shape: a worker sleeps too long, a receiver dies."""
    world = bug.worlds[seed % len(bug.worlds)]
    if world == "hook" and seed % 2:
        places = receivers.places(rig)
        return receivers.killed(rig, places[len(places) * seed // SEEDS])
    places = spread(stops(rig.clean(world).boundaries), SEEDS)
    return overtake(rig, world, places[seed * 7 % len(places)])
