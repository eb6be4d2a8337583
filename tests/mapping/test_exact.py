"""Arithmetic on columns: what Decimal says, or marked as not fitting."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.mapping import exact
from crossdock.model.arrow import DECIMAL

LARGEST = Decimal(10) ** 12
VALUES = st.one_of(
    st.decimals(-LARGEST + 1, LARGEST - 1, places=6),
    st.integers(-2000, 2000).map(lambda number: Decimal(number) / 100),
)
COLUMN = st.lists(st.one_of(st.none(), VALUES), max_size=12)


def fits(value):
    return abs(value) < LARGEST and value == round(value, 6)


def column(values):
    return pa.array(values, DECIMAL)


@settings(deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), max_size=12))
def test_products_sums_and_differences_are_exact_or_marked(pairs):
    left, right = column([a for a, _ in pairs]), column([b for _, b in pairs])
    with localcontext(prec=100):
        for got, wanted in (
            (exact.multiply(left, right), [a * b for a, b in pairs]),
            (exact.add(left, right), [a + b for a, b in pairs]),
            (exact.add(left, right, minus=True), [a - b for a, b in pairs]),
        ):
            values, bad = got
            assert values.type == DECIMAL
            for value, wrong, true in zip(values.to_pylist(), bad.tolist(), wanted, strict=True):
                assert wrong == (not fits(true))
                assert value == (None if wrong else true)


@settings(deadline=None)
@given(st.lists(COLUMN, max_size=6))
def test_group_sums_are_exact_or_marked(groups):
    offsets = np.concatenate([[0], np.cumsum([len(group) for group in groups])]).astype(np.int64)
    values = column([value for group in groups for value in group])
    sums, bad = exact.group_sums(values, offsets)
    for group, got, wrong in zip(groups, sums.to_pylist(), bad.tolist(), strict=True):
        true = sum((value for value in group if value is not None), Decimal(0))
        assert wrong == (abs(true) >= LARGEST)
        assert got == (None if wrong else true)


def test_ten_thousand_of_the_largest_do_not_wrap_around():
    values = column([LARGEST - 1] * 10_000)
    sums, bad = exact.group_sums(values, np.array([0, 1, 10_000]))
    assert bad.tolist() == [False, True]
    assert sums.to_pylist() == [LARGEST - 1, None]


def test_a_slice_of_a_column_is_read_at_its_place():
    values = column([Decimal(1), None, Decimal("-2.5"), Decimal(4)]).slice(1, 2)
    assert exact.unscaled(values).tolist() == [0, -2_500_000]
