"""Records that are groups of rows: one value out of many, order by content, places of faults."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.errors import Misconfigured
from tests.faults.catalogue import fault
from tests.mapping.making import documents, faults, mapping, order, rows

LINES = """
lines:
  each: rows
  order_by: [sku, qty, price]
  fields:
    line_id: {number: true}
    product_id: sku
    quantity: {path: qty, as: quantity}
    unit_price: {path: price, as: decimal}
    line_amount: {multiply: [quantity, unit_price]}
line_amount: {sum: lines.line_amount}
"""


def row(sku="A", qty="1", price="2.50", **more):
    return {"number": "1", "sku": sku, "qty": qty, "price": price, **more}


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(-9, 9)), min_size=1), st.randoms())
def test_the_same_rows_in_another_order_are_the_same_document(tmp_path_factory, lines, random):
    made = order(tmp_path_factory.getbasetemp() / "shuffle", LINES)
    given_rows = [row(sku, str(qty)) for sku, qty in lines]
    shuffled = random.sample(given_rows, len(given_rows))
    assert documents(made, rows(given_rows)) == documents(made, rows(shuffled))


def test_lines_are_numbered_in_their_final_order(tmp_path):
    found = documents(order(tmp_path, LINES), rows([row("B"), row("A", "3")], [row("C")]))
    assert [(line["line_id"], line["product_id"]) for line in found[0]["lines"]] == [
        ("1", "A"),
        ("2", "B"),
    ]
    assert found[0]["line_amount"] == "10"
    assert found[1]["lines"][0]["line_id"] == "1"


def test_a_fault_names_the_row_as_it_came_and_the_others_go_on(tmp_path):
    batch = rows([row("B"), row("A", "x", price="1,5")], [row("C")])
    made = order(tmp_path, LINES)
    assert faults(made, batch) == [
        (0, "rows[1].qty", "x", "quantity"),
        (0, "rows[1].price", "1,5", "decimal"),
    ]
    mapped = made.apply(batch)
    assert mapped.documents.column("record").to_pylist() == [1]


def test_values_of_a_record_must_agree_unless_the_mapping_says_which_counts(tmp_path):
    batch = rows([row(country="GB"), row(country="FR"), row(country="")], [row(country="DE")])
    only = order(tmp_path, "buyer_country: country")
    assert faults(only, batch) == [(0, "country", "FR | GB", "differs")]
    assert only.apply(batch).documents.num_rows == 1
    for how, wanted in (
        ("first", "GB"),
        ("last", "FR"),
        ("min", "FR"),
        ("max", "GB"),
        ("most_common", "FR"),
    ):
        made = order(tmp_path, f"buyer_country: {{path: country, take: {how}}}")
        assert documents(made, batch)[0]["buyer_country"] == wanted
    noted = order(tmp_path, "buyer_country: {path: country, take: min, differs: note}")
    found = documents(noted, batch)
    assert found[0]["extension"]["differs"] == {"country": ["FR", "GB"]}
    assert "differs" not in found[1].get("extension", {})


def test_numbers_are_compared_as_numbers(tmp_path):
    batch = rows([row(total="9.50"), row(total="10"), row(total="9.5")])
    fields = "total_amount: {path: total, take: %s}"
    assert documents(order(tmp_path, fields % "max"), batch)[0]["total_amount"] == "10"
    assert documents(order(tmp_path, fields % "most_common"), batch)[0]["total_amount"] == "9.5"
    same = rows([row(total="9.50"), row(total="9.5")])
    assert documents(order(tmp_path, "total_amount: total"), same)[0]["total_amount"] == "9.5"


def test_a_bad_header_value_is_one_fault_however_many_rows_repeat_it(tmp_path):
    batch = rows([row(country="UK")] * 50)
    assert faults(order(tmp_path, "buyer_country: country"), batch) == [
        (0, "rows[0].country", "UK", "country")
    ]


@fault("C05")
def test_empty_texts_are_declared(tmp_path):
    batch = rows([row(city="NA", region="-")])
    made = order(tmp_path, "delivery_city: city\ndelivery_region: {path: region, empty: ['', '-']}")
    found = documents(made, batch)[0]
    assert found["delivery_city"] == "NA"
    assert "delivery_region" not in found


@fault("C05", "D03")
def test_a_field_that_the_source_no_longer_has_is_a_fault_unless_optional(tmp_path):
    batch = rows([row()])
    assert faults(order(tmp_path, "buyer_name: customer"), batch) == [
        (0, "customer", None, "absent")
    ]
    made = order(tmp_path, "buyer_name: {path: customer, optional: true}")
    assert "buyer_name" not in documents(made, batch)[0]


@fault("D03")
def test_a_missing_required_value_is_a_fault_with_its_place(tmp_path):
    batch = rows([{**row(), "number": ""}], [row(sku="")])
    text = LINES.replace("product_id: sku", "product_id: {path: sku, required: true}")
    assert faults(order(tmp_path, text), batch) == [
        (0, "number", None, "required"),
        (1, "sku", None, "required"),
    ]


def test_a_product_with_more_than_six_decimals_is_a_fault(tmp_path):
    batch = rows([row(qty="0.001", price="0.0005")], [row(qty="0.001", price="0.005")])
    assert faults(order(tmp_path, LINES), batch) == [
        (0, "line_amount", "0.001 x 0.0005", "exact"),
    ]


def test_a_bad_factor_is_named_once(tmp_path):
    text = LINES.replace("line_amount: {multiply", "line_amount: {required: true, multiply")
    batch = rows([row(qty="x")])
    assert faults(order(tmp_path, text), batch) == [(0, "qty", "x", "quantity")]


@fault("D01")
def test_unknown_fields_are_kept_and_counted(tmp_path):
    batch = rows([row(gift="yes", tip=""), row("B", gift="", tip="")], [row(gift="no", tip=None)])
    made = order(tmp_path, LINES)
    found = documents(made, batch)
    assert found[0]["lines"][0]["extension"] == {"gift": "yes"}
    assert "extension" not in found[0]["lines"][1]
    assert made.apply(batch).new_fields == {"rows[].gift": 2}
    head = order(tmp_path, "delivery_city: {path: sku, take: first}")
    kept = documents(head, rows([row(gift="a"), row(gift="b")], [row(gift="c")]))
    assert [document["extension"]["gift"] for document in kept] == [["a", "b"], "c"]


def test_ignored_fields_are_known(tmp_path):
    made = mapping(
        tmp_path,
        "from: a.b\nto: sales_order\nfields: {id: number, currency: {constant: GBP}}\n"
        "ignore: [sku, qty, price]\nexamples: [examples/x.yaml]",
    )
    assert made.apply(rows([row()])).new_fields == {}
    assert documents(made, rows([row()]))[0] == {"id": "1", "currency": "GBP"}


def test_where_chooses_rows(tmp_path):
    text = LINES.replace("each: rows", "each: rows\n  where: {not: {field: sku, equals: POST}}")
    found = documents(order(tmp_path, text), rows([row("POST"), row("A"), row("B")]))
    assert [line["product_id"] for line in found[0]["lines"]] == ["A", "B"]
    assert faults(order(tmp_path, text), rows([row("POST", "x"), row("A", "y")])) == [
        (0, "rows[1].qty", "y", "quantity")
    ]


@fault("D05")
def test_lookups(tmp_path):
    table = "values: {EIRE: IE, Nowhere: null}"
    batch = rows([row(country="EIRE")], [row(country="Nowhere")], [row(country="Mars")])
    ask = order(tmp_path, "buyer_country: {path: country, lookup: t}", t=table)
    assert faults(ask, batch) == [(2, "country", "Mars", "lookup_missing")]
    assert documents(ask, batch.slice(0, 2))[1]["extension"]["country"] == "Nowhere"
    fail = order(tmp_path, "buyer_country: {path: country, lookup: t, missing: fail}", t=table)
    assert faults(fail, batch) == [(2, "country", "Mars", "lookup")]
    default = order(
        tmp_path,
        "buyer_country: {path: country, lookup: t, missing: default, default: ZZ}",
        t=table,
    )
    assert [item.get("buyer_country") for item in documents(default, batch)] == ["IE", "ZZ", "ZZ"]
    keep = order(tmp_path, "buyer_country: {path: country, lookup: t, missing: keep}", t=table)
    assert faults(keep, batch) == [(2, "country", "Mars", "country")]
    assert documents(keep, rows([row(country="FR")]))[0]["buyer_country"] == "FR"


@fault("M02")
def test_money_is_checked_against_the_currency_of_its_own_document(tmp_path):
    made = mapping(
        tmp_path,
        "from: a.b\nto: sales_order\nfields:\n  id: number\n  currency: cur\n"
        "  total_amount: {path: total, as: money, take: max}\nexamples: [examples/x.yaml]",
    )
    batch = rows(
        [row(cur="GBP", total="1.50")],
        [row(cur="JPY", total="1000.5")],
        [row(cur="KWD", total="1.505")],
        [row(cur="GBP", total="1.505")],
    )
    assert faults(made, batch) == [
        (1, "total", "1000.5", "money"),
        (3, "total", "1.505", "money"),
    ]


def test_a_nul_character_is_refused_wherever_it_stands(tmp_path):
    made = order(tmp_path, "buyer_name: name")
    batch = rows([row(name="a\0b")], [row(name="a", other="c\0d")])
    found = faults(made, batch)
    assert [(record, path) for record, path, *_ in found] == [(0, "name"), (1, "extension")]
    assert "\0" not in json.dumps(found)


def test_long_values_are_cut_in_faults(tmp_path):
    made = order(tmp_path, "total_amount: total")
    assert len(faults(made, rows([row(total="x" * 5000)]))[0][2]) == 200


def test_a_list_of_json_cannot_be_read_from_rows(tmp_path):
    made = order(tmp_path, LINES.replace("each: rows", "each: line_items"))
    with pytest.raises(Misconfigured, match="each: rows"):
        made.apply(rows([row()]))


def test_names_of_columns_may_hold_dots_and_blanks(tmp_path):
    made = order(tmp_path, "buyer_name: Buyer.Name\nbuyer_email: E mail")
    batch = rows([{"number": "1", "Buyer.Name": "Ada", "E mail": "a@x", "Buyer.Age": "36"}])
    assert documents(made, batch)[0]["extension"] == {"Buyer.Age": "36"}
    assert made.apply(batch).new_fields == {"Buyer.Age": 1}
