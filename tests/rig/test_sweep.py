"""Killed by kill -9 at every contact with the outside: nothing is lost, nothing is doubled."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.faults.catalogue import fault
from tests.rig import receivers
from tests.rig.story import SWEPT, Rig, effects, spread
from tests.rig.telling import check

FIRST = SWEPT[0]
PARTS = 8


def _sweep(rig: Rig, world: str, places: Sequence[int]) -> None:
    """Kill at each place; at every fourth one the source's people work on meanwhile."""
    stories = [
        rig.play(world, [kill_at], goes_on=number % 4 == 0) for number, kill_at in enumerate(places)
    ]
    assert all(story.attempts[0].killed for story in stories)
    check(stories)


@fault("P01", "P02", "P03", "P04", "P05", "P06", "P07", "P08", "P09", "P10", "P11", "P12")
@pytest.mark.timeout(900)
def test_killed_at_both_sides_of_each_effect(rig: Rig) -> None:
    _sweep(rig, FIRST, effects(rig.clean(FIRST).boundaries))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("world", SWEPT[1:])
def test_killed_at_both_sides_of_each_effect_of_the_others(rig: Rig, world: str) -> None:
    _sweep(rig, world, effects(rig.clean(world).boundaries))


@fault("P01", "P02", "P03", "P04", "P05", "P06", "P07", "P08", "P09", "P10", "P11", "P12")
@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("world", SWEPT)
def test_killed_at_every_boundary(rig: Rig, world: str, part: int) -> None:
    count = len(rig.clean(world).boundaries)
    _sweep(rig, world, range(1 + part, count + 1, PARTS))


@fault("P28")
def test_killed_while_the_store_is_made(rig: Rig) -> None:
    places = spread(effects(rig.first_start), 6)
    stories = [rig.play(FIRST, [kill_at], fresh=True, goes_on=False) for kill_at in places]
    check(stories)


@fault("P28")
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_every_boundary_while_the_store_is_made(rig: Rig) -> None:
    places = range(1, len(rig.first_start) + 1)
    check([rig.play(FIRST, [kill_at], fresh=True, goes_on=False) for kill_at in places])


@pytest.mark.slow
@pytest.mark.parametrize("world", SWEPT)
def test_between_two_effects_all_places_are_the_same(rig: Rig, world: str) -> None:
    """What the short sweep leaves out leaves the same files behind as what it does not."""
    boundaries = rig.clean(world).boundaries
    kept = effects(boundaries)
    for kill_at in spread(sorted({*range(1, len(boundaries) + 1)} - {*kept}), 12):
        following = [number for number in kept if number > kill_at]
        if following:
            assert rig.left_behind(world, kill_at) == rig.left_behind(world, following[0])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_receiver_is_killed_at_every_boundary(rig: Rig) -> None:
    """What was answered with yes is kept; what was not is sent again, and is there once."""
    stories = [receivers.killed(rig, kill_at) for kill_at in receivers.places(rig)]
    check(stories)
