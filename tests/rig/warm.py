"""A warm process that forks each attempt: ``python -m tests.rig.warm FOLDER`` reads orders.

It imports everything once, and goes through each kind of flow once by itself, so that what is
learned lazily (plans of statements, contracts, verdicts about values) is known to all it forks.
An attempt is a real process with connections of its own; it runs one flow to its end, dies at
its boundary, or stops there until somebody lets it go on.

Orders are JSON, one a line: ``learn``, ``start`` (gives the number of the process) and ``wait``
(for its end, or for its stop).
"""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib.metadata
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.rig import virtual
from tests.rig.attempts import RECEIVER
from tests.rig.board import Board
from tests.rig.boundaries import Watch

LONGEST = 120
_create_engine = sa.create_engine
_plans: dict[str, Any] = {}
_door: socket.socket | None = None


def serve(folder: Path) -> None:
    """Answer orders until standard input ends."""
    board = Board(folder / "board")
    watch = Watch(board)
    _warm()
    watch.install()
    virtual.rule(board)
    global _door
    _door = socket.create_server(("127.0.0.1", 0), backlog=64)  # every receiver listens here
    _say({"port": _door.getsockname()[1]})
    for line in sys.stdin:
        order = json.loads(line)
        answer = {"learn": _learn, "start": _start, "wait": _wait, "look": _look}[order["do"]]
        _say(answer(folder, watch, order))


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _warm() -> None:
    """Import all that a flow may need; a project's connectors are found once."""
    import paramiko  # noqa: F401
    import zeep  # noqa: F401

    import connectors.edifact
    import connectors.files
    import connectors.rest
    import connectors.soap
    import connectors.sql  # noqa: F401
    from crossdock import closing, expectations, http, mapping, steps, suite  # noqa: F401
    from crossdock.soap import service  # noqa: F401
    from crossdock.sql import delivery  # noqa: F401
    from crossdock.webhooks import app, feed, serve  # noqa: F401

    expectations.warm()
    importlib.metadata.entry_points = functools.cache(importlib.metadata.entry_points)  # type: ignore[assignment]
    sa.create_engine = _engine_of


def _engine_of(address: Any, **options: Any) -> sa.Engine:
    """Let all engines of one kind of database share the plans of their statements."""
    engine = _create_engine(address, **options)
    kind = type(engine.dialect)
    kind.__hash__ = lambda dialect: hash(type(dialect))
    kind.__eq__ = lambda dialect, other: type(dialect) is type(other)
    engine._compiled_cache = _plans.setdefault(kind.__name__, engine._compiled_cache)
    return engine


def _learn(folder: Path, _watch: Watch, order: dict[str, Any]) -> dict[str, Any]:
    """Run a flow in this very process."""
    os.environ.update(order["variables"])
    answer = _work(order)
    virtual.spread(Board(folder / "board"))
    from crossdock.store import engine

    while engine._engines:
        engine._engines.popitem()[1].dispose()
    gc.collect()
    gc.freeze()  # what was made until now is shared by all forks, and never looked at again
    return answer


def _start(folder: Path, watch: Watch, order: dict[str, Any]) -> dict[str, Any]:
    pid = os.fork()
    if pid:
        return {"pid": pid}
    try:
        signal.alarm(LONGEST)
        gc.disable()  # nothing here lives long enough
        os.environ.update(order["variables"])
        virtual.draw_from(order["seed"])
        watch.arm(order["slot"], order["at"], stop=order["stop"])
        answer = _work(order)
        watch.disarm()
        (folder / f"{os.getpid()}.json").write_text(json.dumps(answer), encoding="utf-8")
    finally:
        os._exit(0)


def _wait(folder: Path, _watch: Watch, order: dict[str, Any]) -> dict[str, Any]:
    _, status = os.waitpid(order["pid"], os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return {"stopped": True}
    said = folder / f"{order['pid']}.json"
    answer = json.loads(said.read_text("utf-8")) if said.exists() else {}
    said.unlink(missing_ok=True)
    return {**answer, "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}


def _look(folder: Path, _watch: Watch, order: dict[str, Any]) -> dict[str, Any]:
    """Say whether a receiver takes calls by now; one that died is told by ``wait``."""
    found = os.waitid(os.P_PID, order["pid"], os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return {"dead": found is not None, "ready": (folder / f"{order['pid']}.ready").exists()}


async def _receive(home: Any, folder: Path) -> None:
    """Take calls until killed; a file says when it begins."""
    from crossdock.webhooks.serve import Listening, server

    assert _door is not None
    board = Board(folder / "board")
    made = server(home, Listening(), now=lambda: board.now().timestamp())
    serving = asyncio.ensure_future(made.serve(sockets=[_door]))
    while not made.started:
        await asyncio.sleep(0.002)
    os.close(os.open(folder / f"{os.getpid()}.ready", os.O_CREAT))
    await serving


def _work(order: dict[str, Any]) -> dict[str, Any]:
    """Do what an order asks for; whatever is raised is told, as the command line tells it."""
    try:
        from crossdock import flow
        from crossdock.home import Home
        from crossdock.store import open_store

        home = Home.find()
        if order["flow"] is None:
            open_store(home).engine.dispose()
            return {"status": 0}
        if order["flow"] == RECEIVER:
            asyncio.run(_receive(home, Path(order["folder"])))
            return {"status": 0}
        books = flow.run(home, order["flow"], workers=order["workers"])
        return {"status": books.exit_status, "balanced": books.balanced, "later": books.later,
                "records": books.data["records"]}  # fmt: skip
    except Exception as error:  # noqa: BLE001 - what ends a run is what the rig is about
        import traceback

        return {"status": 1, "kind": type(error).__name__, "error": str(error),
                "trace": traceback.format_exc()[-3000:]}  # fmt: skip


if __name__ == "__main__":
    sys.path[:] = [place for place in sys.path if Path(place).name != "rig"]
    serve(Path(sys.argv[1]))
