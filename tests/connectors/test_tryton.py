"""What the Tryton connector makes of answers; the server itself is in tests/real."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from connectors.tryton import Tryton, _alike, _said_no, _shaped, _steps_left
from crossdock.connector import World
from crossdock.errors import Misconfigured, Refused, TryLater

LINE = {"product": {"code": "MUG-1"}, "quantity": Decimal(2), "amount": Decimal("18.00")}


def test_typed_values_and_what_holds_for_a_page_become_records(world: World) -> None:
    tryton = Tryton(url="https://erp.example.com/db/rpc/", user="hub", password="s3cret-pass")
    tryton.bind("erp", world, {})
    record = {"id": 1, "code": "MUG-1", "template.": {"id": 4, "name": "Mug"},
              "list_price_used": {"__class__": "Decimal", "decimal": "12.50"}}  # fmt: skip
    page = {"constants": {"currency": "EUR"}, "answer": {"id": 0, "result": [record]}}
    path = world.scratch / "page"
    path.write_text(json.dumps(page), "utf-8")
    (table,) = tryton.tables(tryton.reads()["prices"], "json", path)
    assert json.loads(table["json"][0].as_py()) == {
        "id": 1,
        "code": "MUG-1",
        "template": {"id": 4, "name": "Mug"},
        "list_price_used": "12.50",
        "currency": "EUR",
    }
    assert "s3cret-pass" not in repr(tryton)


def test_a_price_is_the_amount_by_the_quantity_and_charges_are_lines() -> None:
    charge = {"description": "Shipping", "quantity": Decimal(1), "amount": Decimal("4.90"),
              "taxes": {"rate": Decimal(0)}}  # fmt: skip
    made = _shaped({"lines": [LINE], "charges": [charge], "comment": None})
    assert [line["unit_price"] for line in made["lines"]] == [Decimal(9), Decimal("4.9")]
    assert "taxes" not in made["lines"][1]
    assert set(made) == {"lines"}


def test_the_line_that_evens_out_is_none_of_the_documents() -> None:
    body = _shaped({"lines": [LINE], "total_amount": Decimal("21.43")})
    there: dict[str, Any] = {"product": {"code": "MUG-1", "id": 1}, "quantity": 2.0,
                             "unit_price": "9.0000", "description": "Mug"}  # fmt: skip
    even = {"product": None, "quantity": 1.0, "unit_price": "0.01", "description": "Rounding"}
    sale = {"lines": [there, even], "total_amount": "21.43"}
    assert _alike(sale, body)
    assert not _alike({**sale, "lines": [{**there, "quantity": 3.0}]}, body)
    assert not _alike({**sale, "total_amount": "21.42"}, body)


@pytest.mark.parametrize(("there", "wanted", "steps"), [
    ("draft", "confirmed", ("quote", "confirm")), ("quotation", "confirmed", ("confirm",)),
    ("processing", "confirmed", ()), ("draft", "cancelled", ("cancel",)),
    ("cancelled", "cancelled", ()), ("quotation", "draft", ()),
])  # fmt: skip
def test_a_sale_goes_on_to_its_state(there: str, wanted: str, steps: tuple[str, ...]) -> None:
    assert _steps_left({"state": there, "number": "1"}, {"state": wanted}) == steps


def test_a_sale_that_was_cancelled_there_is_not_revived() -> None:
    with pytest.raises(Refused, match="was cancelled in Tryton"):
        _steps_left({"state": "cancelled", "number": "1"}, {"state": "confirmed"})


@pytest.mark.parametrize(("error", "kind"), [
    (["UserError", ["The code on party must be unique.", "", None]], Refused),
    (["ConcurrencyException", "Records were modified in the meanwhile"], TryLater),
    (["'nope'", ""], Misconfigured), (["database is locked", "trace"], TryLater),
])  # fmt: skip
def test_an_error_says_what_to_do(error: Any, kind: type[Exception]) -> None:
    assert isinstance(_said_no(error, "model.x.y"), kind)
