"""X12 sets as flat documents and back, with the fields of the EDIFACT message that says the same.

``read`` and ``compose`` are what ``crossdock.edi.flat`` and ``crossdock.edi.compose`` are for
EDIFACT; sums and answers are worked out by the same functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from crossdock.edi.guide import Guide
from crossdock.edi.separators import Element, part
from crossdock.edi.shape import Line as Known
from crossdock.edi.shapes import SHAPES, lines_of
from crossdock.edi.structure import Walk
from crossdock.edi.writer import Plain
from crossdock.edi.x12 import hierarchy, slots, usage
from crossdock.edi.x12.interchange import X12Message
from crossdock.edi.x12.shape import Line
from crossdock.edi.x12.shapes import MEANS, SETS, shape_of
from crossdock.errors import Refused

Document = dict[str, Any]


def read(message: X12Message, guide: Guide) -> Document:
    """Make the document of a transaction set; ``guide`` says to which loop a segment belongs.

    Raises Refused with the segment where a value is none that a document can have, and for a set
    that has no document.
    """
    name = MEANS.get(message.type)
    if name is None:
        known = ", ".join(MEANS)
        raise Refused(f"{message.type} has no document; known: {known}", where=message.reference)
    document = blank(name)
    interchange = message.interchange
    document.update(
        interchange=interchange.reference,
        message_ref=message.reference,
        sender=interchange.sender,
        receiver=interchange.receiver,
        test=interchange.test,
    )
    paths = _paths(message, guide)
    if message.type == "856":
        hierarchy.read(message, paths, document, entry)
    else:
        _Reading(name, message, document).run(shape_of(message.type), paths)
    usage.read(name, document)
    if not document["number"]:
        raise Refused(
            "the document has no number",
            where=f"set {message.reference}",
            fix="ask the partner for the message again",
        )
    finish = SHAPES[name].finish
    if finish is not None:
        finish(document)
    return document


def blank(name: str) -> Document:
    """A document with all fields of a message, empty."""
    head, summary = lines_of(name, "D.96A")
    made: Document = {}
    for root in (head, summary):
        made |= dict.fromkeys(root.fields, "") | {into: [] for into in root.lists}
    return made


@cache
def _lists(name: str) -> dict[str, Known]:
    found: dict[str, Known] = {}

    def look(line: Known) -> None:
        if line.into:
            found.setdefault(line.into, line)
        for child in line.children:
            look(child)

    for root in lines_of(name, "D.96A"):
        look(root)
    return found


def entry(name: str, into: str) -> Document:
    """An entry of a list with all its fields, empty."""
    known = _lists(name).get(into)
    if known is None:
        return {}
    return dict.fromkeys(known.fields, "") | {inner: [] for inner in known.lists}


def _paths(message: X12Message, guide: Guide) -> list[str]:
    """Loops down to each segment; the first segment of a loop stands for the loop."""
    walk, tags, found = Walk(guide.structure, guide.name), message.tags, []
    for position, tag in enumerate(tags):
        walk.step(tag, tags[position + 1] if position + 1 < len(tags) else "", position + 1)
        names = guide.structure.nodes[walk.state].path.split("/")
        if len(names) > 1 and names[-1] == names[-2]:
            names.pop()
        found.append("/".join(names))
    return found


@dataclass
class _Reading:
    name: str
    message: X12Message
    document: Document
    open: dict[str, list[tuple[Line, Document]]] = field(default_factory=dict)

    def run(self, root: Line, paths: list[str]) -> None:
        self.open[""] = [(root, self.document)]
        for position, (elements, path) in enumerate(zip(self.message.parsed, paths, strict=True)):
            above = path.rpartition("/")[0]
            values = [part(elements, at) for at in range(len(elements))]
            tag = self.message.tags[position]
            self.open[path] = []
            try:
                self._segment(tag, values, elements, path, above)
            except slots.WrongError as error:
                raise Refused(
                    str(error),
                    where=f"set {self.message.reference}, segment {position + 1} {tag}",
                    fix="ask the partner for the message again",
                ) from None

    def _segment(
        self, tag: str, values: list[str], elements: list[Element], path: str, above: str
    ) -> None:
        for line, target in self.open.get(above, ()):
            for child in line.children:
                if child.tag != tag or not child.takes(values):
                    continue
                inner = target
                if child.into:
                    inner = entry(self.name, child.into)
                    target.setdefault(child.into, []).append(inner)
                slots.take(child, inner, values)
                self.open[path].append((child, inner))


# -- the other way ------------------------------------------------------------------------------
def compose(name: str, document: Mapping[str, Any]) -> list[Plain]:
    """Make the segments between ST and SE that say what EDIFACT's message ``name`` says.

    Raises Refused naming the field that is missing or wrong, and for a message without a set.
    """
    kind = SETS.get(name)
    if kind is None:
        raise Refused(f"{name} has no X12 set here; known: {', '.join(SETS)}", where=name)
    shape = SHAPES[name]
    for wanted in shape.wants:
        if not document.get(wanted):
            raise Refused(f"{name} without {wanted} cannot be sent", where=wanted)
    ready = usage.write(name, shape.prepare(document) if shape.prepare else document)
    if kind == "856":
        return hierarchy.write(ready)
    out: list[Plain] = []
    for line in shape_of(kind).children:
        _write(line, ready, "", out)
    return out


def _write(line: Line, target: Mapping[str, Any], where: str, out: list[Plain]) -> None:
    if line.readonly:
        return
    entries = [target] if not line.into else list(target.get(line.into) or ())
    for at, one in enumerate(entries):
        place = f"{where}{line.into}[{at}]." if line.into else where
        if line.into and not one.get("line"):
            one = {**one, "line": str(at + 1)}
        made = slots.segment(line, one, place, out)
        if made is None and not line.into:
            below: list[Plain] = []
            for child in line.children:
                _write(child, one, place, below)
            if not below:
                continue
            made = slots.bare(line)
        if made is not None:
            out.append(made)
        for child in line.children:
            _write(child, one, place, out)
