"""Mappings to targets: nested shapes, typed values, lists that are made of the head as well."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa

from crossdock.mapping.examples import canonical
from crossdock.model import entity
from tests.mapping.making import faults, mapping

TARGET = """
from: sales_order
to: erp.orders
fields:
  Number: {path: id, required: true}
  Customer.No: {path: buyer_id, optional: true}
  Customer.Address.City: delivery_city
  Date: issued_at
  Day: {path: issued_at, as: local_date, zone: Europe/London}
  Shown: {path: issued_at, as: instant_text, zone: Europe/London, format: "%d.%m.%Y %H:%M"}
  Total: {path: total_amount, as: fixed, digits: 2}
  Rounded: {path: total_amount, as: rounded, digits: 1, rounding: half_up}
  Gift: {constant: false}
  Source: {constant: hub}
  Lines.Line:
    each: lines
    order_by: [product_id]
    fields:
      No: {number: true}
      Item: product_id
      Amount: line_amount
      Currency: /currency
examples: [examples/x.yaml]
"""


def orders(*given):
    return canonical(entity("sales_order"), list(given))


def test_bodies_are_nested_and_typed(tmp_path):
    made = mapping(tmp_path, TARGET)
    batch = orders(
        {
            "id": "1",
            "currency": "GBP",
            "issued_at": "2010-07-01T23:30:00Z",
            "delivery_city": "Leeds",
            "total_amount": "2.650",
            "lines": [
                {"line_id": "1", "product_id": "B", "line_amount": "1.15"},
                {"line_id": "2", "product_id": "A", "line_amount": "1.5"},
            ],
        },
        {"id": "2", "currency": "EUR"},
    )
    mapped = made.apply(batch)
    assert made.entity == "sales_order"
    assert mapped.faults.num_rows == 0
    assert mapped.documents.column("record").to_pylist() == [0, 1]
    assert made.bodies(mapped.documents) == [
        {
            "Number": "1",
            "Customer": {"Address": {"City": "Leeds"}},
            "Date": datetime(2010, 7, 1, 23, 30, tzinfo=UTC),
            "Day": datetime(2010, 7, 2, tzinfo=UTC).date(),
            "Shown": "02.07.2010 00:30",
            "Total": "2.65",
            "Rounded": Decimal("2.7"),
            "Gift": False,
            "Source": "hub",
            "Lines": {
                "Line": [
                    {"No": 1, "Item": "A", "Amount": Decimal("1.5"), "Currency": "GBP"},
                    {"No": 2, "Item": "B", "Amount": Decimal("1.15"), "Currency": "GBP"},
                ]
            },
        },
        {"Number": "2", "Gift": False, "Source": "hub", "Lines": {"Line": []}},
    ]
    assert mapped.documents.schema.field("Rounded").type == pa.decimal128(18, 6)


def test_what_a_target_cannot_take_is_a_fault_of_that_document(tmp_path):
    made = mapping(tmp_path, TARGET)
    batch = orders({"id": "1", "total_amount": "2.655"}, {"total_amount": "1"}, {"id": "3"})
    assert faults(made, batch) == [
        (0, "total_amount", "2.655", "fixed"),
        (1, "id", None, "required"),
    ]
    assert made.apply(batch).documents.column("record").to_pylist() == [2]


def test_no_documents_are_no_bodies(tmp_path):
    made = mapping(tmp_path, TARGET)
    mapped = made.apply(entity("sales_order").arrow.empty_table())
    assert made.bodies(mapped.documents) == []


def test_parts_of_the_head_come_after_the_lines(tmp_path):
    made = mapping(
        tmp_path,
        """
from: sales_order
to: erp.orders
fields:
  Number: id
  Sum: {sum: Lines.Amount}
  Lines:
    each: lines
    order_by: [product_id]
    fields: {No: {number: true}, Item: product_id, Amount: line_amount}
    also:
      - where: {field: charge_amount, present: true}
        fields: {No: {number: true}, Item: {constant: FREIGHT}, Amount: charge_amount}
examples: [examples/x.yaml]
""",
    )
    line = {"line_id": "1", "product_id": "B", "line_amount": "1"}
    batch = orders(
        {"id": "1", "charge_amount": "4.99", "lines": [line, {**line, "product_id": "A"}]},
        {"id": "2", "lines": [line]},
        {"id": "3", "charge_amount": "1"},
    )
    found = made.bodies(made.apply(batch).documents)
    assert [[(one["No"], one["Item"]) for one in order["Lines"]] for order in found] == [
        [(1, "A"), (2, "B"), (3, "FREIGHT")],
        [(1, "B")],
        [(1, "FREIGHT")],
    ]
    assert [order["Sum"] for order in found] == [Decimal("6.99"), 1, 1]


def test_an_entity_can_become_another(tmp_path):
    made = mapping(
        tmp_path,
        """
from: sales_order
to: invoice
fields:
  id: {join: [{constant: INV}, id], separator: "-"}
  type_code: {constant: invoice}
  currency: currency
  issued_at: issued_at
  order_id: id
  lines:
    each: lines
    fields: {line_id: line_id, quantity: quantity, line_amount: line_amount}
  total_amount: {sum: lines.line_amount}
examples: [examples/x.yaml]
""",
    )
    batch = orders(
        {"id": "7", "currency": "GBP", "lines": [{"line_id": "1", "line_amount": "2.5"}]}
    )
    document = made.apply(batch).documents.to_pylist()[0]
    assert (document["id"], document["order_id"]) == ("INV-7", "7")
    assert document["total_amount"] == Decimal("2.5")


def test_a_default_is_of_the_kind_of_its_field(tmp_path):
    made = mapping(
        tmp_path,
        """
from: sales_order
to: erp.orders
fields:
  Number: id
  Total: {path: total_amount, default: 1.50}
  Gross: {path: prices_include_tax, default: false}
  Date: {path: issued_at, default: "2010-12-01T08:26:00Z"}
  Text: {path: total_amount, as: plain, default: none}
examples: [examples/x.yaml]
""",
    )
    table = pa.table({"id": ["1"]})
    assert made.bodies(made.apply(table).documents) == [
        {
            "Number": "1",
            "Total": Decimal("1.5"),
            "Gross": False,
            "Date": datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
            "Text": "none",
        }
    ]
