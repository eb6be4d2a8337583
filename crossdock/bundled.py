"""The sandbox systems for as long as a block of code needs them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from crossdock import processes
from crossdock.sandbox import service


@contextlib.contextmanager
def sandbox(folder: Path) -> Iterator[dict[str, str]]:
    """Run shop, ERP and partner with their state in ``folder`` until the block ends.

    Gives the variables that config/systems/*.yaml names. Other commands on the same state use the
    same systems. Raises TryLater when they do not come up.
    """
    found = service.ensure(folder)
    try:
        yield found
    finally:
        _stop(folder)


def _stop(folder: Path, seconds: float = 5.0) -> None:
    """End the process that ``service`` wrote down, if it still is the one that we started."""
    note = folder / "running.json"
    with contextlib.suppress(OSError, ValueError, KeyError):
        pid = int(json.loads(note.read_text(encoding="utf-8"))["pid"])
        mine = [member for member in processes.family(os.getpid()) if member.pid == pid]
        if mine:
            os.kill(pid, signal.SIGTERM)
            _wait(pid, seconds)
            processes.end(mine)
            note.unlink()


def _wait(pid: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline and os.waitpid(pid, os.WNOHANG) == (0, 0):
            time.sleep(0.05)
