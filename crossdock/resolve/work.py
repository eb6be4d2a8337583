"""The transaction of one batch: what came in, and where each of its records stands by now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from crossdock.flows import Flow, Leg
from crossdock.runs import Run
from crossdock.store import Store
from crossdock.store.engine import take_numbers

AMOUNT = pa.decimal128(18, 6)


@dataclass(frozen=True)
class Checked:
    """What the steps before made of one batch.

    ``raw`` is the batch; ``documents`` entity -> passed documents; ``content`` entity -> key, hash
    and compressed body of each (by ``record``); ``kinds`` the entity, or entity.type, of each
    record, empty where there is no document; ``held`` a row per fault with columns record, cause,
    entity, rule, rule_version, severity, field, value, line, message; ``routed`` target -> the
    records that go there (held ones included); ``mapping`` entity -> the hash of the mapping that
    made its documents; ``steps`` step -> path of the file it was made from.
    """

    raw: pa.Table
    documents: Mapping[str, pa.Table]
    content: Mapping[str, pa.Table]
    kinds: Any
    held: pa.Table
    routed: Mapping[str, pa.Array]
    mapping: Mapping[str, str]
    findings: pa.Table
    steps: Mapping[str, str]


@dataclass(frozen=True)
class Incoming:
    """One entity's documents with what identifies them, by column and in one order."""

    entity: str
    table: pa.Table
    keys: pa.Array
    hashes: pa.Array
    bodies: pa.Array

    @property
    def record(self) -> Any:
        """The row of the raw batch that each document was made of."""
        return self.table["record"].to_numpy()

    def rows(self, keep: Any) -> Incoming:
        """Keep some of the documents."""
        take = pa.array(keep)
        return Incoming(
            self.entity,
            self.table.take(take),
            self.keys.take(take),
            self.hashes.take(take),
            self.bodies.take(take),
        )


def incoming(entity: str, table: pa.Table, content: pa.Table) -> Incoming:
    """Put documents and their content side by side."""
    place = pc.index_in(flat(table["record"]), value_set=flat(content["record"]))
    return Incoming(
        entity,
        table,
        flat(content["key"].take(place)),
        flat(content["hash"].take(place)),
        flat(content["body"].take(place)),
    )


class Work:
    """The open transaction; arrays have one place a record of the batch.

    ``state`` is empty until it is decided: delivered, pending, rejected or quarantined.
    """

    def __init__(
        self,
        store: Store,
        connection: sa.Connection,
        flow: Flow,
        leg: Leg,
        run: Run,
        batch_id: str,
        checked: Checked,
        now: datetime,
    ) -> None:
        self.store = store
        self.connection = connection
        self.flow = flow
        self.leg = leg
        self.run = run
        self.batch_id = batch_id
        self.checked = checked
        self.raw = checked.raw
        self.now = now
        self.size = checked.raw.num_rows
        self.kind = checked.kinds
        self.state = np.full(self.size, "", dtype=object)
        self.reason = np.full(self.size, "", dtype=object)
        self.document_id = np.zeros(self.size, dtype=np.int64)
        self.version_id = np.zeros(self.size, dtype=np.int64)
        self.count = np.zeros(self.size, dtype=np.int32)
        self.fresh = True
        self.bases: dict[int, tuple[bytes, bytes]] = {}  # incoming ones that the merge changed
        self.asked: list[pa.Table] = []
        self.ledger: list[pa.Table] = []
        self.settled: list[Any] = []  # versions that some target has already

    def numbers(self, name: str, count: int) -> int:
        """Take numbers: from this transaction under SQLite's one writer, else from their own."""
        if self.store.dialect == "sqlite":
            return take_numbers(self.connection, name, count)
        return self.store.numbers(name, count)

    def same(self, value: Any, size: int, kind: pa.DataType | None = None) -> pa.Array:
        """Give a column that says the same in each row."""
        return pa.repeat(pa.scalar(value, kind), size)

    def note(
        self,
        target: str,
        records: Any,
        state: str,
        reason: str = "",
        *,
        amounts: pa.Array | None = None,
        outbox: pa.Array | None = None,
    ) -> None:
        """Write down where records stand at a target.

        Money of what is delivered is what the target has; of all else, the raw record's own.
        """
        if state == "delivered":
            self.settled.append(self.version_id[records])
        size = len(records)
        take = pa.array(records)
        self.ledger.append(
            pa.table(
                {
                    "version_id": pa.array(self.version_id[records]),
                    "target": self.same(target, size),
                    "run_id": self.same(self.run.id, size),
                    "state": self.same(state, size),
                    "reason": self.same(reason, size),
                    "outbox_id": outbox if outbox is not None else pa.nulls(size, pa.int64()),
                    "amount": flat(self.raw["amount"].take(take)) if amounts is None else amounts,
                    "currency": flat(self.raw["currency"].take(take)),
                }
            )
        )


def flat(column: Any) -> Any:
    """Give a column as one array."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    return column
