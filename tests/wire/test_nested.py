"""JSON, NDJSON and XML: exact numbers, no second reading, no cut-off document taken for whole."""

from __future__ import annotations

import io
import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock import json as strict
from crossdock import xml
from crossdock.connector import Reads
from crossdock.errors import Unreadable
from crossdock.formats import tables
from tests.faults.catalogue import fault


def read(folder: Path, data: bytes | str, media: str = "json", **given: Any) -> pa.Table:
    body = folder / "body"
    body.write_bytes(data if isinstance(data, bytes) else data.encode())
    records = given.pop("records", "")
    stream = Reads(name="orders", key=(), media=media, records=records, options=given)
    return pa.concat_tables(tables(stream, media, body))


def texts(table: pa.Table) -> list[str]:
    return [text for text in table["json"].to_pylist() if text is not None]


def faults(table: pa.Table) -> list[tuple[int, str]]:
    rows = table.select(["position", "_fault"]).to_pylist()
    return [(row["position"], row["_fault"]) for row in rows if row["_fault"]]


@fault("L11")
def test_numbers_stay_as_they_were_written(tmp_path: Path) -> None:
    data = '[{"b": 1.10, "a": 9007199254740993, "c": 1E5, "d": -0.0, "e": 0.1}]'
    text = '{"a":9007199254740993,"b":1.10,"c":1E5,"d":-0.0,"e":0.1}'
    assert texts(read(tmp_path, data)) == [text]
    assert texts(read(tmp_path, data[1:-1], "ndjson")) == [text]


def test_the_order_of_names_makes_no_other_record(tmp_path: Path) -> None:
    assert len(set(texts(read(tmp_path, '[{"a":1,"b":2.0}, {"b" : 2.0, "a" : 1}]')))) == 1


@fault("L11", "C12", "E10")
@pytest.mark.parametrize(
    ("record", "words"),
    [
        ('{"sku": 1, "sku": 2}', "stands twice"),
        ('{"a": {"b": 1, "b": 1}}', "stands twice"),
        ('{"price": NaN}', "NaN is no JSON number"),
        ('{"price": -Infinity}', "no JSON number"),
        ('{"n": ' + "9" * 5000 + "}", "too many digits"),
        ('{"n": ' + "[" * 120 + "]" * 120 + "}", "100 levels"),
        ('{"t": "\\u0000"}', "control character"),
        ('{"t": "\\u00015"}', "control character"),
        ('{"t": "\\ud800"}', "surrogate"),
        ("17", "not an object"),
    ],
)
@pytest.mark.parametrize("media", ["json", "ndjson"])
def test_a_record_that_cannot_be_trusted_is_held_alone(
    tmp_path: Path, media: str, record: str, words: str
) -> None:
    lines = ['{"a":1}', record, '{"a":3}']
    data = "[" + ",".join(lines) + "]" if media == "json" else "\n".join(lines) + "\n"
    table = read(tmp_path, data, media)
    assert texts(table) == ['{"a":1}', '{"a":3}']
    [(position, fault)] = faults(table)
    assert position == 2
    assert words in fault


def test_text_that_only_looks_like_an_escape_is_fine(tmp_path: Path) -> None:
    assert texts(read(tmp_path, r'[{"a":"\\u0001x \u2028 [ { é"}]')) == [
        '{"a":"\\\\u0001x \u2028 [ { é"}'
    ]


@pytest.mark.parametrize("text", [r"\\u0001", r"x\\u0002", r"\"\\u0001", r"\\\"\\u00011.5"])
def test_no_text_is_taken_for_a_number(tmp_path: Path, text: str) -> None:
    data = '{"a":"' + text + '","b":1.10}'
    assert texts(read(tmp_path, f"[{data}]")) == [data]


def test_records_lie_under_a_path(tmp_path: Path) -> None:
    data = '{"meta": {"n": [1]}, "data": {"orders": [{"id": 1}, {"id": 2}]}, "next": null}'
    assert texts(read(tmp_path, data, records="data.orders")) == ['{"id":1}', '{"id":2}']
    assert texts(read(tmp_path, '{"order": {"id": 1}}', records="order")) == ['{"id":1}']
    assert texts(read(tmp_path, '{"orders": null}', records="orders")) == []
    assert texts(read(tmp_path, '{"orders": []}', records="orders")) == []
    assert texts(read(tmp_path, '{"id": 1}')) == ['{"id":1}']


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ('{"error": "busy"}', "no 'orders'"),
        ('{"Orders": []}', "may now be called 'Orders'"),
        ('{"orders": [{"id": 1}], "orders": []}', "stands twice"),
        ('{"orders": [{"id": 1},]}', "not JSON"),
        ('{"orders": [{"id": 1}]} trailing', "after the end"),
        ('{"orders": [{"id": 1', "cut off"),
        ("<html>busy</html>", "no 'orders'"),
        (b'{"orders": [{"id": "\xff"}]}', "do not decode"),
        ('{"orders": ' + "[" * 100_000, "nested too deeply|cut off"),
    ],
)
def test_a_document_that_is_not_what_it_claims(
    tmp_path: Path, data: bytes | str, words: str
) -> None:
    with pytest.raises(Unreadable, match=words):
        read(tmp_path, data, records="orders")


