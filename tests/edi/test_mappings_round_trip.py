"""Canonical documents become messages and come back: what one side sends, the other has."""

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connectors.edifact import Edifact
from crossdock.connector import Parcel, World
from crossdock.edi.guide import Guides
from crossdock.mapping import Mapping, load
from crossdock.mapping.examples import batch_of, canonical, shown
from crossdock.model import entity
from tests.edi import business

PROJECT = Path(__file__).parents[2]
NOW = datetime(2026, 9, 1, 10, 30, tzinfo=UTC)
EDITIONS = {"EANCOM 97": ("D.96A", 0), "EANCOM 2002": ("D.01B", 1)}
GUIDES = Guides(PROJECT / "edi" / "guides")
ASSOCIATIONS = {
    "ORDERS": ("EAN008", "EAN010"),
    "ORDCHG": ("EAN008", "EAN010"),
    "ORDRSP": ("EAN005", "EAN009"),
    "DESADV": ("EAN005", "EAN007"),
    "RECADV": ("EAN002", "EAN005"),
    "INVOIC": ("EAN008", "EAN011"),
    "REMADV": ("EAN003", "EAN006"),
    "PRICAT": ("EAN006", "EAN009"),
    "INVRPT": ("EAN004", "EAN008"),
    "SLSRPT": ("EAN004", "EAN006"),
}


def bought(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "lines": [business.bought(line) for line in document["lines"]]}


@cache
def mapping_of(name: str) -> Mapping:
    return load(PROJECT / "mappings" / f"{name}.yaml")


def sides(folder: Path, edition: str) -> tuple[Edifact, Edifact]:
    """The retailer and its supplier, each with the other as partner; they share two folders."""
    partners = folder / "edi" / "partners"
    partners.mkdir(parents=True)
    (folder / "scratch").mkdir()
    made = []
    for us, them in (
        (business.RETAILER, business.SUPPLIER),
        (business.SUPPLIER, business.RETAILER),
    ):
        directory, which = EDITIONS[edition]
        messages = "".join(
            f"  {name}: {{directory: {directory}, association: {codes[which]}}}\n"
            for name, codes in ASSOCIATIONS.items()
        )
        (partners / f"{them}.yaml").write_text(
            f'us: {{id: "{us}", qualifier: "14"}}\nthem: {{id: "{them}", qualifier: "14"}}\n'
            f"write: {{line_end: lf}}\nmessages:\n{messages}"
        )
        side = Edifact(
            partner=them, folder=str(folder / "shared"), references=str(folder / f"{us}.tsv")
        )
        side.bind("partner", World(folder, folder / "scratch", now=lambda: NOW), {})
        vars(side)["_guides"] = GUIDES  # no partner here differs from them
        made.append(side)
    return made[0], made[1]


def sent(side: Edifact, stream: str, mapping: str, *documents: dict[str, Any]) -> bytes:
    """Map documents for a stream and leave the message; gives the bytes."""
    made = mapping_of(mapping)
    parcels = []
    for number, document in enumerate(documents):
        mapped = made.apply(batch_of(made, document))
        assert mapped.faults.to_pylist() == []
        (body,) = made.bodies(mapped.documents)
        parcels.append(Parcel(f"r{number}", f"{mapping}/{document['id']}", "create", body))
    outcomes = side.write(side.writes()[stream], parcels)
    assert [(one.verdict, one.message) for one in outcomes] == [("delivered", "")] * len(parcels)
    names = {one.their_id for one in outcomes}
    assert len(names) == 1
    return (Path(side.folder) / "in" / str(names.pop())).read_bytes()


def received(side: Edifact, stream: str, mapping: str, data: bytes) -> list[dict[str, Any]]:
    """Read the bytes as a stream does, and map every record."""
    path = Path(side.folder) / "body"
    path.write_bytes(data)
    made = mapping_of(mapping)
    documents = []
    for table in side.tables(side.reads()[stream], "edifact", path):
        for row in table.to_pylist():
            assert row["_fault"] is None
            batch = batch_of(made, json.loads(row["json"]))
            assert made.when is not None
            assert made.when.mask(batch).to_pylist() == [True]
            mapped = made.apply(batch)
            assert mapped.faults.to_pylist() == []
            documents += shown(made, mapped.documents)
    return documents


def plain(name: str, document: dict[str, Any]) -> dict[str, Any]:
    made = mapping_of(name)
    return shown(made, canonical(entity(made.target), [document]))[0]


