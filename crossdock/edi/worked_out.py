"""What follows from what a message says: amounts, sums, answers that are given once for all lines.

Each function completes a document that was read, or makes ready one that is to be written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from crossdock.edi.values import product

Document = dict[str, Any]

_FUNCTIONS = {"29": "AP", "44": "AP", "27": "RE"} | dict.fromkeys(("4", "28", "30", "34"), "AC")
_RESPONSES = {"AP": "5", "AD": "5", "RE": "7"}
_KINDS = {
    "145": "on_hand", "17": "on_hand", "152": "on_hand", "60": "available", "170": "reserved",
    "248": "reserved", "198": "incoming", "57": "incoming", "73": "incoming",
    "197": "reorder_point", "97": "reorder_point",
}  # fmt: skip
STOCK_KINDS = {
    "on_hand": "145",
    "available": "60",
    "reserved": "170",
    "incoming": "198",
    "reorder_point": "197",
}
"""Code of 6063 that is written for each quantity of a stock level."""

_PRODUCT = ("gtin", "item", "buyer_item")


def order(document: Document) -> None:
    """Complete an order: amounts of lines, allowances and charges, and the total without tax."""
    for line in document["lines"]:
        _line(line)
    _charged(document)
    amounts = [line["amount"] for line in document["lines"] if line["amount"]]
    document["total"] = _total(_sum(amounts), document) if amounts else ""


def answer(document: Document) -> None:
    """Complete an order response: an answer to the whole order is one to each line.

    Partners say it in 4343 or, as EANCOM asks, in the function of the message (1225).
    """
    document["response"] = document["response"] or _FUNCTIONS.get(document["function"], "")
    whole = _RESPONSES.get(document["response"], "")
    for line in document["lines"]:
        line["action"] = line["action"] or whole


def invoice(document: Document) -> None:
    """Complete an invoice: line amounts, and those totals that are not said."""
    for line in document["lines"]:
        _line(line)
    _charged(document)
    if not document["line_total"]:
        document["line_total"] = _sum(line["amount"] for line in document["lines"])
    if not document["tax_total"] and document["taxes"]:
        document["tax_total"] = _sum(tax["tax"] for tax in document["taxes"])
    if not document["total"]:
        document["total"] = _total(document["line_total"], document, document["tax_total"])


def remittance(document: Document) -> None:
    """Complete a remittance: the total is what is paid, less what credit notes take off."""
    if not document["total"]:
        signs = {"381": -1, "83": -1, "396": -1}
        document["total"] = _plain(
            sum(
                (
                    Decimal(paid["amount"]) * signs.get(paid["type"], 1)
                    for paid in document["documents"]
                    if paid["amount"]
                ),
                Decimal(0),
            )
        )


def catalogue(document: Document) -> None:
    """Complete a catalogue: what is said once counts for every line; ``prices`` stand alone."""
    inherited = ("currency", "valid_from", "valid_until", "tax_rate", "tax_category")
    document["prices"] = []
    for line in document["lines"]:
        line["article"] = line["gtin"] or line["item"] or line["buyer_item"]
        for name in inherited:
            line[name] = line[name] or document[name]
        prices = line.pop("prices")
        for price in prices:
            for name in ("valid_from", "valid_until"):
                price[name] = price[name] or line[name]
            price["kind"] = "-".join(part for part in (price["code"], price["price_type"]) if part)
            price["valid_until"] = _next_day(price["valid_until"])
            document["prices"].append({**line, **price})
        line["valid_until"] = _next_day(line["valid_until"])
        first = prices[0] if prices else {}
        for name in ("code", "amount", "class", "price_type", "base", "unit"):
            line[name] = first.get(name, "")


def listed(document: Mapping[str, Any]) -> Document:
    """Make lines of a catalogue: entries of one product that follow each other are one line."""
    lines: list[Document] = []
    for entry in document.get("lines") or ():
        if not lines or any(lines[-1].get(name) != entry.get(name) for name in _PRODUCT):
            lines.append({**entry, "line": str(len(lines) + 1), "prices": []})
        lines[-1] |= {name: value for name, value in entry.items() if not lines[-1].get(name)}
        if entry.get("amount") not in (None, ""):
            until = _last_day(str(entry.get("valid_until") or ""))
            lines[-1]["prices"].append({**entry, "valid_until": until})
    for line in lines:
        if line["prices"]:  # a period that belongs to a price stands there
            line["valid_from"] = line["valid_until"] = ""
        line["currency"] = (
            "" if line.get("currency") == document.get("currency") else line.get("currency")
        )
    return {**document, "lines": lines}


def _next_day(text: str) -> str:
    """A day on which something ends belongs to it; what follows begins on the next."""
    return (date.fromisoformat(text) + timedelta(1)).isoformat() if len(text) == 10 else text


def _last_day(text: str) -> str:
    """The day before a midnight at which something ends."""
    day, _, clock = text.partition("T")
    if not day or clock.replace(":", "").strip("0"):
        return text
    return (date.fromisoformat(day) - timedelta(1)).isoformat()


def stock(document: Document) -> None:
    """Complete an inventory report: ``levels`` has one entry a line and place."""
    levels: dict[tuple[str, ...], Document] = {}
    for line in document["lines"]:
        for said in line.pop("stocks"):
            name = _KINDS.get(said["kind"])
            place = said if said["location_gln"] or said["location_id"] else line
            if not (place["location_gln"] or place["location_id"]):
                place = {
                    "location_gln": document["warehouse_gln"],
                    "location_id": document["warehouse_id"],
                }
            key = (line["line"], place["location_gln"], place["location_id"])
            level = levels.setdefault(key, _level(document, line, place, said))
            if name and not level[name]:
                level[name] = said["quantity"]
    document["levels"] = list(levels.values())


def _level(
    document: Document, line: Document, place: Mapping[str, Any], said: Document
) -> Document:
    level = {**line, "location_gln": place["location_gln"], "location_id": place["location_id"]}
    level["article"] = line["gtin"] or line["item"] or line["buyer_item"]
    level["location"] = place["location_gln"] or place["location_id"]
    level["unit"] = said["unit"]
    counted = said["counted_at"] or line["counted_at"] or document["counted_at"]
    level["counted_at"] = counted or document["date"]
    return level | dict.fromkeys(STOCK_KINDS, "")


def counted(document: Mapping[str, Any]) -> Document:
    """Make lines of an inventory report: a quantity for each thing that a level knows."""
    lines: list[Document] = []
    for level in document.get("levels") or ():
        if not lines or any(lines[-1].get(name) != level.get(name) for name in _PRODUCT):
            kept = {name: level.get(name) for name in (*_PRODUCT, "description")}
            lines.append({**kept, "line": str(len(lines) + 1), "stocks": []})
        for name, kind in STOCK_KINDS.items():
            if level.get(name) not in (None, ""):
                said = {"kind": kind, "quantity": level[name]}
                lines[-1]["stocks"].append({**level, **said})
    return {**document, "lines": lines}


def sales(document: Document) -> None:
    """Complete a sales report: ``lines`` with their place and day, and the sum of all."""
    lines: list[Document] = []
    for place in document.pop("places"):
        where = {name: value for name, value in place.items() if name != "lines"}
        for line in place["lines"]:
            if not line["amount"]:
                line["amount"] = product(line["quantity"], line["price"], line["price_base"])
            lines.append({**line, **where})
    document["lines"] = lines
    document["total"] = _sum(line["amount"] for line in lines)


def placed(document: Mapping[str, Any]) -> Document:
    """Make places of a sales report: lines of one place and day that follow each other."""
    places: list[Document] = []
    names = ("location_gln", "location_id", "sold_at")
    for line in document.get("lines") or ():
        if not places or any(places[-1].get(name) != line.get(name) for name in names):
            places.append({**{name: line.get(name) for name in names}, "lines": []})
        places[-1]["lines"].append(line)
    return {**document, "places": places}


def _line(line: Document) -> None:
    """Work out a line's amount where it is not said; a gross price leaves its allowances open."""
    gross = not line["price"] and bool(line["gross_price"])
    price = line["gross_price"] if gross else line["price"]
    base = line["gross_base"] if gross else line["price_base"]
    line["allowance"] = _kind(line["charges"], "A") if gross else ""
    line["charge"] = _kind(line["charges"], "C") if gross else ""
    if not line["amount"]:
        amount = product(line["quantity"], price, base)
        less, more = Decimal(line["allowance"] or 0), Decimal(line["charge"] or 0)
        line["amount"] = _plain(Decimal(amount) - less + more) if amount else ""


def _charged(document: Document) -> None:
    for name, indicator in (("allowance_total", "A"), ("charge_total", "C")):
        document[name] = document.get(name) or _kind(document["charges"], indicator)


def _kind(charges: Iterable[Mapping[str, Any]], indicator: str) -> str:
    found = [one["amount"] for one in charges if one["indicator"] == indicator and one["amount"]]
    return _sum(found) if found else ""


def _total(lines: str, document: Document, tax: str = "") -> str:
    less, more = document["allowance_total"] or 0, document["charge_total"] or 0
    return _plain(Decimal(lines or 0) - Decimal(less) + Decimal(more) + Decimal(tax or 0))


def _sum(texts: Iterable[str]) -> str:
    return _plain(sum((Decimal(text) for text in texts if text), Decimal(0)))


def _plain(amount: Decimal) -> str:
    return format(amount, "f")
