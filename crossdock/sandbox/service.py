"""The sandbox systems in the background, for flows of the example project that need them.

A system whose YAML says ``sandbox: true`` works without any set-up: the first process that opens
it starts shop, ERP and partner on loopback; they end by themselves when nobody has opened one of
them for a while. Addresses that the environment gives win, and nothing is started.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from crossdock.errors import TryLater

IDLE_SECONDS = 600
_START_SECONDS = 30.0


def variables(addresses: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Name what config/systems reads.

    >>> variables({"erp": {"url": "http://127.0.0.1:8102"}})
    {'SANDBOX_ERP_URL': 'http://127.0.0.1:8102'}
    """
    return {
        f"SANDBOX_{system}_{part}".upper(): str(value)
        for system, parts in addresses.items()
        for part, value in parts.items()
    }


def ensure(folder: Path) -> dict[str, str]:
    """Start the sandbox with its state in ``folder`` unless it runs; gives its variables.

    Raises TryLater, with the place of its log, when it does not come up.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    used = folder / "used"
    used.touch()
    with (folder / "lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = _running(folder)
        if running is None:
            running = _start(folder)
    return variables(running)


def _running(folder: Path) -> dict[str, Any] | None:
    try:
        said = json.loads((folder / "running.json").read_text(encoding="utf-8"))
        os.kill(int(said["pid"]), 0)
    except (OSError, ValueError, KeyError):
        return None
    words = Path(f"/proc/{said['pid']}/cmdline")
    if words.exists() and b"crossdock.sandbox" not in words.read_bytes():
        return None  # the number belongs to another process by now
    addresses: dict[str, Any] = said["addresses"]
    return addresses


def _start(folder: Path) -> dict[str, Any]:
    log = folder / "sandbox.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "crossdock.sandbox", "--folder", str(folder),
             "--idle", str(IDLE_SECONDS)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
        )  # fmt: skip
    assert process.stdout is not None  # noqa: S101 - asked for above
    until = time.monotonic() + _START_SECONDS
    line = process.stdout.readline()
    if not line or time.monotonic() > until:
        raise TryLater("the sandbox did not start", where=str(log), fix="read its log")
    process.stdout.close()
    addresses: dict[str, Any] = json.loads(line)
    temporary = folder / "running.json.new"
    temporary.write_text(json.dumps({"pid": process.pid, "addresses": addresses}), encoding="utf-8")
    temporary.chmod(0o600)
    temporary.replace(folder / "running.json")
    return addresses


def wait_while_used(folder: Path, idle: float, stop: Any) -> None:
    """Return when ``stop`` is set, or when nobody opened a sandbox system for ``idle`` seconds."""
    used = folder / "used"
    while not stop.wait(5.0):
        if not used.exists() or time.time() - used.stat().st_mtime > idle:
            return
