"""The bundled sandbox systems as a process of their own, and the variables that reach them."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crossdock.errors import Misconfigured


@contextmanager
def sandbox(folder: Path) -> Iterator[dict[str, str]]:
    """Run shop, ERP and partner with their state in ``folder`` until the block ends.

    Gives the variables that config/systems/*.yaml names; ``folder``/sandbox.env exports them for
    another terminal. Raises Misconfigured when they do not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "sandbox.log"
    with log.open("wb") as words:
        process = subprocess.Popen(
            [sys.executable, "-m", "crossdock.sandbox", "--folder", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=words,
            start_new_session=True,
        )
    try:
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            raise Misconfigured("the sandbox did not start", where=str(log))
        found = variables(json.loads(line))
        exports = [f"export {name}={shlex.quote(value)}\n" for name, value in found.items()]
        (folder / "sandbox.env").write_text("".join(exports), encoding="utf-8")
        yield found
    finally:
        _end(process)


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


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
    if process.stdout:
        process.stdout.close()
