"""From landed rows to raw batches: count the money, group by key, hash, keep batches bounded.

Rows of one record may lie anywhere in a source. They are put into buckets by the hash of their
key; a bucket that grows goes to disk, encrypted with a key that only this process knows. So the
memory stays bounded, a document never spans two batches, and the same rows in another order give
the same batches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossdock.amounts import counted
from crossdock.buckets import Buckets
from crossdock.connector import Reads
from crossdock.nested import LONGEST_KEY, records_of, too_long

BATCH_LINES = 50_000
MEMORY_BYTES = 128 << 20
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_TOO_MUCH = 1e18  # in millionths; the most that an amount of the store can be
_SIGNS = ("\x1d", "\x1e", "\x1f")  # what separates fields and rows in a hash, and what escapes it
ENGINE_COLUMNS = ("key", "hash", "object", "position", "deleted", "amount", "currency", "fault")


@dataclass
class Intake:
    """What a leg took in, counted row by row while landing, before anything was grouped."""

    lines: int = 0
    uncounted: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)
    _keys: list[np.ndarray[Any, Any]] = field(default_factory=list)
    _records: int = 0

    @property
    def records(self) -> int:
        """How many records came: distinct keys where rows are grouped, else observations."""
        distinct = int(np.unique(np.concatenate(self._keys)).size) if self._keys else 0
        return distinct + self._records

    def copy(self) -> Intake:
        """Give the counts as they are now, to come back to."""
        return Intake(
            self.lines,
            self.uncounted,
            dict(self.amounts),
            list(self._keys),
            self._records,
        )

    def add(self, rows: pa.Table, stream: Reads) -> None:
        """Count a block of rows (columns key_hash, object, amount, currency)."""
        self.lines += rows.num_rows
        if stream.group:
            keys = rows["key_hash"].to_numpy()
            if not stream.options.get("of"):  # a key in two objects is two observations
                keys = keys ^ (rows["object"].to_numpy().astype(np.uint64) * _SPREAD)
            self._keys.append(np.unique(keys))
        else:
            self._records += rows.num_rows
        self.uncounted += rows["amount"].null_count
        if rows.num_rows == 0:
            return
        pairs = rows.select(["currency", "amount"])
        sums = pairs.group_by("currency").aggregate([("amount", "sum")])
        for currency, amount in zip(
            sums["currency"].to_pylist(), sums["amount_sum"].to_pylist(), strict=True
        ):
            if amount is not None:
                self.amounts[currency] = self.amounts.get(currency, Decimal(0)) + amount


class Landing:
    """Collects the rows of one stream and gives them back as raw batches."""

    def __init__(
        self,
        stream: Reads,
        scratch: Path,
        *,
        batch_lines: int = BATCH_LINES,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self.stream = stream
        self.intake = Intake()
        self._mark = Intake()
        self._objects: dict[str, int] = {}  # a number a row is lighter than an id a row
        self._batch_lines = batch_lines
        self._buckets = Buckets(scratch, memory_bytes)
        self._schema: pa.Schema | None = None

    def add(self, table: pa.Table, object_id: str) -> None:
        """Take rows as ``Connector.tables`` gives them, all from one landed object."""
        rows = (
            records_of(table, self.stream)
            if "json" in table.column_names
            else _tabular(table, self.stream)
        )
        if rows.num_rows == 0:
            return
        rows = rows.append_column("object", _code_of(self._objects, object_id, rows.num_rows))
        self.intake.add(rows, self.stream)
        self._buckets.add(rows)

    def mark(self) -> None:
        """Remember the present state, for ``back_to`` when an object proves unreadable."""
        self._mark = self.intake.copy()
        self._buckets.mark()

    def back_to(self) -> None:
        """Forget every row that came after the last ``mark``."""
        self.intake = self._mark.copy()
        self._buckets.back_to()

    def batches(self) -> Iterator[pa.Table]:
        """Yield the raw batches; each key is in one of them only."""
        for rows in self._buckets.drain(self._batch_lines):
            raw = _grouped(rows, self.stream)
            names = pa.array(list(self._objects), pa.string())
            place = raw.column_names.index("object")
            yield raw.set_column(place, "object", names.take(raw["object"]))


def _code_of(codes: dict[str, int], name: str, size: int) -> pa.Array:
    return pa.repeat(pa.scalar(codes.setdefault(name, len(codes)), pa.int32()), size)


def _tabular(table: pa.Table, stream: Reads) -> pa.Table:
    """Add key, its hash, amount, currency and fault to rows of text columns."""
    derived = stream.options.get("of")
    if derived:
        table = _distinct(table, stream)
    fault = (
        table["_fault"].combine_chunks()
        if "_fault" in table.column_names
        else pa.nulls(table.num_rows, pa.string())
    )
    key = _key(table, stream.key)
    empty = pc.and_(pc.is_null(fault), pc.equal(key, ""))
    fault = pc.if_else(empty, pa.scalar(f"the key {', '.join(stream.key)} is empty"), fault)
    if (pc.max(pc.binary_length(key)).as_py() or 0) > LONGEST_KEY:
        giant = pc.and_(pc.is_null(fault), pc.greater(pc.binary_length(key), LONGEST_KEY))
        fault = pc.if_else(giant, pa.scalar(too_long(stream)), fault)
    alone = pc.is_valid(fault)
    if pc.any(alone).as_py():
        key = pc.replace_with_mask(key, alone, _nameless(table.filter(alone)))
    amount, currency = counted(table, stream)
    columns = {
        name: table[name]
        for name in table.column_names
        if name not in {"_fault", "position"}
    }
    return pa.table(
        {
            "key": key,
            "key_hash": pa.array(key_hashes(key)),
            "position": table["position"],
            "amount": amount,
            "currency": currency,
            "fault": fault,
            "deleted": pa.repeat(pa.scalar(False), table.num_rows),
            **{f"row.{name}": column for name, column in columns.items()},
        }
    )


def _nameless(rows: pa.Table) -> pa.Array:
    """Name rows without a usable key by what they hold, wherever they stand."""
    texts = _text([rows[name] for name in rows.column_names if name not in {"position", "_fault"}])
    return pa.array([f"?{digest.hex()[:16]}" for digest in _sha256(texts).to_pylist()])


def _distinct(table: pa.Table, stream: Reads) -> pa.Table:
    """Keep the distinct values of a derived stream's columns, with their first position."""
    wanted = [*stream.key, *(c for c in stream.options.get("columns", ()) if c not in stream.key)]
    if "_fault" in table.column_names:
        table = table.filter(pc.is_null(table["_fault"]))
    for name in stream.key:
        table = table.filter(pc.not_equal(table[name], ""))
    few = table.select([*wanted, "position"]).group_by(wanted).aggregate([("position", "min")])
    return few.rename_columns([*wanted, "position"])


