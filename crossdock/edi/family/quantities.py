"""Checks of quantities along the chain: ordered, confirmed, shipped, received, billed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from crossdock.edi.family.case import ZERO, Case, Document, Family, Misfit, check, counted, quantity


@check
def quantity_positive(case: Case) -> Iterator[Misfit]:
    """No line is about less than nothing; a credit note keeps its signs."""
    if case.document.get("type_code") in {"credit_note", "adjustment"}:
        return
    for number, line in enumerate(case.lines, 1):
        for name in ("quantity", "accepted_quantity", "back_ordered_quantity"):
            if (line.get(name) or ZERO) < 0:
                yield Misfit(name, line[name], line=number)


@check
def confirmed_within_order(case: Case) -> Iterator[Misfit]:
    """What is confirmed and what follows later are together not above the order."""
    for number, line, _, found in case.pairs:
        said = quantity(line, "quantity", "back_ordered_quantity")
        if found and said > quantity(found):
            yield Misfit("quantity", said, quantity(found), number)


@check
def shipped_within_order(case: Case) -> Iterator[Misfit]:
    """What is shipped, with all earlier shipments, is not above the order."""
    yield from _within(case, "shipments")


@check
def shipped_within_confirmed(case: Case) -> Iterator[Misfit]:
    """What is shipped, with all earlier shipments, is not above what was last confirmed."""
    for number, line, family, found in case.pairs:
        if not family or not found or not family.order_responses:
            continue
        last = max(family.order_responses, key=_issued)
        confirmed = counted(family, [last], found, "quantity", "back_ordered_quantity")
        if last.get("status") in {"received", "accepted"} and not confirmed:
            continue  # it accepts the whole, without lines
        before = counted(family, case.others(family.shipments), found)
        total = before + _here(case, found)
        if total > confirmed:
            yield Misfit("quantity", line.get("quantity"), max(confirmed - before, ZERO), number)


@check
def billed_within_order(case: Case) -> Iterator[Misfit]:
    """What is billed, with all earlier invoices, is not above the order."""
    if case.document.get("type_code") == "invoice":
        yield from _within(case, "invoices")


@check
def billed_within_shipped(case: Case) -> Iterator[Misfit]:
    """What is billed, with all earlier invoices, is not above what was shipped."""
    if case.document.get("type_code") != "invoice":
        return
    for number, line, family, found in case.pairs:
        if not family or not found:
            continue
        shipped = counted(family, _still(family.shipments), found)
        before = counted(family, _invoices(case, family), found)
        if before + _here(case, found) > shipped:
            yield Misfit("quantity", line.get("quantity"), max(shipped - before, ZERO), number)


@check
def billed_within_received(case: Case) -> Iterator[Misfit]:
    """Where the receiver said what he took, no more than that is billed."""
    if case.document.get("type_code") != "invoice":
        return
    for number, line, family, found in case.pairs:
        if not family or not found or not family.receiving_advices:
            continue
        taken = counted(family, family.receiving_advices, found, "accepted_quantity")
        before = counted(family, _invoices(case, family), found)
        if before + _here(case, found) > taken:
            yield Misfit("quantity", line.get("quantity"), max(taken - before, ZERO), number)


@check
def received_within_shipped(case: Case) -> Iterator[Misfit]:
    """What is accepted, rejected or missing is what the shipment advised."""
    shipment = case.known.get(("shipment", str(case.document.get("shipment_id"))))
    if shipment is None:
        return
    for number, line, family, found in case.pairs:
        advised = counted(family, [shipment], found) if family and found else None
        said = quantity(line, "accepted_quantity", "rejected_quantity", "missing_quantity")
        surplus = quantity(line, "surplus_quantity")
        if advised is not None and said - surplus > advised:
            yield Misfit("accepted_quantity", said - surplus, advised, number)


@check
def shipment_known(case: Case) -> Iterator[Misfit]:
    """The shipment that is named is in the hub."""
    for name in ("despatch_id", "shipment_id"):
        named = case.document.get(name)
        if named and ("shipment", str(named)) not in case.known:
            yield Misfit(name, named)


@check
def shipment_dates(case: Case) -> Iterator[Misfit]:
    """Goods do not arrive before they leave."""
    left = case.document.get("shipped_at")
    for name in ("estimated_delivery_at", "delivered_at"):
        there = case.document.get(name)
        if left and there and there.date() < left.date():
            yield Misfit(name, there, left)


@check
def goods_fresh(case: Case) -> Iterator[Misfit]:
    """Nothing is sent whose last day has passed."""
    left = case.document.get("shipped_at") or case.document.get("issued_at")
    for number, line in enumerate(case.lines, 1):
        last = line.get("expires_at")
        if left and last and last < left.date():
            yield Misfit("expires_at", last, left.date(), number)


def _within(case: Case, kind: str) -> Iterator[Misfit]:
    """Compare what all documents of a kind say, this one included, with the order."""
    for number, line, family, found in case.pairs:
        if not family or not found:
            continue
        others = _invoices(case, family) if kind == "invoices" else case.others(family.shipments)
        before = counted(family, others, found)
        ordered = quantity(found)
        if before + _here(case, found) > ordered:
            yield Misfit("quantity", line.get("quantity"), max(ordered - before, ZERO), number)


def _here(case: Case, found: object) -> Decimal:
    """Add up what this document says for one line of the order."""
    return sum((quantity(line) for _, line, _, mine in case.pairs if mine is found), ZERO)


def _invoices(case: Case, family: Family) -> list[Document]:
    return [one for one in case.others(family.invoices) if one.get("type_code") == "invoice"]


def _still(documents: list[Document]) -> list[Document]:
    return [one for one in documents if one.get("status") not in {"cancelled", "draft", "failed"}]


def _issued(document: Document) -> str:
    return str(document.get("issued_at") or "")
