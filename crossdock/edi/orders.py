"""Write ORDERS (D.96A and D.01B, EANCOM subset) from the flat document that ``flat`` reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from crossdock.edi.flat import PARTIES
from crossdock.edi.writer import Plain
from crossdock.errors import Refused

DIRECTORIES = {"D.96A": "EAN008", "D.01B": "EAN010"}
"""Directories that ``write`` knows, with the association code of their EANCOM edition."""


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
