"""Sample documents of trade by EDI: what a depot writes, and what a retailer and a supplier send.

Invented throughout. We are ``US``: the retailer buys from us, and we buy from the supplier.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from crossdock.edi import writer
from crossdock.edi.compose import compose, identifier

US, RETAILER, SUPPLIER = "4012345000009", "4098765000003", "4304567000005"
_TEA = {"gtin": "4000862141404", "description": "Tea caddy"}
_TIN = {"gtin": "4012345678901", "description": "Cake tin"}
_LANTERN = {"gtin": "5412345000013", "description": "Lantern, white"}
_TAX = {"tax_category": "S", "tax_rate": "19"}
_EDITIONS = {
    "ORDCHG": "EAN008",
    "ORDRSP": "EAN005",
    "DESADV": "EAN005",
    "RECADV": "EAN002",
    "INVOIC": "EAN008",
    "REMADV": "EAN003",
    "PRICAT": "EAN006",
    "INVRPT": "EAN004",
    "SLSRPT": "EAN004",
}


def depot_files() -> dict[str, bytes]:
    """What our depot writes for the partners, as files of one JSON document a line."""
    sides = {"buyer_id": RETAILER, "buyer_gln": RETAILER, "seller_id": US, "seller_gln": US}
    line = {"line_id": "1", "product_id": _TIN["gtin"], **_TIN, "unit": "C62"}
    order = {"order_id": "PO00001", "order_line_id": "1"}
    return {
        "order_responses.ndjson": _lines(
            {
                "id": "OR-1",
                "status": "accepted",
                "order_id": "PO00001",
                "currency": "EUR",
                "issued_at": "2026-11-20T12:00:00Z",
                **sides,
                "lines": [
                    {**line, **order, "status": "accepted", "ordered_quantity": "3"}
                    | {"quantity": "3", "unit_price": "7.5"},
                ],
            }
        ),
        "shipments.ndjson": _lines(
            {
                "id": "SHP-1",
                "status": "shipped",
                "order_id": "PO00001",
                **sides,
                "issued_at": "2026-11-21T15:00:00Z",
                "shipped_at": "2026-11-21T16:00:00Z",
                "delivery_gln": RETAILER,
                "package_count": 1,
                "packages": [{"sscc": "401234500000000012", "package_type": "201", "quantity": 1}],
                "lines": [{**line, **order, "quantity": "3", "sscc": "401234500000000012"}],
            }
        ),
        "invoices.ndjson": _lines(
            {
                "id": "R-1",
                "type_code": "invoice",
                "order_id": "PO00001",
                "currency": "EUR",
                "issued_at": "2026-11-22T00:00:00Z",
                "due_at": "2026-12-22",
                **sides,
                "despatch_id": "SHP-1",
                "seller_tax_id": "DE123456788",
                "lines": [
                    {**line, **order, **_TAX, "quantity": "3", "unit_price": "7.5"}
                    | {"line_amount": "22.5"},
                ],
                "taxes": [
                    {"category": "S", "rate": "19", "taxable_amount": "22.5", "tax_amount": "4.28"}
                ],
                "line_amount": "22.5",
                "tax_amount": "4.28",
                "total_amount": "26.78",
            }
        ),
        "purchases.ndjson": _lines(
            {
                "id": "P-7001",
                "type_code": "order",
                "issued_at": "2026-11-20T09:00:00Z",
                "requested_delivery_at": "2026-11-30T00:00:00Z",
                "currency": "EUR",
                "buyer_id": US,
                "buyer_gln": US,
                "seller_id": SUPPLIER,
                "seller_gln": SUPPLIER,
                "lines": [
                    {"line_id": "1", "product_id": "LA-1", **_LANTERN, "unit": "C62"}
                    | {"quantity": "48", "unit_price": "2.1", "line_amount": "100.8"},
                ],
                "line_amount": "100.8",
                "total_amount": "100.8",
            }
        ),
    }


def supplier_files() -> dict[str, bytes]:
    """What a supplier answers to the purchase of ``depot_files``, and its catalogue."""
    sides = {"buyer_gln": US, "supplier_gln": SUPPLIER}
    line = {"line": "1", **_LANTERN, "item": "4711-W", "buyer_item": "LA-1"}
    order = {"order_number": "P-7001", "order_line": "1"}
    pallet = "430456700000000016"
    messages: dict[str, Document] = {
        "ORDRSP": {
            "number": "AB-9",
            "date": "2026-11-20",
            "response": "AP",
            "currency": "EUR",
            "order_number": "P-7001",
            **sides,
            "lines": [{**line, **order, "action": "5", "quantity": "48", "confirmed": "48"}],
        },
        "DESADV": {
            "number": "LS-9",
            "date": "2026-11-27",
            "despatch_date": "2026-11-27T14:00",
            "order_number": "P-7001",
            "delivery_gln": US,
            **sides,
            "packages": [{"sscc": pallet, "package_type": "201", "quantity": "1"}],
            "lines": [{**line, **order, "quantity": "48", "sscc": pallet}],
        },
        "INVOIC": {
            "number": "RE-9",
            "type": "380",
            "date": "2026-11-28",
            "due_date": "2026-12-28",
            "currency": "EUR",
            "order_number": "P-7001",
            "despatch_number": "LS-9",
            **sides,
            "supplier_name": "Lantern Works",
            "supplier_tax_id": "DE123456788",
            "lines": [
                {**line, **order, **_TAX, "quantity": "48", "price": "2.1", "amount": "100.8"}
            ],
            "line_total": "100.8",
            "tax_total": "19.15",
            "total": "119.95",
            "taxes": [{"category": "S", "rate": "19", "taxable": "100.8", "tax": "19.15"}],
        },
        "PRICAT": {
            "number": "KAT-26",
            "date": "2026-11-01",
            "currency": "EUR",
            **sides,
            "lines": [
                {**line, **_TAX, "amount": "2.1", "price_type": "CON", "valid_from": "2026-11-01"},
                {**line, **_TAX, "amount": "4.99", "price_type": "SRP"},
            ],
        },
    }
    return _files(messages, SUPPLIER)


def retailer_files() -> dict[str, bytes]:
    """What a retailer sends besides its orders: a change, what arrived, was paid, is left, sold."""
    sides = {"buyer_gln": RETAILER, "supplier_gln": US}
    line = {"line": "1", **_TIN}
    order = {"order_number": "PO00001", "order_line": "1"}
    messages: dict[str, Document] = {
        "ORDCHG": {
            "number": "PO00002-1",
            "order_number": "PO00002",
            "function": "5",
            **sides,
            "date": "2026-11-20T15:00",
            "currency": "EUR",
            "delivery_gln": RETAILER,
            "lines": [{**_TEA, "line": "1", "quantity": "6", "price": "4.25", "amount": "25.5"}],
        },
        "RECADV": {
            "number": "WE-1",
            "date": "2026-11-23",
            "received_date": "2026-11-23T07:30",
            "despatch_number": "SHP-1",
            "order_number": "PO00001",
            **sides,
            "lines": [{**line, **order, "shipped": "3", "accepted": "2", "missing": "1"}],
        },
        "REMADV": {
            "number": "ZA-1",
            "date": "2026-12-20",
            "payment_date": "2026-12-20",
            "currency": "EUR",
            "payer_gln": RETAILER,
            "payee_gln": US,
            "total": "26.78",
            "documents": [{"type": "380", "number": "R-1", "due": "26.78", "amount": "26.78"}],
        },
        "INVRPT": {
            "number": "LB-1",
            "date": "2026-11-30",
            **sides,
            "levels": [{**line, "on_hand": "4", "location_gln": RETAILER}],
        },
        "SLSRPT": {
            "number": "VK-48",
            "date": "2026-11-30",
            "currency": "EUR",
            "period_from": "2026-11-23",
            "period_until": "2026-11-29",
            "reporter_gln": RETAILER,
            "supplier_gln": US,
            "lines": [
                {**line, "location_gln": RETAILER, "sold_at": "2026-11-24", "quantity": "5"}
                | {"price": "7.99", "amount": "39.95"},
            ],
        },
    }
    return _files(messages, RETAILER)


Document = Mapping[str, Any]


def _lines(*documents: Document) -> bytes:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in documents).encode()


def _files(messages: Mapping[str, Document], sender: str) -> dict[str, bytes]:
    names = enumerate(messages, 201)
    return {f"{name}_{n:06}.edi": _message(name, messages[name], sender, n) for n, name in names}


def _message(name: str, document: Document, sender: str, number: int) -> bytes:
    layout = writer.Layout(line="\n")
    s009: Sequence[str] = identifier(name, "D.96A", _EDITIONS[name])
    segments = writer.message(layout, "1", s009, compose(name, document))
    envelope = writer.Envelope(
        sender=writer.Address(sender, "14"),
        receiver=writer.Address(US, "14"),
        reference=f"{number:014}",
        prepared=datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
        application=name,
    )
    return writer.interchange(layout, envelope, [segments])
