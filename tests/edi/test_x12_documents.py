"""X12 sets as documents and back, through the mappings, and through the connector."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.edifact import Edifact
from crossdock.connector import Parcel, World
from crossdock.edi.check import check_source
from crossdock.edi.guide import Guides
from crossdock.edi.interchange import Message
from crossdock.edi.offers import READS
from crossdock.edi.partner import load as load_partner
from crossdock.edi.reader import read
from crossdock.edi.records import records_of
from crossdock.edi.writer import Address
from crossdock.edi.x12 import documents, writer
from crossdock.edi.x12.shapes import SETS
from crossdock.errors import Misconfigured, Refused
from crossdock.mapping import json_text, load

PROJECT = Path(__file__).parents[2]
GUIDES = Guides(PROJECT / "edi" / "guides")
NOW = datetime(2026, 9, 7, 15, 0, tzinfo=UTC)

PARTIES = {
    "buyer_gln": "4098765000003", "buyer_name": "Northgate", "buyer_email": "po@buyer.example",
    "buyer_phone": "5550100", "supplier_gln": "4012345000009", "supplier_name": "Oats Ltd",
    "delivery_gln": "4098765000010", "delivery_name": "DC 2", "delivery_street": "1 Dock Road",
    "delivery_city": "Springfield", "delivery_postal_code": "62701", "delivery_country": "US",
}  # fmt: skip
ALLOWANCE = {"indicator": "A", "amount": "5.00", "reason": "Promotion"}
LINE = {
    "line": "1", "gtin": "4006381333931", "item": "A-1", "buyer_item": "B-7", "unit": "PCE",
    "description": "Oat bar", "quantity": "120", "price": "4.95",
}  # fmt: skip
PRODUCT = {"gtin": "4006381333931", "item": "A-1", "description": "Oat bar"}

DOCUMENTS = {
    "ORDERS": {
        **PARTIES, "number": "PO1", "type": "220", "function": "9", "date": "2026-09-01",
        "delivery_date": "2026-09-12", "currency": "USD", "payment_terms": "net 30",
        "note": "call first", "contract_number": "C-9",
        "charges": [{"indicator": "C", "amount": "12.50", "reason": "Freight"}],
        "lines": [
            {**LINE, "delivery_date": "2026-09-20", "charges": [ALLOWANCE]},
            {"line": "2", "item": "A-2", "quantity": "3.5", "unit": "KGM", "price": "1.5"},
        ],
    },
    "ORDCHG": {
        **PARTIES, "number": "PO1-ab", "order_number": "PO1", "function": "5", "type": "230",
        "date": "2026-09-02", "currency": "USD", "lines": [{**LINE, "action": "3"}],
    },
    "ORDRSP": {
        **PARTIES, "number": "OR1", "order_number": "PO1", "response": "AC", "currency": "USD",
        "date": "2026-09-02", "supplier_order_number": "77",
        "lines": [
            {**LINE, "action": "3", "confirmed": "100", "order_line": "1",
             "delivery_date": "2026-09-21"},
            {"line": "2", "order_line": "2", "item": "A-2", "quantity": "3", "unit": "KGM",
             "action": "7"},
        ],
    },
    "INVOIC": {
        **PARTIES, "number": "IV1", "type": "381", "date": "2026-09-08",
        "due_date": "2026-10-08", "currency": "USD", "order_number": "PO1",
        "despatch_number": "DS1", "original_number": "IV0", "invoicee_gln": "4098765000003",
        "total": "648.00", "taxes": [{"rate": "10", "tax": "54.00", "taxable": "540.00"}],
        "lines": [{**LINE, "tax_rate": "10", "tax_amount": "54", "order_line": "1",
                   "order_number": "PO1"}],
    },
    "DESADV": {
        **PARTIES, "number": "DS1", "date": "2026-09-07", "despatch_date": "2026-09-07",
        "delivery_date": "2026-09-08", "order_number": "PO1", "carrier": "ABCD",
        "tracking": "T1", "gross_weight": "12.5", "weight_unit": "KGM", "package_count": "2",
        "packages": [
            {"sscc": "106141412345678908"},
            {"sscc": "106141412345678915", "parent_sscc": "106141412345678908"},
        ],
        "lines": [
            {**PRODUCT, "quantity": "10", "unit": "PCE", "sscc": "106141412345678915",
             "order_line": "1", "order_number": "PO1", "lot": "L1", "best_before": "2027-01-01"},
        ],
    },
    "INVRPT": {
        "number": "R1", "date": "2026-09-07", "supplier_gln": "4012345000009",
        "levels": [
            {**PRODUCT, "on_hand": "5", "available": "4", "location_gln": "4012345000016",
             "unit": "PCE"},
        ],
    },
    "PRICAT": {
        "number": "CAT1", "date": "2026-09-07", "currency": "USD", "price_list": "SPRING",
        "valid_from": "2026-10-01",
        "supplier_gln": "4012345000009",
        "lines": [
            {**PRODUCT, "amount": "4.95", "price_type": "CAT", "gross_weight": "1.2",
             "weight_unit": "KGM"},
        ],
    },
}  # fmt: skip
MAPPINGS = {
    "orders": "partner/sales_order", "order_changes": "partner/order_change",
    "order_responses": "supplier/order_response", "despatch_advices": "supplier/shipment",
    "invoices": "supplier/invoice", "catalogue": "supplier/product",
    "catalogue_prices": "supplier/price", "stock_reports": "partner/stock_level",
}  # fmt: skip


def sent(name, document, version="004010"):
    marks = writer.USUAL
    made = writer.transaction(marks, SETS[name], "0001", documents.compose(name, document))
    head = writer.Group(writer.GROUPS[SETS[name]], "US", "THEM", 1, version)
    group = writer.group(marks, head, NOW, [made])
    return writer.interchange(writer.Envelope(Address("US"), Address("THEM"), 1, NOW), [group])


def received(data):
    (message,) = (item for item in read(data) if isinstance(item, Message))
    return documents.read(message, GUIDES.find(message.type, message.directory))


def holds(found, given, where=""):
    """Everything that was given came back; decimals may have lost needless zeros."""
    for name, value in given.items():
        place = f"{where}{name}"
        if isinstance(value, list):
            assert len(found[name]) == len(value), place
            for at, (one, other) in enumerate(zip(found[name], value, strict=True)):
                holds(one, other, f"{place}[{at}].")
        elif found[name] != value:
            assert Decimal(found[name]) == Decimal(value), place


@pytest.mark.parametrize("version", ["004010", "005010"])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_written_is_valid_and_comes_back(name, version):
    data = sent(name, DOCUMENTS[name], version)
    for item in check_source(data, GUIDES):
        assert item.findings == []
    holds(received(data), DOCUMENTS[name])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_mappings_of_edifact_take_it(name):
    document = received(sent(name, DOCUMENTS[name]))
    streams = [stream for stream in READS if stream.options["message"] == name]
    assert streams
    for stream in streams:
        made = load(PROJECT / "mappings" / f"{MAPPINGS[stream.name]}.yaml")
        texts = [json_text.write(one) for one in records_of(document, stream)]
        result = made.apply(pa.table({"json": pa.array(texts, pa.large_string())}))
        assert result.faults.to_pylist() == []
        assert result.new_fields == {}


def test_samples_of_other_shape():
    found = received((PROJECT / "edi" / "samples" / "x12_856_004010.edi").read_bytes())
    assert [line["sscc"] for line in found["lines"]] == ["106141412345678908"] * 2
    assert [line["order_number"] for line in found["lines"]] == ["4500012345"] * 2
    found = received((PROJECT / "edi" / "samples" / "x12_810_005010.edi").read_bytes())
    assert (found["total"], found["line_total"]) == ("1014.00", "1014.00")
    assert found["lines"][1]["unit"] == "CS"


def test_orders_of_several_numbers_stand_below_their_packages():
    document = DOCUMENTS["DESADV"]
    lines = [document["lines"][0], {**PRODUCT, "quantity": "2", "order_number": "PO2"}]
    data = sent("DESADV", {**document, "lines": lines})
    for item in check_source(data, GUIDES):
        assert item.findings == []
    found = {line["quantity"]: line for line in received(data)["lines"]}
    assert (found["2"]["order_number"], found["10"]["order_number"]) == ("PO2", "PO1")
    assert found["10"]["sscc"] == "106141412345678915"


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("ORDERS", {"number": ""}, "BEG needs number"),
        ("ORDERS", {"lines": []}, "without lines"),
        ("ORDERS", {"lines": [{"quantity": "1", "price": "1"}]}, "gtin, item or buyer_item"),
        ("INVOIC", {"total": "1.005"}, "more than two decimals"),
        ("INVOIC", {"lines": [{**LINE, "price": ""}]}, "IT1 needs price"),
        ("ORDERS", {"lines": [{**LINE, "price": "1", "price_base": "3"}]}, "no exact price"),
        ("ORDERS", {"number": "PO*1"}, "separator"),
        ("ORDERS", {"date": "yesterday"}, "no date"),
    ],
)
def test_what_cannot_be_said_is_refused(name, change, words):
    with pytest.raises(Refused, match=words):
        sent(name, {**DOCUMENTS[name], **change})


def test_a_value_that_no_document_can_have_is_refused_with_its_place():
    data = sent("ORDERS", DOCUMENTS["ORDERS"]).replace(b"*4.95*", b"*4-95*")
    with pytest.raises(Refused, match=r"set 0001, segment 17 PO1"):
        received(data)
    with pytest.raises(Refused, match="SLSRPT has no X12 set"):
        documents.compose("SLSRPT", {})


PARTNER = """\
partner: us_retailer
us: {id: "4012345000009", qualifier: "14"}
them: {id: "4098765000003", qualifier: "14"}
x12: {version: "005010", separators: "|>~^", line_end: lf, us: OATS, them: NORTHGATE}
"""


def folder_of(tmp_path, text=PARTNER):
    project = tmp_path / "project"
    (project / "edi" / "partners").mkdir(parents=True)
    (project / "edi" / "guides").symlink_to(PROJECT / "edi" / "guides")
    (project / "edi" / "partners" / "us_retailer.yaml").write_text(text)
    return project


def test_the_connector_writes_and_reads_x12(tmp_path):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "box" / "out").mkdir(parents=True)
    references = str(tmp_path / "references.tsv")
    made = Edifact(partner="us_retailer", folder=str(tmp_path / "box"), references=references)
    made.bind("retailer", World(folder_of(tmp_path), tmp_path / "scratch", now=lambda: NOW), {})
    parcel = Parcel("r1", "key", "create", DOCUMENTS["ORDERS"])
    (outcome,) = made.write(made.writes()["orders_out"], [parcel])
    assert outcome.verdict == "delivered", outcome.message
    (path,) = (tmp_path / "box" / "in").iterdir()
    data = path.read_bytes()
    assert data.startswith(b"ISA|00|          |")
    assert b"\nGS|PO|OATS|NORTHGATE|" in data
    (tmp_path / "box" / "out" / "theirs.edi").write_bytes(data)
    pages = {name: list(made.read(stream, None)) for name, stream in made.reads().items()}
    (page,) = pages.pop("orders")
    assert not any(pages.values())
    (row,) = pa.concat_tables(
        made.tables(made.reads()["orders"], page.media, page.body)
    ).to_pylist()
    assert row["_fault"] is None
    assert '"number": "PO1"' in row["json"]
    made.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x12: [1]", "x12 is a mapping"),
        ('x12: {version: "003"}', "version '003'"),
        ('x12: {separators: "**~"}', "separators"),
        ("x12: {line_end: cr}", "line_end"),
    ],
)
def test_a_partners_mistakes_are_named(tmp_path, text, words):
    project = folder_of(tmp_path, "\n".join([*PARTNER.splitlines()[:3], text]))
    with pytest.raises(Misconfigured, match=words):
        load_partner(project / "edi" / "partners", "us_retailer")
