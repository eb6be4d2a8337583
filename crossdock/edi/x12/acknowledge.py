"""Answer X12: a 997 for every group that was read, and a TA1 where the envelope asks for one.

A group of 997 is never answered. Source: ASC X12.20, the 997 of 004010.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from crossdock.edi.check import Checked, check_source
from crossdock.edi.finding import Finding
from crossdock.edi.guide import Guides
from crossdock.edi.separators import Element, Separators, part
from crossdock.edi.tokenizer import CharsetChoice
from crossdock.edi.writer import Address, Plain
from crossdock.edi.x12 import writer
from crossdock.edi.x12.codes import IN_ERROR, SEGMENTS_IN_ERROR
from crossdock.edi.x12.interchange import X12Group, X12Interchange

ACCEPTED, REJECTED, PARTLY = "A", "R", "P"
_VERSION = "004010"
_MOST_SEGMENTS, _MOST_ELEMENTS, _MOST_CODES, _LONGEST = 999, 99, 5, 99


@dataclass
class SetAnswer:
    """What is said of one transaction set: ``notes`` are AK3 and AK4 segments, ready to write."""

    type: str
    reference: str
    codes: list[str]
    notes: list[Plain]

    @property
    def accepted(self) -> bool:
        """Whether nothing was found wrong with it."""
        return not self.codes


@dataclass
class GroupAnswer:
    """What is said of one functional group."""

    group: X12Group
    sets: list[SetAnswer] = field(default_factory=list)


@dataclass
class X12Answer:
    """What one interchange is answered with."""

    interchange: X12Interchange
    groups: list[GroupAnswer] = field(default_factory=list)

    @property
    def fault(self) -> Finding | None:
        """The first fault of the interchange itself, which no group has a code for."""
        own = {id(found) for one in self.groups for found in one.group.findings}
        return next((one for one in self.interchange.findings if id(one) not in own), None)

    @property
    def answered(self) -> list[GroupAnswer]:
        """Groups that get a 997: none of an interchange that is rejected whole."""
        if self.fault:
            return []
        return [one for one in self.groups if one.group.identifier != "FA"]

    @property
    def wanted(self) -> bool:
        """False for what holds only acknowledgments and asks for nothing."""
        only = bool(self.interchange.ta1) and not self.groups
        return bool(self.answered) or (self.says_ta1 and not only)

    @property
    def says_ta1(self) -> bool:
        """Whether a TA1 goes out: it is asked for, or the envelope is at fault."""
        return self.interchange.asks_answer or self.fault is not None


def answers(
    source: bytes | Path | BinaryIO, guides: Guides, *, choose: CharsetChoice | None = None
) -> Iterator[X12Answer]:
    """Check ``source`` and say for each X12 interchange in it what is to be answered."""
    groups: list[GroupAnswer] = []
    for item in check_source(source, guides, choose=choose):
        if isinstance(item, Checked):
            group = item.message.group
            if isinstance(group, X12Group):
                if not groups or groups[-1].group is not group:
                    groups.append(GroupAnswer(group))
                groups[-1].sets.append(_set(item))
        elif isinstance(item, X12Interchange):
            yield X12Answer(item, groups)
            groups = []
        else:
            groups = []


def write(answer: X12Answer, number: int, prepared: datetime) -> bytes:
    """Write the interchange that answers, with the sender's own separators and version."""
    asked = answer.interchange
    marks = asked.separators
    envelope = writer.Envelope(
        sender=_address(marks, asked.header(8), asked.header(7)),
        receiver=_address(marks, asked.header(6), asked.header(5)),
        number=number,
        prepared=prepared,
        version=asked.header(12) if asked.header(12).isdigit() else "00401",
        usage="T" if asked.test else "P",
        separators=marks,
        line="\n",
        codec=asked.opening.codec,
        lossy=True,
    )
    before = [writer.segment(marks, _fit(marks, _ta1(answer)), "TA1")] if answer.says_ta1 else []
    groups: list[list[str]] = []
    by_address = groupby(answer.answered, key=lambda one: _addresses(one.group))
    for addresses, found in by_address:
        sender, receiver, version = (str(one) for one in _fit(marks, addresses))
        made = [
            writer.transaction(
                marks, "997", f"{place:04d}", (_fit(marks, parts) for parts in _body(one))
            )
            for place, one in enumerate(found, 1)
        ]
        head = writer.Group("FA", receiver, sender, number + len(groups), version)
        groups.append(writer.group(marks, head, prepared, made))
    return writer.interchange(envelope, groups, before)


