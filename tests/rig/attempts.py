"""The rig's side of the warm process: order an attempt, hear how it ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.rig.board import Board, Boundary

ROOT = Path(__file__).parents[2]
RECEIVER = "webhooks"
"""In the place of a flow's name: the process takes webhooks."""


@dataclass(frozen=True)
class Attempt:
    """How one process ended: killed, or with an exit status and perhaps an error."""

    killed: bool
    status: int
    boundaries: list[Boundary]
    kind: str = ""
    error: str = ""
    later: str = ""
    records: Mapping[str, int] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of the boundaries."""
        return [boundary.name for boundary in self.boundaries]

    @property
    def quiet(self) -> bool:
        """Whether it ran to its end and left nothing for later."""
        return self.status in {0, 3} and not self.later

    def __str__(self) -> str:
        if self.killed:
            return f"killed at {len(self.boundaries)}: {' | '.join(self.names[-4:])}"
        return f"status {self.status} {self.kind} {self.error or self.later}".rstrip()


@dataclass
class Running:
    """An attempt that goes on: a process, and the slot where its boundaries are counted."""

    pid: int
    slot: int

    def go_on(self) -> None:
        """Let it go on after it stopped."""
        os.kill(self.pid, signal.SIGCONT)


class Engine:
    """A warm engine with its board in ``folder``; ``code`` is a folder with another crossdock/."""

    def __init__(self, folder: Path, project: Path, code: Path = ROOT) -> None:
        self.folder = folder
        self.board = Board(folder / "board")
        self.log = folder / "log"
        self.count = 0  # attempts in this world, so that none draws what another drew
        path = os.pathsep.join([str(code), str(ROOT)])
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "tests.rig.warm", str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=project,
                env={**os.environ, "PYTHONPATH": path, "CROSSDOCK_PROJECT": str(project),
                     "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1"},
                text=True,
            )  # fmt: skip
        self.port = self._heard()["port"]

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
        slot: int = 0,
        seed: str = "",
        workers: int = 1,
    ) -> Attempt:
        """Run ``flow`` (None: only open the store); it dies at boundary ``kill_at``."""
        running = self.start(variables, flow, kill_at, slot=slot, seed=seed, workers=workers)
        ended = self.wait(running)
        assert ended is not None, "it stopped, though nobody asked it to"
        return ended

    def start(
        self,
        variables: Mapping[str, str],
        flow: str | None,
        at: int | None = None,
        *,
        stop: bool = False,
        slot: int = 0,
        seed: str = "",
        workers: int = 1,
    ) -> Running:
        """Begin an attempt; at boundary ``at`` it dies, or with ``stop`` stands still."""
        self.board.begin(slot)
        order = {"variables": dict(variables), "flow": flow, "at": at, "stop": stop, "slot": slot,
                 "seed": f"{seed}/{self.count}", "workers": workers,
                 "folder": str(self.folder)}  # fmt: skip
        self.count += 1
        return Running(self._ask("start", order)["pid"], slot)

    def wait(self, running: Running) -> Attempt | None:
        """Wait for an attempt; None when it has stopped at its boundary and can go on."""
        said = self._ask("wait", {"pid": running.pid})
        if said.get("stopped"):
            return None
        boundaries = self.board.boundaries(running.slot)
        killed = bool(said["signal"])
        assert not killed or said["signal"] == signal.SIGKILL, (
            f"the attempt hung or crashed ({said['signal']}): {boundaries[-5:]} {self.words()}"
        )
        kind = said.get("kind", "")
        known = kind in {"", "TryLater", "Refused", "Misconfigured", "Unreadable"}
        error = said.get("error", "") if known else said["trace"]
        return Attempt(killed, said.get("status", -9), boundaries, kind, error,
                       said.get("later", ""), said.get("records", {}))  # fmt: skip

    def receive(self, variables: Mapping[str, str], kill_at: int | None = None) -> Running | None:
        """Begin to take webhooks; None when it died before it could take any."""
        running = self.start(variables, RECEIVER, kill_at, slot=1)
        while True:
            seen = self._ask("look", {"pid": running.pid})
            if seen["dead"]:
                self.wait(running)
                return None
            if seen["ready"]:
                (self.folder / f"{running.pid}.ready").unlink()
                return running
            time.sleep(0.002)

    def end(self, running: Running) -> Attempt:
        """Kill a process that would go on for ever."""
        os.kill(running.pid, signal.SIGKILL)
        ended = self.wait(running)
        assert ended is not None
        return ended

    def learn(self, variables: Mapping[str, str], flow: str) -> None:
        """Let the warm process itself run ``flow`` once."""
        said = self._ask("learn", {"variables": dict(variables), "flow": flow, "workers": 1})
        assert said["status"] in {0, 3}, said

    def words(self) -> str:
        """What the processes wrote to their standard error."""
        return self.log.read_text("utf-8", errors="replace")[-3000:]

    def _ask(self, what: str, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **order}) + "\n")
        self._process.stdin.flush()
        return self._heard()

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the warm process ended: {self.words()}"
        answer: dict[str, Any] = json.loads(line)
        return answer
