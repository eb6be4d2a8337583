"""Answer an interchange with CONTRL: what was read, and what is rejected with which code.

Source: ISO 9735-4. An interchange that holds nothing but CONTRL is never answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from crossdock.edi import charset, writer
from crossdock.edi.check import Checked, check_source
from crossdock.edi.contrl_codes import ACKNOWLEDGED, REJECTED, code_for
from crossdock.edi.finding import Finding
from crossdock.edi.guide import Guides
from crossdock.edi.interchange import Interchange
from crossdock.edi.separators import Element, part
from crossdock.edi.tokenizer import CharsetChoice
from crossdock.edi.writer import Address, Envelope, Layout, Plain
from crossdock.errors import Refused

MOST_SEGMENTS, MOST_ELEMENTS = 999, 99
NEVER_ANSWERED = frozenset({"CONTRL"})

_TAG = re.compile(r"\bUN[ABEGHTZ]\b")
_LACKS = re.compile(r"does not give ([S0-9]\d{3})")
_TRAILERS = {"29": "2", "28": "3"}  # where a trailer has its count and its reference (S011)
_HEADERS = {"S001": "2", "S002": "3", "S003": "4", "S004": "5", "0020": "6", "0035": "12"}
_MESSAGE = {"0062": "2", "S009": "3"}


@dataclass
class Answer:
    """What an interchange is answered: the interchange, and its messages with findings."""

    interchange: Interchange
    faulty: list[Checked] = field(default_factory=list)
    only_contrl: bool = True
    types: list[str] = field(default_factory=list)

    @property
    def wanted(self) -> bool:
        """False for an interchange of CONTRL messages, for X12, and where UCI could not name it."""
        asked = self.interchange
        if asked.opening.standard != "edifact":
            return False
        return not self.only_contrl and all((asked.sender, asked.receiver, asked.reference))

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong with the interchange and its messages."""
        return not self.faulty and not self.interchange.findings

    @property
    def action(self) -> str:
        """What is said of the whole (0083)."""
        return REJECTED if self.interchange.findings else ACKNOWLEDGED


def answers(
    source: bytes | Path | BinaryIO, guides: Guides, *, choose: CharsetChoice | None = None
) -> Iterator[Answer]:
    """Check ``source`` and say for each of its interchanges what is to be answered."""
    faulty: list[Checked] = []
    types: dict[str, None] = {}
    for item in check_source(source, guides, choose=choose):
        if isinstance(item, Checked):
            types.setdefault(item.message.type)
            if item.findings:
                item.message.segments = []  # the findings say what is needed
                faulty.append(item)
            continue
        only = bool(item.messages) and NEVER_ANSWERED.issuperset(types)
        yield Answer(item, faulty, only, list(types))
        faulty, types = [], {}


def layout_for(asked: Interchange, layout: Layout | None = None) -> Layout:
    """Give the layout of an answer: the sender's own syntax, version, characters and separators.

    Line ends and transliteration are those of the partner's ``layout``.
    """
    opening = asked.opening
    known = opening.identifier.upper() in charset.CODECS
    return replace(
        layout or Layout(line="\n"),
        identifier=opening.identifier if known else "UNOC",
        version=opening.version if opening.version[:1] in set("1234") else "3",
        codec=opening.codec if known else "",
        separators=asked.separators,
        una=bool(opening.una),
    )


def write(
    answer: Answer, reference: str, prepared: datetime, layout: Layout | None = None
) -> bytes:
    """Write the CONTRL interchange for one answer, addressed back to its sender.

    ``layout`` gives what the sender's own syntax leaves open: line ends. Where the sender broke
    its own syntax (characters that its set does not have), the answer is in UNOC.
    """
    asked = answer.interchange
    layout = layout_for(asked, layout)
    envelope = Envelope(
        sender=_address(asked.opening.elements, 3),
        receiver=_address(asked.opening.elements, 2),
        reference=reference,
        prepared=prepared,
        application="CONTRL",
        test=asked.test,
    )
    try:
        return _written(answer, envelope, layout)
    except Refused:
        wider = "UNOY" if not layout.version.startswith("3") else "UNOC"
        return _written(answer, envelope, replace(layout, identifier=wider, codec=""))


