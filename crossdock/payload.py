"""Count the money in what a target is given, by the path that its stream declares."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossdock.amounts import AMOUNT, decimals
from crossdock.errors import Misconfigured


def amounts_in(payload: pa.Table, path: str) -> pa.Array:
    """Sum the values at ``path`` (``total``, ``lines.amount``) of each row; null without a path.

    Raises Misconfigured when the payload has no such field.
    """
    if not path:
        return pa.nulls(payload.num_rows, AMOUNT)
    head, *rest = path.split(".")
    if head not in payload.column_names:
        raise Misconfigured(
            f"the target's money is declared at {path!r}, which the mapping does not give",
            fix=f"the mapping gives: {', '.join(payload.column_names[:30])}",
        )
    owners, values = _walk(payload[head].combine_chunks(), rest, path)
    if not pa.types.is_decimal(values.type):
        values = decimals(values)
    scaled = pc.multiply(pc.fill_null(values.cast(AMOUNT), Decimal(0)), pa.scalar(1_000_000))
    totals = np.zeros(payload.num_rows, dtype=np.int64)
    np.add.at(totals, owners, scaled.cast(pa.int64()).to_numpy())
    whole = pa.array(totals).cast(pa.decimal128(19, 0)).cast(pa.decimal128(25, 6))
    return pc.multiply(whole, pa.scalar(Decimal("0.000001"))).cast(AMOUNT)


def _walk(column: Any, rest: list[str], path: str) -> tuple[Any, Any]:
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    owners = np.arange(len(column))
    for name in rest:
        if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
            owners = owners[pc.list_parent_indices(column).to_numpy()]
            column = pc.list_flatten(column)
        if not pa.types.is_struct(column.type) or column.type.get_field_index(name) < 0:
            raise Misconfigured(f"the payload has no field {path!r}")
        column = pc.struct_field(column, name)
    return owners, column