@fault("L01", "N04")
def test_no_cut_of_a_document_is_taken_for_whole(tmp_path: Path) -> None:
    data = '{"a": 12, "orders": [{"id": 1.5}, {"id": "ü"}], "n": true}'.encode()
    for end in range(1, len(data)):
        with pytest.raises(Unreadable):
            read(tmp_path, data[:end], records="orders")


def test_records_over_the_edges_of_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossdock.formats.document._CHUNK", 7)
    monkeypatch.setattr("crossdock.formats.nested.CHARACTERS", 100)
    records = [{"id": number, "name": "ü" * (number % 50)} for number in range(200)]
    data = json.dumps({"orders": records, "total": 12345}, ensure_ascii=False, indent=1)
    table = read(tmp_path, data, records="orders")
    assert [json.loads(text) for text in texts(table)] == records
    assert table["position"].to_pylist() == list(range(1, 201))
    lines = "".join(json.dumps(record) + "\n" for record in records)
    monkeypatch.setattr("crossdock.formats.decoding.BLOCK", 64)
    table = read(tmp_path, lines, "ndjson")
    assert [json.loads(text) for text in texts(table)] == records
    assert table["position"].to_pylist() == list(range(1, 201))


def test_ndjson_keeps_a_bad_line_and_refuses_a_cut_one(tmp_path: Path) -> None:
    table = read(tmp_path, b'{"a":1}\n{"a":\n\n{"a":"\xff"}\n{"a":4}', "ndjson")
    assert texts(table) == ['{"a":1}', '{"a":4}']
    assert [position for position, _ in faults(table)] == [2, 4]
    with pytest.raises(Unreadable, match=r"cut off \(orders:2\)"):
        read(tmp_path, b'{"a":1}\n{"a":4', "ndjson")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.decimals(allow_nan=False, allow_infinity=False, places=4)
    | st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(json_values)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert strict.loads(strict.dumps(value)) == value


def test_strict_reading_gives_decimals_and_names_the_place() -> None:
    assert strict.loads('{"p": 1.10}')["p"].as_tuple() == Decimal("1.10").as_tuple()
    with pytest.raises(Unreadable, match="line 2, character"):
        strict.loads('{"p":\n x}')
    with pytest.raises(Unreadable, match="stands twice"):
        strict.loads(b'{"a":1,"a":2}')
    with pytest.raises(TypeError):
        strict.dumps({"price": 1.1})


XML = b"""<?xml version="1.0"?>
<o:Orders xmlns:o="urn:o" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <!-- two orders -->
  <o:Order id="1"><Line><Sku>00123</Sku></Line><Note xsi:nil="true"/></o:Order>
  <o:Order id="2"><Line><Sku>a</Sku></Line><Line n="2">x<![CDATA[<y>]]></Line></o:Order>
</o:Orders>"""


@fault("C13")
def test_xml_records_become_json(tmp_path: Path) -> None:
    table = read(tmp_path, XML, "xml", records="Orders.Order", lists=["Line"], namespace="urn:o")
    assert [json.loads(text) for text in texts(table)] == [
        {"@id": "1", "Line": [{"Sku": "00123"}], "Note": None},
        {"@id": "2", "Line": [{"Sku": "a"}, {"@n": "2", "#text": "x<y>"}]},
    ]
    assert table["position"].to_pylist() == [1, 2]


@fault("C13")
def test_another_root_or_namespace_is_not_an_empty_answer(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="the root is 'Orders', not 'Invoices'"):
        read(tmp_path, XML, "xml", records="Invoices.Invoice")
    with pytest.raises(Unreadable, match="namespace 'urn:o'"):
        read(tmp_path, XML, "xml", records="Orders.Order", namespace="urn:other")
    assert read(tmp_path, b"<Orders/>", "xml", records="Orders.Order").num_rows == 0


BOMB = (
    "<!DOCTYPE a [<!ENTITY l0 'lol'>"
    + "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 9))
    + "]><Orders><Order>&l8;</Order></Orders>"
)
ATTACKS = [
    BOMB,
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Orders><Order>&x;</Order></Orders>',
    '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x">%x;]><Orders><Order/></Orders>',
    '<!DOCTYPE Orders SYSTEM "http://127.0.0.1:9/x.dtd"><Orders><Order/></Orders>',
    '<!DOCTYPE Orders PUBLIC "-//a" "file:///etc/passwd"><Orders><Order/></Orders>',
    "<!DOCTYPE Orders><Orders><Order/></Orders>",
    "<Orders><Order>&undefined;</Order></Orders>",
    "<Orders><Order>" + "<a>" * 1000 + "</a>" * 1000 + "</Order></Orders>",
    "<Orders><Order>" + "x" * (11 << 20) + "</Order></Orders>",
    "<Orders><Order></Orders></Order>",
    "<Orders><Order/></Orders><Orders/>",
    "<Orders><Order/>",
    "",
]


@fault("C13")
@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_attacks_are_refused_at_every_entry(attack: str, encoding: str) -> None:
    data = attack.encode(encoding)
    start = time.perf_counter()
    with pytest.raises(Unreadable):
        list(xml.records(io.BytesIO(data), "Orders.Order", None, (), "x"))
    with pytest.raises(Unreadable):
        xml.parse(data)
    assert time.perf_counter() - start < 30  # an attack that works takes hours
