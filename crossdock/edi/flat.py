"""Messages as flat JSON documents, read by their shapes.

A document is a dict of texts with lists such as ``lines``, ``taxes`` or ``packages``. Numbers
stay the texts that they were, with a point as decimal mark. What a message says beyond the fields
of its shape stays in its bytes. Where a message gives a value twice, the first counts, unless the
shape prefers another qualifier.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from crossdock.edi.interchange import Message
from crossdock.edi.separators import Element
from crossdock.edi.shape import BELOW, QUALIFIERS, Line
from crossdock.edi.shapes import SHAPES, lines_of
from crossdock.edi.taking import TAKES, Document, Take, part
from crossdock.edi.values import WrongError
from crossdock.errors import Refused

DIRECTORIES = ("D.96A", "D.01B")
__all__ = ["DIRECTORIES", "SHAPES", "Document", "read"]


def read(message: Message) -> Document:
    """Make the document of a message.

    Raises Refused with the segment where a number is no number or a line has no number, and for a
    message without a document number or of a type that has no shape.
    """
    shape = SHAPES.get(message.type)
    if shape is None:
        known = ", ".join(SHAPES)
        raise Refused(f"{message.type} has no document; known: {known}", where=message.reference)
    plan = _plan(message.type, message.directory)
    interchange = message.interchange
    document: Document = plan.head.entry()
    for name, value in plan.summary.blank.items():
        document.setdefault(name, value)
    document.update({name: [] for name in plan.summary.inner})
    document.update(
        interchange=interchange.reference,
        message_ref=message.reference,
        sender=interchange.sender,
        receiver=interchange.receiver,
        test=interchange.test,
    )
    _walk(message, plan, document)
    _forget(plan.head, document)
    _forget(plan.summary, document)
    if not document["number"]:
        raise Refused(
            "the document has no number (BGM 1004)",
            where=f"message {message.reference}",
            fix="ask the partner for the message again",
        )
    if shape.finish is not None:
        shape.finish(document)
    return document


def _walk(message: Message, plan: _Plan, document: Document) -> None:
    closers = plan.closers
    root = (plan.head, document)
    stack: list[tuple[_Level, Document]] = []
    level, target = root
    position = 0
    try:
        for elements in message.parsed:
            position += 1
            tag: str = elements[0][0]  # type: ignore[assignment]
            if tag in closers:
                while stack and tag not in level.takes:
                    level, target = stack.pop()
                if tag not in level.takes:
                    raise WrongError(f"{tag} stands where none is expected")
            elif tag == "UNS":
                stack, (level, target) = [], (plan.summary, document)
                continue
            else:
                while stack and not (level.open_ended or tag in level.accepts):
                    level, target = stack.pop()
            found = level.takes.get(tag)
            if found is None:
                below = _ANONYMOUS.get(tag)
                if below is not None:
                    stack.append((level, target))
                    level = below
                continue
            at = found.at
            take = found.usual if at is None else found.known.get(part(elements, *at), found.usual)
            if take is None:
                if found.group is not None:
                    stack.append((level, target))
                    level = found.group
                elif tag == "MOA":  # an amount that stands too late still says what it is
                    _late(stack, elements)
                continue
            if take.entry is not None:
                stack.append((level, target))
                entry = take.entry.entry()
                target[take.into].append(entry)
                level, target = take.entry, entry
                take.take(target, elements)
                if take.needs and not entry[take.needs]:
                    raise WrongError(f"{tag} does not say its {take.needs}")
                continue
            if take.below is not None:
                stack.append((level, target))
                level = take.below
            take.take(target, elements)
    except WrongError as error:
        tag = message.segments[position - 1][:3]
        raise Refused(
            str(error),
            where=f"message {message.reference}, segment {position} {tag}",
            fix="ask the partner for the message again",
        ) from None


def _late(stack: list[tuple[_Level, Document]], elements: list[Element]) -> None:
    for level, target in reversed(stack):
        found = level.takes.get("MOA")
        take = found.of(elements) if found else None
        if take is not None and take.entry is None:
            take.take(target, elements)
            return


def _forget(level: _Level, entry: Document) -> None:
    """Drop the memory of which qualifier gave a value."""
    entry.pop("", None)
    for name, inner in level.inner.items():
        for below in entry[name]:
            _forget(inner, below)


# -- a shape, compiled ----------------------------------------------------------------------
@dataclass
class _Take:
    """What one segment does: fill fields, and perhaps open an entry of a list or a group."""

    take: Take
    into: str = ""
    needs: str = ""
    entry: _Level | None = None
    below: _Level | None = None


@dataclass
class _Takes:
    """What the segments of one tag do, by their qualifier."""

    at: tuple[int, int] | None
    group: _Level | None
    known: dict[str, _Take] = field(default_factory=dict)
    usual: _Take | None = None

    def of(self, elements: list[Element]) -> _Take | None:
        """Find what this segment does; None where the shape does not know its qualifier."""
        at = self.at
        if at is None:
            return self.usual
        return self.known.get(part(elements, *at), self.usual)


@dataclass
class _Level:
    """Where a message is: the document's head, an entry of a list, or a group."""

    blank: Document = field(default_factory=dict)
    inner: dict[str, _Level] = field(default_factory=dict)
    open_ended: bool = True
    accepts: frozenset[str] = frozenset()
    takes: dict[str, _Takes] = field(default_factory=dict)

    def entry(self) -> Document:
        """Make an empty entry."""
        made = self.blank.copy()
        for name in self.inner:
            made[name] = []
        return made


