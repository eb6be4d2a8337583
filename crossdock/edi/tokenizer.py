"""Bytes to segments: finds each interchange, its characters and its character set, then splits.

Constant memory: what is held is one block of the source (256 KiB) and its segments. Nothing is
checked here but what makes splitting impossible; no byte is lost, so that a writer can give the
source back exactly.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from crossdock.edi import charset
from crossdock.edi.separators import Element, Separators, part
from crossdock.edi.splitter import WHITE_BYTES, Segments, Splitter, released_in
from crossdock.edi.x12 import opening as x12
from crossdock.errors import Unreadable

BLOCK = 1 << 18
LONGEST_SEGMENT = 1 << 20
"""A segment longer than this (bytes) is no segment: the terminator is wrong or missing."""

CharsetChoice = Callable[[list[Element]], str]
"""Given the elements of UNB, the codec that the partner's file asks for, or an empty text."""

_LINE = re.compile(rb"[\r\n]")
_HEADER = 4096
"""UNA and UNB end within so many bytes."""

_START = re.compile(rb"UNA|U[NI]B[^A-Za-z0-9\s][A-Za-z0-9]{4}|ISA[^A-Za-z0-9\s]")
_UTF16 = {
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
    b"U\0": "utf-16-le",
    b"\0U": "utf-16-be",
}


@dataclass
class Opening:
    """The beginning of an interchange as it stood: ``before`` holds BOM, junk and blanks.

    ``unb`` is the text of UNB (or UIB) without its terminator, ``lead`` what stood between UNA
    and UNB, ``offset`` the place of UNA or UNB in the source, in bytes. ``outer`` names the codec
    of a source that is UTF-16 as a whole. ``standard`` is edifact or x12; in X12 ``unb`` is ISA.
    """

    before: bytes
    una: str
    lead: str
    unb: str
    elements: list[Element]
    separators: Separators
    identifier: str
    version: str
    codec: str
    offset: int
    outer: str = ""
    standard: str = "edifact"


@dataclass
class Rest:
    """What is left where no more segment ends: nothing, line ends, or a torn segment."""

    data: bytes
    offset: int


Token = Opening | Segments | Rest


def source_of(source: bytes | Path | BinaryIO) -> BinaryIO:
    """Open ``source``; raises Unreadable for a file that cannot be opened."""
    if isinstance(source, bytes):
        return BytesIO(source)
    if isinstance(source, Path):
        try:
            return source.open("rb")
        except OSError as error:
            raise Unreadable(f"cannot open it: {error.strerror}", where=str(source)) from None
    return source


