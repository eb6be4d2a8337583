from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crossing.running import Hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder: Path = tmp_path_factory.mktemp("hub")
    made = Hub(folder / "home")
    yield made
    made.close()
