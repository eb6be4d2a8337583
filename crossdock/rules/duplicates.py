"""Things that came twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossdock.history import History
from crossdock.rows import Rows, whole
from crossdock.rules.contract import RUN, CommerceRule, Fault, option


class ExactDuplicateLines(CommerceRule):
    """No line of a document repeats an earlier one in everything but its line number."""

    name = "exact_duplicate_lines"
    on = "lines"
    needs = ("product_id",)
    message = "line {value} repeats an earlier line of the same document"

    besides: tuple[str, ...] = option(
        "fields in which repeated lines may differ", default=("line_id",), kind="fields"
    )

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Group equal lines of a document; all but the first of a group are repeats."""
        skipped = {*self.besides, "line_id"}
        names = [name for name in rows.table.column_names if name not in skipped]
        places = _suspects(rows)
        arrays = [column.take(places) for column in (rows.parent, *map(rows.column, names))]
        keys = [str(number) for number in range(len(arrays))]
        table = pa.table([*arrays, places], [*keys, "place"])
        first = table.group_by(keys, use_threads=False).aggregate([("place", "min")])
        kept = pc.is_in(places, value_set=whole(first.column("place_min")))
        repeats = places.filter(pc.invert(kept))
        yield Fault("line_id", pc.is_in(pa.array(range(len(rows)), pa.int64()), value_set=repeats))


def _suspects(rows: Rows) -> pa.Array:
    """Positions of lines whose product stands on another line of their document; the rest differ.

    Cheap, and leaves few lines for the comparison of all columns.
    """
    product = rows.column("product_id").dictionary_encode().indices
    key = rows.parent.to_numpy() * (len(rows) + 1) + pc.fill_null(product, len(rows)).to_numpy()
    _, which, counts = np.unique(key, return_inverse=True, return_counts=True)
    return pa.array(np.flatnonzero(counts[which] > 1), pa.int64())


class DuplicateDocumentNumber(CommerceRule):
    """No two documents of a run that come from different records have the same number.

    The number counts within organisation and shop.

    Copies that are equal in every field let the first one pass; where they differ, nobody can
    know which is right, and all of them are held. The run gate judges this rule, since the copies
    may be in different batches; versions of one source record are no duplicates.
    """

    name = "duplicate_document_number"
    on = RUN
    message = "the number {value} stands on {expected} different documents of this run"

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Judge nothing here; ``crossdock.gate`` sees the keys of the whole run."""
        return iter(())
