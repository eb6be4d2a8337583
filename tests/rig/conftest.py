"""Options of the crash rig: ``pytest tests/rig --runs 1000 --seed-base 5000 --boundaries 60``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rig.story import Rig


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("crash rig")
    group.addoption("--runs", type=int, default=10, help="seeded stories to play (10)")
    group.addoption("--seed-base", type=int, default=0, help="the first seed (0)")
    group.addoption("--boundaries", type=int, default=6, help="boundaries a world to kill at (6)")


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    """One warm engine for all stories of this process."""
    with Rig() as made:
        yield made


@pytest.fixture
def seeds(request: pytest.FixtureRequest) -> range:
    """The seeds to play; these options exist only where tests/rig is named on the command line."""
    first = int(request.config.getoption("--seed-base", 0))
    return range(first, first + int(request.config.getoption("--runs", 10)))


@pytest.fixture
def boundaries(request: pytest.FixtureRequest) -> int:
    """How many boundaries of each world to kill at."""
    return int(request.config.getoption("--boundaries", 6))
