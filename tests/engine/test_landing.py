"""Landing: any rows in any order and any blocks give the same batches, and none gets lost."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.connector import Reads
from crossdock.landing import Landing
from tests.faults.catalogue import fault

GROUPED = Reads(
    "sales",
    ("no",),
    group=True,
    money={"multiply": ["quantity", "price"], "currency": "currency"},
    options={"rows": "unordered"},
)
PLAIN = Reads("stock", ("no",), money={"sum": "price", "currency": "currency"})
NESTED = Reads("orders", ("no",), money={"sum": "price", "currency": "currency"})
DERIVED = Reads("wares", ("currency",), group=True, options={"of": "sales", "columns": ["price"]})

Row = tuple[str | None, ...]

_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)
_row = st.tuples(
    st.sampled_from(["", "A", "B", "C", "D", "E1", "a|b", "ä", "?1"]) | _text,
    st.sampled_from(["1", "-2", "3.5", "+4", "", "x", "1e3", "007", "0.0000001"]) | st.none(),
    st.sampled_from(["2.50", "0", "99999999999", "1,5", "0.001", " 7 "]) | st.none(),
    st.just("EUR"),
    st.sampled_from([None, None, None, None, None, "the row is torn"]),
)
_rows = st.lists(_row, max_size=40)


def tabular(rows: Sequence[Row], start: int = 1) -> pa.Table:
    """Rows as a parser gives them."""
    columns = list(zip(*rows, strict=True)) or [()] * 5
    names = ["no", "quantity", "price", "currency", "_fault"]
    table = pa.table({n: pa.array(c, pa.string()) for n, c in zip(names, columns, strict=True)})
    position = pa.array(range(start, start + len(rows)), pa.int64())
    raw = pa.array([None if row[4] is None else repr(row) for row in rows], pa.string())
    return table.append_column("position", position).append_column("_raw", raw)


def nested(records: Sequence[Any], start: int = 1) -> pa.Table:
    """Records as a parser gives them."""
    return pa.table(
        {
            "json": pa.array([json.dumps(record) for record in records], pa.large_string()),
            "position": pa.array(range(start, start + len(records)), pa.int64()),
        }
    )


class Landed:
    """What came of landing blocks of rows."""

    def __init__(
        self,
        stream: Reads,
        blocks: Sequence[tuple[pa.Table, str]],
        *,
        memory: int = 1 << 30,
        lines: int = 50_000,
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            landing = Landing(stream, Path(folder), batch_lines=lines, memory_bytes=memory)
            for table, name in blocks:
                landing.add(table, name)
            self.batches = list(landing.batches())
            self.intake = landing.intake
            self.left = list(Path(folder).iterdir())

    @property
    def records(self) -> Counter[tuple[Any, ...]]:
        """Key, hash, amount and currency of every record."""
        return Counter(
            (row["key"], row["hash"], row["amount"], row["currency"], row["fault"])
            for batch in self.batches
            for row in batch.select(["key", "hash", "amount", "currency", "fault"]).to_pylist()
        )

    @property
    def counts(self) -> tuple[Any, ...]:
        """What the books will say was read."""
        intake = self.intake
        return intake.lines, intake.records, intake.uncounted, dict(intake.amounts)


def blocks_of(table: pa.Table, cuts: Sequence[int], name: str = "o1") -> list[tuple[pa.Table, str]]:
    """Cut a table at places."""
    places = sorted({0, table.num_rows, *(cut % (table.num_rows + 1) for cut in cuts)})
    pairs = pairwise(places)
    return [(table.slice(a, b - a), name) for a, b in pairs] or [(table, name)]


def total(landed: Landed) -> dict[str, Decimal]:
    """Add the amounts of the batches by currency."""
    sums: dict[str, Decimal] = {}
    for _, _, amount, currency, _ in landed.records.elements():
        if amount is not None:
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    return {currency: amount for currency, amount in sums.items() if amount}


def conserved(landed: Landed) -> None:
    """What was counted while landing is what is in the batches."""
    keys = [set(batch["key"].to_pylist()) for batch in landed.batches]
    assert sum(map(len, keys)) == len(set().union(*keys)), "a key is in two batches"
    assert sum(landed.records.values()) == landed.intake.records
    counted = {currency: amount for currency, amount in landed.intake.amounts.items() if amount}
    assert total(landed) == counted
    assert not landed.left, "spill files stay behind"
    if all("rows" in batch.column_names for batch in landed.batches):
        lines = sum(len(row) for batch in landed.batches for row in batch["rows"].to_pylist())
        assert lines == landed.intake.lines


@fault("P15")
@settings(max_examples=40, deadline=None)
@given(rows=_rows, cuts=st.lists(st.integers(0, 60), max_size=5), random=st.randoms())
def test_order_blocks_and_memory_change_nothing(
    rows: list[Row], cuts: list[int], random: Any
) -> None:
    usual = Landed(GROUPED, [(tabular(rows), "o1")])
    conserved(usual)
    shuffled = list(rows)
    random.shuffle(shuffled)
    for landed in (
        Landed(GROUPED, blocks_of(tabular(rows), cuts), memory=200),
        Landed(GROUPED, blocks_of(tabular(shuffled), cuts), memory=1),
    ):
        conserved(landed)
        assert landed.counts == usual.counts
        assert landed.records == usual.records


@settings(max_examples=30, deadline=None)
@given(rows=_rows, cuts=st.lists(st.integers(0, 60), max_size=5), lines=st.integers(1, 9))
def test_batches_are_bounded(rows: list[Row], cuts: list[int], lines: int) -> None:
    usual = Landed(GROUPED, [(tabular(rows), "o1")])
    landed = Landed(GROUPED, blocks_of(tabular(rows), cuts), memory=500, lines=lines)
    keys = [set(batch["key"].to_pylist()) for batch in landed.batches]
    assert sum(map(len, keys)) == len(set().union(*keys))
    assert landed.records == usual.records
    for batch in landed.batches:
        size = sum(len(rows) for rows in batch["rows"].to_pylist())
        assert size <= lines or batch.num_rows == 1, "only a record that is too large is alone"


@settings(max_examples=30, deadline=None)
@given(rows=_rows, cuts=st.lists(st.integers(0, 60), max_size=5))
def test_rows_that_are_records_keep_their_order(rows: list[Row], cuts: list[int]) -> None:
    landed = Landed(PLAIN, blocks_of(tabular(rows), cuts), memory=300)
    assert landed.intake.records == len(rows) == landed.intake.lines
    assert sum(batch.num_rows for batch in landed.batches) == len(rows)
    for batch in landed.batches:
        for key in set(batch["key"].to_pylist()):
            of_key = [row for row in batch.to_pylist() if row["key"] == key]
            places = [row["position"] for row in of_key]
            assert places == sorted(places)


@settings(max_examples=30, deadline=None)
@given(good=_rows, bad=_rows, more=_rows, memory=st.sampled_from([1, 200, 3000, 1 << 30]))
def test_an_unreadable_object_leaves_no_trace(
    good: list[Row], bad: list[Row], more: list[Row], memory: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        landing = Landing(GROUPED, Path(folder), memory_bytes=memory)
        landing.add(tabular(good), "o1")
        landing.mark()
        for start in range(0, len(bad), 7):
            landing.add(tabular(bad[start : start + 7]), "o2")
        landing.back_to()
        landing.add(tabular(more), "o3")
        found = Counter(
            (row["key"], row["hash"]) for batch in landing.batches() for row in batch.to_pylist()
        )
        counts = (landing.intake.lines, landing.intake.records, dict(landing.intake.amounts))
    wanted = Landed(GROUPED, [(tabular(good), "o1"), (tabular(more), "o3")])
    assert found == Counter((key, digest) for key, digest, *_ in wanted.records.elements())
    assert counts == (wanted.intake.lines, wanted.intake.records, dict(wanted.intake.amounts))


def test_money_is_counted_to_the_last_digit() -> None:
    rows = [("A", "3", "0.000001", "EUR", None), ("A", "1", "999999999999", "EUR", None)]
    landed = Landed(GROUPED, [(tabular(rows), "o1")])
    conserved(landed)
    assert total(landed) == {"EUR": Decimal("999999999999.000003")}
    assert landed.intake.amounts["EUR"] == Decimal("999999999999.000003")


def test_a_record_whose_money_does_not_fit_is_uncounted_and_stops_nothing() -> None:
    rows = [("A", "1", "999999999999", "EUR", None)] * 12 + [("B", "1", "1", "EUR", None)]
    landed = Landed(GROUPED, [(tabular(rows), "o1")])
    amounts = {key: amount for key, _, amount, _, _ in landed.records}
    assert amounts == {"A": None, "B": Decimal(1)}


def test_a_faulty_row_stays_itself_in_whichever_file_it_stands() -> None:
    torn = ("", "", "", "", "the row is torn")
    one, other = tabular([torn]), tabular([(*torn[:4], "the row is torn in another way")])
    landed = Landed(GROUPED, [(one, "o1"), (other, "o2")])
    conserved(landed)
    assert landed.intake.records == 2
    assert len(set(landed.batches[0]["key"].to_pylist())) == 2


@fault("C10")
def test_an_empty_key_is_a_fault_of_its_row() -> None:
    rows = [("", "1", "2", "EUR", None), ("A", "1", "2", "EUR", None)]
    landed = Landed(GROUPED, [(tabular(rows), "o1")])
    conserved(landed)
    faults = {key: fault for key, _, _, _, fault in landed.records}
    assert faults.pop("A") is None
    assert list(faults.values()) == ["the key no is empty"]
    assert total(landed) == {"EUR": Decimal(4)}


def test_keys_of_several_fields_do_not_run_together() -> None:
    stream = Reads("stock", ("no", "price"), group=True)
    rows = [("a|b", "1", "c", "", None), ("a", "1", "b|c", "", None)]
    assert len(Landed(stream, [(tabular(rows), "o1")]).records) == 2


def test_fields_do_not_run_together_in_a_hash() -> None:
    hashes = {
        next(iter(Landed(PLAIN, [(tabular([row]), "o1")]).records))[1]
        for row in (
            ("A", "x\x1fy", "", "", None),
            ("A", "x", "y\x1f", "", None),
            ("A", "x", "\x1fy", "", None),
        )
    }
    assert len(hashes) == 3


def test_the_newer_file_of_a_pull_wins_wherever_its_row_stands() -> None:
    first = tabular([("B", "1", "1", "", None)] * 5 + [("A", "old", "1", "", None)])
    second = tabular([("A", "new", "1", "", None)])
    batch = Landed(PLAIN, [(first, "zz"), (second, "aa")]).batches[0]
    texts = [row["rows"][0]["quantity"] for row in batch.to_pylist() if row["key"] == "A"]
    assert texts == ["old", "new"]


def test_a_key_in_two_files_is_two_observations_in_the_order_of_the_files() -> None:
    stream = Reads("sales", ("no",), group=True)
    first, second = ([("A", n, "1", "", None) for n in words] for words in ("21", "43"))
    seen = set()
    for names in (("x", "y"), ("y", "x")):
        found = Landed(stream, [(tabular(first), names[0]), (tabular(second), names[1])])
        rows = [[row["quantity"] for row in one] for one in found.batches[0]["rows"].to_pylist()]
        assert rows == [list("21"), list("43")]
        seen.add(tuple(found.batches[0]["hash"].to_pylist()))
    assert len(seen) == 1, "the hash must not depend on the names that we give to objects"


@settings(max_examples=40, deadline=None)
@given(rows=_rows, cuts=st.lists(st.integers(0, 60), max_size=5), random=st.randoms())
def test_a_derived_stream_depends_on_no_order_and_no_block(
    rows: list[Row], cuts: list[int], random: Any
) -> None:
    usual = Landed(DERIVED, [(tabular(rows), "o1")])
    shuffled = list(rows)
    random.shuffle(shuffled)
    landed = Landed(DERIVED, blocks_of(tabular(shuffled), cuts), memory=100)
    assert landed.records == usual.records
    assert landed.intake.records == usual.intake.records == sum(landed.records.values())


_value = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", "1", "2.5"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)
_record = st.fixed_dictionaries(
    {"no": st.sampled_from(["A", "B", "C", "", None, 7])},
    optional={"price": st.sampled_from(["1.5", 2, 2.5, None, "x", True]), "more": _value},
)


@settings(max_examples=40, deadline=None)
@given(records=st.lists(_record | _value, max_size=20), cuts=st.lists(st.integers(0, 20)))
def test_nested_records_come_whole_and_in_order(records: list[Any], cuts: list[int]) -> None:
    landed = Landed(NESTED, blocks_of(nested(records), cuts), memory=400)
    conserved(landed)
    assert landed.intake.records == len(records)
    texts = Counter(t for batch in landed.batches for t in batch["json"].to_pylist())
    assert texts == Counter(json.dumps(record) for record in records)
    for batch in landed.batches:
        for key in set(batch["key"].to_pylist()):
            places = [row["position"] for row in batch.to_pylist() if row["key"] == key]
            assert places == sorted(places)


def test_equal_json_has_one_hash_and_different_json_has_not() -> None:
    def digest(text: str) -> bytes:
        table = pa.table({"json": [text], "position": pa.array([1], pa.int64())})
        ((_, found, *_),) = Landed(NESTED, [(table, "o")]).records
        return bytes(found)

    same = ['{"no":"A","x":{"a":1,"b":[2]}}', '{ "x": {"b": [2], "a": 1}, "no": "A" }']
    assert len({digest(text) for text in same}) == 1
    others = ['{"no":"A","x":1}', '{"no":"A","x":"1"}', '{"no":"A","x":1.0}', '{"no":"A","x":true}',
              '{"no":"A","x":null}', '{"no":"A"}', '{"no":"A","x":{"#":"1"}}']  # fmt: skip
    assert len({digest(text) for text in others}) == len(others)


@fault("E10")
@pytest.mark.parametrize(
    "text",
    ['{"no": "\\ud800"}', '{"no": "A", "price": 1, "currency": "\\ud800"}',
     '{"no": "A", "x": "\\udfff"}', "[" * 100_000, "{", "NaN", "[]", "3", "",
     '{"no": "A", "price": 1e999999999}', '{"no": "A", "price": "NaN"}',
     '{"no": {"deep": 1}}', '{"no": [1]}'],
)  # fmt: skip
def test_a_hostile_record_stops_no_other(text: str) -> None:
    table = pa.table(
        {
            "json": pa.array([text, '{"no": "Z", "price": "2"}'], pa.large_string()),
            "position": pa.array([1, 2], pa.int64()),
        }
    )
    landed = Landed(NESTED, [(table, "o1")])
    conserved(landed)
    good = [row for row in landed.records if row[0] == "Z"]
    assert good[0][2] == Decimal(2)
    assert good[0][4] is None
