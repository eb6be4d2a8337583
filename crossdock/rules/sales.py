"""What is sold, and whether anything is sold at all."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.history import History
from crossdock.rows import Rows
from crossdock.rules.contract import CommerceRule, Fault, option


class NotAProduct(CommerceRule):
    """The line is about goods: neither postage, a fee, a discount nor an adjustment.

    The mapping says so in the line's kind; a line without a kind counts as a product.
    """

    name = "not_a_product"
    on = "lines"
    needs = ("kind", "product_id")
    message = "{value} is no product but a service, charge, discount or adjustment"

    kinds: tuple[str, ...] = option(
        "kinds of line that are no product", default=("service", "charge", "discount", "adjustment")
    )

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Look at the kind of the line."""
        kinds = pa.array(self.kinds, pa.string())
        yield Fault("product_id", pc.is_in(rows.column("kind"), value_set=kinds))


class NotASale(CommerceRule):
    """An order sells something: at least one line has a quantity above zero.

    Shops book breakage, theft and stock corrections as orders with negative quantities.
    """

    name = "not_a_sale"
    needs = ("lines",)
    message = "nothing is sold here: no line has a quantity above zero"

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Look for one line with a quantity above zero."""
        sells = rows.any_of("lines", _above_zero(rows.children("lines").column("quantity")))
        some = pc.greater(rows.lengths("lines"), 0)
        yield Fault("lines", pc.and_(some, pc.invert(sells)), values=_nothing(rows))


class NothingToPay(CommerceRule):
    """An order with quantities above zero costs something: not all of its prices are zero."""

    name = "nothing_to_pay"
    needs = ("lines",)
    message = "goods leave, but nothing is to be paid: every price is zero"

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Look for a quantity above zero without any price above zero."""
        lines = rows.children("lines")
        leaves = rows.any_of("lines", _above_zero(lines.column("quantity")))
        costs = rows.any_of("lines", _above_zero(pc.abs(lines.column("unit_price"))))
        yield Fault("lines", pc.and_(leaves, pc.invert(costs)), values=_nothing(rows))


def _above_zero(values: pa.Array) -> pa.Array:
    return pc.greater(values, pa.scalar(Decimal(0), values.type))


def _nothing(rows: Rows) -> pa.Array:
    return pa.nulls(len(rows), pa.string())
