"""Rows that a rule judges: documents, or the members of one of their lists, as flat columns."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.errors import Misconfigured

if TYPE_CHECKING:
    from crossdock.model import Entity

DOCUMENT = "document"
HEADER = "document."


class Rows:
    """Documents (level ``document``), or one child list of them laid flat (level ``lines`` ...).

    ``column("quantity")`` is a column of this level as one Arrow array; on a list level
    ``column("document.currency")`` is the header's value beside each member. ``parent`` is the
    position of each row's document, ``number`` its place in the list, counted from 1.
    """

    def __init__(
        self, table: pa.Table, entity: Entity, *, above: Rows | None = None, level: str = DOCUMENT
    ) -> None:
        self.table = table
        self.entity = entity
        self.level = level
        self.documents = above or self
        self._columns: dict[str, pa.Array] = {}
        self._children: dict[str, Rows] = {}
        self._parent: pa.Array | None = None

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def has(self, name: str) -> bool:
        """Say whether there is such a column here."""
        if name.startswith(HEADER):
            return self.documents.has(name.removeprefix(HEADER))
        return name in self.table.column_names

    def column(self, name: str) -> pa.Array:
        """Give a column as one array; raises Misconfigured when there is none."""
        if name not in self._columns:
            self._columns[name] = self._find(name)
        return self._columns[name]

    def _find(self, name: str) -> pa.Array:
        if name.startswith(HEADER):
            return self.documents.column(name.removeprefix(HEADER)).take(self.parent)
        if name not in self.table.column_names:
            raise Misconfigured(f"{self.entity.name} has no column {name!r} on {self.level}")
        return whole(self.table.column(name))

    @cached_property
    def parent(self) -> pa.Array:
        """Position of the document of each row (int64)."""
        if self.documents is self:
            return pa.array(range(len(self)), pa.int64())
        return pc.list_parent_indices(self.documents.column(self.level)).cast(pa.int64())

    @cached_property
    def number(self) -> pa.Array:
        """Place of each row in its document's list, counted from 1 (int64); null on documents."""
        if self.documents is self:
            return pa.nulls(len(self), pa.int64())
        starts = pc.subtract(self.documents.ends(self.level), self.documents.lengths(self.level))
        place = pc.subtract(pa.array(range(len(self)), pa.int64()), starts.take(self.parent))
        return pc.add(place, 1)

    def children(self, name: str) -> Rows:
        """Give the members of the child list ``name`` of these documents."""
        if name not in self._children:
            flat = pc.list_flatten(self.column(name))
            fields = [flat.type.field(i).name for i in range(flat.type.num_fields)]
            table = pa.Table.from_arrays(flat.flatten(), names=fields)
            self._children[name] = Rows(table, self.entity, above=self, level=name)
        return self._children[name]

    def at(self, level: str) -> Rows:
        """Give the rows of ``level``: these documents, or one of their lists."""
        return self if level == DOCUMENT else self.children(level)

    def lengths(self, name: str) -> pa.Array:
        """How many members the list ``name`` of each document has (int64, no null)."""
        return pc.fill_null(pc.list_value_length(self.column(name)), 0).cast(pa.int64())

    def ends(self, name: str) -> pa.Array:
        """How many members the lists ``name`` have up to and with each document (int64)."""
        return whole(pc.cumulative_sum(self.lengths(name)))

    def total(self, name: str, amount: str) -> pa.Array:
        """Sum ``amount`` over the list ``name`` for each document: decimal128(38, 6), 0 if none."""
        rows = self.children(name)
        return self.gather(rows, rows.column(amount), "sum", pa.scalar(0, pa.decimal128(38, 6)))

    def any_of(self, name: str, mask: pa.Array) -> pa.Array:
        """Say for each document whether ``mask`` is true for a member of its list ``name``."""
        return self.gather(self.children(name), pc.fill_null(mask, False), "any", pa.scalar(False))

    def gather(self, rows: Rows, values: pa.Array, how: str, otherwise: pa.Scalar) -> pa.Array:
        """Aggregate ``values`` of child ``rows`` for each document by ``how``."""
        table = pa.table({"parent": rows.parent, "value": values})
        found = table.group_by("parent", use_threads=False).aggregate([("value", how)])
        where = pc.index_in(self.parent, value_set=whole(found.column("parent")))
        return pc.fill_null(whole(found.column(f"value_{how}")).take(where), otherwise)


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Make one array of a column, without a copy where it is one already."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
