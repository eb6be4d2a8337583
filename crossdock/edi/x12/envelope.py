"""The envelope of X12: ISA to IEA, groups GS to GE, transaction sets ST to SE.

Findings of the interchange bear the code of TA105, those of a group AK905, those of a message
AK502. Source: ASC X12.5, X12.6 and the 997 of 004010.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from crossdock.edi.envelope import MOST_FINDINGS, Envelope, same_number
from crossdock.edi.finding import Finding
from crossdock.edi.separators import part
from crossdock.edi.splitter import WHITE
from crossdock.edi.tokenizer import Opening, Rest
from crossdock.edi.x12.interchange import X12Group, X12Interchange, X12Message
from crossdock.edi.x12.opening import WIDTHS

_DIGITS = re.compile("[0-9]+", re.ASCII)


class X12Envelope(Envelope):
    """State of one pass over X12 interchanges."""

    services: ClassVar[frozenset[str]] = frozenset({"ISA", "TA1", "GS", "ST", "SE", "GE", "IEA"})
    tag: ClassVar[re.Pattern[str]] = re.compile(r"[A-Z][A-Z0-9]{1,2}")
    torn: ClassVar[str] = "the interchange ends without IEA"
    codes: ClassVar[Mapping[str, str]] = {"tag": "1", "stray": "024", "trailer": "2", "length": "5"}

    def tag_of(self, raw: str) -> str:
        """Everything before the first element separator."""
        assert self.interchange is not None  # noqa: S101 - only called while one is open
        return raw.partition(self.interchange.separators.element)[0][:4]

    # -- interchange ------------------------------------------------------------------------
    def open(self, opening: Opening) -> None:
        """Begin an interchange; one that is still open ended without IEA."""
        self.close(self.torn)
        self.hand_on()
        self._count += 1
        self.interchange = X12Interchange(opening, self._count)
        self._group = self.message = None
        self.position = 1
        self._seen = set()
        if self._count > 1 and opening.before.strip(WHITE.encode()):
            self.wrong(
                f"{len(opening.before)} bytes stand between two interchanges", "024", kind="syntax"
            )
        self._look_at_isa(opening)

    def _look_at_isa(self, opening: Opening) -> None:
        fields = [part(opening.elements, number) for number in range(1, 17)]
        for number, (field, width) in enumerate(zip(fields, WIDTHS, strict=True), 1):
            if len(field) != width:
                self.wrong(
                    f"ISA{number:02d} has {len(field)} characters, ISA gives it {width}",
                    _WIDTH_CODES.get(number, "022"),
                    element=f"ISA{number:02d}",
                )
        if fields[12] and not _DIGITS.fullmatch(fields[12]):
            self.wrong("ISA13 is no number", "018", element="ISA13")
        if fields[14] not in {"P", "T", "I"}:
            self.wrong(f"ISA15 is {fields[14]!r}, not P, T or I", "020", element="ISA15")
        if fields[13] not in {"0", "1"}:
            self.wrong(f"ISA14 is {fields[13]!r}, not 0 or 1", "019", element="ISA14")
        for number, name in ((6, "sender"), (8, "receiver")):
            if not fields[number - 1].strip():
                code = "006" if number == 6 else "008"
                self.wrong(f"ISA{number:02d} names no {name}", code, element=f"ISA{number:02d}")

    def close(self, why: str = "") -> None:
        """End the interchange; ``why`` says that it is torn."""
        interchange = self.interchange
        if not isinstance(interchange, X12Interchange):
            return
        self._end_message("the transaction set ends without SE")
        self._end_group()
        if why:
            self.wrong(
                f"{why}: it is torn, so no message of it may be processed; ask for it again", "023"
            )
        interchange.closed = not why
        if not interchange.groups and not interchange.ta1:
            self.wrong("the interchange holds no group", "024")
        self._ended = interchange
        self.interchange = None

    def end(self, rest: Rest, where: str) -> None:
        """The source ends."""
        if self.interchange is None:
            self._torn_tail(rest)
            return
        if rest.data.strip(WHITE.encode()):
            self.wrong(
                f"the last segment, at byte {rest.offset}, has no terminator", "023", kind="syntax"
            )
        self.close(self.torn)

    def _torn_tail(self, rest: Rest) -> None:
        if rest.data.strip(WHITE.encode()) and self._ended is not None:
            text = f"{len(rest.data)} bytes stand after IEA, at byte {rest.offset}"
            self._ended.findings.append(Finding("syntax", text, "024"))

    # -- service segments -------------------------------------------------------------------
    def service(self, tag: str, raw: str) -> None:
        """Take a segment of the envelope."""
        assert isinstance(self.interchange, X12Interchange)  # noqa: S101
        elements = self.interchange.separators.parse(raw)
        first, second = part(elements, 1), part(elements, 2)
        if tag == "ST":
            self._begin_set(raw)
        elif tag == "SE":
            self._se(raw, first, second)
        elif tag == "GS":
            self._gs(raw)
        elif tag == "GE":
            self._ge(first, second)
        elif tag == "IEA":
            self._iea(first, second)
        elif tag == "TA1":
            self._ta1([part(elements, number) for number in range(1, 6)])

    def _ta1(self, fields: list[str]) -> None:
        """An acknowledgment of an interchange; it may stand alone, or before and among groups."""
        assert isinstance(self.interchange, X12Interchange)  # noqa: S101
        self._end_message("TA1 stands before SE")
        self.interchange.ta1.append(fields)

    def _gs(self, raw: str) -> None:
        self._end_message("a group begins before SE")
        self._end_group()
        interchange = self.interchange
        assert interchange is not None  # noqa: S101
        group = X12Group(interchange.separators.parse(raw))
        self._group = group
        interchange.groups += 1
        if not _DIGITS.fullmatch(group.reference):
            self._group_wrong(f"GS06 is {group.reference!r}, not a number", "6", "GS06")
        if not group.version:
            self._group_wrong("GS08 names no version", "2", "GS08")
        key = ("group", group.reference)
        if key in self._seen:
            self._group_wrong(f"group control number {group.reference} stands twice", "6", "GS06")
        self._seen.add(key)

    def _group_wrong(self, text: str, code: str, element: str) -> None:
        """Note a fault of the open group; it forbids the group, and its interchange with it."""
        self.wrong(text, code, element=element)
        if isinstance(self._group, X12Group) and self.interchange is not None:
            found = self.interchange.findings[-1]
            if len(self._group.findings) < MOST_FINDINGS:
                self._group.findings.append(found)

    def _end_group(self) -> None:
        if self._group is not None:
            self._group_wrong(f"group {self._group.reference} ends without GE", "3", "GE")
            self._group = None

    def _ge(self, count: str, reference: str) -> None:
        self._end_message("the group ends before SE")
        group = self._group
        if not isinstance(group, X12Group):
            self.wrong("GE stands outside a group", "024")
            return
        group.said = count
        if not same_number(count, str(group.messages)):
            text = f"GE01 says {count or 'no number of'} sets, the group has {group.messages}"
            self._group_wrong(text, "5", "GE01")
        if not _agree(reference, group.reference):
            text = f"GE02 refers to group {reference!r}, GS06 is {group.reference!r}"
            self._group_wrong(text, "4", "GE02")
        self._group = None

    def _iea(self, count: str, reference: str) -> None:
        interchange = self.interchange
        assert interchange is not None  # noqa: S101
        self._end_message("the interchange ends before SE")
        self._end_group()
        if not same_number(count, str(interchange.groups)):
            text = f"IEA01 says {count or 'no number of'} groups, there are {interchange.groups}"
            self.wrong(text, "021", element="IEA01")
        if reference != interchange.reference:
            text = f"IEA02 refers to interchange {reference!r}, ISA13 is {interchange.reference!r}"
            self.wrong(text, "001", element="IEA02")
        self.close()

    # -- messages ---------------------------------------------------------------------------
    def _begin_set(self, raw: str) -> None:
        self._end_message("the next transaction set begins before SE")
        interchange = self.interchange
        assert interchange is not None  # noqa: S101
        interchange.messages += 1
        if self._group is None:
            self.wrong("a transaction set stands outside a group", "024")
        else:
            self._group.messages += 1
        header = interchange.separators.parse(raw)
        self.message = message = X12Message(
            interchange, self._group, header, [raw], interchange.messages, self.position
        )
        if not re.fullmatch("[0-9]{3}", message.type):
            self.faulty(f"ST01 {message.type!r} is no transaction set identifier", "6")
        if not 4 <= len(message.reference) <= 9:
            self.faulty(f"ST02 {message.reference!r} is not 4 to 9 characters", "7")
        key = ("set", str(interchange.groups), message.reference)
        if key in self._seen:
            self.faulty(
                f"transaction set control number {message.reference} stands twice in its group",
                "23",
            )
        self._seen.add(key)

    def _se(self, raw: str, count: str, reference: str) -> None:
        message = self.message
        if message is None:
            self.wrong("SE stands outside a transaction set", "024")
            return
        message.segments.append(raw)
        real = str(len(message.segments) + message.lost)
        if not same_number(count, real):
            self.faulty(
                f"SE01 says {count or 'no number of'} segments, the set has {real}; "
                "a part of it may be lost",
                "4",
                expected=real,
                actual=count,
            )
        if reference != message.reference:
            self.faulty(
                f"SE02 is {reference!r}, ST02 is {message.reference!r}",
                "3",
                expected=message.reference,
                actual=reference,
            )
        self.ready.append(message)
        self.message = None


_WIDTH_CODES = {
    1: "010", 2: "011", 3: "012", 4: "013", 5: "005", 6: "006", 7: "007", 8: "008",
    9: "014", 10: "015", 11: "016", 12: "017", 13: "018", 14: "019", 15: "020", 16: "027",
}  # fmt: skip
"""TA105 for an element of ISA that is wrong."""


def _agree(one: str, other: str) -> bool:
    """Numbers agree without their leading zeros."""
    return one.lstrip("0") == other.lstrip("0")
