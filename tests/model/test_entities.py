"""The declarations, and that everything derived from them agrees."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pytest
from pydantic import ValidationError

from crossdock import documents
from crossdock.errors import Misconfigured
from crossdock.model import ENTITIES, Entity, Field, entity, pages
from crossdock.model.__main__ import main
from crossdock.model.arrow import field_type

DOCS = Path(__file__).parents[2] / "docs"
EVERY = pytest.mark.parametrize("kind", ENTITIES.values(), ids=list(ENTITIES))


def example(field: Field) -> Any:
    """Give the Python value of a field's example, or a plain one where it has none."""
    if field.kind == "children":
        return [{child.name: example(child) for child in field.fields}]
    text = field.example or "x"
    if field.kind in {"amount", "price", "quantity", "percent"}:
        return Decimal(text)
    if field.kind == "instant":
        return dt.datetime.fromisoformat(text)
    if field.kind == "date":
        return dt.date.fromisoformat(text)
    if field.kind == "flag":
        return text == "true"
    return int(text) if field.kind == "whole" else text


def examples(kind: Entity) -> dict[str, Any]:
    return {field.name: example(field) for field in kind.fields}


def test_the_entities_of_the_glossary_are_there() -> None:
    assert " ".join(ENTITIES) == (
        "product price stock_level party location sales_order order_response purchase_order "
        "shipment receiving_advice invoice payment return sales_report"
    )


def test_an_unknown_entity_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(Misconfigured, match="did you mean 'sales_order'"):
        entity("sales_ordr")
    with pytest.raises(Misconfigured, match="use one of: product, price"):
        entity("zzz")


@EVERY
def test_a_declaration_is_complete(kind: Entity) -> None:
    assert [field.name for field in kind.fields[:3]] == ["organisation", "shop", "id"]
    assert {"source_updated_at", "extension"} <= set(kind.by_name)
    assert kind.help.endswith(".")
    assert kind.standard
    children = [child for parent in kind.fields for child in parent.fields]
    for field in (*kind.fields, *children):
        assert field.help.endswith("."), field
        assert field.example or field.kind in {"children"}, field
        assert not field.values or field.example in field.values, field
        assert field.name.isidentifier(), field
        assert field.name == field.name.lower(), field
    for name in kind.lists:
        assert not any(child.kind == "children" for child in kind.field(name).fields)
    if kind.amount_field:
        assert kind.field(kind.amount_field).kind in {"amount", "price"}
        assert kind.currency_field
        assert kind.field(kind.currency_field).kind == "currency"


def test_personal_data_is_marked() -> None:
    personal = set(entity("sales_order").personal)
    assert {"buyer_name", "buyer_email", "buyer_phone", "delivery_street", "note"} <= personal
    assert not {"buyer_id", "buyer_country", "total_amount", "seller_gln"} & personal


def test_fields_are_found_by_path() -> None:
    order = entity("sales_order")
    assert order.field("lines.unit_price").kind == "price"
    with pytest.raises(Misconfigured, match="did you mean 'unit_price'"):
        order.field("lines.unitprice")
    with pytest.raises(Misconfigured, match=r"no field 'id\.x'"):
        order.field("id.x")


@EVERY
def test_columns_cover_every_field_once(kind: Entity) -> None:
    names = [column.name for column in kind.header_columns]
    assert [*names, *kind.children] == [f.name for f in kind.fields if f.name != "lines"] + [
        name for name in kind.lists if name == "lines"
    ]
    assert [c.name for c in kind.header_columns if not c.nullable] == ["organisation", "shop", "id"]
    for columns in kind.children.values():
        assert [column.name for column in columns if not column.nullable] == ["line_id"]
    lists = {column.name for column in kind.header_columns if column.kind == "json"}
    assert lists == set(kind.lists) - {"lines"}


@EVERY
def test_an_example_passes_through_all_forms(kind: Entity) -> None:
    row = examples(kind)
    table = pa.Table.from_pylist([row], schema=kind.arrow)
    assert table.schema.names == [field.name for field in kind.fields]
    text = documents.to_json(table)[0].as_py()
    kind.pydantic.model_validate(row)
    kind.pydantic.model_validate_json(text)
    jsonschema.Draft202012Validator.check_schema(kind.json_schema)
    jsonschema.validate(json.loads(text), kind.json_schema, jsonschema.Draft202012Validator)
    assert documents.from_json(pa.array([text], pa.large_string()), kind).equals(table)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("total_amount", 2.55),
        ("total_amount", "2.550"),
        ("total_amount", Decimal("NaN")),
        ("total_amount", Decimal("0.1234567")),
        ("total_amount", Decimal("1000000000000")),
        ("issued_at", dt.datetime(2010, 12, 1)),  # noqa: DTZ001
        ("issued_at", dt.datetime(2010, 12, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))),
        ("currency", "gbp"),
        ("delivery_country", "GBR"),
        ("type_code", "bill"),
        ("id", " "),
        ("id", 5),
        ("prices_include_tax", "yes"),
        ("extension", "[]"),
        ("nonsense", "1"),
    ],
)
def test_a_wrong_value_is_refused(name: str, value: Any) -> None:
    row = {**examples(entity("invoice")), name: value}
    with pytest.raises(ValidationError):
        entity("invoice").pydantic.model_validate(row)


