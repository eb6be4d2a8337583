"""The checks where they matter: between the outbox and the partner, on a real store."""

from __future__ import annotations

import copy
from decimal import Decimal

import pyarrow as pa
import pytest
import sqlalchemy as sa

from crossdock import audit, quarantine
from crossdock.edi.life import StoreLife
from crossdock.errors import Misconfigured
from crossdock.history import EmptyHistory
from crossdock.model import entity as entity_of
from crossdock.model.arrow import schema as columns_of
from crossdock.rows import Rows
from crossdock.rules.order_family import OrderFamily
from crossdock.store import schema
from crossdock.store.history import StoreHistory
from tests.edi import shelf
from tests.edi.office import ORDERS, ROOT, Office
from tests.edi.test_gate import DECLARED, ORDER
from tests.edi.test_gate import SHIPMENT as SHIPMENT_THERE

SHIPMENT = {
    "number": "S1",
    "order": "4500012345",
    "day": "2026-09-03",
    "lines": [{"gtin": "4006381333931", "quantity": "120", "line": "1"}],
}

FILES = {
    "config/systems/north.yaml": """\
connector: edifact
settings: {partner: north, folder: "${NORTH_FOLDER}"}
streams:
  shipments_out: {delivery: upsert, key: number, message: ORDERS, money: ""}
""",
    "mappings/desk/shipment.yaml": """\
from: desk.wishes
to: shipment
defaults: {zone: UTC}
fields:
  id: number
  order_id: {path: order, optional: true}
  issued_at: {path: day, as: instant, day: start}
  buyer_gln: {constant: "4098765000003"}
  seller_gln: {constant: "4012345000009"}
  lines:
    each: lines
    fields:
      line_id: {number: true}
      order_line_id: {path: line, optional: true}
      gtin: gtin
      quantity: {path: quantity, as: quantity}
examples: [examples/shipment.yaml]
""",
    "mappings/desk/examples/shipment.yaml": """\
- name: nothing shipped
  given: {number: "1", order: "2", day: "2026-09-01", lines: []}
  expect:
    {id: "1", order_id: "2", issued_at: "2026-09-01T00:00:00Z", lines: [],
     buyer_gln: "4098765000003", seller_gln: "4012345000009"}
""",
    "mappings/north/shipment.yaml": """\
from: shipment
to: north.shipments_out
fields:
  number: id
  date: {path: issued_at, as: instant_text, format: "%Y-%m-%dT%H:%M", required: true}
  currency: {constant: EUR}
  buyer_gln: buyer_gln
  supplier_gln: seller_gln
  lines:
    each: lines
    fields: {line: line_id, gtin: gtin, quantity: quantity}
examples: [examples/shipment.yaml]
""",
    "mappings/north/examples/shipment.yaml": """\
- name: nothing shipped
  given: {id: "1", issued_at: "2026-09-01T00:00:00Z", lines: []}
  expect: {number: "1", date: "2026-09-01T00:00", currency: EUR, lines: []}
""",
    "config/flows/shipments_out.yaml": """\
expect_at_least: 0%
organisation: demo
shop: edi
legs:
  - pull: desk.wishes
    map: [desk/shipment]
push:
  - {to: north.shipments_out, entity: shipment, map: north/shipment}
""",
}


@pytest.fixture
def ships(office: Office) -> Office:
    """An office that has an order and sends shipments."""
    for name, text in FILES.items():
        office.file(name, text)
    office.change("config/systems/desk.yaml", ", money: {sum: total, currency: currency}", "")
    office.put(ORDERS)
    office.run()
    return office


def test_what_fits_leaves_and_what_does_not_is_held_beside_it(ships: Office) -> None:
    ships.wish(SHIPMENT, SHIPMENT | {"number": "S2", "order": "9"})
    books = ships.run("shipments_out")
    assert (books.balanced, books.exit_status) == (True, 3)
    assert len(ships.got("ORDERS")) == 1
    (hold,) = quarantine.listed(ships.store)
    assert (hold["cause"], hold["rule"], hold["key"]) == ("order family", "order_known", "S2")
    assert hold["summary"] == "there is no order 9"


