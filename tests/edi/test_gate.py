"""The checks of an order's family: one good set of documents, and one fault for each check."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from crossdock.edi.family.case import CHECKS, Case, Family
from crossdock.edi.family.declared import for_partner, load
from crossdock.edi.family.judging import judge
from crossdock.errors import Misconfigured
from crossdock.model import ENTITIES

PROJECT = Path(__file__).parents[2]
DECLARED = load(PROJECT / "edi" / "family.yaml")
BUYER, SELLER, PLACE = "4098765000003", "4012345000009", "4098765000010"
TEA, PEN = "4012345678901", "4006381333931"


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 9, day, hour, tzinfo=UTC)


def line(number: str, gtin: str, quantity: str, **more: Any) -> dict[str, Any]:
    return {"line_id": number, "gtin": gtin, "quantity": Decimal(quantity), "unit": "C62"} | more


HEAD = {"organisation": "demo", "buyer_gln": BUYER, "seller_gln": SELLER}
ORDER = HEAD | {
    "id": "PO1", "status": "open", "issued_at": at(1, 9), "currency": "EUR", "delivery_gln": PLACE,
    "buyer_reference": "4711",
    "lines": [line("1", PEN, "10", unit_price=Decimal("1.50")),
              line("2", TEA, "4", unit_price=Decimal("2.50"))],
}  # fmt: skip
RESPONSE = HEAD | {
    "id": "R1", "order_id": "PO1", "issued_at": at(1), "currency": "EUR", "status": "changed",
    "lines": [line("1", PEN, "8", order_line_id="1", unit_price=Decimal("1.50"), status="changed",
                   back_ordered_quantity=Decimal(2)),
              line("2", TEA, "4", order_line_id="2", unit_price=Decimal("2.50"),
                   status="accepted")],
}  # fmt: skip
SHIPMENT = HEAD | {
    "id": "S1", "order_id": "PO1", "issued_at": at(3), "shipped_at": at(3), "status": "shipped",
    "estimated_delivery_at": at(4), "delivery_gln": PLACE,
    "packages": [{"sscc": "340123450000000017"},
                 {"sscc": "340123450000000024", "parent_sscc": "340123450000000017"}],
    "lines": [line("1", PEN, "8", order_line_id="1", sscc="340123450000000024"),
              line("2", TEA, "4", order_line_id="2", expires_at=date(2027, 1, 1))],
}  # fmt: skip
RECEIPT = HEAD | {
    "id": "A1", "order_id": "PO1", "shipment_id": "S1", "issued_at": at(4),
    "lines": [{"line_id": "1", "gtin": PEN, "order_line_id": "1", "accepted_quantity": Decimal(7),
               "rejected_quantity": Decimal(1)},
              {"line_id": "2", "gtin": TEA, "order_line_id": "2",
               "accepted_quantity": Decimal(4)}],
}  # fmt: skip
INVOICE = HEAD | {
    "id": "I1", "type_code": "invoice", "order_id": "PO1", "despatch_id": "S1", "currency": "EUR",
    "issued_at": at(5), "due_at": date(2026, 10, 5), "delivery_gln": PLACE,
    "lines": [line("1", PEN, "7", order_line_id="1", unit_price=Decimal("1.50"),
                   line_amount=Decimal("10.50"), tax_rate=Decimal(20)),
              line("2", TEA, "4", order_line_id="2", unit_price=Decimal("2.50"),
                   line_amount=Decimal("10.00"), tax_rate=Decimal(20))],
    "line_amount": Decimal("20.50"), "tax_amount": Decimal("4.10"),
    "total_amount": Decimal("24.60"),
    "taxes": [{"rate": Decimal(20), "taxable_amount": Decimal("20.50"),
               "tax_amount": Decimal("4.10")}],
}  # fmt: skip
CREDIT = HEAD | {
    "id": "C1", "type_code": "credit_note", "original_id": "I1", "currency": "EUR",
    "issued_at": at(6),
    "lines": [line("1", PEN, "-1", unit_price=Decimal("1.50"), line_amount=Decimal("-1.50"))],
    "line_amount": Decimal("-1.50"), "tax_amount": Decimal("-0.30"),
    "total_amount": Decimal("-1.80"), "taxes": [],
}  # fmt: skip
DOCUMENTS = {
    "order_response": RESPONSE, "shipment": SHIPMENT, "receiving_advice": RECEIPT,
    "invoice": INVOICE, "credit": CREDIT, "sales_order": ORDER,
}  # fmt: skip


def case(name: str) -> Case:
    """A document that fits, among its family."""
    every = copy.deepcopy(DOCUMENTS)
    family = Family(
        order=every["sales_order"],
        order_responses=[every["order_response"]],
        shipments=[every["shipment"]],
        receiving_advices=[every["receiving_advice"]],
    )
    return Case(
        entity={"credit": "invoice"}.get(name, name),
        document=copy.deepcopy(DOCUMENTS[name]),
        families={"PO1": family} if name not in {"credit", "sales_order"} else {},
        known={("shipment", "S1"): every["shipment"], ("invoice", "I1"): every["invoice"]},
        partner_glns=frozenset({BUYER}),
    )


def broken(found: Case) -> dict[str, str]:
    """The checks that are not kept, with their words."""
    return {declared.name: words for declared, _, words in judge(found, DECLARED)}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_that_fit_pass(name: str) -> None:
    assert broken(case(name)) == {}


def put(path: str, value: Any) -> Any:
    """Change one value of the document: ``lines.0.quantity``."""

    def change(found: Case) -> None:
        *way, last = path.split(".")
        target: Any = found.document
        for step in way:
            target = target[int(step)] if step.isdigit() else target[step]
        if isinstance(target, list):
            target.append(target[0])
        else:
            target[last] = value

    return change


def order(**values: Any) -> Any:
    """Change the order."""
    return lambda found: found.families["PO1"].order.update(values)


def other(kind: str, document: dict[str, Any], **values: Any) -> Any:
    """Put another document into the family."""
    return lambda found: getattr(found.families["PO1"], kind).append(document | values)


D = Decimal
FAULTS: list[tuple[str, str, Any, str]] = [
    ("partner_live", "invoice", lambda c: vars(c).update(live=False), "not live yet"),
    ("partner_meant", "invoice", lambda c: vars(c).update(partner_glns=frozenset({"9"})), "(9)"),
    ("glns_present", "shipment", put("buyer_gln", None), "by GLN"),
    ("glns_valid", "sales_order", put("buyer_gln", "4098765000004"), "4098765000004 is no GLN"),
    ("order_named", "shipment", put("order_id", None), "names no order"),
    ("order_known", "invoice", lambda c: c.families.update(PO1=Family()), "no order PO1"),
    ("order_open", "shipment", order(status="cancelled"), "PO1 is cancelled"),
    ("not_before_order", "invoice", order(issued_at=at(9)), "before its order of 2026-09-09"),
    ("currency_same", "invoice", put("currency", "USD"), "USD, the order's is EUR"),
    ("buyer_same", "shipment", order(buyer_gln=PLACE), f"{BUYER}, the order's is {PLACE}"),
    ("seller_same", "shipment", order(seller_gln=PLACE), f"the order's is {PLACE}"),
    ("delivery_same", "shipment", put("delivery_gln", BUYER), f"to {BUYER}, the order to {PLACE}"),
    ("number_unused", "shipment", lambda c: vars(c).update(before=True), "number S1"),
    ("lines_present", "shipment", put("lines", []), "no lines"),
    ("line_once", "shipment", put("lines.1.line_id", "1"), "line 1 stands twice"),
    ("line_known", "shipment", put("lines.0.order_line_id", "9"), "no line 9"),
    ("item_ordered", "invoice", put("lines.0.gtin", "12345670"), "12345670 was not ordered"),
    ("item_of_line", "shipment", put("lines.0.order_line_id", "2"), f"{PEN} is not the product"),
    ("unit_same", "shipment", put("lines.0.unit", "KGM"), "KGM, the order says C62"),
    ("response_complete", "order_response", lambda c: c.document["lines"].pop(), "line 2"),
    ("response_consistent", "order_response", put("status", "accepted"), "this line is changed"),
    ("substitute_named", "order_response", put("lines.0.status", "substituted"), "not named"),
    ("quantity_positive", "shipment", put("lines.0.quantity", D(-1)), "-1 is less"),
    ("confirmed_within_order", "order_response", put("lines.0.quantity", D(9)), "11 confirmed"),
    ("shipped_within_order", "shipment", other("shipments", SHIPMENT, id="S0"), "0 of the order"),
    ("shipped_within_confirmed", "shipment", put("lines.1.quantity", D(5)), "5 shipped, 4 of what"),
    ("received_within_shipped", "receiving_advice", put("lines.0.accepted_quantity", D(8)), "9"),
    ("billed_within_order", "invoice", other("invoices", INVOICE, id="I0"), "0 of the order not"),
    ("billed_within_shipped", "invoice", put("lines.0.quantity", D(9)), "9 billed, 8 shipped"),
    ("billed_within_received", "invoice", put("lines.0.quantity", D(8)), "7 accepted"),
    ("shipment_known", "invoice", put("despatch_id", "S9"), "no shipment S9"),
    ("shipment_dates", "shipment", put("estimated_delivery_at", at(2)), "arrives on 2026-09-02"),
    ("goods_fresh", "shipment", put("lines.1.expires_at", date(2026, 9, 2)), "2026-09-02"),
    ("sscc_valid", "shipment", put("packages.0.sscc", "340123450000000012"), "is no SSCC"),
    ("sscc_once", "shipment", put("packages.+", None), "two packages have"),
    ("sscc_unused", "shipment", lambda c: c.taken.update({"340123450000000017": "S0"}), "S0"),
    ("package_known", "shipment", put("lines.0.sscc", "340123450000000031"), "not among"),
    ("package_inside_known", "shipment", put("packages.1.parent_sscc", "9"), "around this one"),
    ("price_agreed", "invoice", put("lines.0.unit_price", D("1.60")), "1.6, the order says 1.5"),
    ("line_adds_up", "invoice", put("lines.0.line_amount", D("10.60")), "quantity times price"),
    ("lines_add_up", "invoice", put("line_amount", D("20.00")), "come to 20.5"),
    ("total_present", "invoice", put("total_amount", None), "does not say"),
    ("total_adds_up", "invoice", put("total_amount", D("25.00")), "25, its parts come to 24.6"),
    ("tax_of_rate", "invoice", put("taxes.0.rate", D(25)), "its rate makes 5.12"),
    ("taxes_add_up", "invoice", put("tax_amount", D("5.10")), "the taxes come to 4.1"),
    ("rate_listed", "invoice", put("lines.0.tax_rate", D(7)), "the rate 7"),
    ("due_present", "invoice", put("due_at", None), "until when"),
    ("due_after_issue", "invoice", put("due_at", date(2026, 9, 1)), "due on 2026-09-01"),
    ("credit_names_invoice", "credit", put("original_id", None), "which invoice"),
    ("credited_known", "credit", put("original_id", "I9"), "no invoice I9"),
    ("credit_within_invoice", "credit", put("total_amount", D("-30")), "-30 is credited"),
]


@pytest.mark.parametrize(("name", "document", "change", "words"), FAULTS)
def test_one_fault_is_found_by_its_check(name, document, change, words) -> None:
    found = case(document)
    change(found)
    assert words in broken(found).get(name, "not found")


def test_every_check_is_declared_and_tested() -> None:
    assert DECLARED.keys() == CHECKS.keys() == {name for name, *_ in FAULTS}
    assert len(DECLARED) >= 25
    for declared in DECLARED.values():
        assert declared.documents <= ENTITIES.keys()


def test_the_buyers_number_of_an_order_leads_to_the_same_family() -> None:
    found = case("shipment")
    found.document["order_id"] = "4711"
    found.families = {"4711": found.families["PO1"]}
    assert broken(found) == {}
    found.families["4711"].shipments.append(SHIPMENT | {"id": "S0"})
    assert "shipped_within_order" in broken(found)


def test_what_cannot_be_judged_does_not_leave() -> None:
    found = case("invoice")
    found.document["issued_at"] = "yesterday"
    assert "could not be judged" in broken(found)["not_before_order"]


def test_a_partner_may_differ() -> None:
    assert for_partner(DECLARED, {"due_present": "off"}, None)["due_present"].severity == "off"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no_such_check: {message: x}", "there is no check"),
        ("order_open: {documents: [price], message: x}", "'price' is sent to no partner"),
        ("order_open: {documents: [invoice], message: x, severity: maybe}", "severity 'maybe'"),
        ("order_open: {documents: [invoice], mesage: x}", "needs documents and a message"),
        ("order_open: {documents: [invoice], message: x, sum: 1}", "has no 'sum'"),
    ],
)
def test_a_wrong_declaration_says_where(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "family.yaml"
    path.write_text(text)
    with pytest.raises(Misconfigured, match=words):
        load(path)
