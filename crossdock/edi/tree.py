"""Show an interchange as a tree that a person can read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from crossdock.edi.check import check_message
from crossdock.edi.finding import Finding
from crossdock.edi.guide import Guide, Guides
from crossdock.edi.interchange import Interchange, Message
from crossdock.edi.reader import read
from crossdock.edi.separators import Element
from crossdock.edi.structure import Walk
from crossdock.edi.tokenizer import CharsetChoice


def lines(
    source: bytes | Path | BinaryIO, guides: Guides, *, choose: CharsetChoice | None = None
) -> Iterator[str]:
    """Yield the lines of the tree; findings stand below the segment that they are about."""
    last = 0
    for item in read(source, choose=choose):
        if isinstance(item, Message):
            if item.interchange.number != last:
                last = item.interchange.number
                yield from _head(item.interchange)
            yield from _message(item, guides)
        else:
            if item.number != last:
                last = item.number
                yield from _head(item)
            yield f"  end of interchange {item.reference}: {item.messages} messages"
            yield from (f"  ! {finding.line()}" for finding in item.findings)
            if item.doubt:
                yield f"  ? the character set is in doubt: {item.doubt}"


def _head(interchange: Interchange) -> Iterator[str]:
    opening = interchange.opening
    test = ", test" if interchange.test else ""
    yield (
        f"interchange {interchange.reference} from {interchange.sender} to {interchange.receiver}, "
        f"{interchange.prepared}{test} "
        f"({opening.identifier} read as {opening.codec}, syntax {opening.version})"
    )


def _message(message: Message, guides: Guides) -> Iterator[str]:
    guide = guides.find(message.type, message.directory, message.association)
    name = " ".join(
        part
        for part in (message.type, message.directory, message.association)
        if part not in {"", "."}
    )
    yield f"  message {message.reference}: {name}{'' if guide else ' (no guide)'}"
    findings: dict[int, list[Finding]] = {}
    for finding in check_message(message, guides).findings:
        findings.setdefault(finding.segment, []).append(finding)
    for position, (depth, elements) in enumerate(_nested(message, guide), 1):
        yield f"  {position:>5} {'  ' * depth}{_shown(elements)}"
        for finding in findings.get(position, ()):
            yield f"        ! {finding.line()}"


def _nested(message: Message, guide: Guide | None) -> Iterator[tuple[int, list[Element]]]:
    """Pair every segment with the depth of its group; without a guide all stand at the margin."""
    if guide is None:
        yield from ((0, elements) for elements in message.parsed)
        return
    walk = Walk(guide.structure, guide.name)
    tags = message.tags
    for position, elements in enumerate(message.parsed):
        following = tags[position + 1] if position + 1 < len(tags) else ""
        walk.step(tags[position], following, position + 1)
        yield guide.structure.nodes[walk.state].path.count("/"), elements


def _shown(elements: list[Element]) -> str:
    parts = []
    for element in elements[1:]:
        if element and isinstance(element[0], list):
            parts.append(" * ".join(" : ".join(one) for one in element if isinstance(one, list)))
        else:
            parts.append(" : ".join(part for part in element if isinstance(part, str)))
    return f"{elements[0][0] if elements else ''}  {' | '.join(parts)}".rstrip()
