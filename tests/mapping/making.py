"""Mappings written in a test, and batches to put through them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from crossdock.mapping import Mapping, load
from crossdock.mapping.examples import rows_batch, shown

ORDER = """
from: shop.orders
to: sales_order
fields:
  id: number
  currency: {{constant: GBP}}
{fields}
examples: [examples/x.yaml]
"""


def mapping(folder: Path, text: str, **tables: str) -> Mapping:
    """Write a mapping (and value tables by name) below ``folder`` and load it."""
    place = folder / "mappings" / "shop"
    (place / "examples").mkdir(parents=True, exist_ok=True)
    (place / "tables").mkdir(exist_ok=True)
    (place / "examples" / "x.yaml").write_text("[]", encoding="utf-8")
    for name, values in tables.items():
        (place / "tables" / f"{name}.yaml").write_text(values, encoding="utf-8")
    (place / "x.yaml").write_text(text, encoding="utf-8")
    return load(place / "x.yaml")


def order(folder: Path, fields: str, **tables: str) -> Mapping:
    """Make a sales order mapping with ``fields`` beside id and currency."""
    indented = "\n".join(f"  {line}" for line in fields.strip("\n").splitlines())
    return mapping(folder, ORDER.format(fields=indented), **tables)


def rows(*records: list[dict[str, Any]]) -> pa.Table:
    """Make a batch of records that are groups of rows."""
    return rows_batch(list(records))


def objects(*texts: str) -> pa.Table:
    """Make a batch of JSON texts."""
    return pa.table({"json": pa.array(texts, pa.large_string())})


def documents(made: Mapping, batch: pa.Table) -> list[dict[str, Any]]:
    """Map and show; there must be no fault."""
    mapped = made.apply(batch)
    assert mapped.faults.to_pylist() == []
    return shown(made, mapped.documents)


def faults(made: Mapping, batch: pa.Table) -> list[tuple[int, str, str | None, str]]:
    """Map and give record, path, value and rule of every fault."""
    found = made.apply(batch).faults.to_pylist()
    return [(row["record"], row["path"], row["value"], row["rule"]) for row in found]
