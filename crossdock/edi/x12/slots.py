"""What the slots of a shape read from a segment of X12, and write into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from crossdock.edi import formats
from crossdock.edi.values import WrongError, written_date, written_number
from crossdock.edi.writer import Plain
from crossdock.edi.x12 import tables
from crossdock.edi.x12.shape import Line, Slot
from crossdock.errors import Refused

__all__ = ["WrongError", "bare", "segment", "take"]


def take(line: Line, target: dict[str, Any], values: Sequence[str]) -> None:
    """Read the slots of one segment; what came first counts. Raises WrongError."""
    for slot in line.slots:
        text = values[slot.element] if slot.element < len(values) else ""
        if slot.kind == "&":
            _party(slot, target, text, values)
        elif slot.kind == "%":
            _articles(target, values[slot.element :])
        elif slot.kind != "=" and text and not target.get(slot.name):
            target[slot.name] = _value(slot, text)


def _value(slot: Slot, text: str) -> str:
    if slot.kind in {"#", "$"}:
        if not formats.right("r" if slot.kind == "#" else "i", text):
            raise WrongError(f"{text!r} is no number")
        return number(text) if slot.kind == "#" else format(Decimal(text).scaleb(-2), "f")
    if slot.kind == "@":
        if not formats.right("d", text):
            raise WrongError(f"{text!r} is no date")
        text = text if len(text) == 8 else f"20{text}"
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    if slot.kind == "^":
        return tables.READ["unit"].get(text, text)
    return tables.READ[slot.table].get(text, "") if slot.table else text


def number(text: str) -> str:
    """Give a decimal as documents have it.

    >>> number(".5"), number("7."), number("-0.50")
    ('0.5', '7', '-0.50')
    """
    return format(Decimal(text), "f")


def _party(slot: Slot, target: dict[str, Any], qualifier: str, values: Sequence[str]) -> None:
    known = values[slot.element + 1] if slot.element + 1 < len(values) else ""
    name = f"{slot.name}_gln" if qualifier == tables.GLN else f"{slot.name}_id"
    if known and not target.get(name):
        target[name] = known


def _articles(target: dict[str, Any], pairs: Sequence[str]) -> None:
    for qualifier, text in zip(pairs[::2], pairs[1::2], strict=False):
        name = tables.ARTICLES.get(qualifier)
        if name and text and not target.get(name):
            target[name] = text


# -- the other way ------------------------------------------------------------------------------
def segment(
    line: Line, target: Mapping[str, Any], where: str, out: Sequence[Plain]
) -> list[str] | None:
    """Write one segment; None where no field of it has a value. Raises Refused with the field."""
    cells: dict[int, str] = {}
    filled = False
    for slot in line.slots:
        place = f"{where}{slot.name}"
        if slot.kind == "=":
            cells[slot.element] = str(sum(plain[0] == slot.name for plain in out))
            filled = True
            continue
        said = _said(slot, target, place)
        if not said and slot.needed:
            raise Refused(f"{line.tag} needs {slot.name}", where=place)
        filled = filled or bool(said and slot.kind != "^")
        cells |= said or ({slot.element: slot.default} if slot.default else {})
    if not filled and not line.into:
        return None
    for at, word in line.words.items():
        if (
            at in line.meant
            or at + 1 not in {slot.element for slot in line.slots}
            or cells.get(at + 1)
        ):
            cells[at] = word
    return [line.tag, *(cells.get(at, "") for at in range(1, max(cells, default=0) + 1))]


def bare(line: Line) -> list[str]:
    """The segment with its words alone, for the sake of what stands below it."""
    last = max(line.words, default=0)
    return [line.tag, *(line.words.get(at, "") for at in range(1, last + 1))]


def _said(slot: Slot, target: Mapping[str, Any], where: str) -> dict[int, str]:
    if slot.kind == "&":
        gln, other = (str(target.get(f"{slot.name}_{kind}") or "") for kind in ("gln", "id"))
        if not gln and not other:
            return {}
        return {slot.element: tables.GLN if gln else "92", slot.element + 1: gln or other}
    if slot.kind == "%":
        return _written(target, slot.element, where)
    value = target.get(slot.name)
    if value is None or value == "":
        return {}
    return {slot.element: _text(slot, value, where)}


def _text(slot: Slot, value: Any, where: str) -> str:
    if slot.kind == "#":
        return written_number(value, where, ".")
    if slot.kind == "$":
        amount = Decimal(written_number(value, where, ".")).scaleb(2)
        if amount != amount.to_integral_value():
            raise Refused(f"{value} has more than two decimals", where=where)
        return str(int(amount))
    if slot.kind == "@":
        return written_date(value, where)[0][:8]
    if slot.kind == "^":
        return tables.WRITE["unit"].get("PCE" if value == "C62" else str(value), str(value))
    if slot.table:
        return tables.WRITE[slot.table].get(str(value), slot.default or str(value))
    return str(value)


def _written(target: Mapping[str, Any], at: int, where: str) -> dict[int, str]:
    cells: dict[int, str] = {}
    for name, qualifier in (("gtin", ""), ("item", "VN"), ("buyer_item", "IN")):
        text = str(target.get(name) or "")
        if text:
            cells[at], cells[at + 1] = qualifier or tables.GTINS.get(len(text), "UK"), text
            at += 2
    if not cells:
        raise Refused("gtin, item or buyer_item is needed", where=where)
    return cells
