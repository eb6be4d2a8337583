"""Invoices, and what takes them back: one entity whose type code says which."""

from __future__ import annotations

from crossdock.model.entity import declare
from crossdock.model.fields import code, currency, date, identifier, instant, text
from crossdock.model.parts import (
    billing,
    buyer,
    charges,
    delivery,
    number,
    party,
    taxes,
    totals,
    trade_lines,
)

INVOICE = declare(
    "invoice",
    "A claim for money (invoice), one taken back (credit note), or a correction (adjustment). "
    "A credit note keeps the signs of its source: a negative quantity stays negative.",
    number("Number of the document.", "UBL Invoice/ID", "C536379"),
    code(
        "type_code",
        "Which of the three it is.",
        "invoice",
        "credit_note",
        "adjustment",
        term="UBL InvoiceTypeCode",
        example="credit_note",
        required=True,
    ),
    code(
        "status",
        "How far it is.",
        "draft",
        "open",
        "part_paid",
        "paid",
        "cancelled",
        example="open",
    ),
    instant("issued_at", "When it was issued.", term="UBL IssueDate, IssueTime"),
    currency(
        "currency", "Currency of all amounts.", term="UBL DocumentCurrencyCode", required=True
    ),
    *buyer(),
    *party("seller", "the seller", "UBL AccountingSupplierParty"),
    identifier(
        "seller_tax_id",
        "VAT or other tax number of the seller.",
        term="UBL AccountingSupplierParty/Party/PartyTaxScheme/CompanyID",
        example="DE123456788",
    ),
    *billing("UBL AccountingCustomerParty/Party/PostalAddress"),
    *delivery(),
    instant(
        "requested_delivery_at",
        "When the goods were wanted.",
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
    text("note", "Remark.", term="UBL Note", example="Goods damaged", personal=True),
    *totals(),
    identifier(
        "original_id",
        "Number of the invoice that this one credits or corrects.",
        term="UBL BillingReference/InvoiceDocumentReference/ID",
        example="536379",
    ),
    date("due_at", "Day by which it must be paid.", term="UBL DueDate"),
    identifier(
        "order_id",
        "Number of the order that it bills.",
        term="UBL OrderReference/ID",
        example="536365",
    ),
    identifier(
        "despatch_id",
        "Number of the shipment that it bills.",
        term="UBL DespatchDocumentReference/ID",
        example="SHP-90001",
    ),
    trade_lines("InvoiceLine"),
    charges(),
    taxes(),
    standard="UBL 2.3 Invoice, CreditNote; GS1 EANCOM INVOIC; EN 16931",
    amount_field="total_amount",
    currency_field="currency",
)
