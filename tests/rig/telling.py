"""Tell of stories that went wrong, with what is needed to play them again."""

from __future__ import annotations

from collections.abc import Sequence

from tests.rig.story import Story


def check(stories: Sequence[Story]) -> None:
    """Fail with the first stories that went wrong, told in full."""
    bad = [story for story in stories if story.problems]
    words = [f"{len(bad)} of {len(stories)} stories went wrong", *map(str, bad[:5])]
    again = [f"--seeds 1 --seed-base {story.seed}" for story in bad if story.seed is not None]
    if again:
        words.append(f"again: python -m pytest tests/rig -m long -k by_its_seed {again[0]}")
    assert not bad, "\n\n".join(words)