def _written(answer: Answer, envelope: Envelope, layout: Layout) -> bytes:
    four = layout.version.startswith("4")
    identifier = ["CONTRL", "4" if four else "D", "1" if four else "3", "UN"]
    body = writer.message(layout, "1", identifier, _body(answer, version=layout.version))
    return writer.interchange(layout, envelope, [body])


def _address(elements: list[Element], at: int) -> Address:
    return Address(part(elements, at), part(elements, at, 1), part(elements, at, 2))


def _body(answer: Answer, *, version: str) -> Iterator[Plain]:
    asked = answer.interchange
    grave = asked.findings[0] if asked.findings else None
    sender, receiver = (
        asked.opening.elements[2:4] if len(asked.opening.elements) > 3 else ([""], [""])
    )
    yield [
        "UCI",
        asked.reference,
        [text for text in sender if isinstance(text, str)],
        [text for text in receiver if isinstance(text, str)],
        answer.action,
        *(_place(grave, "UNB", _HEADERS, version) if grave else ()),
    ]
    if grave:
        return
    groups = groupby(answer.faulty, key=lambda one: one.message.group)
    for group, messages in groups:
        if group is not None:
            elements = group.elements
            sender, receiver = _texts(elements, 2), _texts(elements, 3)
            yield ["UCF", group.reference, sender, receiver, ACKNOWLEDGED]
        for message in messages:
            yield from _message(message, version=version)


def _texts(elements: list[Element], at: int) -> list[str]:
    return [text for text in (elements[at] if at < len(elements) else []) if isinstance(text, str)]


def _place(
    finding: Finding, header: str, positions: dict[str, str], version: str
) -> Iterator[str | list[str]]:
    """Give code, service segment and S011 of a fault of the envelope, as far as they are known."""
    yield code_for(finding.code or "18", version)
    lacking = _LACKS.search(finding.text)
    element = finding.element or (lacking[1] if lacking else "")
    name, _, component = element.removeprefix("UNB ").partition("/")
    if name in positions:
        yield header
        yield [positions[name], "1"] if name[0] == "S" or component else [positions[name]]
        return
    named = _TAG.search(finding.text)
    tag = named.group() if named else (header if finding.code == "26" else "")
    yield tag
    if tag in {"UNT", "UNE", "UNZ"} and finding.code in _TRAILERS:
        yield [_TRAILERS[finding.code]]


def _message(checked: Checked, *, version: str) -> Iterator[Plain]:
    message = checked.message
    head: list[str | Sequence[str]] = [
        "UCM",
        message.reference,
        _texts(message.header, 2),
        REJECTED,
    ]
    envelope = next((one for one in checked.findings if one.kind == "envelope"), None)
    if envelope is not None:
        head += _place(envelope, "UNH", _MESSAGE, version)
    yield head
    inside = sorted(
        (one for one in checked.findings if one.kind != "envelope"), key=lambda one: one.segment
    )
    by_segment = groupby(inside, key=lambda one: one.segment)
    segments = [(position, list(findings)) for position, findings in by_segment]
    for position, findings in segments[:MOST_SEGMENTS]:
        whole = next((one for one in findings if not one.at), None)
        code = [code_for(whole.code or "18", version)] if whole else []
        yield ["UCS", str(position), *code]
        for finding in [one for one in findings if one.at][:MOST_ELEMENTS]:
            yield ["UCD", code_for(finding.code or "18", version), _position(finding.at)]


def _position(at: str) -> list[str]:
    """Write S011: the tag counts as element 1, so every element is one further than in ``at``."""
    element, _, component = at.partition(":")
    return [str(int(element) + 1), *([component] if component else [])]
