"""Records that were put together from rows which do not agree."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.history import History
from crossdock.rows import Rows
from crossdock.rules.contract import CommerceRule, Fault, option


class OneTimestamp(CommerceRule):
    """All rows of the source that make one document bear the same timestamp.

    A mapping that says ``differs: note`` lists what the rows say in the document's extension,
    under ``differs`` and the name of the source field; such a list breaks this rule.
    """

    name = "one_timestamp"
    needs = ("extension",)
    message = "the rows of this document bear several timestamps: {value}"

    source: str = option("field of the source with the timestamp")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Read the few extensions that speak of differences."""
        bags = rows.column("extension")
        spoken = pc.indices_nonzero(pc.fill_null(pc.match_substring(bags, '"differs"'), False))
        said: list[str | None] = [None] * len(rows)
        for at in spoken.to_pylist():
            said[at] = self._differing(bags[at].as_py())
        values = pa.array(said, pa.string())
        yield Fault("extension", pc.is_valid(values), values=values)

    def _differing(self, bag: str) -> str | None:
        differs = json.loads(bag).get("differs")
        found = differs.get(self.source) if isinstance(differs, dict) else None
        return ", ".join(str(item) for item in found) if isinstance(found, list) else None
