"""Check interchanges against their guides: one pass, findings with their places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from crossdock.edi.envelope import MOST_FINDINGS
from crossdock.edi.finding import Finding, gravest
from crossdock.edi.guide import Guide, Guides
from crossdock.edi.interchange import Interchange, Message
from crossdock.edi.reader import read
from crossdock.edi.structure import Walk
from crossdock.edi.tokenizer import CharsetChoice
from crossdock.errors import Unreadable


@dataclass
class Checked:
    """One message with its findings; ``guide`` is empty where there is none."""

    message: Message
    findings: list[Finding]
    guide: str


@dataclass
class Verdict:
    """What is said about one file: its state, its findings and how many messages it has."""

    file: str
    findings: list[Finding] = field(default_factory=list)
    messages: int = 0
    unchecked: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        """``valid``, the gravest class of its findings, or ``unchecked`` without a guide."""
        kind = gravest(self.findings)
        if kind is not None:
            return kind
        return "unchecked" if self.unchecked else "valid"


def check_message(message: Message, guides: Guides) -> Checked:
    """Check structure, elements, codes and rules of one message; envelope findings stay with it."""
    guide = guides.find(message.type, message.directory, message.association)
    if guide is None:
        return Checked(message, list(message.findings), "")
    found = list(message.findings)
    for finding in _walk(message, guide):
        found.append(replace(message.coded(finding), message=message.reference))
        if len(found) >= MOST_FINDINGS:
            break
    return Checked(message, found, guide.name)


def _walk(message: Message, guide: Guide) -> Iterator[Finding]:
    separators = message.interchange.separators
    elements, structure = guide.elements(separators), guide.structure
    walk, rules = Walk(structure, guide.name), guide.rules_for(separators)
    fast, counts, seen, right = structure.fast, walk.counts, elements.seen, elements.right
    watched = rules.watched
    segments, tags, state = message.segments, message.tags, 0
    for position, raw in enumerate(segments, 1):
        tag = tags[position - 1]
        step = fast[state].get(tag)
        if step is not None and counts[step[1]] < step[2]:
            state, counter, _, start, stop, zeros = step
            counts[counter] += 1
            if start:
                counts[start:stop] = zeros
        else:
            walk.state = state
            behind = tags[position] if position < len(tags) else ""
            faults = walk.step(tag, behind, position)
            yield from faults
            state = walk.state
            if faults and faults[0].code == "15":
                continue
        if raw not in seen and not right(tag, raw):
            yield from elements.findings(tag, raw, position, structure.nodes[state].path)
        if tag in watched and (found := rules.see(tag, raw, position, structure.nodes[state])):
            yield from found
    yield from rules.end(len(segments))


def check_source(
    source: bytes | Path | BinaryIO, guides: Guides, *, choose: CharsetChoice | None = None
) -> Iterator[Checked | Interchange]:
    """Check every message of ``source`` by itself, then hand on each interchange."""
    for item in read(source, choose=choose):
        yield check_message(item, guides) if isinstance(item, Message) else item


def check_file(path: Path, guides: Guides, *, choose: CharsetChoice | None = None) -> Verdict:
    """Check one file; nothing but a verdict comes out, whatever is in it."""
    verdict = Verdict(str(path))
    try:
        for item in check_source(path, guides, choose=choose):
            verdict.findings.extend(item.findings)
            if isinstance(item, Interchange):
                if item.doubt:
                    verdict.doubts.append(f"interchange {item.reference}: {item.doubt}")
                continue
            verdict.messages += 1
            if not item.guide:
                verdict.unchecked.append(f"{item.message.type} {item.message.directory}")
    except Unreadable as error:
        verdict.findings.append(Finding("syntax", f"{error.what}. {error.fix}".strip(), "15"))
    return verdict
