"""Documents as messages: the segments between UNH and UNT, written by the shape of the message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crossdock.edi.shape import QUALIFIERS, Line, Slot
from crossdock.edi.shapes import SHAPES, lines_of
from crossdock.edi.values import written_date, written_number
from crossdock.edi.writer import Plain
from crossdock.errors import Refused

Cells = dict[tuple[int, int], str]


def identifier(name: str, directory: str, association: str = "") -> list[str]:
    """Give S009 of a message for a directory.

    >>> identifier("ORDERS", "D.96A", "EAN008")
    ['ORDERS', 'D', '96A', 'UN', 'EAN008']
    """
    version, _, release = directory.partition(".")
    return [name, version, release, "UN", association]


def compose(
    name: str, document: Mapping[str, Any], *, directory: str = "D.96A", decimal: str = "."
) -> list[Plain]:
    """Make the segments between UNH and UNT of a message of type ``name``.

    ``document`` has the fields that ``flat.read`` gives; what it lacks is left out. Raises
    Refused naming the field that is missing or wrong, and for a type that has no shape.
    """
    shape = SHAPES.get(name)
    if shape is None:
        raise Refused(f"{name} cannot be written; known: {', '.join(SHAPES)}", where=name)
    ready = shape.prepare(document) if shape.prepare is not None else document
    for wanted in shape.wants:
        if not document.get(wanted):
            raise Refused(f"{name} without {wanted} cannot be sent", where=wanted)
    work = _Work(directory, decimal)
    for root in lines_of(name, directory):
        for line in root.children:
            work.out += work.line(line, ready, "")
    return work.out


@dataclass
class _Work:
    directory: str
    decimal: str
    out: list[Plain] = field(default_factory=list)

    def line(self, line: Line, target: Mapping[str, Any], where: str) -> list[Plain]:
        """The segments of one line of the shape: none, one with its group, or one per entry."""
        if line.readonly:
            return []
        if not line.into:
            return self.group(line, target, where)
        made: list[Plain] = []
        for at, entry in enumerate(target.get(line.into) or ()):
            numbered = entry if entry.get("line") else {**entry, "line": str(at + 1)}
            made += self.group(line, numbered, f"{where}{line.into}[{at}].", entry=True)
        return made

    def group(
        self, line: Line, target: Mapping[str, Any], where: str, *, entry: bool = False
    ) -> list[Plain]:
        """A segment and what stands below it; nothing where no field of it has a value."""
        cells: Cells = {(at, nth): word for at, nth, word in line.words}
        filled = not line.slots
        for slot in line.slots:
            if slot.readonly:
                continue
            if slot.kind == "count":
                cells[slot.element, slot.component] = str(_count(self.out, slot.name))
                filled = True
                continue
            said = WRITERS[slot.kind](self, slot, target, f"{where}{slot.name}", cells)
            if not said and slot.needed:
                raise Refused(f"{line.tag} needs {slot.name}", where=f"{where}{slot.name}")
            if not said and slot.default:
                cells[slot.element, slot.component] = slot.default
            filled = filled or (said and not slot.passive)
        if not (filled or entry):
            return []
        below = [plain for child in line.children for plain in self.line(child, target, where)]
        if not line.slots and line.children and not below:
            return []
        return [_plain(line.tag, _said_only(line, cells)), *below]


def _said_only(line: Line, cells: Cells) -> Cells:
    """Leave out words, such as the agency of a code, that stand beside fields without a value."""
    with_fields = {slot.element for slot in line.slots}
    said = {slot.element for slot in line.slots if cells.get((slot.element, slot.component))}
    qualifier = QUALIFIERS.get(line.tag)
    return {
        at: text
        for at, text in cells.items()
        if at == qualifier or at[0] in said or at[0] not in with_fields
    }


def _count(out: Sequence[Plain], tag: str) -> int:
    return sum(plain[0] == tag for plain in out)


def _plain(tag: str, cells: Cells) -> Plain:
    made: list[str | list[str]] = [tag]
    for at in range(1, max((element for element, _ in cells), default=0) + 1):
        last = max((nth for element, nth in cells if element == at), default=0)
        parts = [cells.get((at, nth), "") for nth in range(last + 1)]
        made.append(parts[0] if len(parts) == 1 else parts)
    return made


# -- what a slot writes; True where the document has a value -----------------------------------
def _text(work: _Work, slot: Slot, target: Mapping[str, Any], where: str, cells: Cells) -> bool:
    text = _said(target, slot.name)
    cells[slot.element, slot.component] = text
    return bool(text)


def _number(work: _Work, slot: Slot, target: Mapping[str, Any], where: str, cells: Cells) -> bool:
    value = target.get(slot.name)
    if value in (None, ""):
        return False
    cells[slot.element, slot.component] = written_number(value, where, work.decimal)
    return True


def _date(work: _Work, slot: Slot, target: Mapping[str, Any], where: str, cells: Cells) -> bool:
    if not target.get(slot.name):
        return False
    text, form = written_date(target[slot.name], where)
    cells[slot.element, slot.component] = text
    cells[slot.element, slot.component + 1] = form
    return True


def _unit(work: _Work, slot: Slot, target: Mapping[str, Any], where: str, cells: Cells) -> bool:
    unit = _said(target, slot.name)
    cells[slot.element, slot.component] = "" if unit in {"C62", "PCE"} else unit
    return bool(unit)


def _run(work: _Work, slot: Slot, target: Mapping[str, Any], where: str, cells: Cells) -> bool:
    text, most = _said(target, slot.name), slot.parts * slot.width
    if len(text) > most:
        raise Refused(
            f"{slot.name} has {len(text)} characters; the message takes {most}",
            where=where,
            fix="cut it in the mapping",
        )
    for nth in range(0, len(text), slot.width):
        cells[slot.element, slot.component + nth // slot.width] = text[nth : nth + slot.width]
    return bool(text)


def _rest(work: _Work, slot: Slot, target: Mapping[str, Any], where: str, cells: Cells) -> bool:
    values = [str(value) for value in target.get(slot.name) or ()]
    for at, text in enumerate(values):
        cells[slot.element + at, slot.component] = text
    return bool(values)


def _party(work: _Work, slot: Slot, target: Mapping[str, Any], where: str, cells: Cells) -> bool:
    gln, other = (_said(target, name) for name in slot.names)
    cells[slot.element, 0] = gln or other
    if gln or other:
        cells[slot.element, 2] = "9" if gln else "92"
    return bool(gln or other)


def _article(work: _Work, slot: Slot, target: Mapping[str, Any], where: str, cells: Cells) -> bool:
    gtin = _said(target, "gtin")
    if not gtin and not _said(target, "item") and not _said(target, "buyer_item"):
        raise Refused("gtin, item or buyer_item is needed", where=where)
    if gtin:
        cells[slot.element, 0] = gtin
        cells[slot.element, 1] = "EN" if work.directory == "D.96A" else "SRV"
    return bool(gtin)


def _articles(work: _Work, slot: Slot, target: Mapping[str, Any], where: str, cells: Cells) -> bool:
    """PIA: identification (5) where LIN has no GTIN, additional (1) where it has one."""
    at = slot.element
    cells[1, 0] = "1" if _said(target, "gtin") else "5"
    for name, kind in (("item", "SA"), ("buyer_item", "IN")):
        if text := _said(target, name):
            cells[at, 0], cells[at, 1] = text, kind
            at += 1
    return at > slot.element


def _said(target: Mapping[str, Any], name: str) -> str:
    value = target.get(name)
    return "" if value is None else str(value)


_Write = Callable[[_Work, Slot, Mapping[str, Any], str, Cells], bool]
WRITERS: Mapping[str, _Write] = {
    "text": _text,
    "number": _number,
    "date": _date,
    "unit": _unit,
    "run": _run,
    "rest": _rest,
    "party": _party,
    "article": _article,
    "articles": _articles,
}
