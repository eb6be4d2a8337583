"""A deadline for a whole exchange over a socket, however slowly its bytes drip."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

_current = threading.local()


def watching() -> Watch | None:
    """Give the watch that this thread's exchange is under."""
    found: Watch | None = getattr(_current, "watch", None)
    return found


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
        with self._lock:
            self._handle = None

    def follow(self, handle: socket.socket) -> None:
        """Watch the connection behind ``handle``, which is a duplicate of its socket."""
        with self._lock:
            self._handle = handle
        if self.late:
            self._cut()

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
