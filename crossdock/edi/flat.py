"""Messages as flat JSON documents: ORDERS, ORDRSP, DESADV and INVOIC (D.96A, D.01B).

A document is a dict of texts with a list ``lines`` (and ``taxes`` or ``charges`` where the message
has them). Numbers stay the texts that they were, with a point as decimal mark. What a message says
beyond these fields stays in its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from crossdock.edi.interchange import Message
from crossdock.edi.separators import Element, part
from crossdock.errors import Refused

Document = dict[str, Any]
Take = Callable[[Document, list[Element]], None]

PARTIES = {"BY": "buyer_gln", "SU": "supplier_gln", "DP": "delivery_gln", "IV": "invoicee_gln"}
DIRECTORIES = ("D.96A", "D.01B")

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_ITEM_KINDS = frozenset({"SA", "IN", "BP", "VP"})
_PRICES = frozenset({"AAA", "AAB", "NTP"})
_SIZES = {"102": 8, "203": 12, "204": 14, "101": 6}


class WrongError(Exception):
    """A value that no document can have; ``read`` adds the place."""


@dataclass(frozen=True)
class Shape:
    """How one message type becomes a document: what each tag says in head, lines and summary.

    ``fields`` are there, empty, whatever the message says; ``lists`` likewise.
    """

    fields: tuple[str, ...]
    line: tuple[str, ...]
    head: Mapping[str, Take]
    detail: Mapping[str, Take]
    summary: Mapping[str, Take] = field(default_factory=dict)
    lists: tuple[str, ...] = ()


def read(message: Message) -> Document:
    """Make the document of a message.

    Raises Refused with the segment where a number is no number or a line has no number, and for a
    message without a document number or of a type that has no shape.
    """
    shape = SHAPES.get(message.type)
    if shape is None:
        known = ", ".join(SHAPES)
        raise Refused(f"{message.type} has no document; known: {known}", where=message.reference)
    interchange = message.interchange
    document: Document = dict.fromkeys(shape.fields, "")
    document.update(
        interchange=interchange.reference,
        message_ref=message.reference,
        sender=interchange.sender,
        receiver=interchange.receiver,
        test=interchange.test,
    )
    for name in shape.lists:
        document[name] = []
    lines: list[Document] = []
    document["lines"] = lines
    _walk(message, shape, document, lines)
    if not document["number"]:
        raise Refused(
            "the document has no number (BGM 1004)",
            where=f"message {message.reference}",
            fix="ask the partner for the message again",
        )
    for line in lines:
        base = line.pop("_base", "1")
        if "amount" in line and not line["amount"]:
            line["amount"] = _product(line["quantity"], line["price"], base)
    document.pop("_package", None)
    document.pop("_sscc", None)
    return document


def _walk(message: Message, shape: Shape, document: Document, lines: list[Document]) -> None:
    target, takes = document, shape.head
    position = 0
    try:
        for elements in message.parsed:
            position += 1
            tag = elements[0][0]
            if tag == "LIN":
                target, takes = _line(shape, document, elements), shape.detail
                lines.append(target)
                continue
            if tag == "UNS":
                target, takes = document, shape.summary
            elif tag == "CPS":
                target, takes = document, shape.head
            take = takes.get(tag)  # type: ignore[arg-type]
            if take is not None:
                take(target, elements)
    except WrongError as error:
        tag = message.segments[position - 1][:3]
        raise Refused(
            str(error),
            where=f"message {message.reference}, segment {position} {tag}",
            fix="ask the partner for the message again",
        ) from None


# -- what a segment says --------------------------------------------------------------------
def _line(shape: Shape, document: Document, elements: list[Element]) -> Document:
    text = part(elements, 1)
    if not text:
        raise WrongError("the line has no number (LIN 1082)")
    line: Document = dict.fromkeys(shape.line, "")
    item = part(elements, 3)
    ours = part(elements, 3, 1) in _ITEM_KINDS
    line["line"] = text
    line["gtin"] = "" if ours else item
    line["item"] = item if ours else ""
    if "action" in line:
        line["action"] = part(elements, 2)
    if "package" in line:
        line["package"] = document.get("_package", "")
        line["sscc"] = document.get("_sscc", "")
    return line


def _bgm(document: Document, elements: list[Element]) -> None:
    document["number"] = part(elements, 2)
    if "type" in document:
        document["type"] = part(elements, 1)
    if "response" in document:
        document["response"] = part(elements, 4)


def _cux(document: Document, elements: list[Element]) -> None:
    document["currency"] = document["currency"] or part(elements, 1, 1)


def _pia(line: Document, elements: list[Element]) -> None:
    if not line["item"] and part(elements, 2, 1) in _ITEM_KINDS:
        line["item"] = part(elements, 2)


def _imd(line: Document, elements: list[Element]) -> None:
    if not line["description"] and len(elements) > 3:
        texts = [text for text in elements[3][3:5] if isinstance(text, str)]
        line["description"] = "".join(texts)


def _pri(line: Document, elements: list[Element]) -> None:
    value = elements[1] if len(elements) > 1 else [""]
    if not line["price"] and value[0] in _PRICES:
        line["price"] = number(part(elements, 1, 1))
        if len(value) > 4:
            line["_base"] = number(part(elements, 1, 4) or "1")


def _line_tax(line: Document, elements: list[Element]) -> None:
    line["tax_rate"] = number(part(elements, 5, 3))
    line["tax_category"] = part(elements, 6)


def _cps(document: Document, elements: list[Element]) -> None:
    document["_package"], document["_sscc"] = part(elements, 1), ""


def _gin(document: Document, elements: list[Element]) -> None:
    if part(elements, 1) == "BJ":
        document["_sscc"] = part(elements, 2)


def _summary_tax(document: Document, elements: list[Element]) -> None:
    document["taxes"].append(
        {
            "rate": number(part(elements, 5, 3)),
            "category": part(elements, 6),
            "taxable": "",
            "tax": "",
        }
    )


def _summary_money(document: Document, elements: list[Element]) -> None:
    kind, amount = part(elements, 1), number(part(elements, 1, 1))
    taxes = document["taxes"]
    if kind in {"124", "125"} and taxes:
        taxes[-1]["tax" if kind == "124" else "taxable"] = amount
    elif kind in _TOTALS:
        document[_TOTALS[kind]] = document[_TOTALS[kind]] or amount


def _charge(target: Document, elements: list[Element]) -> None:
    charge = {"charge": part(elements, 1) == "C", "reason": part(elements, 5), "amount": ""}
    target.setdefault("charges", []).append(charge)


def _charge_money(target: Document, elements: list[Element]) -> None:
    charges = target.get("charges")
    if charges and part(elements, 1) in {"8", "23", "204"}:
        charges[-1]["amount"] = charges[-1]["amount"] or number(part(elements, 1, 1))


def _dates(names: Mapping[str, str]) -> Take:
    def take(target: Document, elements: list[Element]) -> None:
        name = names.get(part(elements, 1))
        if name:
            target[name] = day(part(elements, 1, 1), part(elements, 1, 2))

    return take


def _texts(names: Mapping[str, str]) -> Take:
    """RFF: the number behind its qualifier, the first of each kind."""

    def take(target: Document, elements: list[Element]) -> None:
        name = names.get(part(elements, 1))
        if name:
            target[name] = target[name] or part(elements, 1, 1)

    return take


def _nad(document: Document, elements: list[Element]) -> None:
    name = PARTIES.get(part(elements, 1))
    if name:
        document[name] = part(elements, 2)


def _quantities(names: Mapping[str, str]) -> Take:
    def take(line: Document, elements: list[Element]) -> None:
        value = elements[1] if len(elements) > 1 else [""]
        name = names.get(value[0])  # type: ignore[arg-type]
        if name:
            line[name] = number(part(elements, 1, 1))
            line["unit"] = part(elements, 1, 2) or line["unit"] or "PCE"

    return take


def _line_money(line: Document, elements: list[Element]) -> None:
    value = elements[1] if len(elements) > 1 else [""]
    if value[0] == "203":
        line["amount"] = number(part(elements, 1, 1))
    elif "charges" in line:
        _charge_money(line, elements)


# -- values ---------------------------------------------------------------------------------
def number(text: str) -> str:
    """Give a number with a point, as EDIFACT allows a comma in its place at any time.

    >>> number("1234,50")
    '1234.50'
    """
    if _NUMBER.fullmatch(text) or not text:
        return text
    plain = text.replace(",", ".")
    if plain.startswith("."):
        plain = "0" + plain
    if not _NUMBER.fullmatch(plain):
        raise WrongError(f"{text!r} is no number")
    return plain


def day(text: str, form: str) -> str:
    """Give a date of DTM as ISO text: formats 102 (day), 203 (minute) and 204 (second).

    >>> day("20260901", "102")
    '2026-09-01'
    >>> day("202609011530", "203")
    '2026-09-01T15:30'
    """
    if not text.isdigit() or not text.isascii() or len(text) != _SIZES.get(form or "102", 0):
        raise WrongError(f"date {text!r} does not have format {form or '102'}")
    if form == "101":
        text = "20" + text
    date = f"{text[:4]}-{text[4:6]}-{text[6:8]}"
    clock = ":".join(text[at : at + 2] for at in range(8, len(text), 2))
    return f"{date}T{clock}" if clock else date


def _product(quantity: str, price: str, base: str) -> str:
    if not quantity or not price:
        return ""
    amount = Decimal(quantity) * Decimal(price)
    if base != "1" and Decimal(base):
        amount = amount / Decimal(base)
    return format(amount, "f")


# -- shapes ---------------------------------------------------------------------------------
_TOTALS = {"79": "line_total", "77": "total", "86": "total", "9": "total", "124": "tax_total"}
_COMMON = ("number", "date", "currency", "buyer_gln", "supplier_gln", "delivery_gln")
_PRODUCT = ("line", "gtin", "item", "description", "quantity", "unit")
_DELIVERY = {"2": "delivery_date", "63": "delivery_date", "64": "delivery_date"}
_PRODUCT_TAKES: dict[str, Take] = {"PIA": _pia, "IMD": _imd}

SHAPES: dict[str, Shape] = {
    "ORDERS": Shape(
        fields=_COMMON,
        line=(*_PRODUCT, "price", "amount"),
        head={"BGM": _bgm, "DTM": _dates({"137": "date", **_DELIVERY}), "NAD": _nad, "CUX": _cux},
        detail={
            **_PRODUCT_TAKES,
            "QTY": _quantities({"21": "quantity"}),
            "MOA": _line_money,
            "PRI": _pri,
        },
    ),
    "ORDRSP": Shape(
        fields=(*_COMMON, "response", "order_number", "delivery_date"),
        line=(*_PRODUCT, "price", "amount", "action", "confirmed", "delivery_date", "order_line"),
        head={
            "BGM": _bgm,
            "DTM": _dates({"137": "date", "69": "delivery_date", **_DELIVERY}),
            "NAD": _nad,
            "CUX": _cux,
            "RFF": _texts({"ON": "order_number"}),
        },
        detail={
            **_PRODUCT_TAKES,
            "QTY": _quantities({"21": "quantity", "113": "confirmed", "12": "confirmed"}),
            "DTM": _dates({"69": "delivery_date", **_DELIVERY}),
            "MOA": _line_money,
            "PRI": _pri,
            "RFF": _texts({"LI": "order_line"}),
        },
    ),
    "DESADV": Shape(
        fields=(
            *("number", "date", "buyer_gln", "supplier_gln", "delivery_gln", "order_number"),
            *("despatch_date", "delivery_date"),
        ),
        line=(*_PRODUCT, "package", "sscc", "order_number", "order_line", "best_before"),
        head={
            "BGM": _bgm,
            "DTM": _dates(
                {"137": "date", "11": "despatch_date", "17": "delivery_date", **_DELIVERY}
            ),
            "NAD": _nad,
            "RFF": _texts({"ON": "order_number"}),
            "CPS": _cps,
            "GIN": _gin,
        },
        detail={
            **_PRODUCT_TAKES,
            "QTY": _quantities({"12": "quantity"}),
            "RFF": _texts({"ON": "order_number", "LI": "order_line"}),
            "DTM": _dates({"361": "best_before"}),
        },
    ),
    "INVOIC": Shape(
        fields=(
            *(*_COMMON, "invoicee_gln", "type", "order_number", "despatch_number"),
            *("original_number", "delivery_date", "due_date", "line_total", "tax_total", "total"),
        ),
        line=(*_PRODUCT, "price", "amount", "tax_rate", "tax_category", "order_number"),
        head={
            "BGM": _bgm,
            "DTM": _dates({"137": "date", "35": "delivery_date", "13": "due_date"}),
            "NAD": _nad,
            "CUX": _cux,
            "RFF": _texts({"ON": "order_number", "DQ": "despatch_number", "IV": "original_number"}),
            "ALC": _charge,
            "MOA": _charge_money,
        },
        detail={
            **_PRODUCT_TAKES,
            "QTY": _quantities({"47": "quantity"}),
            "MOA": _line_money,
            "PRI": _pri,
            "TAX": _line_tax,
            "RFF": _texts({"ON": "order_number"}),
            "ALC": _charge,
        },
        summary={"TAX": _summary_tax, "MOA": _summary_money},
        lists=("charges", "taxes"),
    ),
}
"""Message types that become documents."""
