"""Canonical documents of a retailer and its supplier, rich enough to fill every message."""

from __future__ import annotations

from typing import Any

RETAILER, SUPPLIER = "4098765000003", "4012345000009"
STORE, DEPOT, OFFICE = "4098765000010", "4012345000016", "4098765000027"
PALLET, CARTON, LOOSE = "340123450000000017", "340123450000000024", "340123450000000031"

BUYER = {
    "buyer_id": RETAILER,
    "buyer_gln": RETAILER,
    "buyer_name": "North Retail GmbH",
}
CONTACT = {
    "buyer_tax_id": "DE123456788",
    "buyer_email": "orders@north-retail.example",
    "buyer_phone": "+49 40 1234560",
    "buyer_country": "DE",
}
SELLER = {
    "seller_id": SUPPLIER,
    "seller_gln": SUPPLIER,
    "seller_name": "Office Goods Ltd",
}
DELIVERY = {
    "delivery_gln": STORE,
    "delivery_name": "North Retail, store 12",
    "delivery_street": "Marktplatz 5",
    "delivery_city": "Hamburg",
    "delivery_postal_code": "20095",
    "delivery_country": "DE",
}
BILLING = {
    "billing_gln": OFFICE,
    "billing_name": "North Retail, accounts",
    "billing_street": "Hafenstrasse 1",
    "billing_city": "Hamburg",
    "billing_postal_code": "20457",
    "billing_country": "DE",
}
FINELINER = {
    "product_id": "STABILO-88",
    "gtin": "4006381333931",
    "buyer_product_id": "BX-100",
    "description": "Fineliner 0,4 mm, blue; it doesn't dry out: 'Point 88' + refill?",
}
TEA = {
    "product_id": "TEA-50",
    "gtin": "4012345678901",
    "buyer_product_id": "BX-200",
    "description": "Tea, 50 bags",
}


def bought(line: dict[str, Any]) -> dict[str, Any]:
    """The same line as the buyer knows it: its own number first, the seller's beside it."""
    seen = {key: value for key, value in line.items() if key != "buyer_product_id"}
    seen["product_id"] = line["buyer_product_id"]
    return {**seen, "seller_product_id": line["product_id"]}


LINES: list[dict[str, Any]] = [
    {
        "line_id": "1",
        "kind": "product",
        **FINELINER,
        "quantity": "120",
        "unit": "C62",
        "unit_price": "75",
        "price_base_quantity": "100",
        "tax_category": "S",
        "tax_rate": "19",
        "tax_amount": "17.1",
        "line_amount": "90",
    },
    {
        "line_id": "2",
        "kind": "product",
        **TEA,
        "quantity": "24.5",
        "unit": "KGM",
        "unit_price": "2.5",
        "tax_category": "S",
        "tax_rate": "7",
        "tax_amount": "4.2875",
        "line_amount": "61.25",
    },
]
CHARGES = [
    {"is_charge": False, "reason_code": "DI", "reason": "Discount", "amount": "5"},
    {"is_charge": True, "reason_code": "FC", "reason": "Freight", "amount": "10", "tax_rate": "19"},
]

ORDER: dict[str, Any] = {
    "id": "4500012345",
    "type_code": "rush",
    "status": "open",
    "issued_at": "2026-09-01T08:26:30Z",
    "requested_delivery_at": "2026-09-08T00:00:00Z",
    "currency": "EUR",
    **BUYER,
    **CONTACT,
    "buyer_reference": "4500012345",
    **SELLER,
    **DELIVERY,
    **BILLING,
    "payment_terms": "30 days net",
    "note": "Please ring at the gate. " * 6 + "Thank you.",
    "line_amount": "151.25",
    "allowance_amount": "5",
    "charge_amount": "10",
    "total_amount": "156.25",
    "lines": [{**line, "requested_delivery_at": "2026-09-08T06:30:00Z"} for line in LINES],
    "charges": CHARGES,
}

RESPONSE: dict[str, Any] = {
    "id": "OR-4500012345-1",
    "status": "changed",
    "issued_at": "2026-09-01T12:00:00Z",
    "promised_delivery_at": "2026-09-08T00:00:00Z",
    "currency": "EUR",
    "order_id": "4500012345",
    "note": "The rest follows.",
    **BUYER,
    **SELLER,
    "lines": [
        {
            "line_id": "1",
            "status": "back_ordered",
            **FINELINER,
            "ordered_quantity": "120",
            "quantity": "100",
            "back_ordered_quantity": "20",
            "unit": "C62",
            "unit_price": "0.75",
            "promised_delivery_at": "2026-09-09T00:00:00Z",
            "order_id": "4500012345",
            "order_line_id": "1",
        },
        {
            "line_id": "2",
            "status": "rejected",
            **TEA,
            "substitute_product_id": "TEA-100",
            "ordered_quantity": "24.5",
            "quantity": "0",
            "unit": "KGM",
            "reason_code": "OUT",
            "reason": "Out of stock until 3 January",
            "order_id": "4500012345",
            "order_line_id": "2",
        },
    ],
}