def _key(table: pa.Table, names: Sequence[str]) -> pa.Array:
    columns = [pc.fill_null(table[name].cast(pa.string()), "") for name in names]
    if len(columns) == 1:
        joined = columns[0]
    else:
        escaped = (
            pc.replace_substring(pc.replace_substring(column, "\\", "\\\\"), "|", "\\|")
            for column in columns
        )
        joined = pc.binary_join_element_wise(*escaped, "|")
        joined = pc.if_else(pc.equal(joined, "|" * (len(columns) - 1)), "", joined)
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def key_hashes(keys: pa.Array | pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """Give a stable 64-bit hash of each key, computed once a distinct key."""
    if isinstance(keys, pa.ChunkedArray):
        keys = _one(keys)
    encoded = keys.dictionary_encode()
    uniques = np.fromiter(
        (
            int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
            for key in encoded.dictionary.to_pylist()
        ),
        dtype=np.uint64,
        count=len(encoded.dictionary),
    )
    return uniques[encoded.indices.to_numpy(zero_copy_only=False)] if len(encoded) else uniques[:0]


def _grouped(rows: pa.Table, stream: Reads) -> pa.Table:
    """Make the raw batch: one row a record, its content hash, its amount, its rows as a list."""
    if "json" in rows.column_names:
        order = pc.sort_indices(rows, [("key", "ascending"), ("arrival", "ascending")])
        return rows.take(order).drop_columns(["key_hash", "arrival"])
    names = [name for name in rows.column_names if name.startswith("row.")]
    rows = rows.append_column("text", _text([rows[n] for n in names if n != "row._raw"]))
    codes = rows["key"].combine_chunks().dictionary_encode()
    codes = codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes
    rows = rows.append_column("code", codes.indices)
    unordered = stream.options.get("rows") == "unordered" or bool(stream.options.get("of"))
    within = ["text", "position"] if unordered else ["position"]
    if stream.group:
        whole = ["code"] if stream.options.get("of") else ["code", "object"]
        order = [(name, "ascending") for name in (*whole, *within)]
        rows = rows.take(pc.sort_indices(rows, order))
        if stream.options.get("of"):
            rows = rows.filter(_firsts(rows["code"], rows["text"]))
        starts = _starts([rows[name].to_numpy() for name in whole])
    else:
        order = [(name, "ascending") for name in ("code", "object", "position")]
        rows = rows.take(pc.sort_indices(rows, order))
        starts = np.arange(rows.num_rows)
    rows = rows.combine_chunks()
    offsets = pa.array(np.append(starts, rows.num_rows).astype(np.int32))
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, _one(rows["text"])), "\x1e")
    fields = [_one(rows[name]) for name in names] + [_one(rows["position"])]
    labels = [name.removeprefix("row.") for name in names] + ["position"]
    struct = pa.StructArray.from_arrays(fields, labels)
    first = pa.array(starts)
    return pa.table(
        {
            "key": rows["key"].take(first),
            "hash": _sha256(joined),
            "object": rows["object"].take(first),
            "position": pa.array(np.minimum.reduceat(rows["position"].to_numpy(), starts)),
            "deleted": rows["deleted"].take(first),
            "amount": _sums(rows["amount"], starts),
            "currency": rows["currency"].take(first),
            "fault": rows["fault"].take(first),
            "rows": pa.ListArray.from_arrays(offsets, struct),
        }
    )


