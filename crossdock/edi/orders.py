"""ORDERS as a flat JSON document and back (D.96A and D.01B, EANCOM subset).

A document is a dict of texts; numbers stay the texts that they were, with a point as decimal
mark. ``read`` takes what it knows from the message, ``write`` makes a message that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from crossdock.edi.interchange import Message, part
from crossdock.edi.separators import Element
from crossdock.edi.writer import Plain
from crossdock.errors import Refused

PARTIES = {"BY": "buyer_gln", "SU": "supplier_gln", "DP": "delivery_gln", "IV": "invoicee_gln"}
DIRECTORIES = {"D.96A": "EAN008", "D.01B": "EAN010"}
"""Directories that ``write`` knows, with the association code of their EANCOM edition."""

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def read(message: Message) -> dict[str, Any]:
    """Make the document of an ORDERS message.

    Raises Refused with the segment where a number is no number or a line number is missing.
    """
    interchange = message.interchange
    document: dict[str, Any] = {
        "number": "",
        "date": "",
        "currency": "",
        "buyer_gln": "",
        "supplier_gln": "",
        "delivery_gln": "",
        "interchange": interchange.reference,
        "message_ref": message.reference,
        "sender": interchange.sender,
        "receiver": interchange.receiver,
        "test": interchange.test,
        "lines": [],
    }
    line: dict[str, Any] | None = None
    position = 0
    try:
        for elements in message.parsed:
            position += 1
            tag = elements[0][0]
            if tag == "LIN":
                line = _line(elements)
                document["lines"].append(line)
            elif line is None:
                take = _HEAD.get(tag)  # type: ignore[arg-type]
                if take is not None:
                    take(document, elements)
            elif tag == "UNS":
                line = None
            else:
                take = _DETAIL.get(tag)  # type: ignore[arg-type]
                if take is not None:
                    take(line, elements)
    except _WrongError as error:
        tag = message.segments[position - 1][:3]
        raise Refused(
            str(error),
            where=f"message {message.reference}, segment {position} {tag}",
            fix="ask the partner for a right order",
        ) from None
    if not document["number"]:
        raise Refused(
            "the order has no number (BGM 1004)",
            where=f"message {message.reference}",
            fix="ask the partner for the order again",
        )
    for entry in document["lines"]:
        base = entry.pop("_base", "1")
        if not entry["amount"]:
            entry["amount"] = _product(entry["quantity"], entry["price"], base)
    return document


class _WrongError(Exception):
    """A value that no order can have; ``read`` adds the place."""


def _line(elements: list[Element]) -> dict[str, Any]:
    number = part(elements, 1)
    if not number:
        raise _WrongError("the line has no number (LIN 1082)")
    item = part(elements, 3)
    ours = part(elements, 3, 1) in _ITEM_KINDS
    return {
        "line": number,
        "gtin": "" if ours else item,
        "item": item if ours else "",
        "description": "",
        "quantity": "",
        "unit": "",
        "price": "",
        "amount": "",
    }


def _bgm(document: dict[str, Any], elements: list[Element]) -> None:
    document["number"] = part(elements, 2)


def _dtm(document: dict[str, Any], elements: list[Element]) -> None:
    field = _DATES.get(part(elements, 1))
    if field:
        document[field] = day(part(elements, 1, 1), part(elements, 1, 2))


def _nad(document: dict[str, Any], elements: list[Element]) -> None:
    field = PARTIES.get(part(elements, 1))
    if field:
        document[field] = part(elements, 2)


def _cux(document: dict[str, Any], elements: list[Element]) -> None:
    document["currency"] = document["currency"] or part(elements, 1, 1)


def _pia(line: dict[str, Any], elements: list[Element]) -> None:
    if not line["item"] and part(elements, 2, 1) in _ITEM_KINDS:
        line["item"] = part(elements, 2)


def _imd(line: dict[str, Any], elements: list[Element]) -> None:
    if not line["description"] and len(elements) > 3:
        texts = [text for text in elements[3][3:5] if isinstance(text, str)]
        line["description"] = "".join(texts)


def _qty(line: dict[str, Any], elements: list[Element]) -> None:
    value = elements[1] if len(elements) > 1 else [""]
    if value[0] == "21":
        line["quantity"] = number(part(elements, 1, 1))
        line["unit"] = part(elements, 1, 2) or "PCE"


def _moa(line: dict[str, Any], elements: list[Element]) -> None:
    value = elements[1] if len(elements) > 1 else [""]
    if value[0] == "203":
        line["amount"] = number(part(elements, 1, 1))


def _pri(line: dict[str, Any], elements: list[Element]) -> None:
    value = elements[1] if len(elements) > 1 else [""]
    if not line["price"] and value[0] in _PRICES:
        line["price"] = number(part(elements, 1, 1))
        if len(value) > 4:
            line["_base"] = number(part(elements, 1, 4) or "1")


_Take = Callable[[dict[str, Any], list[Element]], None]
_HEAD: dict[str, _Take] = {"BGM": _bgm, "DTM": _dtm, "NAD": _nad, "CUX": _cux}
_DETAIL: dict[str, _Take] = {"PIA": _pia, "IMD": _imd, "QTY": _qty, "MOA": _moa, "PRI": _pri}
_DATES = {"137": "date", "2": "delivery_date", "63": "delivery_date", "64": "delivery_date"}
_ITEM_KINDS = frozenset({"SA", "IN", "BP", "VP"})
_PRICES = frozenset({"AAA", "AAB"})
_SIZES = {"102": 8, "203": 12, "204": 14, "101": 6}


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
        raise _WrongError(f"{text!r} is no number")
    return plain


def day(text: str, form: str) -> str:
    """Give a date of DTM as ISO text: formats 102 (day), 203 (minute) and 204 (second).

    >>> day("20260901", "102")
    '2026-09-01'
    >>> day("202609011530", "203")
    '2026-09-01T15:30'
    """
    if not text.isdigit() or not text.isascii() or len(text) != _SIZES.get(form or "102", 0):
        raise _WrongError(f"date {text!r} does not have format {form or '102'}")
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


# -- the other way --------------------------------------------------------------------------
def identifier(directory: str, association: str = "") -> list[str]:
    """Give S009 of an ORDERS message for a directory such as D.96A."""
    version, _, release = directory.partition(".")
    return ["ORDERS", version, release, "UN", association]


def write(document: Mapping[str, Any], *, decimal: str = ".", eancom: bool = True) -> list[Plain]:
    """Make the segments between UNH and UNT of an ORDERS message.

    Needs ``number``, ``date``, ``currency`` and ``lines`` with ``line``, ``gtin`` or ``item``
    and ``quantity``. Raises Refused naming the field that is missing or wrong.
    """
    order = str(document.get("number") or "")
    if not order or len(order) > 35:
        raise Refused("an order number of 1 to 35 characters is needed", where="number")
    agency = "9" if eancom else ""
    segments: list[Plain] = [
        ["BGM", "220", order, "9"],
        ["DTM", ["137", *_date(document.get("date"), "date")]],
    ]
    if document.get("delivery_date"):
        segments.append(["DTM", ["2", *_date(document["delivery_date"], "delivery_date")]])
    for qualifier, field in PARTIES.items():
        if document.get(field):
            segments.append(["NAD", qualifier, [str(document[field]), "", agency]])
    currency = str(document.get("currency") or "")
    if not re.fullmatch("[A-Z]{3}", currency):
        raise Refused(f"currency {currency!r} is not three capitals", where="currency")
    segments.append(["CUX", ["2", currency, "9"]])
    lines = document.get("lines") or []
    if not lines:
        raise Refused("an order without lines cannot be sent", where="lines")
    for at, line in enumerate(lines):
        segments.extend(_write_line(line, at, currency, decimal))
    segments.append(["UNS", "S"])
    segments.append(["CNT", ["2", str(len(lines))]])
    return segments


def _write_line(line: Mapping[str, Any], at: int, currency: str, decimal: str) -> list[Plain]:
    where = f"lines[{at}]"
    gtin, item = str(line.get("gtin") or ""), str(line.get("item") or "")
    if not gtin and not item:
        raise Refused("gtin or item is needed", where=where)
    out: list[Plain] = [
        ["LIN", str(line.get("line") or at + 1), "", [gtin, "EN"] if gtin else ""],
    ]
    if item:
        out.append(["PIA", "1" if gtin else "5", [item, "SA"]])
    description = str(line.get("description") or "")
    if len(description) > 70:
        raise Refused(
            f"a description of {len(description)} characters; IMD takes 70",
            where=f"{where}.description",
            fix="cut it in the mapping",
        )
    if description:
        out.append(["IMD", "F", "", ["", "", "", description[:35], description[35:70]]])
    unit = str(line.get("unit") or "")
    quantity = _written(line.get("quantity"), f"{where}.quantity", decimal)
    out.append(["QTY", ["21", quantity, "" if unit in {"C62", "PCE"} else unit]])
    if line.get("amount") not in (None, ""):
        out.append(["MOA", ["203", _written(line["amount"], f"{where}.amount", decimal)]])
    if line.get("price") not in (None, ""):
        out.append(["PRI", ["AAA", _written(line["price"], f"{where}.price", decimal)]])
    return out


def _written(value: Any, where: str, decimal: str) -> str:
    """Give a number as EDIFACT writes it: no exponent, no needless zeros, at most 15 digits."""
    if isinstance(value, float) or value in (None, ""):
        raise Refused(f"{value!r} is no exact number", where=where, fix="send text or a Decimal")
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        raise Refused(f"{value!r} is no number", where=where) from None
    if not exact.is_finite():
        raise Refused(f"{value!r} is no number", where=where)
    text = format(exact, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if sum(character.isdigit() for character in text) > 15:
        raise Refused(f"{text} has more than 15 digits", where=where)
    return text.replace(".", decimal)


def _date(value: Any, where: str) -> list[str]:
    found = re.match(r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2}))?", str(value or ""))
    if found is None:
        raise Refused(f"{value!r} is no date such as 2026-09-01", where=where)
    if found.group(4):
        return ["".join(found.groups()), "203"]
    return ["".join(found.groups()[:3]), "102"]
