"""What rules may ask about the past, answered from the typed tables."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from crossdock.store import Store, bulk, schema

_DECIMAL = pa.decimal128(18, 6)


class StoreHistory:
    """The hub's own current documents as ``crossdock.history.History``.

    ``arriving(entity)`` gives the ids of documents that the same run brings.
    """

    def __init__(
        self, store: Store, arriving: Callable[[str], pa.Array] | None = None
    ) -> None:
        self._store = store
        self._arriving = arriving

    def known(self, entity: str, ids: pa.Array) -> pa.BooleanArray:
        """Say for each id whether a current document has it; all true before the first one."""
        head = schema.typed[entity][0]
        with self._store.reading() as connection:
            if connection.execute(sa.select(head.c.document_id).limit(1)).first() is None:
                return pa.array([True] * len(ids), pa.bool_())
            found = set(
                connection.execute(
                    sa.select(head.c.id).where(bulk.among(head.c.id, ids, self._store.dialect))
                ).scalars()
            )
        if self._arriving is not None:
            found |= set(self._arriving(entity).to_pylist())
        return pa.array([one in found for one in ids.to_pylist()], pa.bool_())

    def last_prices(self, product_ids: pa.Array) -> pa.Table:
        """Give the price last accepted: from the price list, else from the newest order line."""
        head, lines = schema.typed["sales_order"]
        assert lines is not None  # noqa: S101 - sales orders have lines by declaration
        price = schema.typed["price"][0]
        with self._store.reading() as connection:
            listed = connection.execute(
                sa.select(price.c.product_id, price.c.currency, price.c.amount).where(
                    bulk.among(price.c.product_id, product_ids, self._store.dialect),
                    price.c.amount > Decimal(0),
                )
            ).all()
            newest = (
                sa.select(
                    lines.c.product_id,
                    head.c.currency,
                    lines.c.unit_price,
                    sa.func.row_number()
                    .over(
                        partition_by=(lines.c.product_id, head.c.currency),
                        order_by=(head.c.issued_at.desc(), lines.c.unit_price.desc()),
                    )
                    .label("age"),
                )
                .join(head, head.c.document_id == lines.c.document_id)
                .where(
                    bulk.among(lines.c.product_id, product_ids, self._store.dialect),
                    lines.c.unit_price > Decimal(0),
                )
                .subquery()
            )
            sold = connection.execute(sa.select(newest).where(newest.c.age == 1)).all()
        found: dict[tuple[str, str], Any] = {(r[0], r[1]): r[2] for r in sold}
        found |= {(r[0], r[1]): r[2] for r in listed}
        return pa.table(
            {
                "product_id": pa.array([key[0] for key in found], pa.string()),
                "currency": pa.array([key[1] for key in found], pa.string()),
                "unit_price": pa.array(list(found.values()), _DECIMAL),
            }
        )

    def quantities(self, product_ids: pa.Array) -> pa.Table:
        """Give median and 99th percentile of the positive quantities ordered of each product."""
        lines = schema.typed["sales_order"][1]
        assert lines is not None  # noqa: S101
        with self._store.reading() as connection:
            rows = connection.execute(
                sa.select(lines.c.product_id, lines.c.quantity)
                .where(
                    bulk.among(lines.c.product_id, product_ids, self._store.dialect),
                    lines.c.quantity > Decimal(0),
                )
                .order_by(lines.c.product_id, lines.c.quantity)
            ).all()
        seen: dict[str, list[Decimal]] = {}
        for product, quantity in rows:
            seen.setdefault(product, []).append(quantity)
        return pa.table(
            {
                "product_id": pa.array(list(seen), pa.string()),
                "median": pa.array([q[len(q) // 2] for q in seen.values()], _DECIMAL),
                "p99": pa.array([q[(len(q) * 99) // 100] for q in seen.values()], _DECIMAL),
            }
        )

    def refundable(self, ids: pa.Array) -> pa.Table:
        """Give each invoice's or order's total less what was credited of it already."""
        invoice, order = schema.typed["invoice"][0], schema.typed["sales_order"][0]
        with self._store.reading() as connection:
            totals: dict[tuple[str, str], Decimal] = {}
            for table, more in ((order, ()), (invoice, (invoice.c.type_code == "invoice",))):
                rows = connection.execute(
                    sa.select(table.c.id, table.c.currency, table.c.total_amount).where(
                        bulk.among(table.c.id, ids, self._store.dialect), *more
                    )
                )
                totals |= {(r[0], r[1]): r[2] for r in rows if r[2] is not None}
            credited = connection.execute(
                sa.select(invoice.c.original_id, invoice.c.currency, invoice.c.total_amount).where(
                    bulk.among(invoice.c.original_id, ids, self._store.dialect),
                    invoice.c.type_code == "credit_note",
                )
            )
            for original, currency, amount in credited:
                if (original, currency) in totals and amount is not None:
                    totals[original, currency] -= abs(amount)
        left = {key: amount for key, amount in totals.items() if amount > 0}
        return pa.table(
            {
                "id": pa.array([key[0] for key in left], pa.string()),
                "currency": pa.array([key[1] for key in left], pa.string()),
                "amount": pa.array(list(left.values()), _DECIMAL),
            }
        )

    def misfits(self, entity: str, documents: pa.Table, orders: str) -> pa.Table:
        """Hold documents against their order's family, by the project's own checks."""
        from crossdock.edi.family.declared import load
        from crossdock.edi.family.judging import file_of, misfits

        checks = load(file_of(self._store.home.project))
        found = misfits(self._store, entity, documents.to_pylist(), checks, orders)
        return pa.Table.from_pylist(
            [{"row": row, "words": words} for row, words in found],
            schema=pa.schema([("row", pa.int32()), ("words", pa.string())]),
        )
