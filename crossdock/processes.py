"""A process and all that it started, read from Linux's /proc; empty elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")


def family(pid: int) -> list[int]:
    """List the descendants of ``pid`` that live now, itself left out.

    >>> import os
    >>> os.getpid() in family(os.getppid())
    True
    """
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found: list[int] = []
    rest = [pid]
    while rest:
        below = children.get(rest.pop(), [])
        found += below
        rest += below
    return found


def resident(pid: int) -> int:
    """Give the memory in bytes that ``pid`` and its descendants hold, shared pages shared out."""
    return sum(_share(member) for member in [pid, *family(pid)])


def _parents() -> Iterator[tuple[int, int]]:
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # the name in brackets may hold blanks and brackets of its own
            after_name = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            yield int(folder.name), int(after_name.rpartition(")")[2].split()[1])


def _share(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
