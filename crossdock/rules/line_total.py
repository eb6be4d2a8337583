"""The arithmetic of one line."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.history import History
from crossdock.rows import Rows
from crossdock.rules.contract import CommerceRule, Fault, option
from crossdock.rules.exact import slack, times, zero_if_null
from crossdock.rules.totals import TOLERANCE


class LineTotal(CommerceRule):
    """The line amount is quantity × price, less the line's allowance, plus its charge.

    The price is for price_base_quantity units (1 where it is not said). Not judged where
    quantity, price or line amount is missing.
    """

    name = "line_total"
    on = "lines"
    needs = ("quantity", "unit_price", "line_amount", "document.currency")
    message = "the line amount is {value}, but quantity and price come to {expected}"

    tolerance: str = option(TOLERANCE, default="cent", kind="tolerance")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Compare line_amount with the product; division is avoided by multiplying both sides."""
        product = times(rows.column("quantity"), rows.column("unit_price"))
        extra = pc.subtract(
            zero_if_null(rows.column("charge_amount")),
            zero_if_null(rows.column("allowance_amount")),
        )
        rest = pc.subtract(extra, rows.column("line_amount"))
        allowed = slack(self.tolerance, rows.column("document.currency"))
        base = _base(rows)
        if base is None:
            wrong = pc.greater(pc.abs(pc.add(product, rest)), allowed)
            yield Fault("line_amount", wrong, _shown(product, extra, wrong))
            return
        rest, base, allowed = (
            values.cast(pa.decimal256(20, 6)) for values in (rest, base, allowed)
        )
        difference = pc.add(product.cast(pa.decimal256(37, 12)), pc.multiply(rest, base))
        wrong = pc.greater(pc.abs(difference), pc.multiply(allowed, pc.abs(base)))
        yield Fault("line_amount", wrong, _divided(product, extra, base, wrong))


def _base(rows: Rows) -> pa.Array | None:
    """Give the price base of each line, None where all prices are for one unit."""
    if not rows.has("price_base_quantity"):
        return None
    base = rows.column("price_base_quantity")
    one = pa.scalar(Decimal(1), base.type)
    base = pc.fill_null(base, one)
    return None if pc.all(pc.equal(base, one)).as_py() in (True, None) else base


def _shown(product: pa.Array, extra: pa.Array, wrong: pa.Array) -> pa.Array | None:
    return pc.add(product, extra) if pc.any(wrong).as_py() else None


def _divided(product: pa.Array, extra: pa.Array, base: pa.Array, wrong: pa.Array) -> pa.Array:
    """Work out what the few wrong lines should be; exact division needs Python's Decimal."""
    values: list[Decimal | None] = [None] * len(product)
    with localcontext(prec=60):  # the usual 28 digits are too few for the largest amounts
        for at in pc.indices_nonzero(pc.fill_null(wrong, False)).to_pylist():
            unit = base[at].as_py()
            if unit:
                values[at] = round(product[at].as_py() / unit + extra[at].as_py(), 6)
    return pa.array(values, pa.decimal128(38, 6))
