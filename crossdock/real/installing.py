"""Install a server once a machine, into a cache folder of its own.

``CROSSDOCK_CACHE`` says where; without it, it is ``crossdock`` in the user's cache folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from crossdock.errors import Misconfigured, TryLater

INSTALL_SECONDS = 600.0


def cached(name: str, recipe: str, make: Callable[[Path], None]) -> Path:
    """Give the folder of ``name`` as ``recipe`` wants it; ``make`` fills a new one.

    Whoever else wants the same meanwhile waits. A folder that was left half filled is made anew.
    """
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    root = Path(os.environ.get("CROSSDOCK_CACHE") or _users_cache())
    folder = root / f"{name}-{digest}"
    root.mkdir(parents=True, exist_ok=True)
    with (root / f"{folder.name}.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / "complete").touch()
    return folder


def _users_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crossdock"


def run(words: Sequence[str], folder: Path, **variables: str) -> None:
    """Run a command of an installation; raises TryLater with the end of what it said."""
    with (folder / "install.log").open("ab") as log:
        try:
            subprocess.run(
                words,
                cwd=folder,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=INSTALL_SECONDS,
                check=True,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            raise TryLater(
                f"{Path(words[0]).name} {words[1]} did not succeed",
                where=str(folder / "install.log"),
                fix="read its log; the package registry must be reachable",
            ) from None


def program(name: str, why: str) -> str:
    """Find a program of the machine; raises Misconfigured."""
    found = shutil.which(name)
    if found is None:
        raise Misconfigured(f"there is no {name!r} on this machine", fix=why)
    return found
