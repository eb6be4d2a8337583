"""Documents that suppliers send, against the other documents of their order."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.history import History
from crossdock.rows import Rows
from crossdock.rules.contract import CommerceRule, Fault, option


class OrderFamily(CommerceRule):
    """A response, shipment, receiving advice or invoice fits the other documents of its order.

    The checks are those of ``edi/family.yaml`` whose severity is ``hold``; a document whose order
    is not known does not fit. The value says everything that is wrong with the document.
    """

    name = "order_family"
    levels = ("document",)
    needs = ("id", "organisation")
    message = "{value}"

    orders: str = option("entity of the orders", default="purchase_order", kind="entity")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Ask about all documents at once, and say what is wrong with each."""
        found = history.misfits(rows.entity.name, rows.table, self.orders)
        words: dict[int, list[str]] = {}
        for row, said in zip(found["row"].to_pylist(), found["words"].to_pylist(), strict=True):
            words.setdefault(row, []).append(said)
        values = pa.array(
            ["; ".join(words[row]) if row in words else None for row in range(len(rows))],
            pa.string(),
        )
        field = "order_id" if rows.has("order_id") else "id"
        yield Fault(field, pc.is_valid(values), values=values)
