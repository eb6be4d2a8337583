"""Where X12 says a thing in another way than EDIFACT does, document by document.

``read`` completes what was read; ``write`` makes of a document what the shapes can write.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from crossdock.errors import Refused

Document = dict[str, Any]


def read(name: str, document: Document) -> None:
    """Complete a document as the EDIFACT message would have said it."""
    document.pop("note_kind", None)
    if name == "ORDRSP":
        document["number"] = document["number"] or document["order_number"]
        for line in document["lines"]:
            line["order_line"] = line["order_line"] or line["line"]
            line.pop("confirmed_unit", None)
    elif name == "ORDCHG":
        own = f"{document['order_number']}-{document.pop('sequence', '')}".rstrip("-")
        document["number"] = document["number"] or own
        document["type"] = "230"
    elif name == "DESADV":
        document["type"] = "351"
        document.pop("time", None)
    elif name == "PRICAT":
        for line in document["lines"]:
            for price in line["prices"]:
                price["code"] = "AAA"
    for charge in _charges(document):
        charge.pop("code", None)


def _charges(document: Mapping[str, Any]) -> list[Document]:
    found = list(document.get("charges") or ())
    for line in document.get("lines") or ():
        found += line.get("charges") or ()
    return found


def write(name: str, document: Mapping[str, Any]) -> Document:
    """Make a document ready to be written; raises Refused for what X12 cannot say."""
    made: Document = dict(document)
    if made.get("charges"):
        made["charges"] = [_charge(one) for one in made["charges"]]
    if made.get("lines"):
        made["lines"] = [_line(name, line, at) for at, line in enumerate(made["lines"])]
    if made.get("note"):
        made["note_kind"] = "NOTE"
    if name == "INVRPT":
        _one_place(made)
    return made


def _line(name: str, line: Mapping[str, Any], at: int) -> Document:
    made: Document = dict(line)
    if name == "ORDRSP":
        made["line"] = line.get("order_line") or line.get("line")
        made["confirmed_unit"] = (line.get("unit") or "PCE") if line.get("confirmed") else ""
    if made.get("charges"):
        made["charges"] = [_charge(one) for one in made["charges"]]
    made["price"] = line.get("price") or line.get("gross_price") or ""
    base = str(line.get("price_base") or line.get("gross_base") or "1")
    if made["price"] and Decimal(base) not in (0, 1):
        made["price"] = _each(str(made["price"]), base, f"lines[{at}].price")
    return made


def _each(price: str, base: str, where: str) -> str:
    """A price for one unit; X12 knows no price for a hundred."""
    each = (Decimal(price) / Decimal(base)).quantize(Decimal("0.000001"))
    if each * Decimal(base) != Decimal(price):
        raise Refused(f"{price} for {base} is no exact price for one", where=where)
    return format(each.normalize(), "f")


def _charge(charge: Mapping[str, Any]) -> Document:
    """SAC02 has codes of four characters of its own; any other reason goes into words."""
    code = str(charge.get("reason_code") or "")
    fits = len(code) == 4 and code.isalnum()
    words = charge.get("reason") or ("" if fits else code)
    return {**charge, "code": code if fits else "", "reason": words}


def _one_place(document: Document) -> None:
    """An inventory report of X12 names its warehouse once."""
    places = {
        (str(stock.get("location_gln") or ""), str(stock.get("location_id") or ""))
        for line in document.get("lines") or ()
        for stock in line["stocks"]
    } - {("", "")}
    if len(places) > 1:
        raise Refused(
            "stock of several places cannot stand in one 846",
            where="levels",
            fix="send one report for each place",
        )
    for gln, other in places:
        document["warehouse_gln"], document["warehouse_id"] = gln, other
