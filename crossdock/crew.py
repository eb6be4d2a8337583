"""Processes that share the batches of a run: this one, and helpers forked before it grows."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from crossdock.errors import TryLater

Tell = Callable[[str, int, int], None]
Step = Callable[[str], Any]


@contextmanager
def _all_alive() -> Iterator[None]:
    """Tell of a helper that was killed, by an operator or for want of memory; nothing is lost."""
    try:
        yield
    except BrokenProcessPool as error:
        raise TryLater(
            "a helper process of this run was killed",
            fix="run the flow again; if it happens again, look whether the memory is enough",
        ) from error


class Crew:
    """This process and ``workers - 1`` helpers; with one worker everything happens here.

    The helpers are forked at once, while this process is small and has no threads. They load what
    checking needs (Great Expectations takes seconds) while this process goes on pulling.
    """

    def __init__(self, workers: int) -> None:
        self._helpers = max(0, workers - 1)
        self._pool: ProcessPoolExecutor | None = None
        self._warmed = False

    def __enter__(self) -> Crew:
        if self._helpers:
            context = multiprocessing.get_context("fork")
            self._pool = ProcessPoolExecutor(
                self._helpers, mp_context=context, initializer=_follow, initargs=(os.getpid(),)
            )
            for _ in range(self._helpers):
                self._pool.submit(_begun)  # forks them
        return self

    def warm(self) -> None:
        """Let the helpers load what checking needs; call it when there is something to check."""
        if self._pool is not None and not self._warmed:
            self._warmed = True
            for _ in range(self._helpers):
                self._pool.submit(_warm)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is None:
            return
        helpers = list((self._pool._processes or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for helper in helpers:
            helper.terminate()  # idle by now, or loading what nobody needs any more
        for helper in helpers:
            helper.join()

    @_all_alive()
    def pipeline(self, batches: Sequence[str], first: Step, second: Step, tell: Tell) -> None:
        """Do ``first`` of every batch here and ``second`` in the helpers as batches get ready."""
        total = len(batches)
        running: list[Future[Any]] = []
        for number, batch_id in enumerate(batches, 1):
            first(batch_id)
            tell(first.__name__, number, total)
            if self._pool is None:
                second(batch_id)
                tell(second.__name__, number, total)
            else:
                running.append(self._pool.submit(second, batch_id))
        for number, future in enumerate(running, 1):
            future.result()
            tell(second.__name__, number, total)

    @_all_alive()
    def each(self, batches: Sequence[str], step: Step, tell: Tell, name: str) -> None:
        """Do ``step`` of every batch, in the helpers and here, each batch once."""
        todo = deque(batches)
        running: set[Future[Any]] = set()
        done = 0
        while todo or running:
            while self._pool is not None and todo and len(running) < self._helpers:
                running.add(self._pool.submit(step, todo.popleft()))
            if todo:
                step(todo.popleft())
                done += 1
                finished = {future for future in running if future.done()}
            else:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                future.result()
                done += 1
            running -= finished
            tell(name, done, len(batches))


def _follow(parent: int) -> None:
    """End this helper soon after its run was killed: it would wait for work for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, name="follow", daemon=True).start()


def _begun() -> None:
    """Do nothing."""


def _warm() -> None:
    from crossdock import expectations

    expectations.warm()