SHIPMENT: dict[str, Any] = {
    "id": "LS-77",
    "status": "shipped",
    "issued_at": "2026-09-07T15:00:00Z",
    "shipped_at": "2026-09-07T16:30:00Z",
    "estimated_delivery_at": "2026-09-08T00:00:00Z",
    "order_id": "4500012345",
    **BUYER,
    **SELLER,
    **DELIVERY,
    "origin_gln": DEPOT,
    "origin_name": "Office Goods, depot",
    "origin_city": "Leeds",
    "origin_country": "GB",
    "carrier_id": "DPD",
    "carrier_name": "DPD Deutschland",
    "transport_mode": "3",
    "tracking_id": "15501234567890",
    "package_count": 2,
    "gross_weight": "18.4",
    "net_weight": "16.9",
    "weight_unit": "KGM",
    "packages": [
        {
            "sscc": PALLET,
            "package_type": "201",
            "quantity": 1,
            "gross_weight": "15.2",
            "weight_unit": "KGM",
            "length": "120",
            "width": "80",
            "height": "95",
            "dimension_unit": "CMT",
        },
        {"sscc": CARTON, "parent_sscc": PALLET, "package_type": "CT", "quantity": 1},
        {"sscc": LOOSE, "package_type": "CT", "quantity": 1},
        {"package_type": "BG", "quantity": 4},
    ],
    "lines": [
        {
            "line_id": "1",
            **FINELINER,
            "quantity": "60",
            "ordered_quantity": "120",
            "back_ordered_quantity": "20",
            "unit": "C62",
            "sscc": PALLET,
            "lot": "L2026-09",
            "order_id": "4500012345",
            "order_line_id": "1",
        },
        {
            "line_id": "2",
            **FINELINER,
            "quantity": "40",
            "unit": "C62",
            "sscc": CARTON,
            "serial_number": "SN-000123",
            "order_id": "4500012345",
            "order_line_id": "1",
        },
        {
            "line_id": "3",
            **TEA,
            "quantity": "24.5",
            "unit": "KGM",
            "sscc": LOOSE,
            "expires_at": "2027-03-31",
            "order_id": "4500012345",
            "order_line_id": "2",
        },
    ],
}

RECEIVED: dict[str, Any] = {
    "id": "RA-70001",
    "issued_at": "2026-09-08T10:00:00Z",
    "received_at": "2026-09-08T07:45:00Z",
    "shipment_id": "LS-77",
    "order_id": "4500012345",
    **BUYER,
    **SELLER,
    "location_gln": STORE,
    "lines": [
        {
            "line_id": "1",
            **FINELINER,
            "sscc": PALLET,
            "shipped_quantity": "60",
            "accepted_quantity": "56",
            "rejected_quantity": "1",
            "damaged_quantity": "1",
            "missing_quantity": "2",
            "unit": "C62",
            "reason_code": "DMG",
            "reason": "Box wet",
            "lot": "L2026-09",
            "order_id": "4500012345",
            "order_line_id": "1",
        },
        {
            "line_id": "2",
            **TEA,
            "sscc": LOOSE,
            "shipped_quantity": "24.5",
            "accepted_quantity": "25",
            "surplus_quantity": "0.5",
            "unit": "KGM",
            "expires_at": "2027-03-31",
            "order_id": "4500012345",
            "order_line_id": "2",
            "shipment_line_id": "3",
        },
    ],
}

INVOICE: dict[str, Any] = {
    "id": "R-2026-000815",
    "type_code": "invoice",
    "status": "open",
    "issued_at": "2026-09-10T00:00:00Z",
    "requested_delivery_at": "2026-09-08T00:00:00Z",
    "due_at": "2026-10-10",
    "currency": "EUR",
    **BUYER,
    **CONTACT,
    **SELLER,
    "seller_tax_id": "GB123456782",
    **DELIVERY,
    **BILLING,
    "payment_terms": "30 days net",
    "order_id": "4500012345",
    "despatch_id": "LS-77",
    "line_amount": "151.25",
    "allowance_amount": "5",
    "charge_amount": "10",
    "tax_amount": "22.34",
    "total_amount": "178.59",
    "lines": [
        {**line, "order_id": "4500012345", "order_line_id": line["line_id"]} for line in LINES
    ],
    "charges": CHARGES,
    "taxes": [
        {"category": "S", "rate": "19", "taxable_amount": "95", "tax_amount": "18.05"},
        {"category": "S", "rate": "7", "taxable_amount": "61.25", "tax_amount": "4.29"},
    ],
}

