"""Groups of rows: one value out of many, and an order that does not depend on arrival."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossdock.mapping.frames import Column, Ints, Mask

Take = Literal["first", "last", "min", "max", "most_common", "only"]


def ranks(values: Any) -> Ints:
    """Rank distinct values; equal ones share a rank, starting at 0."""
    kind = values.type
    if pa.types.is_boolean(kind):
        values = pc.cast(values, pa.int8())
    dense = pc.rank(values, sort_keys="ascending", tiebreaker="dense")
    found: Ints = dense.to_numpy(zero_copy_only=False).astype(np.int64) - 1
    return found


def take(values: Any, codes: Ints, offsets: Ints, how: Take) -> tuple[Ints, Mask]:
    """Choose one value per group: codes by group (-1: none), and where values differ.

    Rows without a value do not take part. ``most_common`` takes the smallest of equals, ``only``
    the smallest where values differ.
    """
    groups = len(offsets) - 1
    if len(codes) == groups and bool((np.diff(offsets) == 1).all()):
        return codes, np.zeros(groups, np.bool_)
    rows = np.flatnonzero(codes >= 0)
    parents = np.repeat(np.arange(groups), np.diff(offsets))[rows]
    starts = np.flatnonzero(np.diff(parents, prepend=-1))
    chosen = np.full(groups, -1, np.int64)
    differ = np.zeros(groups, np.bool_)
    if len(rows) == 0:
        return chosen, differ
    rank = ranks(values)
    by_rank = np.zeros(rank.max() + 1, np.int64)
    by_rank[rank[::-1]] = np.arange(len(rank))[::-1]
    found = rank[codes[rows]]
    lowest, highest = np.minimum.reduceat(found, starts), np.maximum.reduceat(found, starts)
    present = parents[starts]
    differ[present] = lowest != highest
    ends = np.append(starts[1:], len(rows)) - 1
    if how in ("first", "last"):
        chosen[present] = codes[rows][starts if how == "first" else ends]
    elif how == "most_common":
        chosen[present] = by_rank[_most_common(parents, found)]
    else:
        chosen[present] = by_rank[highest if how == "max" else lowest]
    return chosen, differ


def _most_common(parents: Ints, found: Ints) -> Ints:
    width = int(found.max()) + 1
    keys, counts = np.unique(parents * width + found, return_counts=True)
    order = np.lexsort((keys, -counts, keys // width))
    first = np.flatnonzero(np.diff((keys // width)[order], prepend=-1))
    best: Ints = (keys % width)[order][first]
    return best


def order(columns: Sequence[Column], parents: Ints) -> Ints:
    """Sort rows within their parents by the given columns, first column first; nulls first.

    Ranks are packed into as few whole numbers as hold them, because each costs a sort.
    """
    packed: list[Ints] = []
    room = 1
    for ranked, width in [(parents, int(parents.max(initial=0)) + 1), *map(_ranked, columns)]:
        if packed and room * width < 2**62:
            packed[-1] = packed[-1] * width + ranked
            room *= width
        else:
            packed.append(ranked)
            room = width
    return np.lexsort(tuple(reversed(packed)))


def _ranked(column: Column) -> tuple[Ints, int]:
    if len(column.values) == 0:
        return np.zeros(len(column.codes), np.int64), 1
    rank = np.append(ranks(column.values) + 1, 0)
    return rank[column.codes], int(rank.max()) + 1


def numbers(offsets: Ints, sorting: Ints | None) -> Ints:
    """Number the rows of each group from 1 in their final order."""
    counted = np.arange(offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets)) + 1
    if sorting is None:
        return counted
    result = np.empty_like(counted)
    result[sorting] = counted
    return result