def _text(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    """Join the fields of each row so that no two different rows give the same text."""
    plain = []
    for column in columns:
        words = pc.fill_null(column.cast(pa.string()), "")
        for sign in _SIGNS:
            if pc.any(pc.match_substring(words, sign)).as_py():
                words = pc.replace_substring(words, sign, "\x1d" + "abc"[_SIGNS.index(sign)])
        plain.append(words)
    return pc.binary_join_element_wise(*plain, "\x1f")


def _firsts(code: pa.ChunkedArray, text: pa.ChunkedArray) -> pa.Array:
    """Say of sorted rows which are the first of their kind; parsers give rows in blocks."""
    again = pc.and_(
        pc.equal(code.slice(1), code.slice(0, max(0, len(code) - 1))),
        pc.equal(text.slice(1), text.slice(0, max(0, len(text) - 1))),
    )
    return pa.array([True, *pc.invert(again).to_pylist()][: len(code)], pa.bool_())


def _starts(columns: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Find the rows where any of ``columns`` differs from the row before."""
    differs = np.zeros(len(columns[0]), dtype=bool)
    differs[:1] = True
    for column in columns:
        differs[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(differs)


def _one(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):
        return combined.chunk(0) if combined.num_chunks else pa.array([], combined.type)
    return combined


def _sha256(texts: pa.Array) -> pa.Array:
    return pa.array(
        [hashlib.sha256(text.encode()).digest() for text in texts.to_pylist()], pa.binary(32)
    )


def _sums(amounts: pa.ChunkedArray, starts: np.ndarray[Any, Any]) -> pa.Array:
    """Add the countable amounts of each record; null where there is none, or where it is too much.

    A record with one line that cannot be counted stands on the books with the others, as they
    were counted when the lines came.
    """
    column = _one(amounts)
    scaled = pc.multiply(pc.fill_null(column, Decimal(0)), pa.scalar(1_000_000)).cast(pa.int64())
    lines = scaled.to_numpy()
    totals = np.add.reduceat(lines, starts)
    counted = np.add.reduceat(np.asarray(pc.is_valid(column)).astype(np.int64), starts)
    fits = np.add.reduceat(np.abs(lines).astype(np.float64), starts) < _TOO_MUCH
    totals = np.where(fits, totals, 0)
    values = pa.array(totals).cast(pa.decimal128(19, 0)).cast(pa.decimal128(25, 6))
    exact = pc.multiply(values, pa.scalar(Decimal("0.000001"))).cast(pa.decimal128(18, 6))
    known = pa.array((counted > 0) & fits)
    return pc.if_else(known, exact, pa.scalar(None, pa.decimal128(18, 6)))
