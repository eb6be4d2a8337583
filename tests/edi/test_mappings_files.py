"""Messages of files through the mappings: our samples, and what other people wrote (EDI_CORPUS).

A faulty value is a fault with its place, never an exception; what is read is written again as a
message that the guide takes, and read as the same document.
"""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from crossdock.edi import flat, writer
from crossdock.edi.check import check_source
from crossdock.edi.compose import compose, identifier
from crossdock.edi.guide import Guides
from crossdock.edi.interchange import Message
from crossdock.edi.offers import READS
from crossdock.edi.reader import read
from crossdock.edi.records import records_of
from crossdock.errors import Refused
from crossdock.mapping import Mapping, json_text, load
from crossdock.mapping.examples import shown

PROJECT = Path(__file__).parents[2]
GUIDES = Guides(PROJECT / "edi" / "guides")
SAMPLES = sorted((PROJECT / "edi" / "samples").glob("*_d*.edi"))
CORPUS = os.environ.get("EDI_CORPUS", "")
MAPPINGS = {
    "orders": "partner/sales_order",
    "order_changes": "partner/order_change",
    "order_responses": "supplier/order_response",
    "despatch_advices": "supplier/shipment",
    "receiving_advices": "partner/receiving_advice",
    "invoices": "supplier/invoice",
    "remittances": "partner/payment",
    "catalogue": "supplier/product",
    "catalogue_prices": "supplier/price",
    "stock_reports": "partner/stock_level",
    "sales_reports": "partner/sales_report",
}
HABITS = {
    *("type", "function", "interchange", "message_ref", "sender", "receiver", "test", "level"),
    *("package", "action"),
}
"""What a document does not keep: how its message was numbered, sent and spelt."""


@cache
def mapping_of(name: str) -> Mapping:
    return load(PROJECT / "mappings" / f"{name}.yaml")


def messages(data: bytes) -> Iterator[Message]:
    for item in read(data):
        known = isinstance(item, Message) and item.type in flat.SHAPES
        if known and GUIDES.find(item.type, item.directory) is not None:
            yield item


def mapped(message: Message) -> list[dict[str, Any]]:
    """Every document of a message, or the faults of a record: rule and path."""
    found = []
    for stream in READS:
        if stream.options["message"] != message.type:
            continue
        made = mapping_of(MAPPINGS[stream.name])
        texts = [json_text.write(one) for one in records_of(flat.read(message), stream)]
        batch = pa.table({"json": pa.array(texts, pa.large_string())})
        if made.when is not None:
            batch = batch.filter(made.when.mask(batch))
        result = made.apply(batch)
        faults = result.faults.to_pylist()
        assert all(fault["path"] and fault["rule"] for fault in faults)
        found += faults or shown(made, result.documents)
    return found


def written(message: Message, document: dict[str, Any]) -> bytes:
    layout = writer.Layout(identifier="UNOY")
    if message.type == "PRICAT":  # what is written has an entry a price
        priced = {price["line"] for price in document["prices"]}
        rest = [line for line in document["lines"] if line["line"] not in priced]
        entries = sorted([*document["prices"], *rest], key=lambda entry: int(entry["line"]))
        document = {**document, "lines": entries}
    body = compose(message.type, document, directory=message.directory)
    s009 = identifier(message.type, message.directory)
    envelope = writer.Envelope(
        writer.Address("1"), writer.Address("2"), "1", datetime(2026, 9, 1, tzinfo=UTC)
    )
    return writer.interchange(layout, envelope, [writer.message(layout, "1", s009, body)])


def plain(value: Any, name: str = "") -> Any:
    """Leave out what is empty or a habit; numbers by their value, midnight as its day."""
    if isinstance(value, dict):
        made = {key: plain(item, key) for key, item in value.items() if key not in HABITS}
        if "prices" in made:  # a period that a line states is one of its prices
            made.pop("lines")
            made["prices"] = [price | {"line": ""} for price in made["prices"]]
        return {key: item for key, item in made.items() if item not in ("", [], None)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, str):
        return value
    try:
        return str(Decimal(value).normalize()) if value.isascii() else value
    except ArithmeticError:
        return value.removesuffix("T00:00")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_maps_without_a_fault_and_comes_back(path):
    for item in check_source(path, GUIDES):
        assert item.findings == []
    for message in messages(path.read_bytes()):
        documents = mapped(message)
        assert documents
        assert not any("rule" in document for document in documents)
        document = flat.read(message)
        (again,) = messages(written(message, document))
        assert plain(flat.read(again)) == plain(document)


def attempted(work: Callable[[], Any]) -> tuple[Any, Refused | None]:
    try:
        return work(), None
    except Refused as error:
        return None, error


def _corpus() -> list[str]:
    if not CORPUS:
        return []
    entries = json.loads((Path(CORPUS) / "manifest.json").read_text())
    return [entry["file"] for entry in entries if entry["state"] == "valid"]


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS, reason="EDI_CORPUS names no folder of EDI files")
@pytest.mark.parametrize("name", _corpus())
def test_a_valid_file_of_others_maps_or_says_why_not(name):
    for message in messages((Path(CORPUS) / name).read_bytes()):
        document, why = attempted(lambda message=message: flat.read(message))
        if why is not None:
            assert why.where
            continue
        mapped(message)
        data, why = attempted(lambda m=message, d=document: written(m, d))
        if why is not None:  # a field without which we send nothing
            assert why.where
            continue
        assert [finding for item in check_source(data, GUIDES) for finding in item.findings] == []
        (again,) = messages(data)
        assert plain(flat.read(again)) == plain(document)
