"""Arrow types of the entities, and how a table is brought into an entity's shape."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.errors import Misconfigured
from crossdock.model.entity import Entity
from crossdock.model.fields import DECIMALS, PRECISION, SCALE, TEXTS, Field, near

DECIMAL = pa.decimal128(PRECISION, SCALE)
INSTANT = pa.timestamp("us", "UTC")
RECORD = pa.field("record", pa.int32())


def kind_type(kind: str) -> pa.DataType:
    """Give the Arrow type of a field kind other than ``children``."""
    if kind in TEXTS or kind == "json":
        return pa.string()
    if kind in DECIMALS:
        return DECIMAL
    return {"instant": INSTANT, "date": pa.date32(), "flag": pa.bool_(), "whole": pa.int64()}[kind]


def field_type(field: Field) -> pa.DataType:
    """Give the Arrow type of a field; a child list is a list of flat structs."""
    if field.kind == "children":
        return pa.list_(pa.struct([(child.name, field_type(child)) for child in field.fields]))
    return kind_type(field.kind)


def schema(entity: Entity) -> pa.Schema:
    """Make the Arrow schema of ``entity``."""
    return pa.schema([(field.name, field_type(field)) for field in entity.fields])


def batch_schema(entity: Entity) -> pa.Schema:
    """Make the schema of a batch of documents: ``record`` and the entity's columns."""
    return pa.schema([RECORD, *entity.arrow])


def nulls(entity: Entity, n: int) -> pa.Table:
    """Make a table of ``n`` rows of nulls."""
    return pa.table([pa.nulls(n, field.type) for field in entity.arrow], schema=entity.arrow)


def conform(entity: Entity, table: pa.Table) -> pa.Table:
    """Bring ``table`` into the entity's shape; see ``Entity.conform``."""
    wanted = entity.batch_schema if "record" in table.column_names else entity.arrow
    if table.schema.equals(wanted):
        return table
    _refuse_unknown(entity.name, table.column_names, wanted.names)
    columns = [
        _fit(table.column(field.name), field.type, f"{entity.name}.{field.name}")
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in wanted
    ]
    return pa.table(columns, schema=wanted)


def _refuse_unknown(where: str, names: list[str], known: list[str]) -> None:
    for number, name in enumerate(names):
        if name not in known:
            raise Misconfigured(f"{where} has no field {name!r}", fix=near(name, known))
        if name in names[:number]:
            raise Misconfigured(f"{where} has the field {name!r} twice", fix="drop one of them")


def _fit(column: Any, wanted: pa.DataType, where: str) -> Any:
    """Cast ``column`` to ``wanted`` where nothing is lost."""
    if column.type.equals(wanted):
        return column
    if pa.types.is_list(wanted) and not pa.types.is_null(column.type):
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        return pa.chunked_array([_fit_list(chunk, wanted, where) for chunk in chunks], wanted)
    if not _castable(column.type, wanted):
        raise Misconfigured(
            f"{where} is {column.type}, which does not become {wanted} without a guess",
            fix="convert it in the mapping",
        )
    try:
        if pa.types.is_integer(column.type) and pa.types.is_decimal(wanted):
            column = pc.cast(column, pa.decimal128(38, SCALE))  # Arrow asks for room for any int64
        return pc.cast(column, wanted, safe=True)
    except pa.ArrowInvalid:
        raise Misconfigured(
            f"{where} holds a value that {wanted} cannot hold without a loss",
            fix="at most 12 digits before and 6 after the point, whole numbers where a number"
            " must be whole",
        ) from None


def _fit_list(chunk: Any, wanted: pa.DataType, where: str) -> Any:
    """Bring a list array's structs into shape, keeping offsets and null lists."""
    given = chunk.type
    if not (pa.types.is_list(given) or pa.types.is_large_list(given)) or not (
        pa.types.is_struct(given.value_type) or pa.types.is_null(given.value_type)
    ):
        raise Misconfigured(f"{where} is {given}, not a list of parts")
    flat = chunk.flatten()
    lengths = pc.fill_null(pc.list_value_length(chunk), 0)
    ends = pc.cumulative_sum(pc.cast(lengths, pa.int32()))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    struct = _fit_struct(flat, wanted.value_type, where)
    mask = chunk.is_null() if chunk.null_count else None
    return pa.ListArray.from_arrays(offsets, struct, type=wanted, mask=mask)


def _fit_struct(flat: Any, wanted: pa.DataType, where: str) -> Any:
    if flat.null_count:
        raise Misconfigured(f"{where} holds an empty part", fix="leave empty parts out")
    names = [field.name for field in flat.type] if pa.types.is_struct(flat.type) else []
    fields = [wanted.field(number) for number in range(wanted.num_fields)]
    _refuse_unknown(where, names, [field.name for field in fields])
    parts = [
        _fit(pc.struct_field(flat, field.name), field.type, f"{where}.{field.name}")
        if field.name in names
        else pa.nulls(len(flat), field.type)
        for field in fields
    ]
    return pa.StructArray.from_arrays(parts, fields=fields)


def _castable(given: pa.DataType, wanted: pa.DataType) -> bool:
    """Tell whether a cast reads nothing into the values: no text is parsed, no float taken."""
    kinds = pa.types
    if kinds.is_null(given):
        return True
    if kinds.is_dictionary(given):
        return _castable(given.value_type, wanted)
    if kinds.is_string(wanted):
        return bool(
            kinds.is_large_string(given) or kinds.is_string_view(given) or kinds.is_string(given)
        )
    if kinds.is_decimal(wanted):
        return bool(kinds.is_decimal(given) or kinds.is_integer(given))
    if kinds.is_integer(wanted):
        return bool(kinds.is_integer(given) or kinds.is_decimal(given))
    if kinds.is_timestamp(wanted):
        return bool(kinds.is_timestamp(given) and given.tz is not None)
    if kinds.is_date(wanted):
        return bool(kinds.is_date(given))
    return False
