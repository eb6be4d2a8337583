"""The rig's side of the warm process: order an attempt, hear how it ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Attempt:
    """How one process ended: killed by ``signal``, or with an exit status and perhaps an error."""

    killed: bool
    status: int
    names: list[str]
    error: str = ""
    later: str = ""
    records: Mapping[str, int] = field(default_factory=dict)

    @property
    def last(self) -> str:
        """The boundary where it ended, with its number."""
        return f"{len(self.names)}: {self.names[-1] if self.names else 'none'}"


class Engine:
    """A warm engine on the project in ``project``; ``code`` is a folder with another crossdock/."""

    def __init__(self, project: Path, code: Path = ROOT) -> None:
        path = os.pathsep.join([str(code), str(ROOT)])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.rig.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=project,
            env={**os.environ, "PYTHONPATH": path, "CROSSDOCK_PROJECT": str(project)},
            text=True,
        )
        self._heard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(90)
        self._process.stdout.close()

    def attempt(
        self,
        variables: Mapping[str, str],
        flow: str | None,
        kill_at: int | None = None,
        *,
        wait: float = 0.0,
        restart: bool = False,
        learn: bool = False,
    ) -> Attempt:
        """Run ``flow`` (None: only open the store) after ``wait`` virtual seconds.

        With ``learn`` the warm process imports what this attempt imported, for the next ones.
        """
        order = {"variables": dict(variables), "flow": flow, "kill_at": kill_at, "wait": wait,
                 "restart": restart, "learn": learn}  # fmt: skip
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        said = self._heard()
        killed = bool(said["signal"])
        assert not killed or said["signal"] == 9, f"the attempt hung: {said['names'][-5:]}"
        error = said.get("error", "")
        if said.get("trace") and not error.startswith(("TryLater", "Refused", "Misconfigured")):
            error = said["trace"]
        return Attempt(killed, said.get("status", -9), said["names"], error,
                       said.get("later", ""), said.get("records", {}))  # fmt: skip

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the warm process ended; see its standard error"
        answer: dict[str, Any] = json.loads(line)
        return answer
