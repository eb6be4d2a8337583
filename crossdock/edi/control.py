"""Control references: one gap-free counter per partner, the same number for the same key.

A number is durable before it is used, so a crash loses none, and a retry (same idempotency key)
gets the number that it had before. The hub backs this by its store; the file here serves a
connector that stands alone.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol

from crossdock.errors import Misconfigured


class ControlReferences(Protocol):
    """Gives interchange control references (0020)."""

    def next(self, partner: str, key: str) -> int:
        """Give the number for ``key``: the one it has, or the partner's next one, from 1."""
        ...


class ReferenceFile:
    """Control references in an append-only file, safe between processes of one machine.

    A line is ``partner TAB key TAB number``; a line that a crash tore was never answered and is
    cut off. Raises Misconfigured when the file cannot be used or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._numbers: dict[tuple[str, str], int] = {}
        self._last: dict[str, int] = {}

    def next(self, partner: str, key: str) -> int:
        """Give the number for ``key``; it is on the disk when this returns."""
        if not partner or not key or any(mark in partner + key for mark in "\t\n\r"):
            raise Misconfigured(
                "a partner and a key are needed, without tabs and line ends", where=str(self._path)
            )
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Misconfigured(
                f"cannot keep control references: {error.strerror}", where=str(self._path)
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._catch_up(descriptor)
            number = self._numbers.get((partner, key))
            if number is None:
                number = self._last.get(partner, 0) + 1
                line = f"{partner}\t{key}\t{number}\n".encode()
                os.pwrite(descriptor, line, self._read)
                os.fsync(descriptor)
                self._take(line)
            return number
        finally:
            os.close(descriptor)

    def _catch_up(self, descriptor: int) -> None:
        """Read what others appended; cut off a torn last line."""
        size = os.fstat(descriptor).st_size
        data = os.pread(descriptor, size - self._read, self._read) if size > self._read else b""
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.ftruncate(descriptor, self._read + len(whole))
        for line in whole.splitlines(keepends=True):
            self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            partner, key, text = line.decode().rstrip("\n").split("\t")
            number = int(text)
        except ValueError:
            raise Misconfigured(
                f"byte {self._read} is not partner, key and number",
                where=str(self._path),
                fix="restore the file; its counters must not begin again",
            ) from None
        self._numbers[partner, key] = number
        self._last[partner] = max(number, self._last.get(partner, 0))
        self._read += len(line)
