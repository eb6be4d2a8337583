"""The envelope of an interchange: UNB to UNZ, groups, messages, their counts and references."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import ClassVar

from crossdock.edi.finding import Finding, Kind
from crossdock.edi.interchange import Group, Interchange, Message
from crossdock.edi.separators import part
from crossdock.edi.splitter import WHITE
from crossdock.edi.tokenizer import Opening, Rest
from crossdock.errors import Unreadable

MOST_FINDINGS = 200
"""Findings kept an interchange and a message; rubbish would fill the memory otherwise."""

LONGEST_MESSAGE = 1_000_000
"""Segments kept of one message; what is longer is counted, and the message is at fault."""

TAG = re.compile(r"[A-Z][A-Z0-9]{2}")
SERVICE = frozenset({"UNB", "UNG", "UNH", "UNT", "UNE", "UNZ", "UIB", "UIH", "UIT", "UIZ", "UNA"})


class Envelope:
    """State of one pass over a source; what is finished lies in ``ready``.

    ``codes`` are those of the faults that are found alike in every standard.
    """

    services: ClassVar[frozenset[str]] = SERVICE
    tag: ClassVar[re.Pattern[str]] = TAG
    torn: ClassVar[str] = "the interchange ends without UNZ"
    codes: ClassVar[Mapping[str, str]] = {
        "tag": "15", "stray": "33", "trailer": "13", "length": "35",
    }  # fmt: skip

    def __init__(self, *, unique: bool) -> None:
        self.ready: deque[Message | Interchange] = deque()
        self.interchange: Interchange | None = None
        self.message: Message | None = None
        self.position = 0
        self._unique = unique
        self._group: Group | None = None
        self._ended: Interchange | None = None
        self._count = 0
        self._seen: set[tuple[str, ...]] = set()

    @classmethod
    def after(cls, other: Envelope) -> Envelope:
        """Go on behind ``other`` with an interchange of another standard."""
        other.close(other.torn)
        other.hand_on()
        made = cls(unique=other._unique)
        made.ready, made._count = other.ready, other._count
        return made

    def tag_of(self, raw: str) -> str:
        """The tag with which the text of a segment begins."""
        return raw[:3]

    def is_plain(self, raw: str) -> bool:
        """Whether ``raw`` begins with a tag and a separator, or is a tag alone."""
        assert self.interchange is not None  # noqa: S101
        marks, tag = self.interchange.separators, self.tag_of(raw)
        mark = raw[len(tag) : len(tag) + 1]
        return bool(self.tag.fullmatch(tag)) and mark in ("", marks.element, marks.component)

    # -- interchange ------------------------------------------------------------------------
    def open(self, opening: Opening) -> None:
        """Begin an interchange; one that is still open ended without UNZ."""
        self.close(self.torn)
        self.hand_on()
        self._count += 1
        self.interchange = Interchange(opening, self._count)
        self._group = self.message = None
        self.position = 1
        self._seen = set()
        known = self.interchange
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
                self.wrong(f"UNB does not give {name}, which is mandatory", "13", element=name)

    def _look_before(self, opening: Opening) -> None:
        """A service string that does not fit, or segments that belong to no interchange."""
        if b"UNA" in opening.before:
            self.wrong(
                "UNA does not fit the separators that UNB uses; it was passed over",
                "15",
                kind="syntax",
            )
        elif self._count > 1 and opening.before.strip(WHITE.encode()):
            self.wrong(
                f"{len(opening.before)} bytes stand between two interchanges", "33", kind="syntax"
            )

    def close(self, why: str = "") -> None:
        """End the interchange; ``why`` says that it is torn."""
        interchange = self.interchange
        if interchange is None:
            return
        self._end_message("the message ends without UNT")
        if self._group is not None:
            self.wrong(f"group {self._group.reference} ends without UNE", "13")
        if why:
            self.wrong(
                f"{why}: it is torn, so no message of it may be processed; ask for it again", "13"
            )
        interchange.closed = not why
        if not interchange.messages and not interchange.groups:
            self.wrong("the interchange holds no message", "32")
        self._ended = interchange
        self.interchange = None

    def hand_on(self) -> None:
        """Hand on the ended interchange; what follows it has been looked at."""
        if self._ended is not None:
            self.ready.append(self._ended)
            self._ended = None

    def end(self, rest: Rest, where: str) -> None:
        """The source ends; raises Unreadable when there was no interchange in it."""
        if self.interchange is None:
            if not self._count:
                raise Unreadable(
                    "there is no interchange: neither UNB, UNA with UNB nor ISA was found",
                    where=where or "byte 0",
                    fix="look whether this is EDIFACT or X12, and whether its beginning was lost",
                )
            self._torn_tail(rest)
            return
        if rest.data.strip(WHITE.encode()):
            self.wrong(
                f"the last segment, at byte {rest.offset}, has no terminator", "13", kind="syntax"
            )
        self.close(self.torn)

    def _torn_tail(self, rest: Rest) -> None:
        if rest.data.strip(WHITE.encode()) and self._ended is not None:
            self._ended.findings.append(
                Finding(
                    "syntax", f"{len(rest.data)} bytes stand after UNZ, at byte {rest.offset}", "33"
                )
            )

    def wrong(self, text: str, code: str, *, kind: Kind = "envelope", element: str = "") -> None:
        """Note a fault of the interchange at the present position."""
        assert self.interchange is not None  # noqa: S101 - only called while one is open
        if len(self.interchange.findings) >= MOST_FINDINGS:
            return
        self.interchange.findings.append(
            Finding(kind, text, code, segment=self.position, element=element)
        )

    # -- segments ---------------------------------------------------------------------------
    def keep(self, message: Message, run: list[str]) -> None:
        """Add segments to a message, as long as it is not too long."""
        if len(message.segments) + len(run) <= LONGEST_MESSAGE:
            message.segments += run
            return
        if not message.lost:
            self.faulty(
                f"the message has more than {LONGEST_MESSAGE} segments; the rest was not kept",
                self.codes["length"],
            )
        message.lost += len(run)

    def plain(self, raw: str) -> None:
        """Take one segment of the open message and look at its tag."""
        assert self.message is not None  # noqa: S101
        self.keep(self.message, [raw])
        if self.is_plain(raw):
            return
        self.faulty(
            f"{raw[:12]!r} is no segment: a tag is three capitals or digits, then a separator"
            if raw
            else "there is an empty segment: two terminators follow each other",
            self.codes["tag"],
            kind="syntax",
        )

    def faulty(
        self, text: str, code: str, *, kind: Kind = "envelope", expected: str = "", actual: str = ""
    ) -> None:
        """Note a fault of the open message at its last segment."""
        message = self.message
        assert message is not None  # noqa: S101
        if len(message.findings) >= MOST_FINDINGS:
            return
        message.findings.append(
            Finding(
                kind,
                text,
                code,
                message=message.reference,
                segment=len(message.segments),
                expected=expected,
                actual=actual,
            )
        )

    def stray(self, tag: str, raw: str) -> None:
        """A segment outside a message."""
        if not raw:
            return
        if not self.tag.fullmatch(tag):
            self.wrong(f"{raw[:12]!r} is no segment", self.codes["tag"], kind="syntax")
        else:
            self.wrong(f"{tag} stands outside a message", self.codes["stray"])

    # -- service segments -------------------------------------------------------------------
    def service(self, tag: str, raw: str) -> None:
        """Take a service segment."""
        assert self.interchange is not None  # noqa: S101
        elements = self.interchange.separators.parse(raw)
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
        interchange = self.interchange
        assert interchange is not None  # noqa: S101
        interchange.messages += 1
        if self._group is not None:
            self._group.messages += 1
        elif interchange.groups:
            self.wrong("a message stands outside the groups of this interchange", "30")
        header = interchange.separators.parse(raw)
        self.message = message = Message(
            interchange, self._group, header, [raw], interchange.messages, self.position
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
                self.faulty(f"UNH does not give {name}, which is mandatory", "13")
        group = self._group.reference if self._group else ""
        key = (group, message.reference, message.type)
        if self._unique:
            if message.reference and key in self._seen:
                self.faulty(f"message reference {message.reference} stands twice", "26")
            self._seen.add(key)

    def _unt(self, raw: str) -> None:
        message = self.message
        if message is None:
            self.wrong("UNT stands outside a message", "33")
            return
        message.segments.append(raw)
        elements = message.interchange.separators.parse(raw)
        if raw.startswith("UIT"):
            count, reference = part(elements, 2), message.reference
        else:
            count, reference = part(elements, 1), part(elements, 2)
        real = str(len(message.segments) + message.lost)
        if not same_number(count, real) and (count or not raw.startswith("UIT")):
            self.faulty(
                f"UNT says {count or 'no number of'} segments, the message has {real}; "
                "a part of it may be lost",
                "29",
                expected=real,
                actual=count,
            )
        if reference != message.reference:
            self.faulty(
                f"UNT refers to message {reference!r}, UNH is {message.reference!r}",
                "28",
                expected=message.reference,
                actual=reference,
            )
        self.ready.append(message)
        self.message = None

    def _end_message(self, why: str) -> None:
        if self.message is not None:
            self.faulty(why, self.codes["trailer"])
            self.ready.append(self.message)
            self.message = None

    def _ung(self, raw: str) -> None:
        self._end_message("a group begins before UNT")
        interchange = self.interchange
        assert interchange is not None  # noqa: S101
        if interchange.messages and not interchange.groups:
            self.wrong("groups and messages are mixed", "30")
        if self._group is not None:
            self.wrong(f"group {self._group.reference} ends without UNE", "13")
        self._group = Group(interchange.separators.parse(raw))
        interchange.groups += 1
        key = ("group", self._group.reference)
        if key in self._seen:
            self.wrong(f"group reference {self._group.reference} stands twice", "26")
        self._seen.add(key)

    def _une(self, count: str, reference: str) -> None:
        self._end_message("the group ends before UNT")
        group, self._group = self._group, None
        if group is None:
            self.wrong("UNE stands outside a group", "33")
            return
        if not same_number(count, str(group.messages)):
            self.wrong(f"UNE says {count} messages, the group has {group.messages}", "29")
        if reference != group.reference:
            self.wrong(f"UNE refers to group {reference!r}, UNG is {group.reference!r}", "28")

    def _unz(self, tag: str, count: str, reference: str) -> None:
        interchange = self.interchange
        assert interchange is not None  # noqa: S101
        self._end_message("the interchange ends before UNT")
        if self._group is not None:
            self.wrong(f"group {self._group.reference} ends without UNE", "13")
            self._group = None
        if tag == "UNZ":
            real = interchange.groups or interchange.messages
            if not same_number(count, str(real)):
                unit = "groups" if interchange.groups else "messages"
                self.wrong(f"UNZ says {count or 'no number of'} {unit}, there are {real}", "29")
            if reference != interchange.reference:
                self.wrong(
                    f"UNZ refers to interchange {reference!r}, UNB is {interchange.reference!r}",
                    "28",
                )
        self.close()


def same_number(text: str, real: str) -> bool:
    """Say whether a count as it stands is the ``real`` one; leading zeros do not matter."""
    return text.isascii() and text.isdigit() and (text.lstrip("0") or "0") == real
