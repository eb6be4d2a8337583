"""The shape of a message: which field of a document stands where in which segment.

A shape is written as the message itself, with a field in braces where a value goes, one segment a
line and what belongs to a group indented below its trigger::

    DTM+137:{@date!}
    NAD+BY+{&buyer}
      RFF+VA:{buyer_tax_id}
    lines: LIN+{line!}++{%}
      QTY+21:{#quantity!}:{?^unit}
    UNS+S
    CNT+2:{=LIN}

The same lines read a message and write one, so that what is written comes back. A text before
a braced field is written as it stands; at the place of the segment's qualifier it also says which
segments are meant, and ``2|64`` means either (the first is written, and counts more when both
come), ``*`` any other. A line may begin with a list's name (a segment is one entry of it), with
``<`` (read, never written) or with ``D.96A|`` (in this directory only).

In braces: ``#`` a number, ``@`` a date and its format (``@name/1x10`` the day only), ``&`` a party
(``_gln`` or ``_id``), ``%`` an article number by its kind, ``%%`` all those of PIA, ``^`` a unit,
``~name/2x35`` text over two components of 35, ``*`` all components that follow, ``=LIN`` how many
such segments there are. ``?`` before them: does not make a segment by itself. ``<``: read only.
``!`` after the name: must be there. ``name=text``: what is written where the document has no value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

QUALIFIERS = {
    **dict.fromkeys(("CNT", "CTA", "CUX", "DTM", "FTX", "GIN", "IMD", "LOC", "MOA"), (1, 0)),
    **dict.fromkeys(("NAD", "PAT", "PCD", "PCI", "PIA", "PRI", "QTY", "RFF"), (1, 0)),
    **dict.fromkeys(("TAX", "TDT"), (1, 0)),
    "COM": (1, 1),
    "MEA": (2, 0),
    "QVR": (1, 1),
}
"""Element and component that say which segment of a tag this is."""

BELOW = {
    "ALC": "ALI DTM FTX MOA PCD QTY RFF RNG RTE TAX",
    "AJT": "FTX MOA RFF",
    "APR": "DTM RNG",
    "CCI": "CAV MEA",
    "CTA": "COM",
    "CUX": "DTM PCD",
    "DGS": "FTX QTY",
    "EQD": "EQA FTX HAN MEA SEL",
    "LOC": "DTM QTY",
    "NAD": "COM CTA DTM FII LOC MOA RFF",
    "PAC": "DTM GIN HAN MEA PCI QTY RFF",
    "PAT": "DTM FII MOA PAI PCD",
    "PCI": "DLM DTM GIN GIR HAN MEA QTY RFF",
    "PRI": "APR CUX DTM PCD RNG",
    "RCS": "DTM FTX RFF",
    "RFF": "DTM",
    "SCC": "DTM FTX QTY RFF",
    "SGP": "QTY",
    "STG": "MOA QTY",
    "TAX": "LOC MOA",
    "TDT": "DTM LOC PCD RFF TSR",
    "TOD": "CDI FTX LOC",
}
"""What may stand below the trigger of a group, so that it is not taken for what is around."""

_SLOT = re.compile(
    r"\{(?P<flags>[?<]*)(?P<kind>[#@&^~*=]|%%?)?(?P<name>\w*)"
    r"(?:/(?P<parts>\d)x(?P<width>\d+))?(?:=(?P<default>\w+))?(?P<needed>!?)\}"
)
_LINE = re.compile(
    r"(?P<indent> *)(?:(?P<directory>D\.\w+)\|(?P<more> *))?"
    r"(?P<readonly><?)(?:(?P<into>\w+): )?(?P<text>.+)"
)
_KINDS = {"": "text", "#": "number", "@": "date", "&": "party", "^": "unit", "~": "run",
          "*": "rest", "=": "count", "%": "article", "%%": "articles"}  # fmt: skip


@dataclass(frozen=True)
class Slot:
    """One field's place in a segment."""

    kind: str
    name: str
    element: int
    component: int
    default: str = ""
    needed: bool = False
    passive: bool = False
    readonly: bool = False
    parts: int = 1
    width: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Fields of the document that it stands for."""
        if self.kind == "count":
            return ()
        if self.kind in ("article", "articles"):
            return ("gtin", "item", "buyer_item")
        if self.kind == "party":
            return (f"{self.name}_gln", f"{self.name}_id")
        return (self.name,)


@dataclass
class Line:
    """One segment: its words (element, component, text), its slots, and the lines below it.

    ``words`` of the qualifier are in ``meant``; ``into`` names the list that it is an entry of;
    ``text`` is the line as it was written.
    """

    tag: str
    into: str
    words: list[tuple[int, int, str]]
    meant: tuple[str, ...]
    slots: list[Slot]
    readonly: bool
    text: str = ""
    children: list[Line] = field(default_factory=list)

    @cached_property
    def lists(self) -> tuple[str, ...]:
        """Lists among the lines below."""
        return tuple(dict.fromkeys(line.into for line in self.children if line.into))

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Fields of an entry of this list, or of a document: own ones and those of its groups."""
        found = [name for slot in self.slots for name in slot.names]
        for line in self.children:
            found += () if line.into else line.fields
        return tuple(dict.fromkeys(found))

    @property
    def open_ended(self) -> bool:
        """Whether everything belongs to it until the next trigger of such a list."""
        return bool(self.into) and (self.tag not in BELOW or bool(self.lists))


def parse(text: str, directory: str) -> tuple[Line, Line]:
    """Read a shape for a directory; gives head and summary, whose children are the segments.

    Raises ValueError with the line that is no such shape.
    """
    head = Line("", "", [], (), [], readonly=False)
    summary = Line("", "", [], (), [], readonly=False)
    stack: list[tuple[int, Line]] = [(-1, head)]
    for given in text.splitlines():
        found = _LINE.fullmatch(given)
        if not given.strip():
            continue
        if found is None:
            raise ValueError(f"{given!r} is no line of a shape")
        if found["directory"] not in (None, directory):
            continue
        indent = len(found["indent"]) + len(found["more"] or "")
        while stack[-1][0] >= indent:
            stack.pop()
        line = _line(found["text"], found["into"] or "", readonly=bool(found["readonly"]))
        line.text = given[found.start("readonly") :]
        if line.tag == "UNS":
            stack = [(-1, summary)]
        stack[-1][1].children.append(line)
        stack.append((indent, line))
    return head, summary


def _line(text: str, into: str, *, readonly: bool) -> Line:
    tag, *elements = text.split("+")
    words: list[tuple[int, int, str]] = []
    meant: tuple[str, ...] = ()
    slots: list[Slot] = []
    for at, element in enumerate(elements, 1):
        for nth, part in enumerate(element.split(":")):
            slot = _SLOT.fullmatch(part)
            if slot is not None:
                slots.append(_slot(slot, at, nth))
            elif part and QUALIFIERS.get(tag) == (at, nth):
                meant = tuple(part.split("|"))
                words.append((at, nth, meant[0]))
            elif part:
                words.append((at, nth, part))
    if len(tag) != 3 or "{" in "".join(word for *_, word in words):
        raise ValueError(f"{text!r} is no segment of a shape")
    return Line(tag, into, words, meant, slots, readonly)


def _slot(found: re.Match[str], element: int, component: int) -> Slot:
    return Slot(
        kind=_KINDS[found["kind"] or ""],
        name=found["name"],
        element=element,
        component=component,
        default=found["default"] or "",
        needed=bool(found["needed"]),
        passive="?" in found["flags"],
        readonly="<" in found["flags"],
        parts=int(found["parts"] or 1),
        width=int(found["width"] or 0),
    )
