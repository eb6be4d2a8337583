"""Deadlines: of an exchange over a socket, however slowly it drips, and of a send as a whole."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Self

from crossdock.errors import TryLater

_current = threading.local()


def watching() -> Watch | None:
    """Give the watch that this thread's exchange is under."""
    found: Watch | None = getattr(_current, "watch", None)
    return found


@contextmanager
def sending(now: Callable[[], datetime], until: datetime) -> Iterator[None]:
    """Let this thread send nothing more once ``until`` has come by the clock ``now``."""
    _current.limit = (now, until)
    try:
        yield
    finally:
        _current.limit = None


def in_time(where: str = "") -> None:
    """Raise TryLater where the time of this thread's send is over.

    A process that was stopped, alone or with its machine, does not feel the time that passed:
    when it goes on, another may long have sent what it still means to send.
    """
    limit: tuple[Callable[[], datetime], datetime] | None = getattr(_current, "limit", None)
    if limit is not None and limit[0]() >= limit[1]:
        raise TryLater("the time of this send is over: another worker may be at it", where=where)


class Watch:
    """A total deadline for one exchange: at its end the connection is cut, whatever it waits for.

    A timeout of a socket starts anew with each byte, so a server that drips could hold a worker
    for ever. ``late`` says that the deadline was reached.
    """

    def __init__(self, seconds: float) -> None:
        self.late = False
        self._handle: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _current.watch = self
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        _current.watch = None
        self._keep(None)

    def follow(self, handle: socket.socket) -> None:
        """Watch the connection behind ``handle``.

        It is duplicated, as its owner closes it while an answer that ends the connection is read.
        """
        self._keep(handle.dup())
        if self.late:
            self._cut()

    def _keep(self, handle: socket.socket | None) -> None:
        with self._lock:
            before, self._handle = self._handle, handle
        if before is not None:
            before.close()

    def _cut(self) -> None:
        self.late = True
        with self._lock:
            if self._handle is not None:
                _shut(self._handle)


def _shut(handle: socket.socket) -> None:
    try:
        handle.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was closed meanwhile
