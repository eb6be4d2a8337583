"""The chain of an order: in the terminal, as JSON, as a page; and what does not fit in it."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from crossdock.cli import app
from crossdock.edi.family.lookup import SOLD, relatives
from crossdock.edi.trace import traces
from crossdock.edi.trace_page import colour_of, render
from crossdock.errors import Misconfigured
from crossdock.store import schema
from tests.edi import shelf
from tests.edi.office import NOW, ORDERS, Office
from tests.edi.test_gate import INVOICE, ORDER, RECEIPT, RESPONSE, SHIPMENT


@pytest.fixture
def chain(office: Office) -> Office:
    """An order with its whole family on the shelf."""
    for entity, document in (
        ("sales_order", ORDER),
        ("order_response", RESPONSE),
        ("shipment", SHIPMENT),
        ("receiving_advice", RECEIPT),
        ("invoice", INVOICE),
    ):
        shelf.put(office.store, entity, document)
    return office


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["edi", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_family_is_found_by_any_number_of_its_order(chain: Office) -> None:
    for number in ("PO1", "4711"):
        wanted = {"organisation": "demo", "shop": "edi", "order_id": number}
        family = relatives(chain.store, [wanted], SOLD).families["demo", number]
        assert family.order is not None
        assert [one["id"] for one in family.shipments] == ["S1"]
        assert [one["id"] for one in family.invoices] == ["I1"]
        assert [one["id"] for one in family.receiving_advices] == ["A1"]


def test_orders_of_one_number_are_told_apart_by_shop_or_not_at_all(chain: Office) -> None:
    shelf.put(chain.store, "sales_order", ORDER | {"status": "cancelled"}, shop="web")
    for shop, status in (("edi", "open"), ("web", "cancelled")):
        wanted = {"organisation": "demo", "shop": shop, "order_id": "PO1"}
        order = relatives(chain.store, [wanted], SOLD).families["demo", "PO1"].order
        assert order is not None
        assert order["status"] == status
    nobody = {"organisation": "demo", "shop": "other", "order_id": "PO1"}
    assert ("demo", "PO1") not in relatives(chain.store, [nobody], SOLD).families


def test_packages_of_other_shipments_are_taken(chain: Office) -> None:
    other = SHIPMENT | {"id": "S2", "shop": "edi"}
    found = relatives(chain.store, [other], SOLD)
    assert found.taken_from(other)["340123450000000024"] == "S1"
    assert found.taken_from(SHIPMENT) == {}


def test_the_lines_add_up_along_the_chain(chain: Office) -> None:
    (trace,) = traces(chain.store, chain.home.project, "PO1")
    assert [one.message for one in trace.documents] == [
        "ORDERS", "ORDRSP", "DESADV", "RECADV", "INVOIC"
    ]  # fmt: skip
    pen, tea = trace.lines
    assert (pen.ordered, pen.confirmed, pen.shipped, pen.received, pen.billed) == (10, 8, 8, 7, 7)
    assert tea.received == Decimal(4)
    assert [one for document in trace.documents for one in document.misfits] == []


def test_what_does_not_fit_is_shown(chain: Office) -> None:
    shelf.put(chain.store, "shipment", SHIPMENT | {"id": "S2", "packages": []})
    (trace,) = traces(chain.store, chain.home.project, "PO1")
    late = next(one for one in trace.documents if one.number == "S2")
    assert any("of the order open (shipped_within_order)" in words for words in late.misfits)
    assert any("(shipped_within_confirmed)" in words for words in late.misfits)
    assert colour_of([late]) == "bad"


def test_an_order_that_came_shows_its_interchange_and_answer(office: Office) -> None:
    office.put(ORDERS)
    office.run()
    (found,) = json.loads(run("trace", "4500012345", "--json"))
    (order,) = found["documents"]
    came, went = order["passages"]
    assert (came["direction"], came["system"], came["state"]) == ("in", "north", "delivered")
    assert came["reference"] == "00000000000041"
    assert came["answers"] == ["CONTRL 00000000000001 sent: acknowledged"]
    assert (went["direction"], went["system"]) == ("out", "depot.orders")
    assert went["state"] == "delivered"
    text = run("trace", "4500012345")
    assert "ORDERS" in text
    assert "4006381333931" in text
    shown = run("answers")
    assert "00000000000041" in shown
    assert json.loads(run("answers", "--json"))["received"][0]["state"] == "answered"
    assert "north: 0 answered" in run("answers", "--send")


def test_the_page_needs_nothing_from_outside_and_escapes_what_it_shows(chain: Office, tmp_path):
    with chain.store.writing() as connection:
        head = schema.typed["sales_order"][0]
        connection.execute(sa.update(head).values(organisation="demo"))
    shelf.put(chain.store, "invoice", INVOICE | {"id": "<b>I2</b>", "lines": []})
    path = tmp_path / "order.html"
    assert "wrote" in run("trace", "PO1", "--html", str(path))
    page = path.read_text(encoding="utf-8")
    assert "<b>I2</b>" not in page
    assert "&lt;b&gt;I2" in page
    assert not re.search(r"<(script|link|img|iframe)\b|https?://|url\(", page)
    assert "default-src &#39;none&#39;" in page
    assert page.count('<li class="') >= 5
    assert render(traces(chain.store, chain.home.project, "PO1"), NOW).startswith("<!doctype html>")


def test_an_order_that_is_not_there_is_said_so(office: Office) -> None:
    with pytest.raises(Misconfigured, match="there is no order 9"):
        traces(office.store, office.home.project, "9")
