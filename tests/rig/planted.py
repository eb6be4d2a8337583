"""Bugs to plant in a copy of the engine, each one a change of a few lines that tests may pass."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.rig.attempts import ROOT


@dataclass(frozen=True)
class Bug:
    """``changes`` are (file, old text, new text); ``worlds`` are those where it can show."""

    name: str
    changes: Sequence[tuple[str, str, str]]
    worlds: Sequence[str] = ("keys", "lookup")

    def plant(self, folder: Path) -> Path:
        """Copy the engine into ``folder`` and change it there; gives the folder to import from.

        Raises AssertionError, with the file and the text, where the engine has moved on.
        """
        ignore = shutil.ignore_patterns("__pycache__")
        for name in ("crossdock", "connectors"):
            shutil.copytree(ROOT / name, folder / name, ignore=ignore)
        for name, old, new in self.changes:
            path = folder / name
            text = path.read_text("utf-8")
            count = text.count(old)
            assert count == 1, f"{self.name}: anchor it anew, {name} has {count} places like {old!r}"
            path.write_text(text.replace(old, new), encoding="utf-8")
        return folder
