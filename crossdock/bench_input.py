"""The lines that the benchmark runs on: UCI Online Retail where it is, else as many made up."""

from __future__ import annotations

import math
import os
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from crossdock.errors import Misconfigured

LINES = 541_909
ORDERS = 25_900
SHIFT = 46_000
"""Larger than the span of the file's invoice numbers, so that copies are other invoices."""

_STAMP = "%Y-%m-%d %H:%M:%S"


def real_or_generated(path: Path, times: int) -> Path:
    """Write ``times`` as many lines as the real file has to ``path`` as CSV, and give it back.

    ONLINE_RETAIL names the real file, as CSV or Parquet; copies of it get invoice numbers of
    their own. Raises Misconfigured for another format.
    """
    named = os.environ.get("ONLINE_RETAIL")
    if named:
        table = _read(Path(named))
        table = pa.concat_tables([_moved(table, number * SHIFT) for number in range(times)])
        csv.write_csv(table, path)
    else:
        from crossdock.sample_data import online_retail, write_csv

        write_csv(online_retail(ORDERS * times, lines=LINES * times), path)
    return path


def shuffled(source: Path, path: Path) -> Path:
    """Write the lines of ``source`` in another order, the header first; gives ``path``."""
    header, *lines = source.read_bytes().splitlines(keepends=True)
    random.Random(1).shuffle(lines)  # noqa: S311 - an order, not a secret
    path.write_bytes(header + b"".join(lines))
    return path


def lines_of(path: Path) -> int:
    """Count the lines of a CSV file without its header; no field of it holds a line break."""
    with path.open("rb") as file:
        return sum(1 for _ in file) - 1


def _read(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return _as_text(parquet.read_table(path))
    if path.suffix == ".csv":
        with path.open(encoding="utf-8") as file:
            names = file.readline().strip().replace('"', "").split(",")
        types = dict.fromkeys(names, pa.string())
        return csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=types))
    raise Misconfigured(
        "the benchmark reads the file as CSV or Parquet",
        where=str(path),
        fix="save the workbook as CSV, or unset ONLINE_RETAIL to measure made-up lines",
    )


def _as_text(table: pa.Table) -> pa.Table:
    """Write typed columns as a CSV export has them: shortest numbers, dates to the second."""
    columns = {}
    for name in table.column_names:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = pc.strftime(column.cast(pa.timestamp("s")), _STAMP)
        elif pa.types.is_floating(column.type):
            column = pa.chunked_array([_shortest(chunk) for chunk in column.chunks], pa.string())
        else:
            column = column.cast(pa.string())
        columns[name] = column
    return pa.table(columns)


def _shortest(values: pa.Array) -> pa.Array:
    made = [
        None if value is None or math.isnan(value) else repr(value) for value in values.to_pylist()
    ]
    return pa.array([text and text.removesuffix(".0") for text in made], pa.string())


def _moved(table: pa.Table, by: int) -> pa.Table:
    if not by:
        return table
    moved: dict[str, str] = {}
    for number in pc.unique(table["InvoiceNo"]).to_pylist():
        letter = number.rstrip("0123456789")
        moved[number] = f"{letter}{int(number.removeprefix(letter)) + by}"
    names = pa.array([moved[number] for number in table["InvoiceNo"].to_pylist()], pa.string())
    return table.set_column(table.schema.get_field_index("InvoiceNo"), "InvoiceNo", names)
