"""Amounts of a document that must add up."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.history import History
from crossdock.rows import Rows
from crossdock.rules.contract import CommerceRule, Fault, option
from crossdock.rules.exact import differ, slack, wide, zero_if_null

TOLERANCE = "cent (half of the currency's smallest coin), exact, or an amount"


class TotalAddsUp(CommerceRule):
    """The total is the sum of the lines, plus charges, less allowances, plus tax.

    Tax is added only where prices_include_tax is not true. Charges and allowances come from the
    header, or from the list charges where the header has none. Not judged without a total.
    """

    name = "total_adds_up"
    needs = ("total_amount", "currency", "lines")
    message = "the total is {value}, but lines, charges, allowances and tax come to {expected}"

    tolerance: str = option(TOLERANCE, default="cent", kind="tolerance")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Compare total_amount with the sum of its parts."""
        expected = wide(rows.total("lines", "line_amount"))
        expected = pc.add(expected, _header(rows, "charge_amount", charge=True))
        expected = pc.subtract(expected, _header(rows, "allowance_amount", charge=False))
        expected = pc.add(expected, _tax_on_top(rows))
        allowed = slack(self.tolerance, rows.column("currency"))
        wrong = differ(wide(rows.column("total_amount")), expected, allowed)
        yield Fault("total_amount", wrong, expected)


class LinesAddUp(CommerceRule):
    """The header's line_amount is the sum of the line amounts. Not judged where it is missing."""

    name = "lines_add_up"
    needs = ("line_amount", "currency", "lines")
    message = "the header says that lines come to {value}, but they come to {expected}"

    tolerance: str = option(TOLERANCE, default="cent", kind="tolerance")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Compare line_amount with the sum of the lines."""
        expected = wide(rows.total("lines", "line_amount"))
        allowed = slack(self.tolerance, rows.column("currency"))
        yield Fault(
            "line_amount", differ(wide(rows.column("line_amount")), expected, allowed), expected
        )


class TaxesAddUp(CommerceRule):
    """The header's tax_amount is the sum of the tax table. Not judged without a tax table."""

    name = "taxes_add_up"
    needs = ("tax_amount", "currency", "taxes")
    message = "the tax is {value}, but the tax table comes to {expected}"

    tolerance: str = option(TOLERANCE, default="cent", kind="tolerance")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Compare tax_amount with the sum of the taxes."""
        expected = wide(rows.total("taxes", "tax_amount"))
        allowed = slack(self.tolerance, rows.column("currency"))
        wrong = differ(wide(rows.column("tax_amount")), expected, allowed)
        yield Fault("tax_amount", pc.and_(wrong, pc.greater(rows.lengths("taxes"), 0)), expected)


class HasLines(CommerceRule):
    """The document has at least one line."""

    name = "has_lines"
    needs = ("lines",)
    message = "there is no line"

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Look at the length of the list of lines."""
        yield Fault(
            "lines", pc.equal(rows.lengths("lines"), 0), values=pa.nulls(len(rows), pa.string())
        )


def _header(rows: Rows, name: str, *, charge: bool) -> pa.Array:
    """Take a header amount, else the sum of the list ``charges`` of that sign."""
    amount = rows.column(name) if rows.has(name) else pa.nulls(len(rows), pa.decimal128(18, 6))
    if amount.null_count == 0 or not rows.has("charges"):
        return wide(zero_if_null(amount))
    parts = rows.children("charges")
    if len(parts) == 0:
        return wide(zero_if_null(amount))
    wanted = pc.equal(parts.column("is_charge"), charge)
    values = pc.if_else(wanted, parts.column("amount"), pa.scalar(None, pa.decimal128(18, 6)))
    summed = rows.gather(parts, values, "sum", pa.scalar(0, pa.decimal128(38, 6)))
    return wide(zero_if_null(pc.coalesce(amount.cast(summed.type), summed)))


def _tax_on_top(rows: Rows) -> pa.Array:
    if not rows.has("tax_amount"):
        return wide(zero_if_null(pa.nulls(len(rows), pa.decimal128(18, 6))))
    included = pc.fill_null(rows.column("prices_include_tax"), False)
    tax = zero_if_null(rows.column("tax_amount"))
    return wide(pc.if_else(included, pa.scalar(0, tax.type), tax))
