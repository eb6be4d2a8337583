"""Quantities that no one would order, and stock that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.history import History
from crossdock.rows import Rows
from crossdock.rules.contract import CommerceRule, Fault, option
from crossdock.rules.lookup import found_for


class QuantityOutlier(CommerceRule):
    """A quantity is not far above what is usual for its product.

    Usual is the 99th percentile of the product's earlier lines, which a few mistakes in the past
    do not move. Not judged for a product without a past; a fixed bound is the business of
    column_values_to_be_between.
    """

    name = "quantity_outlier"
    on = "lines"
    levels = ("document", "lines")
    message = "a quantity of {value} is far above the usual for this product: at most {expected}"

    field: str = option("field with the quantity", default="quantity", kind="field")
    product: str = option("field with the product", default="product_id", kind="field")
    factor: Decimal = option(
        "how many times the 99th percentile is still usual", default=Decimal(10)
    )

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Look each product's usual quantity up and compare."""
        known = history.quantities(pc.unique(rows.column(self.product).drop_null()))
        usual = found_for(rows.column(self.product), known["product_id"], known["p99"])
        most = pc.multiply(usual, pa.scalar(self.factor, pa.decimal128(12, 6)))
        yield Fault(self.field, pc.greater(rows.column(self.field), most), expected=most)


class StockNotNegative(CommerceRule):
    """No stock figure is below zero."""

    name = "stock_not_negative"
    message = "{field} is {value}; stock cannot be below zero"

    fields: tuple[str, ...] = option(
        "fields with stock figures", default=("on_hand", "available", "reserved"), kind="fields"
    )

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Compare with zero."""
        for field in self.fields:
            values = rows.column(field)
            yield Fault(field, pc.less(values, pa.scalar(Decimal(0), values.type)))
