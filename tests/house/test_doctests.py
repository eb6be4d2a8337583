"""Examples in docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def names() -> list[str]:
    found = [*ROOT.glob("crossdock/**/*.py"), *ROOT.glob("connectors/*.py")]
    shown = sorted(path for path in found if ">>> " in path.read_text(encoding="utf-8"))
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in shown
    ]


@pytest.mark.parametrize("name", names())
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted
    assert not result.failed
