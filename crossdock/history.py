"""What rules may ask about the past and about other documents: the History protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


class History(Protocol):
    """What the hub knows from earlier runs; the store answers, a test may answer by hand.

    Every method takes distinct ids without nulls and may leave out those that it does not know.
    """

    def known(self, entity: str, ids: pa.Array) -> pa.BooleanArray:
        """Say for each of ``ids`` (string) whether a document of ``entity`` has that id."""

    def last_prices(self, product_ids: pa.Array) -> pa.Table:
        """Give the price that was last accepted for each product and currency.

        Columns: product_id string, currency string, unit_price decimal128(18, 6), for one unit.
        """

    def quantities(self, product_ids: pa.Array) -> pa.Table:
        """Give the usual line quantities of each product.

        Columns: product_id string, median and p99 decimal128(18, 6), of positive quantities.
        """

    def refundable(self, ids: pa.Array) -> pa.Table:
        """Give what may still be credited of each invoice: its total less earlier credits.

        Columns: id string, currency string, amount decimal128(18, 6), positive.
        """

    def misfits(self, entity: str, documents: pa.Table, orders: str) -> pa.Table:
        """Say what does not fit the other documents of an order (``crossdock.edi.family``).

        ``documents`` are of ``entity``, their orders of ``orders``. Columns: row int32, the
        place in ``documents``; words string.
        """


class EmptyHistory:
    """A history without a past: nothing is known, so rules that need it judge nothing."""

    def known(self, entity: str, ids: pa.Array) -> pa.BooleanArray:
        """Answer true for all: where nothing was recorded yet, nothing can be missing."""
        import pyarrow as pa

        return pa.array([True] * len(ids), pa.bool_())

    def last_prices(self, product_ids: pa.Array) -> pa.Table:
        """Answer no price."""
        return _empty("product_id", "currency", decimals=("unit_price",))

    def quantities(self, product_ids: pa.Array) -> pa.Table:
        """Answer no quantity."""
        return _empty("product_id", decimals=("median", "p99"))

    def refundable(self, ids: pa.Array) -> pa.Table:
        """Answer no invoice."""
        return _empty("id", "currency", decimals=("amount",))

    def misfits(self, entity: str, documents: pa.Table, orders: str) -> pa.Table:
        """Answer that all is well: there is nothing that a document could contradict."""
        import pyarrow as pa

        return pa.schema([("row", pa.int32()), ("words", pa.string())]).empty_table()


def _empty(*texts: str, decimals: tuple[str, ...]) -> pa.Table:
    import pyarrow as pa

    fields = [(name, pa.string()) for name in texts]
    return pa.schema(fields + [(name, pa.decimal128(18, 6)) for name in decimals]).empty_table()
