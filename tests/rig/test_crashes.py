"""Processes die by kill -9 at any contact with the outside; nothing is lost, nothing is doubled."""

from __future__ import annotations

import re

import pytest

from tests.rig.story import MAKERS, Rig, Story, drawn, spread

_RANDOM = re.compile(r"[.]?[0-9a-z_.-]*[0-9a-f]{4,}[0-9a-z_.-]*")
LONG_SEEDS = range(10_000, 10_100)


def _told(stories: list[Story]) -> str:
    bad = [story for story in stories if story.problems]
    return "\n\n".join([f"{len(bad)} of {len(stories)} stories went wrong", *map(str, bad[:10])])


def _sweep(rig: Rig, world: str, most: int) -> list[Story]:
    total, _ = rig.clean(world)
    return [rig.play(world, [kill_at]) for kill_at in spread(total, most)]


def _seeded(rig: Rig, seeds: range) -> list[Story]:
    stories = []
    for seed in seeds:
        world = "till" if seed % 4 == 3 else "shop"
        total, _ = rig.clean(world)
        stories.append(rig.play(world, drawn(seed, total), seed))
    return stories


@pytest.mark.parametrize("world", MAKERS)
def test_killed_at_some_boundaries(rig: Rig, world: str, boundaries: int) -> None:
    stories = _sweep(rig, world, boundaries)
    assert all(story.attempts[0].killed for story in stories)
    assert not any(story.problems for story in stories), _told(stories)


def test_killed_and_disturbed_by_seeds(rig: Rig, seeds: range) -> None:
    stories = _seeded(rig, seeds)
    assert not any(story.problems for story in stories), _told(stories)


def test_the_same_world_has_the_same_boundaries(rig: Rig) -> None:
    first, second = (_names(rig) for _ in range(2))
    assert first == second


def test_killed_while_the_store_is_made(rig: Rig, boundaries: int) -> None:
    kills = spread(rig.first_start, boundaries)
    stories = [rig.play("till", [kill_at], fresh=True) for kill_at in kills]
    assert not any(story.problems for story in stories), _told(stories)


@pytest.mark.long
@pytest.mark.timeout(5400)
@pytest.mark.parametrize("world", MAKERS)
def test_killed_at_every_boundary(rig: Rig, world: str) -> None:
    stories = _sweep(rig, world, 100_000)
    assert not any(story.problems for story in stories), _told(stories)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_killed_and_disturbed_by_a_hundred_seeds(rig: Rig) -> None:
    stories = _seeded(rig, LONG_SEEDS)
    assert not any(story.problems for story in stories), _told(stories)


def _names(rig: Rig) -> list[str]:
    """The kinds of boundaries of a run, without what is random in them."""
    with rig.world("till") as world:
        attempt = rig.engine.attempt(world.variables, world.flow, restart=True)
    return [_RANDOM.sub("...", name) for name in attempt.names]
