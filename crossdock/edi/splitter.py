"""Cut blocks of one interchange into segments, released terminators and wide characters apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crossdock.edi import charset
from crossdock.edi.separators import Separators, released

WHITE = " \t\r\n\x00\x1a"
"""What may stand between segments and after the last one (with Ctrl-Z of old transfers)."""

WHITE_BYTES = WHITE.encode()
_STOPS = {
    "edifact": re.compile(rb"UNZ|UIZ|UNB|UIB|UNA"),
    "x12": re.compile(rb"IEA|ISA(?=[^A-Za-z0-9\s])"),
}
_LAST = frozenset({b"UNZ", b"UIZ", b"IEA"})


@dataclass
class Segments:
    """Segments in their order, each with the blanks or line ends that stood before it.

    ``ascii`` is True when there is nothing to ask about the character set.
    """

    pieces: list[str]
    ascii: bool


def released_in(buffer: bytes, at: int, release: int) -> bool:
    """Say whether the byte at ``at`` has an odd number of release characters before it."""
    count = 0
    while at - count > 0 and buffer[at - count - 1] == release:
        count += 1
    return count % 2 == 1


class Splitter:
    """Cuts blocks of one interchange into segments."""

    def __init__(self, separators: Separators, codec: str, standard: str = "edifact") -> None:
        self._separators = separators
        self._stop = _STOPS[standard]
        self._codec = codec
        self._mark = separators.terminator.encode("latin-1")
        self._release = separators.release.encode("latin-1")
        self._blank = WHITE_BYTES.replace(self._mark, b"")
        self._wide = codec.startswith(charset.STATEFUL)

    def region(self, buffer: bytes, at: int, ended: bool) -> tuple[int, bool]:
        """Find how far whole segments reach from ``at``, and whether the interchange ends there."""
        marks = self._masked(buffer) if self._wide else buffer
        for found in self._stop.finditer(marks, at):
            start = found.start()
            if not self._begins_segment(marks, at, start):
                continue
            if found.group() in _LAST:
                end = self._next(marks, start)
                if end >= 0:
                    return end + 1, True
                break
            return self._after_last(marks, at, start), True
        return self._after_last(marks, at, len(buffer)), False

    def _next(self, buffer: bytes, position: int) -> int:
        end = buffer.find(self._mark, position)
        while end >= 0 and self._release and released_in(buffer, end, self._release[0]):
            end = buffer.find(self._mark, end + 1)
        return end

    def _begins_segment(self, buffer: bytes, at: int, start: int) -> bool:
        position = start
        while position > at and buffer[position - 1] in self._blank:
            position -= 1
        if position <= at:
            return True
        if buffer[position - 1 : position] != self._mark:
            return False
        return not (self._release and released_in(buffer, position - 1, self._release[0]))

    def _after_last(self, buffer: bytes, at: int, end: int) -> int:
        last = buffer.rfind(self._mark, at, end)
        while last >= 0 and self._release and released_in(buffer, last, self._release[0]):
            last = buffer.rfind(self._mark, at, last)
        return last + 1 if last >= 0 else at

    def pieces(self, block: bytes) -> Segments:
        """Split a block that ends in a terminator."""
        mark, release = self._separators.terminator, self._separators.release
        if self._wide:
            return self._wide_pieces(block)
        text, _ = charset.decode(block, self._codec)
        parts = text.split(mark)
        parts.pop()
        if release and release + mark in text:
            parts = _joinreleased_in(parts, mark, release)
        return Segments(parts, text.isascii())

    def _masked(self, block: bytes) -> bytes:
        """Blank out what is not ASCII in an ISO 2022 text, byte for byte."""
        return _SHIFTED.sub(lambda found: b"\x01" * len(found.group()), block)

    def _wide_pieces(self, block: bytes) -> Segments:
        masked, parts, start = self._masked(block), [], 0
        while (end := self._next(masked, start)) >= 0:
            parts.append(charset.decode(block[start:end], self._codec)[0])
            start = end + 1
        return Segments(parts, ascii=False)


_SHIFTED = re.compile(rb"\x1b(?:\$[@AB]|\$[()*+][@-Z]|\([^BJ]|\.[AF])[^\x1b]*(?:\x1b[^(][^\x1b]*)*")


def _joinreleased_in(parts: list[str], mark: str, release: str) -> list[str]:
    whole: list[str] = []
    pending = ""
    for part in parts:
        if pending:
            part = pending + part
        if part.endswith(release) and released(part, release):
            pending = part + mark
        else:
            whole.append(part)
            pending = ""
    return whole
