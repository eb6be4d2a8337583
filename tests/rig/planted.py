"""Bugs to plant in a copy of the engine, each one a change of a few lines that tests may pass."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.rig.attempts import ROOT


@dataclass(frozen=True)
class Bug:
    """``changes`` are (file, old text, new text); ``near`` fits the boundaries where it bites."""

    name: str
    changes: Sequence[tuple[str, str, str]]
    near: str

    def plant(self, folder: Path) -> Path:
        """Copy the engine into ``folder`` and change it there; gives the folder to import from."""
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "crossdock", folder / "crossdock", ignore=ignore)
        for name, old, new in self.changes:
            path = folder / "crossdock" / name
            text = path.read_text("utf-8")
            assert text.count(old) == 1, f"{name} has {text.count(old)} places like {old!r}"
            path.write_text(text.replace(old, new), encoding="utf-8")
        return folder

    def places(self, names: Sequence[str], most: int) -> list[int]:
        """The numbers of up to ``most`` boundaries that fit, spread over all that do."""
        found = [n for n, name in enumerate(names, 1) if re.search(self.near, name)]
        step = max(1, len(found) // most)
        return found[::step][:most]


BUGS = (
    Bug(
        "the cursor moves before what was read is kept",
        [(
            "pull.py",
            "        taken = [\n            _batches(",
            "        with store.writing() as early:\n"
            "            if after is not None and after != before:\n"
            "                _move_cursor(early, flow, leg, after, run, datetime.now(UTC))\n"
            "        taken = [\n            _batches(",
        )],
        r"^before INSERT INTO object",
    ),
    Bug(
        "nobody looks before a create is repeated",
        [("push.py", 'if stream.delivery == "lookup_before_create":\n                creates',
          "if False:\n                creates")],
        r"^after POST /erp",
    ),
    Bug(
        "what a dead worker was sending is taken for delivered",
        [("push.py", '.values(state="pending", claim=None)',
          '.values(state="delivered", claim=None)')],
        r"^before POST /erp",
    ),
    Bug(
        "a batch is called resolved before its outbox is written",
        [
            ("resolve/__init__.py", "    with store.writing() as connection:\n        guard(",
             "    with store.writing() as early:\n"
             "        mine = schema.batch.c.id == batch_id\n"
             "        state = early.execute(sa.select(schema.batch.c.state).where(mine))\n"
             '        if state.scalar_one() == "resolved":\n'
             "            return\n"
             '        early.execute(schema.batch.update().where(mine).values(state="resolved"))\n'
             "    with store.writing() as connection:\n        guard("),
            ("resolve/__init__.py", 'if state == "resolved":', 'if state == "forgotten":'),
        ],
        r"^before UPDATE batch SET",
    ),
    Bug(
        "what a dead attempt read is taken for what this one read",
        [("pull.py", '{"raw": news}, anew=True)', '{"raw": news})')],
        r"^before INSERT INTO object",
    ),
)  # fmt: skip
