"""Run flows of this very project as a person would: a process of its own, a home of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Hub:
    """One home; ``run`` is ``crossdock run``, ``books`` is ``crossdock ledger --json``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.variables: dict[str, str] = {}

    def call(self, *arguments: str, expect: tuple[int, ...] = (0,)) -> str:
        """Call the command line; gives what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "crossdock.cli", *arguments],
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode in expect, f"{arguments}: {done.returncode}\n{done.stderr[-3000:]}"
        return done.stdout

    def run(self, flow: str, expect: tuple[int, ...] = (0, 3), **variables: Any) -> dict[str, Any]:
        """Run a flow; gives its books."""
        self.variables |= {name: str(value) for name, value in variables.items()}
        self.call("run", flow, expect=expect)
        return self.books(flow)

    def books(self, flow: str) -> dict[str, Any]:
        """Give the books of the flow's newest run."""
        page: dict[str, Any] = json.loads(self.call("ledger", flow, "--json"))
        return page

    def journal(self, system: str) -> list[dict[str, Any]]:
        """Read what a sandbox system says of itself."""
        path = self.home / "sandbox" / f"{system}.journal.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SANDBOX_", "_SANDBOX", "CROSSDOCK", "WAREHOUSE"))
        }
        return kept | {"CROSSDOCK_HOME": str(self.home)} | self.variables

    def close(self) -> None:
        """End the sandbox systems that this home started."""
        note = self.home / "sandbox" / "running.json"
        if note.exists():
            os.kill(int(json.loads(note.read_text(encoding="utf-8"))["pid"]), signal.SIGTERM)