CASES = {
    "ORDERS": ("orders", "supplier/orders", "partner/sales_order", business.ORDER),
    "ORDRSP": (
        "order_responses",
        "partner/order_responses",
        "supplier/order_response",
        business.RESPONSE,
    ),
    "DESADV": (
        "despatch_advices",
        "partner/despatch_advices",
        "supplier/shipment",
        business.SHIPMENT,
    ),
    "RECADV": (
        "receiving_advices",
        "supplier/receiving_advices",
        "partner/receiving_advice",
        business.RECEIVED,
    ),
    "INVOIC": ("invoices", "partner/invoices", "supplier/invoice", business.INVOICE),
    "credit note": ("invoices", "partner/invoices", "supplier/invoice", business.CREDIT_NOTE),
    "REMADV": ("remittances", "supplier/remittances", "partner/payment", business.PAYMENT),
    "SLSRPT": (
        "sales_reports",
        "supplier/sales_reports",
        "partner/sales_report",
        business.SALES,
    ),
}


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("message", CASES)
def test_what_one_side_sends_the_other_has(tmp_path, message, edition):
    stream, out, into, document = CASES[message]
    retailer, supplier = sides(tmp_path, edition)
    ours = out.startswith("supplier/")
    sender, reader = (retailer, supplier) if ours else (supplier, retailer)
    goods = message != "REMADV"
    given = bought(document) if goods and ours else document
    wanted = bought(document) if goods and not ours else document
    data = sent(sender, f"{stream}_out", out, given)
    assert received(reader, stream, into, data) == [plain(into, wanted)]


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_catalogue_of_products_and_prices(tmp_path, edition):
    retailer, supplier = sides(tmp_path, edition)
    tea = {"id": "TEA-50", "gtin": "4012345678901", "name": "Tea, 50 bags", "currency": "EUR"}
    sent(supplier, "catalogue_out", "partner/catalogue", business.PRODUCT, tea)
    data = sent(supplier, "catalogue_out", "partner/catalogue", business.PRODUCT)
    (product,) = received(retailer, "catalogue", "supplier/product", data)
    assert product == {
        "id": "4006381333931",
        "gtin": "4006381333931",
        "name": business.PRODUCT["name"],
        "kind": "product",
        "supplier_id": business.SUPPLIER,
        "supplier_product_id": "STABILO-88",
        "status": "active",
        **{
            name: business.PRODUCT[name]
            for name in (
                *("unit", "net_weight", "gross_weight", "weight_unit", "length", "width"),
                *("height", "dimension_unit", "tax_category", "tax_rate"),
            )
        },
    }
    data = sent(supplier, "catalogue_out", "partner/catalogue_prices", business.PRICE)
    (price,) = received(retailer, "catalogue_prices", "supplier/price", data)
    assert price == plain("supplier/price", business.PRICE) | {
        "id": f"{business.SUPPLIER}/4006381333931/AAA-CON/EUR",
        "product_id": "4006381333931",
        "party_id": business.SUPPLIER,
    }


@pytest.mark.parametrize("edition", EDITIONS)
def test_stock_of_two_products_in_two_places(tmp_path, edition):
    retailer, supplier = sides(tmp_path, edition)
    other = {**business.STOCK, "location_id": business.DEPOT, "location_gln": business.DEPOT}
    tea = {"id": "x", "product_id": "BX-200", "on_hand": "3.5", "unit": "KGM", "location_id": "S1"}
    data = sent(retailer, "stock_reports_out", "supplier/stock_reports", business.STOCK, other, tea)
    levels = received(supplier, "stock_reports", "partner/stock_level", data)
    gtin = "4006381333931"
    one, two, three = levels
    assert one == plain("partner/stock_level", business.STOCK) | {
        "id": f"{gtin}@{business.STORE}",
        "product_id": gtin,
    }
    assert (two["id"], two["on_hand"]) == (f"{gtin}@{business.DEPOT}", "120")
    assert (three["id"], three["on_hand"], three["unit"]) == ("BX-200@S1", "3.5", "KGM")
    assert three["counted_at"] == "2026-09-01T00:00:00Z"


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_changed_order_goes_as_a_purchase_order_change(tmp_path, edition):
    retailer, supplier = sides(tmp_path, edition)
    made = mapping_of("supplier/orders")
    changed = bought({**business.ORDER, "lines": business.ORDER["lines"][:1]})
    (body,) = made.bodies(made.apply(batch_of(made, changed)).documents)
    stream = retailer.writes()["orders_out"]
    (outcome,) = retailer.write(stream, [Parcel("r", "k2", "update", body, "ORDERS_1_x.edi")])
    assert outcome.verdict == "delivered"
    assert str(outcome.their_id).startswith("ORDCHG_00000000000001_")
    data = (Path(retailer.folder) / "in" / str(outcome.their_id)).read_bytes()
    assert b"BGM+230+4500012345-" in data
    assert b"RFF+ON:4500012345'" in data
    (order,) = received(supplier, "order_changes", "partner/order_change", data)
    wanted = plain("partner/order_change", business.ORDER)
    gone = {"issued_at", "type_code", "lines", "line_amount", "total_amount"}
    assert {key: value for key, value in order.items() if key not in gone} == {
        **{key: value for key, value in wanted.items() if key not in gone},
        "source_updated_at": "2026-09-01T08:26:30Z",
    }
    assert order["lines"] == wanted["lines"][:1]
    assert (order["line_amount"], order["total_amount"]) == ("90", "95")
    (again,) = retailer.write(stream, [Parcel("r", "k2", "update", body, "ORDERS_1_x.edi")])
    assert (again.their_id, again.message) == (outcome.their_id, "was there already")


def test_what_was_billed_is_not_changed_by_another_invoice(tmp_path):
    _, supplier = sides(tmp_path, "EANCOM 97")
    (outcome,) = supplier.write(
        supplier.writes()["invoices_out"], [Parcel("r", "k", "update", {"number": "R-1"}, "x")]
    )
    assert outcome.verdict == "refused"
    assert "INVOIC that was sent is not changed by another INVOIC" in outcome.message


def test_a_wrong_entry_does_not_hold_back_the_others(tmp_path):
    retailer, _ = sides(tmp_path, "EANCOM 97")
    good = {"buyer_item": "A", "on_hand": "1", "location_id": "S1"}
    parcels = [
        Parcel("r1", "k1", "create", good),
        Parcel("r2", "k2", "create", {"on_hand": "1"}),
        Parcel("r3", "k3", "create", {**good, "buyer_item": "x" * 36}),
    ]
    stream = retailer.writes()["stock_reports_out"]
    first, second, third = retailer.write(stream, parcels)
    assert (first.verdict, second.verdict, third.verdict) == ("delivered", "refused", "refused")
    assert "gtin, item or buyer_item is needed" in second.message
    assert "36 characters" in third.message
    assert retailer.write(stream, parcels)[0].their_id == first.their_id
    assert len(list((Path(retailer.folder) / "in").iterdir())) == 1