def test_too_much_is_held_until_a_steward_lets_it_pass_with_a_reason(ships: Office) -> None:
    ships.wish(SHIPMENT | {"lines": [SHIPMENT["lines"][0] | {"quantity": "121"}]})  # type: ignore[index]
    assert ships.run("shipments_out").exit_status == 3
    (hold,) = quarantine.listed(ships.store)
    page = quarantine.show(ships.store, hold["id"])
    (verdict,) = page["verdicts"]
    assert (verdict["rule"], verdict["line"]) == ("shipped_within_order", 1)
    assert verdict["value"] == "121"
    assert verdict["message"] == "121 shipped, 120 of the order open"
    assert page["release_means"] == "send it in spite of the other documents of its order"
    assert ships.got("ORDERS") == []
    with pytest.raises(Misconfigured, match="needs a reason"):
        quarantine.release(ships.store, [hold["id"]], who="ann", reason=" ")
    quarantine.release(ships.store, [hold["id"]], who="ann", reason="a free sample")
    books = ships.run("shipments_out")
    assert (books.balanced, books.exit_status) == (True, 0)
    assert len(ships.got("ORDERS")) == 1
    with ships.store.reading() as connection:
        trail = connection.execute(sa.select(schema.audit.c.action, schema.audit.c.detail)).all()
    assert [row.action for row in trail] == ["quarantine.release"]
    assert "a free sample" in trail[0].detail
    assert audit.broken_at(ships.store) is None


def test_what_nobody_may_let_pass_is_held_again(ships: Office) -> None:
    StoreLife(ships.store).move("north", "testing", "ann", {})
    ships.wish(SHIPMENT)
    ships.run("shipments_out")
    (hold,) = quarantine.listed(ships.store)
    assert hold["rule"] == "partner_live"
    quarantine.release(ships.store, [hold["id"]], who="ann", reason="hurry")
    ships.run("shipments_out")
    assert [one["rule"] for one in quarantine.listed(ships.store)] == ["partner_live"]
    assert ships.got("ORDERS") == []
    StoreLife(ships.store).move("north", "live", "ann", {})
    (hold,) = quarantine.listed(ships.store)
    quarantine.resubmit(ships.store, [hold["id"]], who="ann")
    assert ships.run("shipments_out").exit_status == 0
    assert len(ships.got("ORDERS")) == 1


def test_earlier_shipments_of_the_order_count(ships: Office) -> None:
    ships.wish(SHIPMENT | {"lines": [SHIPMENT["lines"][0] | {"quantity": "100"}]})  # type: ignore[index]
    ships.run("shipments_out")
    ships.wish(SHIPMENT | {"number": "S2", "lines": [SHIPMENT["lines"][0] | {"quantity": "21"}]})  # type: ignore[index]
    ships.run("shipments_out")
    (hold,) = quarantine.listed(ships.store)
    assert hold["summary"] == "21 shipped, 20 of the order open"


# -- documents that came in -----------------------------------------------------------------
def test_the_rule_holds_what_does_not_fit_our_purchase_order(office: Office) -> None:
    shelf.put(office.store, "purchase_order", ORDER)
    late = SHIPMENT_THERE | {"id": "S9", "order_id": "PO9"}
    more = copy.deepcopy(SHIPMENT_THERE | {"id": "S8", "packages": []})
    more["lines"][0]["quantity"] = Decimal(11)
    documents = pa.Table.from_pylist(
        [{"organisation": "demo", "shop": "edi"} | one for one in (SHIPMENT_THERE, late, more)],
        schema=columns_of(entity_of("shipment")),
    )
    rows = Rows(documents, entity_of("shipment"))
    (fault,) = OrderFamily().judge(rows, StoreHistory(office.store))
    assert fault.values is not None
    fits, unknown, above = fault.values.to_pylist()
    assert fits is None
    assert unknown == "there is no order PO9"
    assert above.startswith("line 1: 11 shipped, 10 of the order open")
    assert fault.mask.to_pylist() == [False, True, True]
    (nothing,) = OrderFamily().judge(rows, EmptyHistory())
    assert nothing.mask.to_pylist() == [False, False, False]


def test_the_page_names_every_check() -> None:
    page = (ROOT / "docs" / "howto" / "edi_family.md").read_text(encoding="utf-8")
    assert not [name for name in DECLARED if f"`{name}`" not in page]
