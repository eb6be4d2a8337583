"""Parquet as string columns: the text that a person would write for each typed value.

A double becomes its shortest exact text without an exponent ("6", "2.55"), an instant ISO text
("2010-12-01 08:26:00", with its offset where the file has a zone), a null the empty text. The
work is done on the different values of a column, not on its rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crossdock.connector import Reads
from crossdock.errors import Unreadable
from crossdock.formats import header
from crossdock.formats.rows import tabular

ROWS = 65_536


def read(stream: Reads, media: str, body: Path) -> Iterator[pa.Table]:
    """Yield the rows of ``body``; ``position`` is the row number from 1.

    Raises Unreadable for a damaged file, a nested column, or columns other than declared.
    """
    with pq.ParquetFile(body) as file:
        names = file.schema_arrow.names
        header.verify(names, stream, stream.name)
        row = 1
        for batch in file.iter_batches(batch_size=ROWS):
            columns = {
                name: text(column, name, stream.name)
                for name, column in zip(names, batch.columns, strict=True)
            }
            yield tabular(columns, pa.array(np.arange(row, row + batch.num_rows)))
            row += batch.num_rows


def text(column: Any, name: str, where: str) -> Any:
    """Turn a typed array into strings; a null becomes the empty text.

    >>> text(pa.array([6.0, 2.55, 1e22, None]), "n", "").to_pylist()
    ['6', '2.55', '10000000000000000000000', '']
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if _is_text(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        strings = column.cast(pa.string())
    elif pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_temporal(kind):
        strings = _by_value(column)
    elif pa.types.is_null(kind):
        strings = column.cast(pa.string())
    else:
        raise Unreadable(
            f"the column {name!r} is a {kind}, which is no single value",
            where=where,
            fix="leave it out of the file, or send nested records as JSON",
        )
    return pc.fill_null(strings, "")


def _is_text(kind: Any) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _by_value(column: Any) -> Any:
    kind = column.type
    coded = column.dictionary_encode()
    values = coded.dictionary
    if pa.types.is_floating(kind):
        texts = pa.array([_number(value) for value in _exact(values)], pa.string())
    elif pa.types.is_decimal(kind):
        texts = pa.array([format(value, "f") for value in values.to_pylist()], pa.string())
    else:
        texts = _moment(values)
    return pc.take(texts, coded.indices)


def _exact(values: Any) -> list[Any]:
    """Give the floats so that their shortest texts are those of their own width."""
    numbers = values.to_numpy(zero_copy_only=False)
    return [str(number) for number in numbers] if values.type != pa.float64() else numbers.tolist()


def _number(value: Any) -> str:
    """Write a float without an exponent and without a fraction of nothing.

    >>> _number(6.0), _number(1e-7), _number(float("nan"))
    ('6', '0.0000001', 'nan')
    """
    shortest = value if isinstance(value, str) else repr(value)
    if "e" in shortest:
        shortest = format(Decimal(shortest), "f")
    return shortest.removesuffix(".0")


def _moment(values: Any) -> Any:
    zone = getattr(values.type, "tz", None)
    if zone:
        values = values.cast(pa.timestamp(values.type.unit, "UTC")).cast(
            pa.timestamp(values.type.unit)
        )
    texts = pc.cast(values, pa.string())
    texts = pc.replace_substring_regex(texts, r"\.0+$", "")
    texts = pc.replace_substring_regex(texts, r"(\.\d*[1-9])0+$", r"\1")
    return pc.binary_join_element_wise(texts, "+00:00", "") if zone else texts
