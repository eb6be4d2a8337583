"""Make tables of canonical documents out of plain values, for tests of rules."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from crossdock import suite
from crossdock.check import Checked, check
from crossdock.history import History
from crossdock.model import entity
from crossdock.rows import Rows

PROJECT = Path(__file__).parents[2]


def table(name: str, *documents: dict[str, Any]) -> pa.Table:
    """Make a batch of ``documents``; numbers and texts of numbers become decimals where needed."""
    kind = entity(name)
    rows = [{key: _value(value, kind.arrow.field(key).type) for key, value in given.items()}
            for given in documents]  # fmt: skip
    made = pa.Table.from_pylist(rows, schema=kind.arrow)
    records = pa.array(range(100, 100 + len(rows)), pa.int32())
    return made.add_column(0, pa.field("record", pa.int32()), records)


def _value(value: Any, kind: pa.DataType) -> Any:
    if isinstance(value, list):
        inner = kind.value_type
        return [{key: _value(part, inner.field(key).type) for key, part in item.items()}
                for item in value]  # fmt: skip
    if pa.types.is_decimal(kind) and value is not None:
        return Decimal(str(value))
    return value


def rows(name: str, *documents: dict[str, Any]) -> Rows:
    """Make the rows that a rule judges."""
    return Rows(table(name, *documents), entity(name))


def suite_of(folder: Path, rules: str, name: str = "trial", of: str = "sales_order") -> suite.Suite:
    """Load a suite with ``rules`` (YAML, not indented) from a file in ``folder``."""
    return suite.load(written(folder, f"entity: {of}\nrules:\n{rules}\n", name))


def written(folder: Path, text: str, name: str = "trial") -> Path:
    """Write a suite file that has its examples."""
    for kind in ("passes", "holds"):
        (folder / f"{kind}.yaml").write_text("[]\n", encoding="utf-8")
    path = folder / f"{name}.yaml"
    examples = "examples: {passes: passes.yaml, holds: holds.yaml}\n"
    path.write_text(f"suite: {name}\n{text}{examples}", encoding="utf-8")
    return path


def checked(folder: Path, rules: str, documents: pa.Table, of: str = "sales_order",
            history: History | None = None) -> Checked:  # fmt: skip
    """Check ``documents`` by a suite of ``rules``."""
    return check(documents, [suite_of(folder, rules, of=of)], history)


def broken(result: Checked) -> list[tuple[int, int | None, str, str | None]]:
    """List (record, line, rule, value) of all verdicts."""
    return [(row["record"], row["line"], row["rule"], row["value"])
            for row in result.verdicts.to_pylist()]  # fmt: skip
