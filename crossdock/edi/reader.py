"""Read interchanges: each message by itself, counts and references checked.

``read`` yields every ``Message`` as soon as its UNT is there, and each ``Interchange`` when it
ends; only then its ``findings`` are complete. What must not act on a torn interchange asks
``envelopes`` first, which runs over the same source without keeping a message.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

from crossdock.edi import charset
from crossdock.edi.finding import Finding
from crossdock.edi.interchange import Group, Interchange, Message, part
from crossdock.edi.tokenizer import (
    WHITE,
    CharsetChoice,
    Opening,
    Rest,
    Segments,
    Tokenizer,
    source_of,
)
from crossdock.errors import Unreadable

_TAG = re.compile(r"[A-Z][A-Z0-9]{2}")
_ENVELOPE = frozenset({"UNB", "UNG", "UNH", "UNT", "UNE", "UNZ", "UIB", "UIH", "UIT", "UIZ", "UNA"})


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


class _Reading:
    """State of one pass over a source."""

    def __init__(self, *, unique: bool) -> None:
        self._unique = unique
        self._interchange: Interchange | None = None
        self._group: Group | None = None
        self._message: Message | None = None
        self._ended: Interchange | None = None
        self._count = 0
        self._position = 0
        self._gap: str | None = None
        self._seen: set[tuple[str, ...]] = set()
        self._begins: set[str] = set()
        self._services: set[str] = set()
        self._ready: deque[Message | Interchange] = deque()

    def run(self, tokens: Tokenizer, where: str) -> Iterator[Message | Interchange]:
        for token in tokens:
            if isinstance(token, Segments):
                self._segments(token)
            elif isinstance(token, Opening):
                self._close("the interchange ends without UNZ")
                self._hand_on()
                self._open(token)
            else:
                self._rest(token, where)
                self._hand_on()
            while self._ready:
                yield self._ready.popleft()

    # -- interchange ------------------------------------------------------------------------
    def _open(self, opening: Opening) -> None:
        self._count += 1
        self._interchange = Interchange(opening, self._count)
        self._group = self._message = None
        self._gap, self._position = None, 1
        self._seen, self._begins, self._services = set(), set(), set()
        known = self._interchange
        self._look_before(opening)
        missing = [
            name
            for name, value in (
                ("S001/0001", opening.identifier),
                ("S002/0004", known.sender),
                ("S003/0010", known.receiver),
                ("0020", known.reference),
            )
            if not value
        ]
        if opening.unb.startswith("UNB"):
            for name in missing:
                self._wrong(f"UNB does not give {name}, which is mandatory", "13", element=name)

    def _look_before(self, opening: Opening) -> None:
        """A service string that does not fit, or segments that belong to no interchange."""
        if b"UNA" in opening.before:
            self._wrong(
                "UNA does not fit the separators that UNB uses; it was passed over",
                "15",
                kind="syntax",
            )
        elif self._count > 1 and opening.before.strip(WHITE.encode()):
            self._wrong(
                f"{len(opening.before)} bytes stand between two interchanges", "33", kind="syntax"
            )

    def _close(self, why: str = "") -> None:
        interchange = self._interchange
        if interchange is None:
            return
        self._end_message("the message ends without UNT")
        if self._group is not None:
            self._wrong(f"group {self._group.reference} ends without UNE", "13")
        if why:
            self._wrong(
                f"{why}: it is torn, so no message of it may be processed; ask for it again", "13"
            )
        interchange.closed = not why
        if not interchange.messages and not interchange.groups:
            self._wrong("the interchange holds no message", "32")
        self._ended = interchange
        self._interchange = None

    def _hand_on(self) -> None:
        """Hand on the ended interchange; what follows it has been looked at."""
        if self._ended is not None:
            self._ready.append(self._ended)
            self._ended = None

    def _rest(self, rest: Rest, where: str) -> None:
        if self._interchange is None:
            if not self._count:
                raise Unreadable(
                    "there is no interchange: neither UNB nor UNA with UNB was found",
                    where=where or "byte 0",
                    fix="look whether this is an EDIFACT file, and whether its beginning was lost",
                )
            self._torn_tail(rest)
            return
        if rest.data.strip(WHITE.encode()):
            self._wrong(
                f"the last segment, at byte {rest.offset}, has no terminator", "13", kind="syntax"
            )
        self._close("the interchange ends without UNZ")

    def _torn_tail(self, rest: Rest) -> None:
        if rest.data.strip(WHITE.encode()) and self._ended is not None:
            self._ended.findings.append(
                Finding(
                    "syntax", f"{len(rest.data)} bytes stand after UNZ, at byte {rest.offset}", "33"
                )
            )

    def _wrong(self, text: str, code: str, *, kind: str = "envelope", element: str = "") -> None:
        assert self._interchange is not None  # noqa: S101 - only called while one is open
        self._interchange.findings.append(
            Finding(kind, text, code, segment=self._position, element=element)  # type: ignore[arg-type]
        )

    # -- segments ---------------------------------------------------------------------------
    def _segments(self, token: Segments) -> None:
        """Take a block: by and large where all is usual, else segment by segment."""
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
            self._position += 1
            self._service(pieces[at][:3], pieces[at])
            done = at + 1
        self._plain_run(pieces[done:] if done else pieces)

    def _usual(self, begin: str) -> bool:
        """Whether a segment begins with the usual gap, a tag and a separator; remembered."""
        if begin in self._begins:
            return True
        assert self._interchange is not None  # noqa: S101
        marks, gap = self._interchange.separators, self._gap or ""
        tag, mark = begin[len(gap) : len(gap) + 3], begin[len(gap) + 3 :]
        if not (
            begin.startswith(gap)
            and _TAG.fullmatch(tag)
            and mark in ("", marks.element, marks.component)
        ):
            return False
        if len(self._begins) < 1000:  # tags come from outside
            self._begins.add(begin)
            if tag in _ENVELOPE:
                self._services.add(begin)
            return True
        return False

    def _plain_run(self, run: list[str]) -> None:
        """Segments between two service segments."""
        if not run:
            return
        self._position += len(run)
        if self._message is not None:
            self._message.segments += run
        else:
            for raw in run:
                self._stray(raw[:3], raw)

    def _other(self, piece: str) -> None:
        """Take a segment that is not a plain one of an open message in the usual form."""
        raw = piece.lstrip(WHITE)
        tag = raw[:3]
        self._position += 1
        if tag in _ENVELOPE:
            self._service(tag, raw)
        elif self._message is not None:
            self._plain(tag, raw)
        else:
            self._stray(tag, raw)

    def _plain(self, tag: str, raw: str) -> None:
        assert self._message is not None  # noqa: S101
        self._message.segments.append(raw)
        separators = self._message.interchange.separators
        if _TAG.fullmatch(tag) and raw[3:4] in ("", separators.element, separators.component):
            return
        self._faulty(
            f"{raw[:12]!r} is no segment: a tag is three capitals or digits, then a separator"
            if raw
            else "there is an empty segment: two terminators follow each other",
            "15",
            kind="syntax",
        )

    def _faulty(
        self, text: str, code: str, *, kind: str = "envelope", expected: str = "", actual: str = ""
    ) -> None:
        message = self._message
        assert message is not None  # noqa: S101
        message.findings.append(
            Finding(
                kind,  # type: ignore[arg-type]
                text,
                code,
                message=message.reference,
                segment=len(message.segments),
                expected=expected,
                actual=actual,
            )
        )

    def _stray(self, tag: str, raw: str) -> None:
        if not raw:
            return
        if not _TAG.fullmatch(tag):
            self._wrong(f"{raw[:12]!r} is no segment", "15", kind="syntax")
        else:
            self._wrong(f"{tag} stands outside a message", "33")

    def _look_at_characters(self, pieces: list[str]) -> None:
        interchange = self._interchange
        if interchange is None or interchange.doubt:
            return
        codec = interchange.opening.codec
        for piece in pieces:
            if piece.isascii():
                continue
            if charset.undecodable(piece):
                interchange.doubt = charset.suspicion(piece, codec)
                self._wrong(
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

    # -- service segments -------------------------------------------------------------------
    def _service(self, tag: str, raw: str) -> None:
        assert self._interchange is not None  # noqa: S101
        elements = self._interchange.separators.parse(raw)
        if tag in {"UNH", "UIH"}:
            self._begin_message(raw)
        elif tag in {"UNT", "UIT"}:
            self._unt(raw)
        elif tag == "UNG":
            self._ung(raw)
        elif tag == "UNE":
            self._une(part(elements, 1), part(elements, 2))
        elif tag in {"UNZ", "UIZ"}:
            self._unz(tag, part(elements, 1), part(elements, 2))

    def _begin_message(self, raw: str) -> None:
        self._end_message("the next message begins before UNT")
        interchange = self._interchange
        assert interchange is not None  # noqa: S101
        interchange.messages += 1
        if self._group is not None:
            self._group.messages += 1
        elif interchange.groups:
            self._wrong("a message stands outside the groups of this interchange", "30")
        header = interchange.separators.parse(raw)
        self._message = message = Message(
            interchange, self._group, header, [raw], interchange.messages, self._position
        )
        if raw.startswith("UIH"):
            message.header = [
                header[0],
                header[2] if len(header) > 2 else [""],
                header[1] if len(header) > 1 else [""],
            ]
            return
        for name, value in (("0062", message.reference), ("S009/0065", message.type)):
            if not value:
                self._faulty(f"UNH does not give {name}, which is mandatory", "13")
        group = self._group.reference if self._group else ""
        key = (group, message.reference, message.type)
        if self._unique:
            if message.reference and key in self._seen:
                self._faulty(f"message reference {message.reference} stands twice", "26")
            self._seen.add(key)

    def _unt(self, raw: str) -> None:
        message = self._message
        if message is None:
            self._wrong("UNT stands outside a message", "33")
            return
        message.segments.append(raw)
        elements = message.interchange.separators.parse(raw)
        if raw.startswith("UIT"):
            count, reference = part(elements, 2), message.reference
        else:
            count, reference = part(elements, 1), part(elements, 2)
        real = str(len(message.segments))
        if not _same_number(count, real) and (count or not raw.startswith("UIT")):
            self._faulty(
                f"UNT says {count or 'no number of'} segments, the message has {real}; "
                "a part of it may be lost",
                "29",
                expected=real,
                actual=count,
            )
        if reference != message.reference:
            self._faulty(
                f"UNT refers to message {reference!r}, UNH is {message.reference!r}",
                "28",
                expected=message.reference,
                actual=reference,
            )
        self._ready.append(message)
        self._message = None

    def _end_message(self, why: str) -> None:
        if self._message is not None:
            self._faulty(why, "13")
            self._ready.append(self._message)
            self._message = None

    def _ung(self, raw: str) -> None:
        self._end_message("a group begins before UNT")
        interchange = self._interchange
        assert interchange is not None  # noqa: S101
        if interchange.messages and not interchange.groups:
            self._wrong("groups and messages are mixed", "30")
        if self._group is not None:
            self._wrong(f"group {self._group.reference} ends without UNE", "13")
        self._group = Group(interchange.separators.parse(raw))
        interchange.groups += 1
        key = ("group", self._group.reference)
        if key in self._seen:
            self._wrong(f"group reference {self._group.reference} stands twice", "26")
        self._seen.add(key)

    def _une(self, count: str, reference: str) -> None:
        self._end_message("the group ends before UNT")
        group, self._group = self._group, None
        if group is None:
            self._wrong("UNE stands outside a group", "33")
            return
        if not _same_number(count, str(group.messages)):
            self._wrong(f"UNE says {count} messages, the group has {group.messages}", "29")
        if reference != group.reference:
            self._wrong(f"UNE refers to group {reference!r}, UNG is {group.reference!r}", "28")

    def _unz(self, tag: str, count: str, reference: str) -> None:
        interchange = self._interchange
        assert interchange is not None  # noqa: S101
        self._end_message("the interchange ends before UNT")
        if self._group is not None:
            self._wrong(f"group {self._group.reference} ends without UNE", "13")
            self._group = None
        if tag == "UNZ":
            real = interchange.groups or interchange.messages
            if not _same_number(count, str(real)):
                unit = "groups" if interchange.groups else "messages"
                self._wrong(f"UNZ says {count or 'no number of'} {unit}, there are {real}", "29")
            if reference != interchange.reference:
                self._wrong(
                    f"UNZ refers to interchange {reference!r}, UNB is {interchange.reference!r}",
                    "28",
                )
        self._close()


def _same_number(text: str, real: str) -> bool:
    return text.isascii() and text.isdigit() and (text.lstrip("0") or "0") == real
