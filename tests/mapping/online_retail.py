"""The UCI Online Retail file as a raw batch: texts as a CSV would have them, rows by invoice."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

FILE = os.environ.get("ONLINE_RETAIL", "")


def raw_batch(path: Path = Path(FILE), key: str = "InvoiceNo") -> pa.Table:
    """Group the file's rows by ``key``; doubles become their shortest text, nulls stay null."""
    table = pq.read_table(path)
    columns = {}
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        if pa.types.is_floating(column.type):
            column = pc.replace_substring_regex(pc.cast(column, pa.string()), r"\.0$", "")
        elif pa.types.is_timestamp(column.type):
            column = pc.strftime(pc.cast(column, pa.timestamp("s")), format="%Y-%m-%d %H:%M:%S")
        columns[name] = pc.fill_null(column.cast(pa.string()), "")
    codes = columns[key].dictionary_encode()
    number = codes.indices.to_numpy()
    order = pa.array(np.argsort(number, kind="stable"))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(number))])
    parts = [column.take(order) for column in columns.values()] + [order.cast(pa.int64())]
    structs = pa.StructArray.from_arrays(parts, names=[*columns, "position"])
    size = len(codes.dictionary)
    return pa.table(
        {
            "key": codes.dictionary,
            "hash": pa.array([b"\0" * 32] * size, pa.binary(32)),
            "rows": pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs),
        }
    )
