"""The suites of the demo on the real file: every kind of its dirt, counted to the last line."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from crossdock import expectations, mapping, suite
from crossdock.check import Checked, check
from crossdock.map import map as map_step
from tests.check.documents_of import PROJECT
from tests.mapping.online_retail import raw_batch

FILE = os.environ.get("ONLINE_RETAIL", "")
pytestmark = pytest.mark.skipif(not FILE, reason="ONLINE_RETAIL is not set")

SUITES = {"sales_order": "online_retail", "invoice": "online_retail_invoice"}
LINES = {
    "buyer_missing": 135_080,
    "description_missing": 1_454,
    "price_not_positive": 2_517,
    "quantity_not_positive": 10_624,
    "not_a_sale": 1_336,
    "quantity_too_large": 3,
}
RECORDS = {
    "adjustment_by_hand": 3,
    "buyer_missing": 3_710,
    "nothing_to_pay": 762,
    "not_a_sale": 1_336,
    "one_timestamp": 43,
}


def batches(documents: pa.Table, lines: int = 50_000) -> Iterator[pa.Table]:
    """Cut documents into batches of at most ``lines`` lines."""
    start = size = 0
    for place, count in enumerate(pc.list_value_length(documents["lines"]).to_pylist()):
        if size + count > lines:
            yield documents.slice(start, place - start)
            start, size = place, 0
        size += count
    yield documents.slice(start)


@pytest.fixture(scope="module")
def documents() -> dict[str, pa.Table]:
    names = ("sales_order", "credit_note", "adjustment")
    folder = PROJECT / "mappings" / "online_retail"
    made = map_step(
        raw_batch(Path(FILE)), [mapping.load(folder / f"{name}.yaml") for name in names]
    )
    owned = {}
    for name, table in made.passed.items():
        for column in ("organisation", "shop"):
            place = table.column_names.index(column)
            table = table.set_column(place, column, pc.fill_null(table[column], "uci"))
        owned[name] = table
    return owned


@pytest.fixture(scope="module")
def results(documents: dict[str, pa.Table]) -> tuple[list[Checked], float]:
    expectations.warm()
    suites = {entity: suite.load(PROJECT / "validation" / f"{name}.yaml")
              for entity, name in SUITES.items()}  # fmt: skip
    start = time.process_time()
    found = [check(batch, [suites[entity]])
             for entity, table in documents.items() for batch in batches(table)]  # fmt: skip
    return found, time.process_time() - start


def test_the_dirt_is_counted(results: tuple[list[Checked], float]) -> None:
    records: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for result in results[0]:
        for row in result.findings.to_pylist():
            records[row["rule"]] += row["records"]
            lines[row["rule"]] += row["lines"]
    assert {rule: lines[rule] for rule in LINES} == LINES
    assert {rule: records[rule] for rule in RECORDS} == RECORDS
    # One line repeats another a minute later, which the canonical line does not say.
    assert lines["exact_duplicate_lines"] in (5_268, 5_269)


def test_what_came_in_passed_or_is_held(results: tuple[list[Checked], float]) -> None:
    passed = sum(result.passed.num_rows for result in results[0])
    held = sum(result.held.num_rows for result in results[0])
    assert (passed + held, held) == (25_900, 1_336 + 762 + 3 + 3)
    assert sum(result.lines for result in results[0]) == 541_909


def test_it_is_quick(results: tuple[list[Checked], float]) -> None:
    """About 1.8 s of one quiet core for 36 rules; the bound leaves room for a busy machine."""
    assert results[1] < 6.0
