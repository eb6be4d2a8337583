"""The acceptance kit's live cases, on the real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossdock.home import Home
from crossdock.real.tryton import Erp
from crossdock.real.vendure import Shop
from crossdock.testing import run
from crossdock.testing.live import stand_on

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["vendure", "tryton"])
def test_the_kit_finds_no_fault(
    name: str, shop: Shop, erp: Erp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in {**shop.variables(), **erp.variables()}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("CROSSDOCK_HOME", str(tmp_path))
    results = list(run(stand_on(Home.find(ROOT), name, name), live=True))
    assert results
    assert not [result for result in results if result.state == "failed"]
