"""What the sandbox's supplier writes about an order: ORDRSP, DESADV, INVOIC, APERAK (D.96A)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from crossdock.edi.interchange import Message
from crossdock.edi.separators import part
from crossdock.edi.writer import Plain

RATE = Decimal(19)
CENT = Decimal("0.01")
_EDITIONS = {"ORDRSP": "EAN005", "DESADV": "EAN005", "INVOIC": "EAN008"}


@dataclass
class Line:
    """One line of an order: its number, its product, how many, and the price of one."""

    number: str
    gtin: str
    quantity: Decimal
    price: Decimal


@dataclass
class Asked:
    """An order as the supplier reads it."""

    number: str
    date: str
    currency: str = "EUR"
    parties: dict[str, str] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)


def identifier(message: str) -> list[str]:
    """Give S009 of a message that the supplier writes."""
    if message == "CONTRL":
        return ["CONTRL", "D", "3", "UN"]
    return [message, "D", "96A", "UN", _EDITIONS.get(message, "")]


def asked(message: Message) -> Asked:
    """Read an order, as much of it as a supplier needs."""
    order = Asked("", "20260901")
    for elements in message.parsed:
        tag, first, second = part(elements, 0), part(elements, 1), part(elements, 1, 1)
        if tag == "BGM":
            order.number = part(elements, 2)
        elif tag == "DTM" and first == "137":
            order.date = second[:8]
        elif tag == "NAD":
            order.parties[first] = part(elements, 2)
        elif tag == "CUX":
            order.currency = second
        elif tag == "LIN":
            order.lines.append(Line(first, part(elements, 3), Decimal(0), Decimal(0)))
        elif tag == "QTY" and first == "21":
            order.lines[-1].quantity = Decimal(second.replace(",", "."))
        elif tag == "PRI":
            order.lines[-1].price = Decimal(second.replace(",", "."))
    return order


def ordrsp(order: Asked, plan: Sequence[str]) -> Iterator[Plain]:
    """Answer the order: all of it, or what the plan makes of it."""
    rejects, changes = "response_rejects" in plan, {"price_changed", "other_item"} & set(plan)
    yield ["BGM", "231", f"R-{order.number}", "27" if rejects else "4" if changes else "29"]
    yield from _head(order, "ON")
    yield ["CUX", ["2", order.currency, "9"]]
    for line in order.lines:
        yield ["LIN", line.number, "7" if rejects else "3" if changes else "5",
               [_item(line, plan), "EN"]]  # fmt: skip
        yield ["QTY", ["21", _plain(line.quantity)]]
        yield ["PRI", ["AAA", _plain(_price(line, plan))]]
        yield ["RFF", ["LI", line.number]]
    yield ["UNS", "S"]


def desadv(order: Asked, plan: Sequence[str], *, more: int = 0) -> Iterator[Plain]:
    """Say what was shipped, on one pallet; ``more`` makes the second of two different."""
    yield ["BGM", "351", f"D-{order.number}", "9"]
    yield ["DTM", ["137", order.date, "102"]]
    yield ["DTM", ["11", order.date, "102"]]
    yield ["RFF", ["ON", "NOBODYS" if "unknown_order" in plan else order.number]]
    yield from _parties(order)
    yield ["CPS", "1"]
    yield ["PAC", "1", "", "201"]
    yield ["PCI", "33E"]
    yield ["GIN", "BJ", sscc(order, right="wrong_sscc" not in plan)]
    for line in order.lines:
        yield ["LIN", line.number, "", [_item(line, plan), "EN"]]
        yield ["QTY", ["12", _plain(_shipped(line, plan) + more)]]
        yield ["RFF", ["ON", order.number]]


def invoic(order: Asked, plan: Sequence[str]) -> Iterator[Plain]:
    """Bill what was shipped, with one rate of tax."""
    yield ["BGM", "380", f"I-{order.number}", "9"]
    yield from _head(order, "ON")
    yield ["CUX", ["2", order.currency, "4"]]
    total = Decimal(0)
    for line in order.lines:
        quantity = _shipped(line, plan) + ("billed_more" in plan)
        amount = (quantity * _price(line, plan)).quantize(CENT)
        total += amount
        yield ["LIN", line.number, "", [_item(line, plan), "EN"]]
        yield ["QTY", ["47", _plain(quantity)]]
        yield ["MOA", ["203", _plain(amount)]]
        yield ["PRI", ["AAA", _plain(_price(line, plan))]]
        yield ["TAX", "7", "VAT", "", "", ["", "", "", _plain(RATE)], "S"]
    tax = (total * RATE / 100).quantize(CENT)
    wrong = 1 if "wrong_total" in plan else 0
    yield ["UNS", "S"]
    yield ["CNT", ["2", str(len(order.lines))]]
    yield ["MOA", ["79", _plain(total + wrong)]]
    yield ["MOA", ["77", _plain(total + tax)]]
    yield ["MOA", ["124", _plain(tax)]]
    yield ["TAX", "7", "VAT", "", "", ["", "", "", _plain(RATE)], "S"]
    yield ["MOA", ["124", _plain(tax)]]
    yield ["MOA", ["125", _plain(total)]]


def aperak(order: Asked) -> Iterator[Plain]:
    """Refuse the order: its first product is not known."""
    yield ["BGM", "", f"A-{order.number}", "27"]
    yield ["DTM", ["137", order.date, "102"]]
    yield ["RFF", ["ON", order.number]]
    yield ["ERC", ["42"]]
    yield ["FTX", "AAO", "", "", "this product is not known"]
    yield ["RFF", ["ON", order.number, order.lines[0].number if order.lines else "1"]]


def sscc(order: Asked, *, right: bool = True) -> str:
    """Make the number of the pallet from the order's; ``right`` False breaks its check digit."""
    digits = "".join(one for one in order.number if one.isdigit())[-9:].rjust(9, "0")
    body = f"34012345{digits}"
    total = sum(int(digit) * (1 if at % 2 else 3) for at, digit in enumerate(body))
    return body + str((-total + (not right)) % 10)


def _head(order: Asked, qualifier: str) -> Iterator[Plain]:
    yield ["DTM", ["137", order.date, "102"]]
    yield ["RFF", [qualifier, order.number]]
    yield from _parties(order)


def _parties(order: Asked) -> Iterator[Plain]:
    for role, gln in order.parties.items():
        if role in {"BY", "SU", "DP"}:
            yield ["NAD", role, [gln, "", "9"]]


def _item(line: Line, plan: Sequence[str]) -> str:
    return "4006381333948" if "other_item" in plan else line.gtin


def _price(line: Line, plan: Sequence[str]) -> Decimal:
    return line.price + (Decimal("0.10") if "price_changed" in plan else 0)


def _shipped(line: Line, plan: Sequence[str]) -> Decimal:
    return line.quantity - ("short" in plan) + ("over" in plan)


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")
