"""Mistakes in a mapping: named with file and line, with the nearest right word."""

from __future__ import annotations

import re

import pytest

from crossdock.errors import Misconfigured
from crossdock.mapping import load
from tests.mapping.making import mapping

GOOD = """\
from: shop.orders
to: sales_order
fields:
  id: number
  currency: currency
  lines:
    each: items
    fields:
      line_id: id
      quantity: qty
      unit_price: price
      line_amount: {multiply: [quantity, unit_price]}
  total_amount: {sum: lines.line_amount}
examples: [examples/x.yaml]
"""

MISTAKES = [
    ("fields:", "feilds:", 3, "has no key 'feilds'. did you mean 'fields'"),
    ("id: number", "idd: number", 4, "has no field 'idd'. did you mean 'id'"),
    ("quantity: qty", "quantty: qty", 10, "did you mean 'quantity'"),
    ("to: sales_order", "to: sales_ordr", 2, "did you mean 'sales_order'"),
    ("currency: currency", "currency: {constant: GPB}", 5, "no ISO 4217 code"),
    ("currency: currency", "currency: {path: c, as: curency}", 5, "did you mean 'currency'"),
    ("currency: currency", "currency: {path: c, as: decimal}", 5, "gives a decimal"),
    ("currency: currency", "currency: {path: c, as: fixed, digits: 2}", 5, "takes a decimal"),
    ("currency: currency", "currency: {path: c, lookup: nope}", 5, "no value table 'shop/nope'"),
    ("currency: currency", "currency: {path: c, optionl: true}", 5, "did you mean 'optional'"),
    ("currency: currency", "currency: {path: c, optional: maybe}", 5, "write true or false"),
    ("currency: currency", "currency: {path: c, take: any}", 5, "use one of: first, last"),
    ("currency: currency", "currency: {path: c, constant: GBP}", 5, "says both"),
    ("currency: currency", "currency: {optional: true}", 5, "does not say where"),
    ("currency: currency", "currency: {path: c, zone: Europe/London}", 5, "means nothing to"),
    ("currency: currency", "currency: {path: c, missing: ask}", 5, "needs a lookup"),
    ("currency: currency", "currency: [c]", 5, "source path or a description"),
    ("currency: currency", "status: {constant: opn}\n  currency: c", 5, "did you mean 'open'"),
    ("currency: currency", "extension: x\n  currency: c", 5, "is filled by itself"),
    ("currency: currency", "buyer_name: b", 3, "needs currency"),
    ("line_id: id", "product_id: id", 8, "needs line_id"),
    ("each: items", "each: items\n    order: [a]", 8, "has no key 'order'. did you mean"),
    ("[quantity, unit_price]", "[quantity, price]", 12, "no field 'price' beside it"),
    ("[quantity, unit_price]", "[quantity, line_amount]", 12, "made of each other"),
    ("[quantity, unit_price]", "[quantity]", 12, "at least two"),
    ("sum: lines.line_amount", "sum: lines.amount", 13, "did you mean 'line_amount'"),
    ("sum: lines.line_amount", "sum: line.line_amount", 13, "did you mean 'lines'"),
    ("lines:\n    each: items", "lines: items\n  charges:\n    each: items", 6, "is a list"),
    ("examples: [examples/x.yaml]", "examples: [examples/y.yaml]", 14, "no file of examples"),
    ("examples: [examples/x.yaml]", "examples: []", 14, "at least one example"),
    ("examples: [examples/x.yaml]", "", 1, "needs 'examples'"),
    ("to: sales_order", "to: a.b", 1, "neither side is an entity"),
    ("fields:", "defaults: {zone: Europe/Londn}\nfields:", 3, "Europe/London"),
    ("fields:", "when: {field: a, matches: '['}\nfields:", 3, "no regular expression"),
]


@pytest.mark.parametrize(("old", "new", "line", "says"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_a_mistake_is_named_with_its_line(tmp_path, old, new, line, says):
    assert old in GOOD
    with pytest.raises(Misconfigured) as caught:
        mapping(tmp_path, GOOD.replace(old, new, 1))
    text = str(caught.value)
    assert f"x.yaml:{line})" in text
    assert re.sub(r" \([^)]*\)\. Fix: ", ". ", text).find(says) >= 0, text


def test_the_good_one_is_good(tmp_path):
    assert mapping(tmp_path, GOOD).entity == "sales_order"


def test_outbound_paths_are_checked_against_the_entity(tmp_path):
    text = "from: sales_order\nto: erp.orders\nfields: {{No: {0}}}\nexamples: [examples/x.yaml]\n"
    with pytest.raises(Misconfigured, match="did you mean 'buyer_id'"):
        mapping(tmp_path, text.format("buyer_idd"))
    with pytest.raises(Misconfigured, match="say with take"):
        mapping(tmp_path, text.format("lines.order_id"))
    with pytest.raises(Misconfigured, match="map it with each"):
        mapping(tmp_path, text.format("lines"))
    with pytest.raises(Misconfigured, match="takes a decimal, the source gives text"):
        mapping(tmp_path, text.format("{path: id, as: fixed, digits: 2}"))
    with pytest.raises(Misconfigured, match="needs the option 'digits'"):
        mapping(tmp_path, text.format("{path: total_amount, as: fixed}"))
    mapping(tmp_path, text.format("{path: lines.order_id, take: only}"))


def test_tables_are_checked(tmp_path):
    field = GOOD.replace("currency: currency", "currency: {path: c, lookup: t}")
    with pytest.raises(Misconfigured, match=r"must lead to a text.*t.yaml:2"):
        mapping(tmp_path, field, t="values:\n  a: [b]\n")
    with pytest.raises(Misconfigured, match="stands twice"):
        mapping(tmp_path, field, t="values:\n  a: b\n  a: c\n")
    reverse = field.replace("lookup: t", "lookup: t, reverse: true")
    with pytest.raises(Misconfigured, match="cannot be reversed"):
        mapping(tmp_path, reverse, t="values: {a: GBP, b: GBP}")


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(Misconfigured, match="there is no file"):
        load(tmp_path / "mappings" / "shop" / "order.yaml")
