"""Payments: money that came or went, and what a provider kept of it."""

from __future__ import annotations

from crossdock.model.entity import declare
from crossdock.model.fields import (
    amount,
    children,
    code,
    currency,
    date,
    extension,
    identifier,
    instant,
    price,
    text,
)
from crossdock.model.parts import line_id, number

PAYMENT = declare(
    "payment",
    "One movement of money: a payment, a refund, a fee or a payout.",
    number("Number of the payment.", "UBL Payment/ID", "pay_1001"),
    code(
        "kind",
        "What moved.",
        "payment",
        "refund",
        "chargeback",
        "fee",
        "payout",
        "adjustment",
        example="payment",
    ),
    code(
        "status",
        "How far it is.",
        "pending",
        "authorised",
        "paid",
        "failed",
        "cancelled",
        example="paid",
    ),
    instant("paid_at", "When the money moved.", term="UBL PaidDate, PaidTime"),
    code(
        "method",
        "How it was paid, in the source's words or UN/CEFACT 4461.",
        term="UBL PaymentMeansCode",
        example="card",
    ),
    identifier("provider", "Who moved the money.", example="stripe"),
    currency(
        "currency", "Currency of all amounts.", term="UBL PaidAmount/@currencyID", required=True
    ),
    amount(
        "amount",
        "What was paid; negative where money went out.",
        term="UBL PaidAmount",
        example="22.55",
        required=True,
    ),
    amount("fee_amount", "What the provider kept, positive.", example="0.62"),
    amount("net_amount", "What reached us: amount less fee.", example="21.93"),
    currency("settlement_currency", "Currency that the provider pays out in."),
    amount("settlement_amount", "Net amount in that currency.", example="21.93"),
    price(
        "exchange_rate",
        "Settlement currency for one unit of currency.",
        term="UBL ExchangeRate/CalculationRate",
        example="1",
    ),
    identifier("order_id", "Number of the order.", term="UBL OrderReference/ID", example="536365"),
    identifier(
        "invoice_id",
        "Number of the invoice.",
        term="UBL InvoiceDocumentReference/ID",
        example="536365",
    ),
    identifier("return_id", "Number of the return.", example="RET-3001"),
    identifier(
        "original_id", "Number of the payment that this one takes back.", example="pay_1000"
    ),
    identifier(
        "payer_id", "Number of the party that paid.", term="UBL PayerParty", example="17850"
    ),
    identifier(
        "payer_gln",
        "Global Location Number of the party that paid.",
        term="GS1 GLN",
        example="5012345000008",
    ),
    text(
        "payer_name",
        "Name of the party that paid.",
        term="UBL PayerParty/PartyName/Name",
        example="Jane Doe",
        personal=True,
    ),
    identifier(
        "payee_gln",
        "Global Location Number of the party that is paid.",
        term="GS1 GLN",
        example="5012345000015",
    ),
    identifier(
        "reference", "Reference on the statement.", term="UBL InstructionID", example="536365"
    ),
    identifier("payout_id", "Number of the payout that it was part of.", example="po_77"),
    instant("payout_at", "When that payout was made."),
    children(
        "lines",
        "What is paid, document by document; empty where the payment is for one.",
        line_id("UBL RemittanceAdviceLine/ID"),
        code(
            "kind",
            "What is paid; a credit note takes off what is paid for the others.",
            "invoice",
            "credit_note",
            "adjustment",
            example="invoice",
        ),
        identifier(
            "invoice_id",
            "Number of the document.",
            term="UBL BillingReference/InvoiceDocumentReference/ID",
            example="536365",
        ),
        date("issued_on", "Day on the document."),
        amount(
            "due_amount",
            "What the document comes to, positive.",
            term="UBL RemittanceAdviceLine/DebitLineAmount",
            example="22.55",
        ),
        amount("discount_amount", "What is kept for early payment, positive.", example="0.45"),
        amount(
            "amount",
            "What is paid for it or taken off, positive.",
            term="UBL RemittanceAdviceLine/BalanceAmount",
            example="22.1",
        ),
        extension(),
        term="UBL RemittanceAdviceLine",
    ),
    standard="UBL 2.3 RemittanceAdvice; GS1 EANCOM REMADV",
    amount_field="amount",
    currency_field="currency",
)
