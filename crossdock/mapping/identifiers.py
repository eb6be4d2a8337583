"""Numbers of documents that are too long to be any: no index holds them, no partner reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LONGEST = 1500
"""Bytes of the longest number; an index of PostgreSQL holds 2,704 with what stands beside it."""

_NAMES = {"id", "organisation", "shop", "sscc"}
_ENDINGS = ("_id", "_reference")


def too_long(documents: pa.Table) -> Iterator[tuple[int, str, str]]:
    """Yield row, path and value of each number in header or lines that is longer than ``LONGEST``.

    >>> found = too_long(pa.table({"id": ["1", "x" * 1501], "note": ["y" * 9999, None]}))
    >>> [(row, path) for row, path, _ in found]
    [(1, 'id')]
    """
    for field in documents.schema:
        column = documents[field.name]
        if _is_number(field):
            yield from _long(column, field.name, None)
        elif pa.types.is_list(field.type) and pa.types.is_struct(field.type.value_type):
            for inner in field.type.value_type:
                if _is_number(inner):
                    values = pc.struct_field(pc.list_flatten(column), inner.name)
                    owners = pc.list_parent_indices(column)
                    yield from _long(values, f"{field.name}.{inner.name}", owners)


def _is_number(field: pa.Field) -> bool:
    text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    return text and (field.name in _NAMES or field.name.endswith(_ENDINGS))


def _long(values: Any, path: str, owners: Any) -> Iterator[tuple[int, str, str]]:
    length = pc.binary_length(values)
    if (pc.max(length).as_py() or 0) <= LONGEST:
        return
    for place in np.flatnonzero(pc.fill_null(pc.greater(length, LONGEST), False).to_numpy()):
        row = int(place) if owners is None else owners[int(place)].as_py()
        yield row, path, values[int(place)].as_py()