CREDIT_NOTE: dict[str, Any] = {
    **{name: value for name, value in INVOICE.items() if name not in {"charges", "due_at"}},
    "id": "G-2026-000017",
    "type_code": "credit_note",
    "original_id": "R-2026-000815",
    "allowance_amount": None,
    "charge_amount": None,
    "line_amount": "90",
    "tax_amount": "17.1",
    "total_amount": "107.1",
    "lines": INVOICE["lines"][:1],
    "taxes": [{"category": "S", "rate": "19", "taxable_amount": "90", "tax_amount": "17.1"}],
}

PAYMENT: dict[str, Any] = {
    "id": "ZA-5512",
    "kind": "payment",
    "status": "paid",
    "paid_at": "2026-10-08T00:00:00Z",
    "method": "42",
    "currency": "EUR",
    "amount": "69.94",
    "payer_id": RETAILER,
    "payer_gln": RETAILER,
    "payer_name": "North Retail GmbH",
    "payee_gln": SUPPLIER,
    "reference": "AVIS-5512",
    "lines": [
        {
            "line_id": "1",
            "kind": "invoice",
            "invoice_id": "R-2026-000815",
            "issued_on": "2026-09-10",
            "due_amount": "178.59",
            "discount_amount": "1.55",
            "amount": "177.04",
        },
        {
            "line_id": "2",
            "kind": "credit_note",
            "invoice_id": "G-2026-000017",
            "issued_on": "2026-09-12",
            "due_amount": "107.1",
            "amount": "107.1",
        },
    ],
}

PRODUCT: dict[str, Any] = {
    "id": "STABILO-88",
    "gtin": "4006381333931",
    "name": "Fineliner 0,4 mm, blue",
    "unit": "C62",
    "currency": "EUR",
    "list_price": "0.95",
    "tax_category": "S",
    "tax_rate": "19",
    "net_weight": "0.01",
    "gross_weight": "0.012",
    "weight_unit": "KGM",
    "length": "17",
    "width": "1",
    "height": "1",
    "dimension_unit": "CMT",
}
PRICE: dict[str, Any] = {
    "id": "STABILO-88/EUR",
    "product_id": "STABILO-88",
    "gtin": "4006381333931",
    "price_type": "contract",
    "price_list_id": "L-2026",
    "currency": "EUR",
    "amount": "75",
    "price_base_quantity": "100",
    "unit": "C62",
    "minimum_quantity": "50",
    "tax_rate": "19",
    "valid_from": "2026-09-01T00:00:00Z",
    "valid_until": "2027-01-01T00:00:00Z",
}
STOCK: dict[str, Any] = {
    "id": "BX-100@" + STORE,
    "product_id": "BX-100",
    "gtin": "4006381333931",
    "location_id": STORE,
    "location_gln": STORE,
    "status": "sellable",
    "unit": "C62",
    "on_hand": "120",
    "reserved": "20",
    "available": "100",
    "incoming": "48",
    "reorder_point": "30",
    "counted_at": "2026-09-30T22:00:00Z",
}
SALES: dict[str, Any] = {
    "id": "SLS-2026-39",
    "status": "final",
    "issued_at": "2026-09-28T00:00:00Z",
    "period_from": "2026-09-21",
    "period_until": "2026-09-27",
    "reporter_id": RETAILER,
    "reporter_gln": RETAILER,
    "reporter_name": "North Retail GmbH",
    "supplier_id": SUPPLIER,
    "supplier_gln": SUPPLIER,
    "supplier_name": "Office Goods Ltd",
    "currency": "EUR",
    "total_amount": "87.4",
    "lines": [
        {
            "line_id": "1",
            "location_id": STORE,
            "location_gln": STORE,
            **FINELINER,
            "sold_at": "2026-09-21",
            "quantity": "100",
            "unit": "C62",
            "unit_price": "0.95",
            "line_amount": "95",
            "on_hand": "20",
        },
        {
            "line_id": "2",
            "location_id": OFFICE,
            "location_gln": OFFICE,
            **FINELINER,
            "sold_at": "2026-09-22",
            "quantity": "-8",
            "unit": "C62",
            "unit_price": "0.95",
            "line_amount": "-7.6",
        },
    ],
}
