"""Two real processes on one flow: one is sent away, or wakes up too late and does no harm."""

from __future__ import annotations

import pytest

from tests.faults.catalogue import fault
from tests.rig.rivals import meet, overtake, stops
from tests.rig.story import SWEPT, Rig, spread
from tests.rig.telling import check


@fault("P23", "F19")
def test_the_second_worker_is_sent_away(rig: Rig) -> None:
    places = spread(stops(rig.clean(SWEPT[0]).boundaries), 3)
    check([meet(rig, SWEPT[0], stop_at) for stop_at in places])


@fault("P24")
def test_a_worker_that_wakes_up_after_its_lease_does_no_harm(rig: Rig) -> None:
    places = spread(stops(rig.clean("lookup").boundaries), 4)
    check([overtake(rig, "lookup", stop_at) for stop_at in places])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("world", SWEPT)
def test_workers_meet_at_forty_places(rig: Rig, world: str) -> None:
    places = spread(stops(rig.clean(world).boundaries), 20)
    check([story(rig, world, stop_at) for stop_at in places for story in (meet, overtake)])


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("world", SWEPT)
def test_a_worker_wakes_up_at_every_place(rig: Rig, world: str) -> None:
    check([overtake(rig, world, stop_at) for stop_at in stops(rig.clean(world).boundaries)])
