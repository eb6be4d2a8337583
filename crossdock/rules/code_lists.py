"""Codes that must be on a list that the whole trade shares.

Sources: ISO 3166-1 (countries), ISO 4217 (currencies), UN/ECE Recommendations 20 and 21 (units).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.history import History
from crossdock.model import codes
from crossdock.rows import Rows
from crossdock.rules.contract import CommerceRule, Fault, option
from crossdock.rules.exact import decimals_of


@cache
def units() -> tuple[str, ...]:
    """All unit codes of Recommendation 20, and those of 21 with an X before them."""
    text = resources.files(__package__).joinpath("units.txt").read_text(encoding="ascii")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return tuple(" ".join(lines).split())


def _off_list(values: pa.Array, listed: Iterable[str]) -> pa.Array:
    """Say where a code is there but not on the list."""
    known = pa.array(listed, pa.string())
    return pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, value_set=known)))


class CurrencyIsIso(CommerceRule):
    """Every currency is a code of ISO 4217, present or withdrawn. A missing one is no fault."""

    name = "currency_is_iso"
    message = "{value} is no currency code of ISO 4217"

    fields: tuple[str, ...] = option("fields with currencies", default=("currency",), kind="fields")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Look the codes up."""
        for field in self.fields:
            yield Fault(field, _off_list(rows.column(field), tuple(codes.currencies())))


class CountryIsIso(CommerceRule):
    """Every country is a code of ISO 3166-1 alpha-2, or XI or XK.

    ZZ, which stands for a country that the source does not name, is a fault. A missing country is
    no fault of this rule.
    """

    name = "country_is_iso"
    message = "{value} is no country code of ISO 3166-1"

    fields: tuple[str, ...] = option("fields with countries", kind="fields")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Look the codes up."""
        named = [code for code in codes.countries() if code != codes.UNKNOWN_COUNTRY]
        for field in self.fields:
            yield Fault(field, _off_list(rows.column(field), named))


class UnitIsRec20(CommerceRule):
    """Every unit is a code of UN/ECE Recommendation 20, or of 21 with an X before it."""

    name = "unit_is_rec20"
    levels = ("document", "lines")
    on = "lines"
    message = "{value} is no unit code of UN/ECE Recommendation 20"

    fields: tuple[str, ...] = option("fields with units", default=("unit",), kind="fields")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Look the codes up."""
        for field in self.fields:
            yield Fault(field, _off_list(rows.column(field), units()))


class AmountFitsCurrency(CommerceRule):
    """No amount has more decimals than its currency: 10.005 GBP and 10.5 JPY are faults."""

    name = "amount_fits_currency"
    levels = ("document", "lines")
    message = "{value} has more decimals than its currency allows"

    fields: tuple[str, ...] = option(
        "fields with amounts", default=("total_amount",), kind="fields"
    )

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Compare each amount with itself rounded to the decimals of its currency."""
        currency = "currency" if rows.has("currency") else "document.currency"
        decimals = decimals_of(rows.column(currency))
        for field in self.fields:
            amount = rows.column(field)
            rounded = pa.nulls(len(rows), amount.type)
            for digits in pc.unique(decimals.drop_null()).to_pylist():
                fitting = pc.round(amount, digits).cast(amount.type)
                rounded = pc.if_else(pc.equal(decimals, digits), fitting, rounded)
            yield Fault(field, pc.not_equal(amount, rounded))
