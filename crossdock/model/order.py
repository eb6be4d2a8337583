"""Orders: what a customer wants from us, what we want from a supplier, and the answer."""

from __future__ import annotations

from crossdock.model.entity import Entity, declare
from crossdock.model.fields import (
    Field,
    children,
    code,
    currency,
    extension,
    identifier,
    instant,
    price,
    quantity,
    text,
    unit,
)
from crossdock.model.parts import (
    billing,
    buyer,
    charges,
    delivery,
    item,
    line_id,
    number,
    order_reference,
    party,
    taxes,
    totals,
    trade_lines,
)

STATUSES = ("draft", "open", "confirmed", "part_shipped", "shipped", "completed", "cancelled")


def _order(name: str, help: str, example: str) -> Entity:  # noqa: A002
    return declare(
        name,
        help,
        number("Number of the order.", "UBL Order/ID", example),
        code(
            "type_code",
            "Kind of the order: order, or a special kind of it.",
            "order",
            "rush",
            "blanket",
            "call_off",
            "consignment",
            "sample",
            "replacement",
            term="UBL OrderTypeCode",
            example="order",
        ),
        code("status", "How far the order is.", *STATUSES, example="open"),
        instant("issued_at", "When the order was placed.", term="UBL IssueDate, IssueTime"),
        currency(
            "currency", "Currency of all amounts.", term="UBL DocumentCurrencyCode", required=True
        ),
        *buyer(),
        *party("seller", "the seller", "UBL SellerSupplierParty"),
        *billing("UBL AccountingCustomerParty/Party/PostalAddress"),
        *delivery(),
        instant(
            "requested_delivery_at",
            "When the goods are wanted.",
            term="UBL Delivery/RequestedDeliveryPeriod",
        ),
        text(
            "payment_terms",
            "When and how to pay, in words.",
            term="UBL PaymentTerms/Note",
            example="30 days net",
        ),
        code(
            "payment_method",
            "How it is paid, in the source's words or UN/CEFACT 4461.",
            term="UBL PaymentMeans/PaymentMeansCode",
            example="card",
        ),
        text(
            "note",
            "Remark of the buyer.",
            term="UBL Note",
            example="Please ring twice",
            personal=True,
        ),
        *totals(),
        trade_lines("LineItem"),
        charges(),
        taxes(),
        standard="UBL 2.3 Order; GS1 EANCOM ORDERS",
        amount_field="total_amount",
        currency_field="currency",
    )


SALES_ORDER = _order("sales_order", "An order that a customer placed with us.", "536365")
PURCHASE_ORDER = _order(
    "purchase_order",
    "An order that we placed with a supplier; same shape as a sales order.",
    "PO-4711",
)


def _response_line() -> Field:
    return children(
        "lines",
        "The answer, line by line.",
        line_id("UBL OrderLine/LineItem/ID"),
        code(
            "status",
            "What the seller says to the line.",
            "accepted",
            "changed",
            "back_ordered",
            "substituted",
            "rejected",
            "cancelled",
            term="UBL LineStatusCode",
            example="accepted",
            required=True,
        ),
        code(
            "reason_code",
            "Why the line is not simply accepted, in the source's codes.",
            example="OUT_OF_STOCK",
        ),
        text("reason", "The same in words.", example="Out of stock until 3 January"),
        *item(),
        identifier(
            "substitute_product_id",
            "Product that is offered in its place.",
            term="UBL SellerSubstitutedLineItem",
            example="85123B",
        ),
        quantity("ordered_quantity", "How many were ordered.", example="6"),
        quantity("quantity", "How many are confirmed.", term="UBL LineItem/Quantity", example="4"),
        quantity(
            "back_ordered_quantity",
            "How many will follow later.",
            term="UBL LineItem/MaximumBackorderQuantity",
            example="2",
        ),
        unit("unit", "Unit of the quantities.", term="UBL LineItem/Quantity/@unitCode"),
        price("unit_price", "Confirmed price.", term="UBL Price/PriceAmount", example="2.55"),
        instant(
            "promised_delivery_at",
            "When this line will be delivered.",
            term="UBL PromisedDeliveryPeriod",
        ),
        *order_reference(),
        extension(),
        term="UBL OrderLine",
    )


ORDER_RESPONSE = declare(
    "order_response",
    "The seller's answer to an order: accepted, changed or rejected, line by line.",
    number("Number of the answer.", "UBL OrderResponse/ID", "OR-536365-1"),
    code(
        "status",
        "The answer to the order as a whole.",
        "received",
        "accepted",
        "changed",
        "rejected",
        term="UBL OrderResponseCode",
        example="changed",
        required=True,
    ),
    instant("issued_at", "When the answer was given.", term="UBL IssueDate, IssueTime"),
    currency("currency", "Currency of all prices.", term="UBL DocumentCurrencyCode"),
    identifier(
        "order_id",
        "Number of the order that is answered.",
        term="UBL OrderReference/ID",
        example="536365",
        required=True,
    ),
    identifier(
        "buyer_reference",
        "The buyer's own reference.",
        term="UBL CustomerReference",
        example="PO-7731",
    ),
    *party("buyer", "the buyer", "UBL BuyerCustomerParty"),
    *party("seller", "the seller", "UBL SellerSupplierParty"),
    instant(
        "promised_delivery_at",
        "When the goods will be delivered.",
        term="UBL Delivery/PromisedDeliveryPeriod",
    ),
    text("note", "Remark of the seller.", term="UBL Note", example="Rest follows in January"),
    _response_line(),
    standard="UBL 2.3 OrderResponse; GS1 EANCOM ORDRSP",
)
