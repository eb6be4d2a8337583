"""The shape of a transaction set: which field of a document stands where in which segment.

A shape is written as the set itself, one segment a line, elements apart by ``+``, what belongs to
a loop indented below its first segment, as in ``crossdock.edi.shape``::

    BEG+{function|function=00}+{type|order=SA}+{number!}++{@date!}
    N1+BY+{buyer_name}+{&buyer}
      N4++++{buyer_country}
    lines: PO1+{line}+{#quantity!}+{^unit=EA}+{#price}++{%}

A word says which segments are meant: ``SU|VN`` means either (the first is written), ``*`` any;
``=SI`` is written and never asked for. A line may begin with a list's name (a segment is one entry
of it) or with ``<`` (read, never written).

In braces: ``#`` a number, ``$`` an amount with two implied decimals, ``@`` a day, ``&`` a party
(qualifier and number, two elements), ``^`` a unit, ``%`` article numbers in pairs from here on,
``=PO1`` how many such segments there are. ``name|table`` is a code of ``tables``, ``name=CODE``
what is written where the document has no value; ``!`` at the end: must be there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_SLOT = re.compile(
    r"\{(?P<kind>[#$@&^%=])?(?P<name>\w*)(?:\|(?P<table>\w+))?(?:=(?P<default>\w+))?(?P<needed>!?)\}"
)
_LINE = re.compile(r"(?P<indent> *)(?P<readonly><?)(?:(?P<into>\w+): )?(?P<text>\S.*)")


@dataclass(frozen=True)
class Slot:
    """One field's place in a segment."""

    kind: str
    name: str
    element: int
    table: str = ""
    default: str = ""
    needed: bool = False


@dataclass
class Line:
    """One segment: words that must match, words that are only written, its slots and its loop."""

    tag: str
    into: str = ""
    meant: dict[int, tuple[str, ...]] = field(default_factory=dict)
    words: dict[int, str] = field(default_factory=dict)
    slots: list[Slot] = field(default_factory=list)
    readonly: bool = False
    children: list[Line] = field(default_factory=list)

    def takes(self, values: list[str]) -> bool:
        """Whether a segment with these elements is one of its kind."""
        return all(
            (values[at] if at < len(values) else "") in codes or "*" in codes
            for at, codes in self.meant.items()
        )


def parse(text: str) -> Line:
    """Read a shape; gives a root whose children are its segments.

    Raises ValueError with the line that is no such shape.
    """
    root = Line("")
    stack: list[tuple[int, Line]] = [(-1, root)]
    for given in text.splitlines():
        if not given.strip():
            continue
        found = _LINE.fullmatch(given)
        if found is None:
            raise ValueError(f"{given!r} is no line of a shape")
        indent = len(found["indent"])
        while stack[-1][0] >= indent:
            stack.pop()
        line = _line(found["text"], found["into"] or "", readonly=bool(found["readonly"]))
        stack[-1][1].children.append(line)
        stack.append((indent, line))
    return root


def _line(text: str, into: str, *, readonly: bool) -> Line:
    tag, *elements = text.split("+")
    line = Line(tag, into, readonly=readonly)
    for at, element in enumerate(elements, 1):
        slot = _SLOT.fullmatch(element)
        if slot is not None:
            made = Slot(
                slot["kind"] or "",
                slot["name"],
                at,
                slot["table"] or "",
                slot["default"] or "",
                bool(slot["needed"]),
            )
            line.slots.append(made)
        elif "{" in element:
            raise ValueError(f"{text!r} is no segment of a shape")
        elif element.startswith("="):
            line.words[at] = element[1:]
        elif element:
            line.meant[at] = tuple(element.split("|"))
            line.words[at] = line.meant[at][0]
    return line
