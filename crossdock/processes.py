"""A process and all that it started, read from Linux's /proc; empty elsewhere."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Member(NamedTuple):
    """A process and when it began (clock ticks after boot), since numbers are used again."""

    pid: int
    born: int


def family(pid: int) -> list[Member]:
    """List the descendants of ``pid`` that live now, itself left out.

    >>> import os
    >>> os.getpid() in {member.pid for member in family(os.getppid())}
    True
    """
    children: dict[int, list[Member]] = {}
    for member, parent in _all():
        children.setdefault(parent, []).append(member)
    found: list[Member] = []
    rest = [pid]
    while rest:
        below = children.get(rest.pop(), [])
        found += below
        rest += [member.pid for member in below]
    return found


def end(members: list[Member]) -> None:
    """Kill those of ``members`` that still live; a number that was used again is left alone."""
    living = {member for member, _ in _all()}
    for member in living.intersection(members):
        with contextlib.suppress(ProcessLookupError):
            os.kill(member.pid, signal.SIGKILL)


def resident(pid: int) -> int:
    """Give the memory in bytes that ``pid`` and its descendants hold, shared pages shared out."""
    return sum(_share(number) for number in [pid, *(member.pid for member in family(pid))])


def _all() -> Iterator[tuple[Member, int]]:
    """Yield every process and the number of its parent."""
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # the name in brackets may hold blanks and brackets of its own
            text = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            fields = text.rpartition(")")[2].split()
            yield Member(int(folder.name), int(fields[19])), int(fields[1])


def _share(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
