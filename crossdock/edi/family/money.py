"""Checks of prices, sums, taxes and credits."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from crossdock.edi.family.case import ZERO, Case, Misfit, check

CENT = Decimal("0.01")


@check
def price_agreed(case: Case) -> Iterator[Misfit]:
    """A price is the one in the order."""
    for number, line, _, found in case.pairs:
        price, expected = line.get("unit_price"), (found or {}).get("unit_price")
        if price is None or expected is None or line.get("status") == "substituted":
            continue
        base = (line.get("price_base_quantity") or 1, (found or {}).get("price_base_quantity") or 1)
        if price * base[1] != expected * base[0]:
            yield Misfit("unit_price", price, expected, number)


@check
def line_adds_up(case: Case) -> Iterator[Misfit]:
    """Quantity times price, less discounts and with charges, is the amount of the line."""
    for number, line in enumerate(case.lines, 1):
        quantity, price, amount = (line.get(n) for n in ("quantity", "unit_price", "line_amount"))
        if quantity is None or price is None or amount is None:
            continue
        base = line.get("price_base_quantity") or Decimal(1)
        expected = quantity * price / base
        expected += (line.get("charge_amount") or ZERO) - (line.get("allowance_amount") or ZERO)
        if abs(expected - amount) > CENT:
            yield Misfit("line_amount", amount, expected.quantize(CENT), number)


@check
def lines_add_up(case: Case) -> Iterator[Misfit]:
    """The sum of the lines is what the document says it is."""
    said = case.document.get("line_amount")
    amounts = [line.get("line_amount") for line in case.lines]
    if said is None or any(one is None for one in amounts):
        return
    total = sum((one for one in amounts if one is not None), ZERO)
    if abs(total - said) > CENT:
        yield Misfit("line_amount", said, total)


@check
def total_present(case: Case) -> Iterator[Misfit]:
    """It says what it comes to."""
    if case.document.get("total_amount") is None:
        yield Misfit("total_amount")


@check
def total_adds_up(case: Case) -> Iterator[Misfit]:
    """Lines, charges, discounts and taxes come to the total."""
    document = case.document
    total, lines = document.get("total_amount"), document.get("line_amount")
    if total is None or lines is None:
        return
    expected = lines + (document.get("charge_amount") or ZERO)
    expected -= document.get("allowance_amount") or ZERO
    if not document.get("prices_include_tax"):
        expected += document.get("tax_amount") or ZERO
    if abs(expected - total) > CENT:
        yield Misfit("total_amount", total, expected)


@check
def tax_of_rate(case: Case) -> Iterator[Misfit]:
    """Each tax is its rate of what it is on, to a cent for each line."""
    for number, tax in enumerate(case.document.get("taxes") or [], 1):
        rate, taxable, amount = (tax.get(n) for n in ("rate", "taxable_amount", "tax_amount"))
        if rate is None or taxable is None or amount is None:
            continue
        expected = taxable * rate / 100
        if abs(expected - amount) > CENT * max(1, len(case.lines)):
            yield Misfit("taxes.tax_amount", amount, expected.quantize(CENT), number)


@check
def taxes_add_up(case: Case) -> Iterator[Misfit]:
    """The taxes by rate come to the tax of the document."""
    said, taxes = case.document.get("tax_amount"), case.document.get("taxes") or []
    if said is None or not taxes:
        return
    total = sum((tax.get("tax_amount") or ZERO for tax in taxes), ZERO)
    if abs(total - said) > CENT:
        yield Misfit("tax_amount", said, total)


@check
def rate_listed(case: Case) -> Iterator[Misfit]:
    """The rate of each line is one of the tax table."""
    rates = {tax.get("rate") for tax in case.document.get("taxes") or []}
    for number, line in enumerate(case.lines, 1):
        if rates and line.get("tax_rate") is not None and line["tax_rate"] not in rates:
            yield Misfit("tax_rate", line["tax_rate"], line=number)


@check
def due_after_issue(case: Case) -> Iterator[Misfit]:
    """It is not due before the day on which it was issued."""
    due, issued = case.document.get("due_at"), case.document.get("issued_at")
    if due and issued and due < issued.date():
        yield Misfit("due_at", due, issued.date())


@check
def due_present(case: Case) -> Iterator[Misfit]:
    """An invoice says until when to pay, by a date or in words."""
    document = case.document
    if document.get("type_code") == "invoice" and not (
        document.get("due_at") or document.get("payment_terms")
    ):
        yield Misfit("due_at")


@check
def credit_names_invoice(case: Case) -> Iterator[Misfit]:
    """A credit note names the invoice that it credits."""
    if case.document.get("type_code") == "credit_note" and not case.document.get("original_id"):
        yield Misfit("original_id")


@check
def credited_known(case: Case) -> Iterator[Misfit]:
    """The invoice that is credited is in the hub, and is an invoice."""
    named = case.document.get("original_id")
    found = case.known.get(("invoice", str(named)))
    if named and (found is None or found.get("type_code") != "invoice"):
        yield Misfit("original_id", named)


@check
def credit_within_invoice(case: Case) -> Iterator[Misfit]:
    """No more is credited than was billed, in the same currency."""
    found = case.known.get(("invoice", str(case.document.get("original_id"))))
    total = case.document.get("total_amount")
    if found is None or total is None or found.get("total_amount") is None:
        return
    if found.get("currency") != case.document.get("currency"):
        yield Misfit("currency", case.document.get("currency"), found.get("currency"))
    elif abs(total) > abs(found["total_amount"]):
        yield Misfit("total_amount", total, found["total_amount"])