@dataclass
class _Plan:
    head: _Level
    summary: _Level
    closers: frozenset[str]


_ANONYMOUS = {
    tag: _Level(open_ended=False, accepts=frozenset(tags.split())) for tag, tags in BELOW.items()
}


@cache
def _plan(name: str, directory: str) -> _Plan:
    head, summary = lines_of(name, directory if directory in DIRECTORIES else DIRECTORIES[0])
    closers = frozenset(_closers(head)) | frozenset(_closers(summary))
    return _Plan(_level(head), _level(summary), closers)


def _closers(line: Line) -> list[str]:
    own = [line.tag] if line.open_ended else []
    return own + [tag for child in line.children for tag in _closers(child)]


def _level(line: Line) -> _Level:
    tags = {child.tag for child in line.children}
    level = _Level(
        blank=dict.fromkeys(line.fields, ""),
        open_ended=not line.tag or line.open_ended,
        accepts=frozenset(tags | set(BELOW.get(line.tag, "").split())),
    )
    for child in line.children:
        _add(level, child)
    return level


def _add(level: _Level, line: Line) -> None:
    constant = any((at, nth) == QUALIFIERS.get(line.tag) for at, nth, _ in line.words)
    takes = level.takes.setdefault(
        line.tag,
        _Takes(QUALIFIERS.get(line.tag) if constant else None, _ANONYMOUS.get(line.tag)),
    )
    inner = _level(line) if line.into or line.children or line.tag in BELOW else None
    ranked = len(line.meant) > 1 and all(slot.kind != "articles" for slot in line.slots)
    for rank, word in enumerate(line.meant or ("*",)):
        take = _Take(_filler(line, rank, ranked=ranked))
        if line.into:
            take.into, take.entry = line.into, inner
            if inner is not None:
                level.inner[line.into] = inner
            take.needs = next((slot.name for slot in line.slots if slot.needed), "")
        else:
            take.below = inner
        if word == "*":
            takes.usual = takes.usual or take
        else:
            takes.known.setdefault(word, take)


def _filler(line: Line, rank: int, *, ranked: bool) -> Take:
    fillers = [filler for slot in line.slots if (filler := TAKES[slot.kind](slot)) is not None]
    names = [name for slot in line.slots for name in slot.names]

    def take(target: Document, elements: list[Element]) -> None:
        for fill in fillers:
            fill(target, elements)

    if not ranked or not names:
        return fillers[0] if len(fillers) == 1 else take
    main = next((slot.names for slot in line.slots if not slot.passive), tuple(names))
    first = main[0]

    def better(target: Document, elements: list[Element]) -> None:
        ranks = target.get("") or {}
        if target[first] or (len(main) > 1 and any(target[name] for name in main)):
            if ranks.get(first, 0) <= rank:
                return
            target.update(dict.fromkeys(names, ""))
        take(target, elements)
        if rank or ranks:
            target[""] = {**ranks, first: rank}

    return better
