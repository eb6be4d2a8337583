"""Messages as flat documents."""

from pathlib import Path

import pytest

from crossdock.edi import flat
from crossdock.edi.interchange import Message
from crossdock.edi.reader import read
from crossdock.errors import Refused

SAMPLES = Path(__file__).parents[2] / "edi" / "samples"


def document(name: str, *changes: tuple[bytes, bytes]) -> dict:
    data = (SAMPLES / name).read_bytes()
    for old, new in changes:
        assert old in data
        data = data.replace(old, new, 1)
    message = next(item for item in read(data) if isinstance(item, Message))
    return flat.read(message)


def _said(entry: dict) -> dict:
    return {name: value for name, value in entry.items() if value not in ("", [])}


def test_an_invoice():
    invoice = document(
        "invoic_d96a.edi",
        (b"LIN+1", b"ALC+A++++DI'\nMOA+8:5'\nLIN+1"),
        (b"MOA+77", b"MOA+124:21,39'\nMOA+77"),
    )
    said = _said(invoice)
    lines, taxes, charges = said.pop("lines"), said.pop("taxes"), said.pop("charges")
    assert said == {
        "number": "R-2026-000815",
        "type": "380",
        "function": "9",
        "date": "2026-09-10",
        "delivery_date": "2026-09-08",
        "currency": "EUR",
        "buyer_gln": "4098765000003",
        "supplier_gln": "4012345000009",
        "delivery_gln": "4098765000010",
        "order_number": "4500012345",
        "line_total": "151.25",
        "allowance_total": "5",
        "tax_total": "21.39",
        "total": "172.64",
        "interchange": "00000000000012",
        "message_ref": "1",
        "sender": "4012345000009",
        "receiver": "4098765000003",
        "test": False,
    }
    assert taxes == [
        {"rate": "19", "category": "S", "taxable": "90.00", "tax": "17.10"},
        {"rate": "7", "category": "S", "taxable": "61.25", "tax": "4.29"},
    ]
    assert _said(charges[0]) == {"indicator": "A", "reason_code": "DI", "amount": "5"}
    assert _said(lines[1]) == {
        "line": "2",
        "gtin": "4012345678901",
        "quantity": "24.5",
        "unit": "KGM",
        "price": "2.50",
        "amount": "61.25",
        "tax_rate": "7",
        "tax_category": "S",
    }


def test_a_despatch_advice_knows_its_pallets():
    advice = document("desadv_d96a.edi")
    assert (advice["number"], advice["order_number"]) == ("LS-77", "4500012345")
    assert advice["despatch_date"] == "2026-09-07"
    assert [(line["package"], line["sscc"], line["quantity"]) for line in advice["lines"]] == [
        ("2", "340123450000000017", "120"),
        ("2", "340123450000000017", "24.5"),
    ]


def test_an_order_response():
    response = document(
        "orders_d96a.edi",
        (b"UNH+1+ORDERS", b"UNH+1+ORDRSP"),
        (b"BGM+220+4500012345+9", b"BGM+231+AB-1+9+AC"),
        (b"NAD+BY", b"RFF+ON:4500012345'\nNAD+BY"),
        (b"LIN+1++", b"LIN+1+3+"),
        (b"QTY+21:120'", b"QTY+21:120'\nQTY+113:100'\nDTM+2:20260909:102'"),
    )
    assert (response["response"], response["order_number"]) == ("AC", "4500012345")
    line = response["lines"][0]
    assert (line["action"], line["quantity"], line["confirmed"]) == ("3", "120", "100")
    assert line["delivery_date"] == "2026-09-09"


def test_an_amount_that_is_not_said_is_worked_out():
    order = document("orders_d96a.edi", (b"MOA+203:90'\n", b""), (b"AAA:0.75", b"AAA:75:::100"))
    assert order["lines"][0]["amount"] == "90"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"QTY+21:120'", b"QTY+21:1x'", "'1x' is no number .message 1, segment 12 QTY."),
        (b"DTM+137:20260901:102'", b"DTM+137:1.9.26:102'", "segment 3 DTM"),
        (b"LIN+1++", b"LIN+++", "segment 10 LIN|LIN does not say its line"),
        (b"BGM+220+4500012345", b"BGM+220+", "no number .BGM 1004."),
        (b"UNH+1+ORDERS", b"UNH+1+PARTIN", "PARTIN has no document"),
    ],
)
def test_what_cannot_be_a_document_is_refused_with_its_place(old, new, words):
    with pytest.raises(Refused, match=words):
        document("orders_d96a.edi", (old, new))