class Tokenizer:
    """Iterates over the tokens of ``source``; ``choose`` may override the character set."""

    def __init__(self, source: BinaryIO, choose: CharsetChoice | None = None) -> None:
        self._source = source
        self._choose = choose
        self._buffer = b""
        self._at = 0
        self._base = 0
        self._ended = False
        self._outer = ""
        self._transcode: codecs.IncrementalDecoder | None = None

    @property
    def offset(self) -> int:
        """How many bytes of the source have been handed on."""
        return self._base + self._at

    def __iter__(self) -> Iterator[Token]:
        self._fill()
        self._sniff_utf16()
        while True:
            opening = self._open()
            if opening is None:
                break
            yield opening
            yield from self._body(opening)
        yield Rest(self._buffer[self._at :], self.offset)

    # -- bytes ------------------------------------------------------------------------------
    def _fill(self) -> bool:
        """Read one more block behind what is held; False at the end."""
        if self._ended:
            return False
        chunk = self._source.read(BLOCK)
        self._ended = not chunk
        if self._transcode is not None:
            chunk = self._transcode.decode(chunk, final=self._ended).encode()
        if chunk:
            self._base += self._at
            self._buffer = self._buffer[self._at :] + chunk
            self._at = 0
        return not self._ended

    def _sniff_utf16(self) -> None:
        outer = _UTF16.get(self._buffer[:2])
        if outer is None:
            return
        self._outer = outer
        self._transcode = codecs.getincrementaldecoder(outer)("replace")
        self._buffer = self._transcode.decode(self._buffer, final=False).encode()

    def _open(self) -> Opening | None:
        """Find the next UNA or UNB and read on to the end of UNB; None where there is none."""
        after = 0
        while after <= LONGEST_SEGMENT:
            found = _START.search(self._buffer, self._at + after)
            if found is None:
                after = max(after, len(self._buffer) - self._at - 7)
                if not self._fill():
                    break
                continue
            start = found.start() - self._at
            while len(self._buffer) - self._at < start + _HEADER and self._fill():
                pass  # the header may stand across the border of two blocks
            opening = self._try(self._at + start)
            if opening is not None:
                return opening
            after = start + 3
        return None

    def _try(self, start: int) -> Opening | None:
        """Read the interchange header at ``start`` in the buffer, if it is one."""
        window = self._buffer[start : start + _HEADER]
        if window.startswith(b"ISA"):
            return self._try_x12(start, window)
        found = _header(window)
        if found is None:
            return None
        separators, una, position = found
        end = _end(window, position, separators)
        if end < 0:
            return None
        raw = window[position:end]
        elements = separators.parse(raw.decode("latin-1"))
        identifier, version = part(elements, 1), part(elements, 1, 1)
        codec = charset.codec_of(identifier, self._choose(elements) if self._choose else "")
        marked = not self._base and start == 3 and self._buffer.startswith(b"\xef\xbb\xbf")
        if self._outer or (marked and codec == "ascii"):
            codec = "utf-8"
        separators = separators.for_syntax(version, una=bool(una))
        text, _ = charset.decode(raw, codec)
        opening = Opening(
            before=self._buffer[self._at : start],
            una=una,
            lead=window[9:position].decode("latin-1") if una else "",
            unb=text,
            elements=separators.parse(text),
            separators=separators,
            identifier=identifier,
            version=version,
            codec=codec,
            offset=self._base + start,
            outer=self._outer,
        )
        self._at = start + end + 1
        return opening

    def _try_x12(self, start: int, window: bytes) -> Opening | None:
        """Read the ISA at ``start``; X12 names no character set, so only the partner's file can."""
        found = x12.header(window)
        if found is None:
            return None
        separators, end = found
        elements = x12.elements(window[:end].decode("latin-1"), separators)
        codec = charset.codec_of("", self._choose(elements) if self._choose else "")
        codec = "utf-8" if self._outer else codec
        opening = Opening(
            before=self._buffer[self._at : start],
            una="",
            lead="",
            unb=charset.decode(window[:end], codec)[0],
            elements=elements,
            separators=separators,
            identifier="X12",
            version=part(elements, 12),
            codec=codec,
            offset=self._base + start,
            outer=self._outer,
            standard="x12",
        )
        self._at = start + end + 1
        return opening

    # -- segments ---------------------------------------------------------------------------
    def _body(self, opening: Opening) -> Iterator[Segments]:
        """Hand on the segments behind UNB up to UNZ, or to where another interchange begins."""
        split = Splitter(opening.separators, opening.codec, opening.standard)
        while True:
            end, last = split.region(self._buffer, self._at, self._ended)
            if end > self._at:
                yield split.pieces(self._buffer[self._at : end])
                self._at = end
            if last:
                return
            if not self._fill() and not self._buffer[self._at :].strip(WHITE_BYTES):
                return
            if self._ended and split.region(self._buffer, self._at, True)[0] <= self._at:
                return
            if len(self._buffer) - self._at > LONGEST_SEGMENT:
                raise Unreadable(
                    f"no segment ends within {LONGEST_SEGMENT} bytes",
                    where=f"byte {self.offset}",
                    fix=f"look whether {opening.separators.terminator!r} is the terminator",
                )


def _header(window: bytes) -> tuple[Separators, str, int] | None:
    """Find separators, the text of UNA and the place of UNB, where ``window`` begins with them."""
    una, position = "", 0
    if window.startswith(b"UNA"):
        una = window[:9].decode("latin-1")
        position = len(window) - len(window[9:].lstrip(WHITE_BYTES))
        if not window.startswith((b"UNB", b"UIB"), position):
            return None
    mark = window[position + 3 : position + 4].decode("latin-1")
    try:
        separators = Separators.from_una(una[3:]) if una else _plain(window)
    except Unreadable:
        return None
    return (separators, una, position) if mark == separators.element else None


def _plain(window: bytes) -> Separators:
    """Without UNA: the default characters, with a line end as terminator where that is used."""
    usual = Separators()
    line, end = _LINE.search(window), _end(window, 0, usual)
    if line is not None and (end < 0 or line.start() < end):
        behind = window[line.end() : line.end() + 4].lstrip(WHITE_BYTES)
        if behind.startswith((b"UNH", b"UNG", b"UNZ", b"UIH")):
            return Separators(terminator=line.group().decode("latin-1"))
    return usual


def _end(window: bytes, position: int, separators: Separators) -> int:
    """Find the next terminator that is not released; -1 where there is none."""
    mark, release = separators.terminator.encode(), separators.release.encode()
    end = window.find(mark, position)
    while end >= 0 and release and released_in(window, end, release[0]):
        end = window.find(mark, end + 1)
    return end
