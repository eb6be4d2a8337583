"""Stories with two real processes on one flow: they meet, or one sleeps beyond its lease."""

from __future__ import annotations

from collections.abc import Sequence

from tests.rig.attempts import Attempt
from tests.rig.board import Boundary
from tests.rig.story import LEASE, Rig, Story
from tests.rig.worlds import World

#: How the one that comes too late may end: not at all, or told that the other carries on.
REFUSED = {"TryLater", "Misconfigured"}


def stops(boundaries: Sequence[Boundary]) -> list[int]:
    """The boundaries at which a process may stand still without a transaction in its hands.

    One that is stopped inside a transaction holds SQLite's one write lock, so that its successor
    waits for it, as it must.
    """
    found, inside = [], 0
    for number, one in enumerate(boundaries, 1):
        if one.name.startswith("before BEGIN"):
            inside += 1
        elif one.name == "after COMMIT":
            inside = max(0, inside - 1)
        if not inside and (one.effect or one.name == "after COMMIT"):
            found.append(number)
    return found


def meet(rig: Rig, name: str, stop_at: int) -> Story:
    """A second worker comes while the first one is at work: it is sent away, and does nothing."""
    story, normal = Story(name, [stop_at]), rig.clean(name).first
    with rig.world(name) as world:
        first = rig.engine.start(world.variables, world.flow, stop_at, stop=True)
        assert rig.engine.wait(first) is None, "it did not stop"
        before = world.effects()
        other = rig.engine.attempt(world.variables, world.flow, slot=1)
        if _began(world) and (other.kind != "TryLater" or world.effects() != before):
            story.problems.append(f"the second worker was not sent away: {other}")
        first.go_on()
        ended = rig.engine.wait(first)
        assert ended is not None
        story.attempts += [other, ended]
        rig.finish(world, story, normal)
    return story


def overtake(rig: Rig, name: str, stop_at: int) -> Story:
    """A worker stands still beyond its lease, another does its work, then the first wakes up."""
    story, normal = Story(name, [stop_at]), rig.clean(name).first
    with rig.world(name) as world:
        first = rig.engine.start(world.variables, world.flow, stop_at, stop=True)
        assert rig.engine.wait(first) is None, "it did not stop"
        rig.board.wait(LEASE)
        other = rig.engine.attempt(world.variables, world.flow, slot=1)
        if not other.quiet:
            story.problems.append(f"the second worker could not take over: {other}")
        first.go_on()
        ended = rig.engine.wait(first)
        assert ended is not None
        story.attempts += [other, ended]
        story.problems += _woke(world, ended)
        rig.finish(world, story, normal)
    return story


def _began(world: World) -> bool:
    """Whether the first worker has the lease by now."""
    held = "SELECT name FROM lease WHERE holder <> '' AND name LIKE 'flow/%'"
    return bool(world.rows("hub", held))


def _woke(world: World, ended: Attempt) -> list[str]:
    """The one that slept may be told so, or find nothing to do; it must not fall over."""
    if ended.status in {0, 3} or ended.kind in REFUSED:
        return []
    return [f"the worker that woke up fell over: {ended}"]
