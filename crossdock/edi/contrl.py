"""Answer an interchange with CONTRL: what was read, and what is rejected with which code.

Source: ISO 9735-4. An interchange that holds nothing but CONTRL is never answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from crossdock.edi import writer
from crossdock.edi.check import Checked, check_source
from crossdock.edi.finding import Finding
from crossdock.edi.guide import Guides
from crossdock.edi.interchange import Interchange
from crossdock.edi.separators import Element, part
from crossdock.edi.tokenizer import CharsetChoice
from crossdock.edi.writer import Address, Envelope, Layout, Plain

REJECTED, ACKNOWLEDGED = "4", "7"
"""Values of 0083: this level and all below are rejected; this level is acknowledged."""

MOST_SEGMENTS, MOST_ELEMENTS = 999, 99
_WITHDRAWN = {
    "19": "18",
    "27": "18",
    "31": "18",
    "34": "18",
    "38": "12",
    "41": "18",
    "42": "18",
    "43": "18",
}
"""Codes of 0085 that syntax 4 no longer has, with what says the same there."""


@dataclass
class Answer:
    """What an interchange is answered: the interchange, and its messages with findings."""

    interchange: Interchange
    faulty: list[Checked] = field(default_factory=list)
    only_contrl: bool = True

    @property
    def wanted(self) -> bool:
        """False for an interchange of CONTRL messages and for one that names no sender."""
        return not self.only_contrl and bool(self.interchange.sender)


def answers(
    source: bytes | Path | BinaryIO, guides: Guides, *, choose: CharsetChoice | None = None
) -> Iterator[Answer]:
    """Check ``source`` and say for each of its interchanges what is to be answered."""
    faulty: list[Checked] = []
    only = True
    for item in check_source(source, guides, choose=choose):
        if isinstance(item, Checked):
            only = only and item.message.type == "CONTRL"
            if item.findings:
                item.message.segments = []  # the findings say what is needed
                faulty.append(item)
            continue
        yield Answer(item, faulty, only and bool(item.messages))
        faulty, only = [], True


def write(
    answer: Answer, reference: str, prepared: datetime, layout: Layout | None = None
) -> bytes:
    """Write the CONTRL interchange for one answer, addressed back to its sender."""
    asked = answer.interchange
    four = asked.opening.version.startswith("4")
    layout = layout or Layout(version="4" if four else "3", line="\n")
    identifier = ["CONTRL", "4" if four else "D", "1" if four else "3", "UN"]
    envelope = Envelope(
        sender=_address(asked.opening.elements, 3),
        receiver=_address(asked.opening.elements, 2),
        reference=reference,
        prepared=prepared,
        application="CONTRL",
        test=asked.test,
    )
    body = writer.message(layout, "1", identifier, _body(answer, four=four))
    return writer.interchange(layout, envelope, [body])


def _address(elements: list[Element], at: int) -> Address:
    return Address(part(elements, at), part(elements, at, 1), part(elements, at, 2))


def _body(answer: Answer, *, four: bool) -> Iterator[Plain]:
    asked = answer.interchange
    grave = asked.findings[0] if asked.findings else None
    sender, receiver = (
        asked.opening.elements[2:4] if len(asked.opening.elements) > 3 else ([""], [""])
    )
    head: list[str | Sequence[str]] = [
        "UCI",
        asked.reference,
        [text for text in sender if isinstance(text, str)],
        [text for text in receiver if isinstance(text, str)],
        REJECTED if grave else ACKNOWLEDGED,
    ]
    if grave:
        head.append(_code(grave, four=four))
        segment = grave.text[:3]
        head.append(segment if segment in {"UNB", "UNZ", "UNG", "UNE", "UNA"} else "")
    yield head
    if grave:
        return
    groups = groupby(answer.faulty, key=lambda one: one.message.group)
    for group, messages in groups:
        if group is not None:
            elements = group.elements
            sender, receiver = _texts(elements, 2), _texts(elements, 3)
            yield ["UCF", group.reference, sender, receiver, ACKNOWLEDGED]
        for message in messages:
            yield from _message(message, four=four)


def _texts(elements: list[Element], at: int) -> list[str]:
    return [text for text in (elements[at] if at < len(elements) else []) if isinstance(text, str)]


def _message(checked: Checked, *, four: bool) -> Iterator[Plain]:
    message = checked.message
    identifier = _texts(message.header, 2)
    head: list[str | Sequence[str]] = ["UCM", message.reference, identifier, REJECTED]
    envelope = next((one for one in checked.findings if one.kind == "envelope"), None)
    if envelope is not None:
        head.append(_code(envelope, four=four))
        tag = envelope.text[:3]
        head.append(tag if tag in {"UNH", "UNT"} else "")
    yield head
    inside = sorted(
        (one for one in checked.findings if one.kind != "envelope"), key=lambda one: one.segment
    )
    by_segment = groupby(inside, key=lambda one: one.segment)
    segments = [(position, list(findings)) for position, findings in by_segment]
    for position, findings in segments[:MOST_SEGMENTS]:
        whole = next((one for one in findings if not one.at), None)
        code = [_code(whole, four=four)] if whole else []
        yield ["UCS", str(position), *code]
        for finding in [one for one in findings if one.at][:MOST_ELEMENTS]:
            yield ["UCD", _code(finding, four=four), _position(finding.at)]


def _position(at: str) -> list[str]:
    """Write S011: the tag counts as element 1, so every element is one further than in ``at``."""
    element, _, component = at.partition(":")
    return [str(int(element) + 1), *([component] if component else [])]


def _code(finding: Finding, *, four: bool) -> str:
    code = finding.code or "18"
    return _WITHDRAWN.get(code, code) if four else code
