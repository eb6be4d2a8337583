"""The hub's own database dies, and its disk is full: nothing is lost, nothing is doubled."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from crossdock.sandbox.postgres import Postgres, binaries
from tests.faults.catalogue import fault
from tests.rig.outages import Databases, database_dies, disk_fills, small_disk
from tests.rig.story import Rig, effects, spread
from tests.rig.telling import check

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def on_postgres() -> Iterator[Rig]:
    """A rig whose hub keeps its books in a PostgreSQL of its own."""
    if binaries() is None:
        pytest.skip("no PostgreSQL: there are no server binaries")
    with Postgres() as server, Rig(database=Databases(server)) as made:
        yield made


@fault("P18")
@pytest.mark.parametrize("world", ["keys", "lookup"])
def test_killed_with_its_books_in_postgresql(on_postgres: Rig, world: str) -> None:
    places = spread(effects(on_postgres.clean(world).boundaries), 20)
    check([on_postgres.play(world, [kill_at]) for kill_at in places])


def test_seeds_with_the_books_in_postgresql(on_postgres: Rig) -> None:
    check([on_postgres.seeded(seed, ("keys", "lookup")) for seed in range(500, 520)])


@fault("P18")
def test_the_database_is_killed_and_comes_back(on_postgres: Rig) -> None:
    boundaries = on_postgres.clean("lookup").boundaries
    check([database_dies(on_postgres, "lookup", at) for at in
           spread(range(9, len(boundaries)), 20)])  # fmt: skip


@fault("P16")
def test_the_disk_is_full() -> None:
    with Rig() as rig, small_disk(rig.folder / "small") as mounted:
        if not mounted:
            pytest.skip("no small disk: mounting a tmpfs is not allowed here")
        rig.disk = rig.folder / "small"
        draw = random.Random(7)  # noqa: S311
        stories = [
            disk_fills(rig, "keys", draw.randrange(4, 700) * 1024) for _ in range(25)
        ]
        check(stories)
        assert any(story.attempts[0].status == 1 for story in stories), "it was never full"
