"""Text that must be there."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.compute as pc

from crossdock.history import History
from crossdock.rows import Rows
from crossdock.rules.contract import CommerceRule, Fault, option


class TextMissing(CommerceRule):
    """A text is there and is more than blanks."""

    name = "text_missing"
    levels = ("document", "lines")
    message = "{field} is missing"

    fields: tuple[str, ...] = option("fields that must hold text", kind="fields")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Look for nothing, and for nothing but white space of any kind."""
        for field in self.fields:
            values = rows.column(field)
            blank = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(values)), 0)
            yield Fault(field, pc.fill_null(blank, True))
