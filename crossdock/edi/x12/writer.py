"""Write X12: transaction sets, groups and interchanges, with the partner's separators."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from crossdock.edi.separators import Separators
from crossdock.edi.writer import Address, Plain, trimmed
from crossdock.edi.x12.opening import WIDTHS
from crossdock.errors import Refused

USUAL = Separators(component=">", element="*", release="", repetition="", terminator="~")

GROUPS = {
    "810": "IN", "832": "SC", "846": "IB", "850": "PO", "855": "PR", "856": "SH", "860": "PC",
    "997": "FA",
}  # fmt: skip
"""Functional identifier (GS01) of each transaction set. Source: ASC X12 data element 479."""


@dataclass(frozen=True)
class Envelope:
    """What ISA says. ``number`` is ISA13; ``line`` follows each terminator.

    ``lossy`` puts a question mark for what the character set does not have, as an answer must.
    """

    sender: Address
    receiver: Address
    number: int
    prepared: datetime
    version: str = "00401"
    acknowledge: bool = False
    usage: str = "P"
    separators: Separators = USUAL
    line: str = ""
    codec: str = "ascii"
    lossy: bool = False


@dataclass(frozen=True)
class Group:
    """What GS says: application codes of both sides, GS06 and the version."""

    identifier: str
    sender: str
    receiver: str
    number: int
    version: str = "004010"


def segment(marks: Separators, parts: Plain, where: str) -> str:
    """Write one segment without terminator; empty elements at the end are left out.

    Raises Refused with the place for a separator in the data: X12 cannot release one.
    """
    written: list[str] = []
    for number, part in enumerate(parts):
        components = [part] if isinstance(part, str) else trimmed(part)
        try:
            written.append(marks.component.join(marks.escape(one) for one in components))
        except ValueError:
            raise Refused(
                "a separator stands in the data, and X12 cannot release it",
                where=f"{where}, element {number}",
                fix="choose other separators in the partner's file, or change the text",
            ) from None
    return marks.element.join(trimmed(written))


def transaction(marks: Separators, kind: str, number: str, body: Iterable[Plain]) -> list[str]:
    """Write one transaction set from ST to SE; ``number`` is ST02, 4 to 9 characters."""
    out = [segment(marks, ["ST", kind, number], f"ST {number}")]
    for position, parts in enumerate(body, 2):
        out.append(segment(marks, parts, f"ST {number}, segment {position} {parts[0]}"))
    out.append(segment(marks, ["SE", str(len(out) + 1), number], f"ST {number}"))
    return out


def group(
    marks: Separators, head: Group, prepared: datetime, sets: Sequence[Sequence[str]]
) -> list[str]:
    """Write one functional group from GS to GE around ready transaction sets."""
    number = str(head.number)
    gs: Plain = [
        "GS", head.identifier, head.sender, head.receiver, prepared.strftime("%Y%m%d"),
        prepared.strftime("%H%M"), number, "X", head.version,
    ]  # fmt: skip
    inside = [one for lines in sets for one in lines]
    return [segment(marks, gs, "GS"), *inside, segment(marks, ["GE", str(len(sets)), number], "GE")]


def interchange(
    envelope: Envelope, groups: Sequence[Sequence[str]], before: Sequence[str] = ()
) -> bytes:
    """Write ISA, what stands ``before`` the groups (TA1), the ready groups, and IEA.

    Raises Refused for an identification that ISA has no room for, and for text that the
    character set does not have.
    """
    marks = envelope.separators
    number = f"{envelope.number:09d}"
    lines = [_isa(envelope, number), *before]
    for one in groups:
        lines.extend(one)
    lines.append(segment(marks, ["IEA", str(len(groups)), number], "IEA"))
    end = marks.terminator + envelope.line
    text = end.join(lines) + end
    try:
        return text.encode(envelope.codec, "replace" if envelope.lossy else "strict")
    except UnicodeEncodeError as error:
        raise Refused(
            f"{envelope.codec} has no {error.object[error.start]!r}",
            where="interchange",
            fix="agree on a character set and write it as charset in the partner's file",
        ) from None


def _isa(envelope: Envelope, number: str) -> str:
    marks, sender, receiver = envelope.separators, envelope.sender, envelope.receiver
    prepared = envelope.prepared
    fields = [
        "00", "", "00", "", sender.qualifier or "ZZ", sender.id, receiver.qualifier or "ZZ",
        receiver.id, prepared.strftime("%y%m%d"), prepared.strftime("%H%M"),
        marks.repetition or "U", envelope.version, number, "1" if envelope.acknowledge else "0",
        envelope.usage, marks.component,
    ]  # fmt: skip
    for place, (field, width) in enumerate(zip(fields, WIDTHS, strict=True), 1):
        if len(field) > width:
            raise Refused(f"{field!r} is longer than {width} characters", where=f"ISA{place:02d}")
    filled = [field.ljust(width) for field, width in zip(fields, WIDTHS, strict=True)]
    return marks.element.join(["ISA", *filled])
