"""Checks of a document against its order: is it known, is it open, are the parties the same."""

from __future__ import annotations

from collections.abc import Iterator

from crossdock.edi.family.case import Case, Misfit, check, order_line, same_item
from crossdock.errors import Refused

CLOSED = ("completed", "cancelled")


@check
def order_named(case: Case) -> Iterator[Misfit]:
    """It names the order that it is for; what takes an invoice back names that one instead."""
    if case.document.get("type_code") in {"credit_note", "adjustment"}:
        return
    if not case.order_numbers:
        yield Misfit("order_id")


@check
def order_known(case: Case) -> Iterator[Misfit]:
    """Every order that it names is in the hub."""
    for number in case.order_numbers:
        family = case.families.get(number)
        if family is None or family.order is None:
            yield Misfit("order_id", number)


@check
def order_open(case: Case) -> Iterator[Misfit]:
    """No order that it is for is completed or cancelled."""
    for number, family in case.families.items():
        if family.order is not None and family.order.get("status") in CLOSED:
            yield Misfit("order_id", number, family.order["status"])


@check
def not_before_order(case: Case) -> Iterator[Misfit]:
    """It was not issued on a day before its order was."""
    issued = case.document.get("issued_at")
    for family in case.families.values():
        ordered = (family.order or {}).get("issued_at")
        if issued and ordered and issued.date() < ordered.date():
            yield Misfit("issued_at", issued, ordered)


@check
def currency_same(case: Case) -> Iterator[Misfit]:
    """Its currency is that of the order."""
    yield from _same(case, "currency")


@check
def buyer_same(case: Case) -> Iterator[Misfit]:
    """Its buyer is the order's buyer, by GLN."""
    yield from _same(case, "buyer_gln")


@check
def seller_same(case: Case) -> Iterator[Misfit]:
    """Its seller is the order's seller, by GLN."""
    yield from _same(case, "seller_gln")


@check
def delivery_same(case: Case) -> Iterator[Misfit]:
    """The place of delivery is the order's, by GLN."""
    yield from _same(case, "delivery_gln")


def _same(case: Case, name: str) -> Iterator[Misfit]:
    value = case.document.get(name)
    for family in case.families.values():
        expected = (family.order or {}).get(name)
        if value and expected and value != expected:
            yield Misfit(name, value, expected)


@check
def glns_present(case: Case) -> Iterator[Misfit]:
    """Buyer and seller are named by GLN."""
    for name in ("buyer_gln", "seller_gln"):
        if not case.document.get(name):
            yield Misfit(name)


@check
def glns_valid(case: Case) -> Iterator[Misfit]:
    """Every GLN has 13 digits and the right check digit."""
    from crossdock.convert.codes import gln

    for name, value in case.document.items():
        if name.endswith("_gln") and value:
            try:
                gln(str(value))
            except (Refused, ValueError):
                yield Misfit(name, value)


@check
def partner_meant(case: Case) -> Iterator[Misfit]:
    """It goes to the partner that is a party of it, and to no other."""
    named = {case.document.get(name) for name in ("buyer_gln", "seller_gln", "delivery_gln")}
    named.discard(None)
    if case.partner_glns and named and not named & case.partner_glns:
        yield Misfit("buyer_gln", case.document.get("buyer_gln"), sorted(case.partner_glns)[0])


@check
def partner_live(case: Case) -> Iterator[Misfit]:
    """The partner is live, or it goes out as a test."""
    if not case.live and not case.test:
        yield Misfit("")


@check
def line_known(case: Case) -> Iterator[Misfit]:
    """A line of the order that is named is there."""
    for number, line, family, found in case.pairs:
        named = line.get("order_line_id")
        if named and family is not None and family.order is not None and found is None:
            yield Misfit("order_line_id", named, line=number)


@check
def item_ordered(case: Case) -> Iterator[Misfit]:
    """The product of each line is in the order."""
    for number, line, family, _ in case.pairs:
        if family is None or family.order is None or _substitute(line):
            continue
        if line.get("kind") in {"charge", "discount", "service", "adjustment"}:
            continue
        if not any(same_item(one, line) for one in family.order.get("lines") or []):
            yield Misfit("gtin", line.get("gtin") or line.get("product_id"), line=number)


def _substitute(line: dict[str, object]) -> bool:
    return line.get("status") == "substituted"


@check
def item_of_line(case: Case) -> Iterator[Misfit]:
    """The product of a line is that of the order line which it names."""
    for number, line, _, found in case.pairs:
        if found is None or not line.get("order_line_id") or _substitute(line):
            continue
        if not same_item(found, line):
            expected = found.get("gtin") or found.get("product_id")
            yield Misfit("gtin", line.get("gtin") or line.get("product_id"), expected, number)


@check
def unit_same(case: Case) -> Iterator[Misfit]:
    """The unit of a quantity is the order's."""
    for number, line, _, found in case.pairs:
        if found and line.get("unit") and found.get("unit") and line["unit"] != found["unit"]:
            yield Misfit("unit", line["unit"], found["unit"], number)


@check
def line_once(case: Case) -> Iterator[Misfit]:
    """No number of a line stands twice."""
    seen = set()
    for number, line in enumerate(case.lines, 1):
        if line.get("line_id") in seen:
            yield Misfit("line_id", line["line_id"], line=number)
        seen.add(line.get("line_id"))


@check
def lines_present(case: Case) -> Iterator[Misfit]:
    """It has at least one line."""
    if not case.lines:
        yield Misfit("lines")


@check
def number_unused(case: Case) -> Iterator[Misfit]:
    """The partner has no document of this number from us with other content."""
    if case.before:
        yield Misfit("id", case.document.get("id"))


@check
def response_complete(case: Case) -> Iterator[Misfit]:
    """Every line of the order is answered, unless the answer is to the whole."""
    if case.order is None or case.document.get("status") in {"received", "accepted", "rejected"}:
        return
    answered = [found for _, _, _, found in case.pairs]
    for line in case.order.get("lines") or []:
        if not any(found is line for found in answered):
            yield Misfit("lines", None, line.get("line_id"))


@check
def response_consistent(case: Case) -> Iterator[Misfit]:
    """An answer that accepts or rejects the whole order says nothing else of a line."""
    status = case.document.get("status")
    allowed = {"accepted": {"accepted"}, "rejected": {"rejected", "cancelled"}}.get(str(status))
    for number, line in enumerate(case.lines, 1):
        if allowed is not None and line.get("status") not in allowed:
            yield Misfit("status", line.get("status"), status, number)


@check
def substitute_named(case: Case) -> Iterator[Misfit]:
    """A line that is substituted names the product that comes in its place."""
    for number, line in enumerate(case.lines, 1):
        named = line.get("substitute_product_id") or line.get("gtin")
        original = order_line(case.order, line) if case.order else None
        if _substitute(line) and (not named or (original and original.get("gtin") == named)):
            yield Misfit("substitute_product_id", line=number)
