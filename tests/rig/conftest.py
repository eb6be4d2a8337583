"""Options of the crash rig: ``pytest tests/rig --seeds 1000 --seed-base 5000``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rig.story import Rig

PART = 25
"""Seeds that are played in one test, so that several processes can share them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("crash rig")
    group.addoption("--seeds", type=int, default=1000, help="seeds of the long share (1000)")
    group.addoption("--seed-base", type=int, default=0, help="the first of them (0)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed_part" not in metafunc.fixturenames:
        return
    # the options exist only where tests/rig is named on the command line
    first = int(metafunc.config.getoption("--seed-base", 0))
    last = first + int(metafunc.config.getoption("--seeds", 1000))
    parts = [range(start, min(start + PART, last)) for start in range(first, last, PART)]
    metafunc.parametrize("seed_part", parts, ids=lambda part: f"{part.start}-{part.stop - 1}")


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    """One warm engine for all stories of this process."""
    with Rig() as made:
        yield made
