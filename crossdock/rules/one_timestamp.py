"""Records that were put together from rows which do not agree."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.history import History
from crossdock.rows import Rows
from crossdock.rules.contract import CommerceRule, Fault, option


class OneTimestamp(CommerceRule):
    """All rows of the source that make one document bear the same timestamp.

    A mapping that takes the first of several timestamps keeps all of them in the document's
    extension, as a list under the name of the source field; a list there breaks this rule.
    """

    name = "one_timestamp"
    needs = ("extension",)
    message = "the rows of this document bear several timestamps: {value}"

    source: str = option("field of the source with the timestamp", default="InvoiceDate")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Look for a list under the field's name; only documents that have one are parsed."""
        bags = rows.column("extension")
        listed = rf"{re.escape(json.dumps(self.source, ensure_ascii=False))}\s*:\s*\["
        several = pc.fill_null(pc.match_substring_regex(bags, listed), False)
        shown = [
            _member(bag, self.source) if hit else None
            for bag, hit in zip(bags.to_pylist(), several.to_pylist(), strict=True)
        ]
        yield Fault("extension", several, values=pa.array(shown, pa.string()))


def _member(bag: str, name: str) -> str:
    found = json.loads(bag).get(name)
    return ", ".join(str(item) for item in found) if isinstance(found, list) else str(found)