def _fit(marks: Separators, parts: Plain) -> Plain:
    """Take separators out of what is quoted from a faulty interchange; X12 cannot release them."""
    unfit = str.maketrans("", "", marks.element + marks.component + marks.repetition)
    return [
        part.translate(unfit) if isinstance(part, str) else [one.translate(unfit) for one in part]
        for part in parts
    ]


def _address(marks: Separators, identification: str, qualifier: str) -> Address:
    fitting = [str(part) for part in _fit(marks, [identification.rstrip(), qualifier])]
    return Address(fitting[0][:15], fitting[1][:2])


def _addresses(group: X12Group) -> tuple[str, str, str]:
    return part(group.elements, 2), part(group.elements, 3), group.version[:6] or _VERSION


def _ta1(answer: X12Answer) -> Plain:
    asked, fault = answer.interchange, answer.fault
    verdict = REJECTED if fault else ACCEPTED
    code = fault.code if fault else "000"
    known = [asked.header(element) for element in (13, 9, 10)]
    return ["TA1", *known, verdict, code]


def _body(answer: GroupAnswer) -> Iterator[Plain]:
    group = answer.group
    yield ["AK1", group.identifier, group.reference]
    for one in answer.sets:
        yield ["AK2", one.type, one.reference]
        yield from one.notes
        yield ["AK5", ACCEPTED if one.accepted else REJECTED, *one.codes[:_MOST_CODES]]
    accepted = sum(one.accepted for one in answer.sets)
    codes = list(dict.fromkeys(found.code for found in group.findings))[:_MOST_CODES]
    if codes or (answer.sets and not accepted):
        verdict = REJECTED
        accepted = 0
    else:
        verdict = ACCEPTED if accepted == len(answer.sets) else PARTLY
    received = str(len(answer.sets))
    yield ["AK9", verdict, group.said or received, received, str(accepted), *codes]


# -- one transaction set ------------------------------------------------------------------------
def _set(checked: Checked) -> SetAnswer:
    message = checked.message
    codes = [one.code for one in checked.findings if one.kind == "envelope"]
    inside = sorted(
        (one for one in checked.findings if one.kind != "envelope"), key=lambda one: one.segment
    )
    notes: list[Plain] = []
    if inside:
        codes.append(SEGMENTS_IN_ERROR)
        tags, parsed = message.tags, message.parsed
        places = groupby(inside, key=lambda one: one.segment)
        for _, (position, found) in zip(range(_MOST_SEGMENTS), places, strict=False):
            there = 0 < position <= len(tags)
            tag, elements = (tags[position - 1], parsed[position - 1]) if there else ("", [])
            notes += _notes(tag, elements, position, list(found))
    return SetAnswer(message.type, message.reference, list(dict.fromkeys(codes)), notes)


def _notes(
    tag: str, elements: list[Element], position: int, findings: Sequence[Finding]
) -> Iterator[Plain]:
    whole = [one for one in findings if not one.at]
    for one in whole:
        missing = one.code == "3" and one.expected
        yield ["AK3", (one.expected if missing else tag)[:3], str(position), _loop(one), one.code]
    parts = [one for one in findings if one.at][:_MOST_ELEMENTS]
    if parts:
        yield ["AK3", tag[:3], str(position), _loop(parts[0]), IN_ERROR]
    for one in parts:
        element, _, component = one.at.partition(":")
        reference = one.element.rpartition("/")[2]
        bad = part(elements, int(element), int(component or 1) - 1)[:_LONGEST]
        where = [element, component] if component else [element]
        yield ["AK4", where, reference if reference.isdigit() else "", one.code, bad]


def _loop(finding: Finding) -> str:
    names = finding.path.split("/")
    return names[-2] if len(names) > 1 else ""