@pytest.mark.parametrize("text", ["2.550", "02", "1E2", "+1", ".5", "5.", "1.1234567", "-", ""])
def test_json_decimals_have_one_spelling(text: str) -> None:
    kind = entity("price")
    plain = {
        **json.loads(
            documents.to_json(pa.Table.from_pylist([examples(kind)], kind.arrow))[0].as_py()
        )
    }
    plain["amount"] = text
    with pytest.raises(ValidationError):
        kind.pydantic.model_validate_json(json.dumps(plain))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(plain, kind.json_schema)


def test_money_as_a_json_number_is_refused() -> None:
    kind = entity("price")
    plain = json.loads(
        documents.to_json(pa.Table.from_pylist([examples(kind)], kind.arrow))[0].as_py()
    )
    with pytest.raises(ValidationError):
        kind.pydantic.model_validate_json(json.dumps({**plain, "amount": 2.55}))


# -- conform --------------------------------------------------------------------------------------
def test_conform_adds_orders_and_casts() -> None:
    kind = entity("sales_order")
    part = pa.struct([("quantity", pa.int64()), ("line_id", pa.large_string())])
    table = pa.table(
        {
            "lines": pa.array([[{"quantity": 6, "line_id": "1"}], None, []], pa.list_(part)),
            "total_amount": pa.array([Decimal("2.5"), None, Decimal(1)], pa.decimal128(9, 1)),
            "id": pa.array(["a", "b", "c"]).dictionary_encode(),
            "issued_at": pa.array([0, 1, None], pa.timestamp("s", "Europe/London")),
            "record": pa.array([0, 1, 2], pa.int32()),
        }
    )
    made = kind.conform(table)
    assert made.schema.equals(kind.batch_schema)
    assert made["record"].to_pylist() == [0, 1, 2]
    assert made["lines"].to_pylist()[1:] == [None, []]
    assert made["lines"].to_pylist()[0][0]["quantity"] == Decimal(6)
    assert made["lines"].to_pylist()[0][0]["gtin"] is None
    assert made["total_amount"].to_pylist() == [Decimal("2.5"), None, Decimal(1)]
    assert made["note"].null_count == 3
    assert kind.conform(made) is made
    assert kind.conform(made.slice(1, 2)).num_rows == 2
    lists = kind.conform(table.slice(1, 2))["lines"]
    assert lists.to_pylist() == [None, []]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"totl_amount": pa.array(["1"])}, "no field 'totl_amount'.*did you mean 'total_amount'"),
        ({"total_amount": pa.array([2.5])}, "sales_order.total_amount is double"),
        ({"total_amount": pa.array(["2.5"])}, "sales_order.total_amount is string"),
        ({"total_amount": pa.array([Decimal("0.1234567")])}, "total_amount holds a value"),
        ({"total_amount": pa.array([Decimal(10**12)])}, "total_amount holds a value"),
        ({"issued_at": pa.array([0], pa.timestamp("us"))}, "sales_order.issued_at is timestamp"),
        ({"id": pa.array([5])}, "sales_order.id is int64"),
        ({"lines": pa.array([[{"qty": 1}]])}, "sales_order.lines has no field 'qty'"),
        ({"lines": pa.array([[{"quantity": 1.5}]])}, "sales_order.lines.quantity is double"),
        ({"lines": pa.array(["x"])}, "sales_order.lines is string, not a list"),
        ({"lines": pa.array([[None, {"line_id": "1"}]])}, "sales_order.lines holds an empty part"),
    ],
)
def test_conform_names_what_it_cannot_take(column: dict[str, Any], message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        entity("sales_order").conform(pa.table(column))


@EVERY
def test_empty_tables_have_the_schema(kind: Entity) -> None:
    assert kind.empty().schema.equals(kind.arrow)
    assert kind.empty(3).num_rows == 3
    assert kind.batch_schema.names == ["record", *kind.arrow.names]
    for field in kind.fields:
        assert kind.arrow.field(field.name).type == field_type(field)


# -- pages ----------------------------------------------------------------------------------------
def test_generated_pages_are_fresh() -> None:
    stale = [
        name
        for name, text in pages.files().items()
        if not (DOCS / name).exists() or (DOCS / name).read_text(encoding="utf-8") != text
    ]
    assert not stale, "run: python -m crossdock.model docs"


def test_the_command_writes_what_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["docs", str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(ENTITIES)
    assert main(["docs", str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""
    assert main([]) == 2


def test_importing_the_model_is_light() -> None:
    heavy = {"pyarrow", "pydantic", "pycountry", "numpy"}
    code = f"import sys, crossdock.model; print({heavy} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
