"""ORDERS as a flat JSON document and back (D.96A and D.01B, EANCOM subset).

A document is a dict of texts; numbers stay the texts that they were, with a point as decimal
mark. ``read`` takes what it knows from the message, ``write`` makes a message that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from crossdock.edi.interchange import Message, part
from crossdock.edi.separators import Element
from crossdock.edi.writer import Plain
from crossdock.errors import Refused

PARTIES = {"BY": "buyer_gln", "SU": "supplier_gln", "DP": "delivery_gln", "IV": "invoicee_gln"}
DIRECTORIES = {"D.96A": "EAN008", "D.01B": "EAN010"}
"""Directories that ``write`` knows, with the association code of their EANCOM edition."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


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
    decimal = interchange.separators.decimal
    line: dict[str, Any] | None = None
    for position, elements in enumerate(message.parsed, 1):
        tag = part(elements, 0)
        where = f"message {message.reference}, segment {position} {tag}"
        if tag == "LIN":
            line = _line(elements, where)
            document["lines"].append(line)
        elif tag == "UNS":
            line = None
        elif line is None:
            _head(document, tag, elements, decimal, where)
        else:
            _detail(line, tag, elements, decimal, where)
    if not document["number"]:
        raise Refused(
            "the order has no number (BGM 1004)",
            where=f"message {message.reference}",
            fix="ask the partner for the order again",
        )
    for entry in document["lines"]:
        if not entry["amount"]:
            entry["amount"] = _product(entry["quantity"], entry["price"], entry.pop("_base", "1"))
        entry.pop("_base", None)
    return document


def _line(elements: list[Element], where: str) -> dict[str, Any]:
    number = part(elements, 1)
    if not number:
        raise Refused("the line has no number (LIN 1082)", where=where, fix="number the lines")
    return {
        "line": number,
        "gtin": part(elements, 3) if part(elements, 3, 1) in {"EN", "SRV", "UP", ""} else "",
        "item": part(elements, 3) if part(elements, 3, 1) in {"SA", "IN", "BP"} else "",
        "description": "",
        "quantity": "",
        "unit": "",
        "price": "",
        "amount": "",
    }


def _head(
    document: dict[str, Any], tag: str, elements: list[Element], decimal: str, where: str
) -> None:
    if tag == "BGM":
        document["number"] = part(elements, 2)
    elif tag == "DTM" and part(elements, 1) == "137":
        document["date"] = day(part(elements, 1, 1), part(elements, 1, 2), where)
    elif tag == "DTM" and part(elements, 1) in {"2", "64", "63"}:
        document["delivery_date"] = day(part(elements, 1, 1), part(elements, 1, 2), where)
    elif tag == "NAD" and part(elements, 1) in PARTIES:
        document[PARTIES[part(elements, 1)]] = part(elements, 2)
    elif tag == "CUX" and not document["currency"]:
        document["currency"] = part(elements, 1, 1)


def _detail(
    line: dict[str, Any], tag: str, elements: list[Element], decimal: str, where: str
) -> None:
    if tag == "PIA" and part(elements, 2, 1) in {"SA", "IN", "BP"} and not line["item"]:
        line["item"] = part(elements, 2)
    elif tag == "IMD" and not line["description"]:
        texts = [part(elements, 3, number) for number in (3, 4)]
        line["description"] = "".join(texts)
    elif tag == "QTY" and part(elements, 1) == "21":
        line["quantity"] = number(part(elements, 1, 1), decimal, where)
        line["unit"] = part(elements, 1, 2) or "PCE"
    elif tag == "PRI" and (part(elements, 1) in {"AAA", "AAB"} and not line["price"]):
        line["price"] = number(part(elements, 1, 1), decimal, where)
        line["_base"] = number(part(elements, 1, 4) or "1", decimal, where)
    elif tag == "MOA" and part(elements, 1) == "203":
        line["amount"] = number(part(elements, 1, 1), decimal, where)


def number(text: str, decimal: str, where: str) -> str:
    """Give a number with a point, as EDIFACT allows a comma in its place at any time.

    >>> number("1234,50", ".", "QTY")
    '1234.50'
    """
    plain = text.replace(",", ".") if decimal != "." or "," in text else text
    if not plain:
        return ""
    if plain.startswith("."):
        plain = "0" + plain
    if not _NUMBER.fullmatch(plain):
        raise Refused(f"{text!r} is no number", where=where, fix="ask the partner for a new order")
    return plain


def day(text: str, form: str, where: str) -> str:
    """Give a date of DTM as ISO text: formats 102 (day), 203 (minute) and 204 (second).

    >>> day("20260901", "102", "DTM")
    '2026-09-01'
    >>> day("202609011530", "203", "DTM")
    '2026-09-01T15:30'
    """
    sizes = {"102": 8, "203": 12, "204": 14, "101": 6}
    if not text.isdigit() or not text.isascii() or len(text) != sizes.get(form or "102", 0):
        raise Refused(
            f"date {text!r} does not have format {form or '102'}", where=where, fix="use 102"
        )
    if form == "101":
        text = "20" + text
    date = f"{text[:4]}-{text[4:6]}-{text[6:8]}"
    clock = ":".join(text[at : at + 2] for at in range(8, len(text), 2))
    return f"{date}T{clock}" if clock else date


def _product(quantity: str, price: str, base: str) -> str:
    if not quantity or not price:
        return ""
    amount = Decimal(quantity) * Decimal(price)
    if base not in {"", "1"} and Decimal(base):
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
