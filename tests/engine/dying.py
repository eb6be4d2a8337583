"""Run flows in processes that die at their n-th word with a database.

A server of one process, since imports take longer than these flows: it reads one JSON line a
request, a list of jobs ``{flow, last, out, env}``, forks a process for each, and answers with
their exit codes as one JSON line. Words are statements and commits of every engine, counted once
the schema is in place; ``last`` 0 lives. What a job says stands in the file ``out``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import sqlalchemy as sa

import connectors
from crossdock import closing, crew, flow, push, resolve, runs, steps  # noqa: F401 - forked with
from crossdock import pull as pull_step  # noqa: F401
from crossdock.errors import CrossdockError
from crossdock.home import Home
from crossdock.store import open_store


def say(text: str) -> None:
    """Write a line at once: this process may die any moment."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def work(name: str, last: int) -> int:
    """Run, and tell how it ended by the exit code: that of the books, 75 for TryLater."""
    home = Home.find()
    open_store(home)
    count = 0

    def word(what: str) -> None:
        nonlocal count
        count += 1
        if count == last:
            say(f"dies at {count}: {what[:60]!r}")
            os.kill(os.getpid(), signal.SIGKILL)

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def _statement(*given: object) -> None:
        word(str(given[2]))

    @sa.event.listens_for(sa.Engine, "commit")
    def _commit(connection: sa.Connection) -> None:
        word("before commit")

    try:
        books = flow.run(home, name, workers=1)
    except CrossdockError as error:
        say(f"{type(error).__name__}: {error}")
        return 75
    say(f"words {count}")
    say(books.summary())
    return books.exit_status


def fork(job: dict[str, Any]) -> int:
    """Start one job; gives its process."""
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        os.environ.update(job["env"])
        out = os.open(job["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        code = work(job["flow"], job["last"])
    except BaseException:  # noqa: BLE001 - a fork must never return into the server
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def serve() -> None:
    """Answer requests until the input ends."""
    connectors.__path__.append(sys.argv[1])
    for line in sys.stdin:
        pids = [fork(job) for job in json.loads(line)]
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        sys.__stdout__.write(json.dumps(codes) + "\n")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]


if __name__ == "__main__":
    serve()
