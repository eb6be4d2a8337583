"""Prices against those that were accepted before."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.history import History
from crossdock.rows import Rows
from crossdock.rules.contract import CommerceRule, Fault, option
from crossdock.rules.lookup import found_for


class PriceJump(CommerceRule):
    """A price differs from the last accepted one by no more than a share of it.

    The last price is that of the same product in the same currency. A share of 0.5 lets 10.00
    become anything from 5.00 to 15.00; it also stops cents that were taken for pounds. Not judged
    without an earlier price, or where that was zero.
    """

    name = "price_jump"
    levels = ("document", "lines")
    message = "the price is {value}, the last one was {expected}"

    field: str = option("field with the price of one unit", default="amount", kind="field")
    product: str = option("field with the product", default="product_id", kind="field")
    share: Decimal = option("greatest change, as a share of the last price", default=Decimal("0.5"))

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Look each product's last price up and compare."""
        currency = "currency" if rows.has("currency") else "document.currency"
        keys = _key(rows.column(self.product), rows.column(currency))
        known = history.last_prices(pc.unique(rows.column(self.product).drop_null()))
        last = found_for(keys, _key(known["product_id"], known["currency"]), known["unit_price"])
        now = rows.column(self.field)
        change = pc.abs(pc.subtract(now, last))
        most = pc.multiply(last, pa.scalar(self.share, pa.decimal128(12, 6)))
        wrong = pc.and_(
            pc.greater(change, most), pc.greater(last, pa.scalar(Decimal(0), last.type))
        )
        yield Fault(self.field, wrong, expected=last)


def _key(product: pa.Array, currency: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(product, currency, "\x1f")
