"""Read interchanges: each message by itself, counts and references checked.

``read`` yields every ``Message`` as soon as its UNT is there, and each ``Interchange`` when it
ends; only then its ``findings`` are complete. What must not act on a torn interchange asks
``envelopes`` first, which runs over the same source without keeping a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

from crossdock.edi import charset
from crossdock.edi.envelope import Envelope
from crossdock.edi.interchange import Interchange, Message
from crossdock.edi.separators import part
from crossdock.edi.splitter import WHITE, Segments
from crossdock.edi.tokenizer import (
    CharsetChoice,
    Opening,
    Tokenizer,
    source_of,
)
from crossdock.edi.x12.envelope import X12Envelope
from crossdock.edi.x12.shapes import MEANS


def read(
    source: bytes | Path | BinaryIO,
    *,
    choose: CharsetChoice | None = None,
    unique: bool = False,
) -> Iterator[Message | Interchange]:
    """Yield the messages of ``source``, and each interchange behind its messages.

    ``choose`` may name another character set for an interchange than UNB does; ``unique`` makes a
    message reference that stands twice in one interchange a finding (many senders number badly).
    Raises Unreadable when there is no interchange at all, or no segment ends; everything else is
    a finding.
    """
    stream = source_of(source)
    where = str(source) if isinstance(source, Path) else ""
    try:
        yield from _Reading(unique=unique).run(Tokenizer(stream, choose), where)
    finally:
        if not isinstance(source, bytes) and stream is not source:
            stream.close()


def envelopes(
    source: bytes | Path | BinaryIO, *, choose: CharsetChoice | None = None
) -> list[Interchange]:
    """Read ``source`` to the end and give its interchanges with their findings, no messages."""
    return [item for item in read(source, choose=choose) if isinstance(item, Interchange)]


def first_opening(source: bytes | Path | BinaryIO) -> Opening | None:
    """Give the beginning of the first interchange of ``source``, None where there is none."""
    stream = source_of(source)
    try:
        first = next(iter(Tokenizer(stream)))
        return first if isinstance(first, Opening) else None
    finally:
        if isinstance(source, Path):
            stream.close()


def first_type(source: Path, choose: CharsetChoice | None = None) -> str:
    """Name the type of the first message of a file, empty when none is found.

    For X12 it is the EDIFACT message that says the same.
    """
    marks = None
    with source_of(source) as stream:
        for token in Tokenizer(stream, choose):
            if isinstance(token, Opening):
                marks = token.separators
            elif isinstance(token, Segments) and marks is not None:
                for piece in token.pieces:
                    raw = piece.lstrip(WHITE)
                    if raw.startswith("UNH"):
                        return part(marks.parse(raw), 2)
                    if raw.startswith(f"ST{marks.element}"):
                        return MEANS.get(part(marks.parse(raw), 1), part(marks.parse(raw), 1))
    return ""


class _Reading:
    """One pass over a source: blocks of segments go to the envelope by and large."""

    def __init__(self, *, unique: bool) -> None:
        self._envelope = Envelope(unique=unique)
        self._gap: str | None = None
        self._begins: set[str] = set()
        self._services: set[str] = set()

    def run(self, tokens: Tokenizer, where: str) -> Iterator[Message | Interchange]:
        envelope, standard = self._envelope, "edifact"
        for token in tokens:
            if isinstance(token, Segments):
                self._segments(token)
            elif isinstance(token, Opening):
                if token.standard != standard:
                    standard = token.standard
                    kind = X12Envelope if standard == "x12" else Envelope
                    envelope = self._envelope = kind.after(envelope)
                envelope.open(token)
                self._gap = None
                self._begins, self._services = set(), set()
            else:
                envelope.end(token, where)
                envelope.hand_on()
            while envelope.ready:
                yield envelope.ready.popleft()

    def _segments(self, token: Segments) -> None:
        """Take a block: by and large where all is usual, else segment by segment."""
        envelope = self._envelope
        pieces = token.pieces
        if not token.ascii:
            self._look_at_characters(pieces)
        if self._gap is None and pieces:
            self._gap = pieces[0][: len(pieces[0]) - len(pieces[0].lstrip(WHITE))]
        gap = self._gap or ""
        begins = list(map(itemgetter(slice(0, len(gap) + 4)), pieces))
        if not all(map(self._usual, set(begins))):
            for piece in pieces:
                self._other(piece)
            return
        if gap:
            pieces = list(map(itemgetter(slice(len(gap), None)), pieces))
        services = self._services
        done = 0
        for at in [number for number, begin in enumerate(begins) if begin in services]:
            self._plain_run(pieces[done:at])
            envelope.position += 1
            envelope.service(envelope.tag_of(pieces[at]), pieces[at])
            done = at + 1
        self._plain_run(pieces[done:] if done else pieces)

    def _usual(self, begin: str) -> bool:
        """Whether a segment begins with the usual gap, a tag and a separator; remembered."""
        envelope = self._envelope
        if begin in self._begins:
            return True
        gap = self._gap or ""
        if not (begin.startswith(gap) and envelope.is_plain(begin[len(gap) :])):
            return False
        if len(self._begins) < 1000:  # tags come from outside
            self._begins.add(begin)
            if envelope.tag_of(begin[len(gap) :]) in envelope.services:
                self._services.add(begin)
            return True
        return False

    def _plain_run(self, run: list[str]) -> None:
        """Segments between two service segments."""
        envelope = self._envelope
        if not run:
            return
        envelope.position += len(run)
        if envelope.message is not None:
            envelope.keep(envelope.message, run)
        else:
            for raw in run:
                envelope.stray(envelope.tag_of(raw), raw)

    def _other(self, piece: str) -> None:
        """Take a segment that is not a plain one of an open message in the usual form."""
        envelope = self._envelope
        raw = piece.lstrip(WHITE)
        tag = envelope.tag_of(raw)
        envelope.position += 1
        if tag in envelope.services:
            envelope.service(tag, raw)
        elif envelope.message is not None:
            envelope.plain(raw)
        else:
            envelope.stray(tag, raw)

    def _look_at_characters(self, pieces: list[str]) -> None:
        envelope = self._envelope
        interchange = envelope.interchange
        if interchange is None or interchange.doubt:
            return
        codec = interchange.opening.codec
        for piece in pieces:
            if piece.isascii():
                continue
            if charset.undecodable(piece):
                interchange.doubt = charset.suspicion(piece, codec)
                envelope.wrong(
                    f"{piece.lstrip(WHITE)[:3]}: {interchange.doubt}. Set the partner's charset, "
                    "or ask for the interchange again",
                    "21",
                    kind="syntax",
                    element="UNB S001",
                )
                return
            interchange.doubt = charset.suspicion(piece, codec)
            if interchange.doubt:
                return
