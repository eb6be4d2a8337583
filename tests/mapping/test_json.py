"""JSON records: strict reading, paths, lists, and what is unknown in them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.mapping import json_text
from crossdock.mapping.json_text import Number
from tests.faults.catalogue import fault
from tests.mapping.making import documents, faults, objects, order

LINES = """
lines:
  each: items
  fields:
    line_id: id
    product_id: {path: sku, optional: true}
    quantity: {path: qty, optional: true}
"""


@fault("E10")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"number": "1", "number": "2"}', "stands twice"),
        ('{"number": "1", "a": {"b": 1, "b": 1}}', "stands twice"),
        ('{"number": NaN}', "NaN is no number"),
        ('{"number": -Infinity}', "no number"),
        ('{"number": "1"', "is not JSON"),
        ("[1]", "not a JSON object"),
        ('"x"', "not a JSON object"),
        ("", "is not JSON"),
        ('{"a":' * 200 + "1" + "}" * 200, "deeper"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "deeper"),
    ],
)
def test_hostile_texts_hold_their_record_and_no_other(tmp_path, text, says):
    made = order(tmp_path, "status: {constant: open}")
    mapped = made.apply(objects('{"number": "0"}', text, '{"number": "2"}'))
    assert mapped.documents.column("id").to_pylist() == ["0", "2"]
    (fault,) = mapped.faults.to_pylist()
    assert fault["record"] == 1
    assert fault["rule"] == "unreadable"
    assert says in fault["message"]
    assert len(fault["value"]) <= 200


def test_numbers_keep_their_digits(tmp_path):
    text = '{"number": 9007199254740993, "total": 0.1, "huge": 1e400, "n": ' + "9" * 5000 + "}"
    made = order(tmp_path, "total_amount: total")
    found = documents(made, objects(text))[0]
    assert found["id"] == "9007199254740993"
    assert found["total_amount"] == "0.1"
    assert found["extension"]["huge"] == "1e400"
    assert found["extension"]["n"] == "9" * 5000


def test_half_a_character_is_a_fault(tmp_path):
    made = order(tmp_path, "buyer_name: {path: name, optional: true}")
    assert faults(made, objects('{"number": "1", "name": "\\ud800"}')) == [
        (0, "name", None, "shape")
    ]
    kept = documents(made, objects('{"number": "1", "other": "\\ud800", "b": "Ünïcode"}'))
    assert kept[0]["extension"]["b"] == "Ünïcode"


def test_paths_through_objects_and_into_lists(tmp_path):
    made = order(
        tmp_path,
        "buyer_name: {path: customer.name, optional: true}\n"
        "buyer_email: {path: mails.0.address, optional: true}\n"
        "payment_method: {path: payments.method, take: last, optional: true}\n"
        "note: {path: tags, take: max, optional: true}\n"
        "delivery_city: {path: [odd.name, city], optional: true}",
    )
    text = {
        "number": "1",
        "customer": {"name": "Ada"},
        "mails": [{"address": "a@x"}, {"address": "b@x"}],
        "payments": [{"method": "card"}, {"method": "cash"}],
        "tags": ["a", "b"],
        "odd.name": {"city": "Leeds"},
    }
    found = documents(made, objects(json.dumps(text), '{"number": "2"}'))
    assert found[0] == {
        "id": "1",
        "currency": "GBP",
        "buyer_name": "Ada",
        "buyer_email": "a@x",
        "payment_method": "cash",
        "note": "b",
        "delivery_city": "Leeds",
        "extension": {"mails": [None, {"address": "b@x"}]},
    }
    assert found[1] == {"id": "2", "currency": "GBP"}


@fault("D04", "D10")
def test_another_shape_than_expected_is_a_fault(tmp_path):
    made = order(tmp_path, "buyer_name: {path: customer.name, optional: true}" + LINES)
    batch = objects(
        '{"number": ["1"]}',
        '{"number": "2", "customer": [{"name": "A"}]}',
        '{"number": "3", "customer": "A"}',
        '{"number": "4", "items": {"id": 1}}',
        '{"number": "5", "items": [{"id": "1", "sku": {"x": 1}}, {"id": 2, "qty": "z"}]}',
        '{"number": true}',
    )
    assert faults(made, batch) == [
        (0, "number", None, "shape"),
        (1, "customer.name", None, "shape"),
        (2, "customer.name", None, "shape"),
        (3, "items", None, "shape"),
        (4, "items[0].sku", None, "shape"),
        (4, "items[1].qty", "z", "decimal"),
    ]


@fault("D10")
def test_one_object_may_stand_for_a_list_where_the_mapping_says_so(tmp_path):
    made = order(tmp_path, LINES.replace("each: items", "each: items\n  one_or_many: true"))
    found = documents(made, objects('{"number": "4", "items": {"id": 1}}', '{"number": "5"}'))
    assert found[0]["lines"] == [{"line_id": "1"}]
    assert "lines" not in found[1]


def test_lists_in_lists_are_one_list(tmp_path):
    text = LINES.replace("each: items", "each: parcels.items")
    batch = objects(
        '{"number": "1", "parcels": [{"items": [{"id": 1}]}, {}, {"items": [{"id": 2, "x": 3}]}]}',
        '{"number": "2", "parcels": [{"items": [{"id": 3, "qty": "z"}]}]}',
    )
    made = order(tmp_path, text)
    assert [line["line_id"] for line in documents(made, batch.slice(0, 1))[0]["lines"]] == [
        "1",
        "2",
    ]
    assert faults(made, batch) == [(1, "parcels[0].items[0].qty", "z", "decimal")]


def test_a_part_may_read_from_the_head(tmp_path):
    made = order(tmp_path, LINES + "    order_id: /number")
    batch = objects('{"number": "7", "items": [{"id": 1}]}')
    assert documents(made, batch)[0]["lines"][0]["order_id"] == "7"
    assert faults(made, objects('{"items": [{"id": 1}, {"id": 2}]}')) == [
        (0, "number", None, "required")
    ]


def test_a_list_of_plain_values(tmp_path):
    made = order(
        tmp_path, "lines:\n  each: skus\n  fields: {line_id: {number: true}, product_id: .}"
    )
    batch = objects('{"number": "7", "skus": ["A", "B"]}', '{"number": "8", "skus": [{"x": 1}]}')
    assert documents(made, batch.slice(0, 1))[0]["lines"] == [
        {"line_id": "1", "product_id": "A"},
        {"line_id": "2", "product_id": "B"},
    ]
    assert faults(made, batch) == [(1, "skus[0]", None, "shape")]


@fault("D01")
def test_unknown_fields_are_kept_where_they_stood_and_counted(tmp_path):
    made = order(tmp_path, LINES + "delivery_city: {path: ship.city, optional: true}")
    batch = objects(
        '{"number": "1", "ship": {"city": "L", "note": "x"}, "a": 1.50, "nothing": null,'
        ' "items": [{"id": 1, "grams": 3}, {"id": 2, "deep": {"b": [1, {"c": 2}]}}]}',
        '{"number": "2", "items": [{"id": 1, "grams": 4}]}',
    )
    mapped = made.apply(batch)
    assert mapped.new_fields == {
        "ship.note": 1,
        "a": 1,
        "items[].grams": 2,
        "items[].deep": 1,
    }
    first = mapped.documents.to_pylist()[0]
    assert first["extension"] == '{"a":1.50,"ship":{"note":"x"}}'
    assert [line["extension"] for line in first["lines"]] == [
        '{"grams":3}',
        '{"deep":{"b":[1,{"c":2}]}}',
    ]


def test_lists_without_a_bag_leave_what_is_unknown_to_the_head(tmp_path):
    made = order(
        tmp_path,
        "taxes:\n  each: taxes\n  fields: {category: {path: code, optional: true}}",
    )
    batch = objects('{"number": "1", "taxes": [{"code": "S"}, {"code": "Z", "why": "x"}]}')
    found = documents(made, batch)[0]
    assert found["taxes"] == [{"category": "S"}, {"category": "Z"}]
    assert found["extension"] == {"taxes": [None, {"why": "x"}]}


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers().map(lambda n: Number(n)), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(), VALUES))
def test_what_is_written_is_read_back(value):
    text = json_text.write(value)
    assert json_text.read(text) == value
    assert json_text.write(json_text.read(text)) == text


@settings(deadline=None)
@given(st.dictionaries(st.text(), VALUES))
def test_no_record_is_lost_whatever_is_in_it(tmp_path_factory, value):
    made = order(tmp_path_factory.getbasetemp() / "any", "buyer_name: {path: a.b, optional: true}")
    mapped = made.apply(objects(json_text.write(value)))
    held = set(mapped.faults.column("record").to_pylist())
    assert mapped.documents.num_rows + len(held) == 1
