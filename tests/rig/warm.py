"""A warm process that forks each attempt: ``python -m tests.rig.warm`` reads orders, one a line.

It imports everything once and has one thread, so a fork is cheap and sound. An attempt is a real
process with its own engine; it runs one flow to its end, or dies at its boundary.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import select
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.rig.boundaries import Board, watch

LONGEST = 60.0
_sleep = time.sleep


def serve() -> None:
    """Answer orders until standard input ends."""
    board = Board()
    _warm()
    _say({"ready": True})
    for line in sys.stdin:
        order = json.loads(line)
        if order.get("restart"):
            board.restart()
        board.wait(order.get("wait", 0.0))
        board.begin()
        answer = _attempt(board, order)
        for name in answer.pop("modules", ()):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        _say(answer)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _warm() -> None:
    import paramiko  # noqa: F401
    import zeep  # noqa: F401

    from crossdock import closing, expectations, http, mapping, steps, suite  # noqa: F401
    from crossdock.home import Home
    from crossdock.soap import service  # noqa: F401
    from crossdock.sql import delivery  # noqa: F401

    expectations.warm()
    home = Home.find()
    for path in sorted((home.project / "mappings").glob("*/*.yaml")):
        steps._mapping(home, f"{path.parent.name}/{path.stem}")
    for path in sorted((home.project / "validation").glob("*.yaml")):
        steps.suite_of(home, path.stem)


def _attempt(board: Board, order: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        signal.alarm(int(LONGEST))
        os.environ.update(order["variables"])
        os.write(writing, json.dumps(_work(board, order)).encode())
        os._exit(0)
    os.close(writing)
    said = b""
    while select.select([reading], [], [], LONGEST + 5)[0]:
        part = os.read(reading, 1 << 16)
        if not part:
            break
        said += part
    os.close(reading)
    _, status = os.waitpid(pid, 0)
    ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    answer = json.loads(said) if said else {}
    return {**answer, "signal": ended, "names": board.names()}


def _work(board: Board, order: dict[str, Any]) -> dict[str, Any]:
    """Do what an order asks for; whatever is raised is told, as the command line tells it."""
    _virtual(board)
    watch(board, order.get("kill_at"))
    try:
        from crossdock import flow
        from crossdock.home import Home
        from crossdock.store import open_store

        home = Home.find()
        if order["flow"] is None:
            open_store(home).engine.dispose()
            return {"status": 0}
        books = flow.run(home, order["flow"], workers=1)
        return {"status": books.exit_status, "balanced": books.balanced, "later": books.later,
                "records": books.data["records"],
                "modules": sorted(sys.modules) if order.get("learn") else []}  # fmt: skip
    except Exception as error:  # noqa: BLE001 - what ends a run is what the rig is about
        import traceback

        return {"status": 1, "error": f"{type(error).__name__}: {error}",
                "trace": traceback.format_exc()[-3000:]}  # fmt: skip


def _virtual(board: Board) -> None:
    """Let waiting cost no time: the engine's World and ``time.sleep`` move a clock of ours."""
    from crossdock.connector import World
    from crossdock.store import shared

    shared.World = functools.partial(  # type: ignore[misc,assignment]
        World,
        now=lambda: datetime.now(UTC) + timedelta(seconds=board.ahead),
        monotonic=lambda: time.monotonic() + board.ahead,
        sleep=board.wait,
    )
    time.sleep = board.wait


if __name__ == "__main__":
    sys.path[:] = [folder for folder in sys.path if Path(folder).name != "rig"]
    serve()
