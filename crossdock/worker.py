"""Who works: a name for a process that a successor can check, and the name that it works in.

Light on purpose: helpers are forked right after this, before anything large is loaded.
"""

from __future__ import annotations

import os
from pathlib import Path

_me: list[str] = []


def identify(holder: str) -> None:
    """Say in whose name this process, and those it forks, works on runs.

    A worker that was outrun must not act under its successor's number: ``find`` refuses it then.
    """
    _me[:] = [holder]


def works_as(holder: str) -> bool:
    """Say whether this process works in the name of ``holder``, or in nobody's yet."""
    return not _me or holder in _me


def process_name() -> str:
    """Name this process so that a successor on this machine can see whether it still lives."""
    host = os.uname().nodename
    return f"{host}:{os.getpid()}:{_started(os.getpid())}"


def _started(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""


def gone(holder: str) -> bool:
    """Say whether a holder named by ``process_name`` was on this machine and is dead."""
    host, _, rest = holder.partition(":")
    pid, _, started = rest.partition(":")
    if host != os.uname().nodename or not pid.isdigit():
        return False
    started = started.split("/")[0]
    now = _started(int(pid))
    return now == "" or (started != "" and now != started)
