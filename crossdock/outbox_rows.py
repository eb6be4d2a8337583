"""The outbox rows of one batch for one target: which are due, which somebody was sending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from crossdock import documents, receipts
from crossdock.flows import Route
from crossdock.store import bulk, schema
from crossdock.superseded import OPEN_STATES


@dataclass(frozen=True)
class OutboxRows:
    """What waits of a batch for a target, read in the caller's transaction."""

    batch_id: str
    route: Route

    def left(self, connection: sa.Connection) -> Sequence[Any]:
        """Find the rows that a dead or outrun worker was sending: id and deadline."""
        table = schema.outbox
        return connection.execute(
            sa.select(table.c.id, table.c.deadline).where(*self._mine(), table.c.state == "sending")
        ).all()

    def accepted(self, connection: sa.Connection) -> Sequence[Any]:
        """Find the rows that the target took and has not posted, whole."""
        table = schema.outbox
        return connection.execute(
            sa.select(table).where(*self._mine(), table.c.state == "accepted").order_by(table.c.id)
        ).all()

    def postponed(self, connection: sa.Connection, now: datetime) -> int:
        """Count the rows whose next try is later than ``now``."""
        table = schema.outbox
        counted = sa.select(sa.func.count()).where(
            *self._mine(), table.c.state == "pending", table.c.next_try_at > now
        )
        return int(connection.execute(counted).scalar_one())

    def due(self, connection: sa.Connection, now: datetime) -> pa.Table:
        """Read the rows that are due; a document's later version waits for its earlier one."""
        table = schema.outbox
        due = sa.or_(table.c.next_try_at.is_(None), table.c.next_try_at <= now)
        rows = bulk.select(
            connection,
            sa.select(*(table.c[name] for name in receipts.ROW.names))
            .where(*self._mine(), table.c.state == "pending", due)
            .order_by(table.c.id),
            receipts.ROW,
        )
        if pc.any(pc.equal(rows["operation"], "update")).as_py():
            rows = self._with_their_ids(connection, rows)
        changed = rows.filter(pc.greater(rows["document_version"], 1))["document_id"]
        if len(changed) == 0:  # a first version has no earlier one to wait for
            return rows
        first = connection.execute(
            sa.select(table.c.document_id, sa.func.min(table.c.id))
            .where(
                table.c.target == self.route.target,
                table.c.entity == self.route.entity,
                table.c.state.in_(OPEN_STATES),
                bulk.among(table.c.document_id, changed, connection.dialect.name),
            )
            .group_by(table.c.document_id)
        ).all()
        turn = {int(document): int(number) for document, number in first}
        pairs = zip(rows["id"].to_pylist(), rows["document_id"].to_pylist(), strict=True)
        return rows.filter(pa.array([turn.get(owner, number) == number for number, owner in pairs],
                                pa.bool_()))  # fmt: skip

    def _mine(self) -> list[Any]:
        table = schema.outbox
        return [table.c.batch_id == self.batch_id, table.c.target == self.route.target]

    def _with_their_ids(self, connection: sa.Connection, rows: pa.Table) -> pa.Table:
        """Fill in their id of documents that they have, for a change of them."""
        binding, route = schema.binding, self.route
        found = connection.execute(
            sa.select(binding.c.document_id, binding.c.their_id).where(
                binding.c.system == route.system,
                binding.c.stream == route.stream,
                binding.c.entity == route.entity,
                bulk.among(binding.c.document_id, rows["document_id"], connection.dialect.name),
            )
        ).all()
        known = {int(document): their_id for document, their_id in found}
        own = zip(rows["their_id"].to_pylist(), rows["document_id"].to_pylist(), strict=True)
        found_ids = [their_id or known.get(document) or None for their_id, document in own]
        ids = pa.array(found_ids, pa.string())
        return rows.set_column(rows.column_names.index("their_id"), "their_id", ids)


def stored_documents(
    connection: sa.Connection, entity: str, rows: pa.Table
) -> tuple[pa.Table, pa.Array]:
    """Read the document versions that ``rows`` name, with their hashes, in their order."""
    table = schema.document_version
    found = connection.execute(
        sa.select(table.c.document_id, table.c.version, table.c.body, table.c.hash).where(
            table.c.entity == entity,
            bulk.among(table.c.document_id, rows["document_id"], connection.dialect.name),
        )
    ).all()
    known = {(row.document_id, row.version): row for row in found}
    pairs = zip(rows["document_id"].to_pylist(), rows["document_version"].to_pylist(), strict=True)
    wanted = [known[pair] for pair in pairs]
    frames = pa.array([bytes(row.body) for row in wanted], pa.large_binary())
    hashes = pa.array([bytes(row.hash) for row in wanted], pa.binary(32))
    return documents.from_json(documents.decompress(frames), entity), hashes
