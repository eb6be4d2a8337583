"""What a check looks at: one document, its order, and the documents around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

Document = dict[str, Any]
ZERO = Decimal(0)


@dataclass(frozen=True)
class Misfit:
    """One place where a document does not fit: field, line (from 1), its value, and the right one.

    ``said`` fills the message of the check, which may name ``{value}`` and ``{expected}``.
    """

    field: str
    value: Any = None
    expected: Any = None
    line: int | None = None


@dataclass
class Family:
    """The documents of one order, as the store knows them now."""

    order: Document | None = None
    order_responses: list[Document] = field(default_factory=list)
    shipments: list[Document] = field(default_factory=list)
    receiving_advices: list[Document] = field(default_factory=list)
    invoices: list[Document] = field(default_factory=list)


@dataclass
class Case:
    """One document that is about to leave, and everything that it is held against.

    ``families`` holds the orders that it names, by number; ``known`` other documents that it
    names (shipment, invoice) by entity and number; ``taken`` package numbers (SSCC) that stand in
    other shipments; ``before`` whether the target has another version of it; ``partner_glns`` who
    may be meant by the partner, empty where nobody asks; ``live`` whether the partner is live.
    """

    entity: str
    document: Document
    families: dict[str, Family]
    known: dict[tuple[str, str], Document] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    before: bool = False
    partner_glns: frozenset[str] = frozenset()
    live: bool = True
    test: bool = False

    @property
    def lines(self) -> list[Document]:
        """The lines of the document."""
        return self.document.get("lines") or []

    @cached_property
    def order(self) -> Document | None:
        """The order, where the whole document is for one."""
        named = self.order_numbers
        family = self.families.get(named[0]) if len(named) == 1 else None
        return family.order if family else None

    @cached_property
    def order_numbers(self) -> list[str]:
        """The orders that the document names, in its head or its lines."""
        return order_numbers(self.document)

    def family_of(self, line: Document) -> Family | None:
        """Give the family of the order that a line is for."""
        number = line.get("order_id") or self.document.get("order_id")
        if not number and len(self.order_numbers) == 1:
            number = self.order_numbers[0]
        return self.families.get(str(number)) if number else None

    @cached_property
    def pairs(self) -> list[tuple[int, Document, Family | None, Document | None]]:
        """Each line with its number, the family that it belongs to, and the line of the order."""
        found = []
        for number, line in enumerate(self.lines, 1):
            family = self.family_of(line)
            order = family.order if family else None
            found.append((number, line, family, order_line(order, line) if order else None))
        return found

    def others(self, documents: list[Document]) -> list[Document]:
        """Give the documents among ``documents`` that are not this one, and not cancelled."""
        mine = self.document.get("id")
        return [
            one for one in documents
            if one.get("id") != mine and one.get("status") not in {"cancelled", "draft"}
        ]  # fmt: skip


Check = Callable[[Case], Iterator[Misfit]]
CHECKS: dict[str, Check] = {}
"""Every check by its name."""


def check(function: Check) -> Check:
    """Register a check under the name of its function."""
    CHECKS[function.__name__] = function
    return function


def order_numbers(document: Document) -> list[str]:
    """Name the orders of a document, each once, the head's first."""
    numbers = [document.get("order_id")]
    numbers += [line.get("order_id") for line in document.get("lines") or []]
    return list(dict.fromkeys(str(one) for one in numbers if one))


def order_line(order: Document, line: Document) -> Document | None:
    """Find the line of an order that a line of another document is about.

    By its number, where it is named; else by the product, where the order has it once.
    """
    lines: list[Document] = order.get("lines") or []
    named = line.get("order_line_id")
    if named:
        return next((one for one in lines if one.get("line_id") == named), None)
    same = [one for one in lines if same_item(one, line)]
    return same[0] if len(same) == 1 else None


def same_item(one: Document, other: Document) -> bool:
    """Say whether two lines are about the same product: by the first number that both have."""
    for name in ("gtin", "product_id", "buyer_product_id"):
        if one.get(name) and other.get(name):
            return bool(one[name] == other[name])
    return False


def quantity(line: Document, *names: str) -> Decimal:
    """Add up the quantities of a line; nothing counts as nothing."""
    return sum((line.get(name) or ZERO for name in names or ("quantity",)), ZERO)


def counted(family: Family, documents: list[Document], line: Document, *names: str) -> Decimal:
    """Add up what documents say for one ``line`` of the family's order."""
    order = family.order
    if order is None:
        return ZERO
    numbers = {order.get("id"), order.get("buyer_reference")}
    return sum(
        (
            quantity(other, *names)
            for document in documents
            for other in document.get("lines") or []
            if (other.get("order_id") or document.get("order_id")) in numbers
            and order_line(order, other) is line
        ),
        ZERO,
    )
