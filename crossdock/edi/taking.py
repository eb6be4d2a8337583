"""What the slots of a shape take out of a segment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from crossdock.edi.separators import Element
from crossdock.edi.separators import part as component_of
from crossdock.edi.shape import Slot
from crossdock.edi.values import day, number

Document = dict[str, Any]
Take = Callable[[Document, list[Element]], None]

SUPPLIERS = frozenset({"SA", "VP", "VN", "MF", "SS"})
BUYERS = frozenset({"IN", "BP"})
GTINS = frozenset({"EN", "SRV", "UP", "AM", "GT", "EU"})
"""Kinds of article number (7143): the supplier's, the buyer's, and GTIN."""


def part(elements: list[Element], element: int, component: int = 0) -> str:
    """Give one component, empty where it is not there; the plain case without further ado."""
    try:
        found = elements[element][component]
    except IndexError:
        return ""
    return found if isinstance(found, str) else component_of(elements, element, component)


def _text(slot: Slot) -> Take:
    name, element, component = slot.name, slot.element, slot.component

    def fill(target: Document, elements: list[Element]) -> None:
        if not target[name] and element < len(elements):
            target[name] = part(elements, element, component)

    return fill


def _number(slot: Slot) -> Take:
    name, element, component = slot.name, slot.element, slot.component

    def fill(target: Document, elements: list[Element]) -> None:
        if not target[name]:
            try:
                text = elements[element][component]
            except IndexError:
                return
            if not isinstance(text, str):
                text = part(elements, element, component)
            target[name] = number(text)

    return fill


def _date(slot: Slot) -> Take:
    name, element, component = slot.name, slot.element, slot.component
    width = slot.width or None

    def fill(target: Document, elements: list[Element]) -> None:
        text = part(elements, element, component)
        if text and not target[name]:
            target[name] = day(text, part(elements, element, component + 1))[:width]

    return fill


def _unit(slot: Slot) -> Take:
    name, element, component = slot.name, slot.element, slot.component

    def fill(target: Document, elements: list[Element]) -> None:
        if not target[name]:
            target[name] = part(elements, element, component) or "PCE"

    return fill


def _run(slot: Slot) -> Take:
    """Text over components: one that is full goes on in the next, else a blank stands between."""
    name, element, width = slot.name, slot.element, slot.width
    start, stop = slot.component, slot.component + slot.parts

    def fill(target: Document, elements: list[Element]) -> None:
        if target[name] or element >= len(elements):
            return
        text = last = ""
        for piece in elements[element][start:stop]:
            if isinstance(piece, str) and piece:
                text += piece if not last or len(last) == width else f" {piece}"
                last = piece
        target[name] = text

    return fill


def _rest(slot: Slot) -> Take:
    def fill(target: Document, elements: list[Element]) -> None:
        found = [text for element in elements[slot.element :] for text in element if text]
        target[slot.name] = [*(target[slot.name] or []), *found]

    return fill


def _party(slot: Slot) -> Take:
    gln, other = slot.names

    def fill(target: Document, elements: list[Element]) -> None:
        text, agency = part(elements, slot.element), part(elements, slot.element, 2)
        if text and not (target[gln] or target[other]):
            known = agency == "9" or (not agency and len(text) == 13 and text.isdigit())
            target[gln if known else other] = text

    return fill


def _article(slot: Slot) -> Take:
    def fill(target: Document, elements: list[Element]) -> None:
        text = part(elements, slot.element)
        if text:
            _identify(target, text, part(elements, slot.element, 1))

    return fill


def _articles(slot: Slot) -> Take:
    def fill(target: Document, elements: list[Element]) -> None:
        for at in range(slot.element, len(elements)):
            kind = part(elements, at, 1)
            if kind in SUPPLIERS or kind in BUYERS or kind in GTINS:
                _identify(target, part(elements, at), kind)
            elif kind == "NB" and target.get("lot") == "":
                target["lot"] = part(elements, at)

    return fill


def _identify(target: Document, text: str, kind: str) -> None:
    if kind in SUPPLIERS or (kind not in GTINS and kind not in BUYERS and not text.isdigit()):
        name = "item"
    else:
        name = "buyer_item" if kind in BUYERS else "gtin"
    if not target[name]:
        target[name] = text


TAKES: Mapping[str, Callable[[Slot], Take | None]] = {
    "text": _text,
    "number": _number,
    "date": _date,
    "unit": _unit,
    "run": _run,
    "rest": _rest,
    "party": _party,
    "article": _article,
    "articles": _articles,
    "count": lambda slot: None,
}
"""By the kind of slot."""
