"""The rig sees: bugs that were planted in a copy of the engine are caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rig.planted import BUGS, Bug
from tests.rig.story import Rig

MOST = 12


@pytest.mark.long
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(tmp_path: Path, bug: Bug) -> None:
    with Rig(bug.plant(tmp_path)) as rig:
        with rig.world("shop") as world:
            names = rig.engine.attempt(world.variables, world.flow, restart=True, learn=True).names
        places = bug.places(names, MOST)
        assert places, f"no boundary is like {bug.near}"
        stories = (rig.play("shop", [kill_at]) for kill_at in places)
        assert any(story.problems for story in stories), f"not caught at any of {places}"
