"""Stories in which the hub's own ground gives way: its PostgreSQL is killed, its disk is full."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.rig.story import Rig, Story

ROOM = 3 << 20
"""Bytes of the small disk."""


class Databases:
    """Makes and drops databases of a PostgreSQL server that a story may kill."""

    def __init__(self, server: Any) -> None:
        self.server = server

    def database(self, name: str, template: str = "template0") -> str:
        """Make a database, in the place of one of this name."""
        self.server.drop(name)
        return str(self.server.database(name, template))

    def drop(self, name: str) -> None:
        """Remove a database."""
        self.server.drop(name)


def database_dies(rig: Rig, name: str, stop_at: int) -> Story:
    """The database server is killed and started again while a worker is at work."""
    story, normal = Story(name, [stop_at]), rig.clean(name).first
    with rig.world(name) as world:
        running = rig.engine.start(world.variables, world.flow, stop_at, stop=True)
        assert rig.engine.wait(running) is None, "it did not stop"
        rig.database.server.restart()
        running.go_on()
        ended = rig.engine.wait(running)
        assert ended is not None
        if ended.status == 1 and ended.kind not in {"TryLater", ""}:
            story.problems.append(f"a dead database is told as {ended}")
        story.attempts.append(ended)
        rig.finish(world, story, normal)
    return story


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Put a file system of three mebibytes at ``folder``; False where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    done = mount and subprocess.run([mount, *options], check=False, capture_output=True)
    if not done or done.returncode:
        yield False
        return
    try:
        yield True
    finally:
        umount = shutil.which("umount") or "umount"
        subprocess.run([umount, "-l", str(folder)], check=True)


def disk_fills(rig: Rig, name: str, left: int) -> Story:
    """The hub's disk has ``left`` bytes when a run begins, and room again for the next one."""
    story, normal = Story(name, [left]), rig.clean(name).first
    with rig.world(name) as world:
        filler = world.state / "filler"
        free = shutil.disk_usage(world.state).free
        with filler.open("wb") as file:
            file.write(bytes(max(0, free - left)))
        ended = rig.run(world)
        if ended.status == 1 and ended.kind != "TryLater":
            story.problems.append(f"a full disk is told as {ended}")
        story.attempts.append(ended)
        filler.unlink()
        rig.finish(world, story, normal)
    return story
