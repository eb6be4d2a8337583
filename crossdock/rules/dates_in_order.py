"""Dates that must follow one another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.history import History
from crossdock.rows import Rows
from crossdock.rules.contract import CommerceRule, Fault, option


class DatesInOrder(CommerceRule):
    """Each of the named dates is not before the one named before it.

    Where one of the two is a day and the other a moment, their days (UTC) are compared. A missing
    date is no fault; the dates around it are compared with each other.
    """

    name = "dates_in_order"
    levels = ("document", "lines")
    message = "{field} is {value}, which is before {expected}"

    fields: tuple[str, ...] = option("two or more dates, the earliest first", kind="fields")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Compare neighbours; a gap hands the date before it on to the date after it."""
        latest = rows.column(self.fields[0])
        for _, field in pairwise(self.fields):
            here = rows.column(field)
            before, after = _alike(latest, here)
            yield Fault(field, pc.less(after, before), expected=latest)
            latest = pc.coalesce(after, before)


def _alike(left: pa.Array, right: pa.Array) -> tuple[pa.Array, pa.Array]:
    if left.type == right.type:
        return left, right
    return left.cast(pa.date32(), safe=False), right.cast(pa.date32(), safe=False)
