"""Deliver documents to a target's tables and say for each what became of it; read them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from crossdock.connector import Found, Outcome, Parcel
from crossdock.errors import Misconfigured, Refused, TryLater
from crossdock.sql import fetch, load
from crossdock.sql.database import Database, Unanswered
from crossdock.sql.fetch import Nested
from crossdock.sql.tables import LINE, REFERENCE, VERSION, Child, Shape, Target, prepare

_OLD = "the target has a newer version of this document"
_UNSURE = "the connection was lost while the database committed"
_LOOKUP = 500
_OWN = {REFERENCE, VERSION, LINE}


class Delivery:
    """One target stream: ``deliver`` merges, ``find`` reads back. Tables are found once."""

    def __init__(self, database: Database, shape: Shape, seconds: float) -> None:
        self._database = database
        self._shape = shape
        self._seconds = seconds
        self._known: tuple[pa.Schema, Target] | None = None
        self._indexed = False

    # -- writing ---------------------------------------------------------------------------------
    def deliver(self, parcels: pa.Table) -> list[Outcome]:
        """Merge ``parcels`` in one transaction; gives an Outcome each, in their order.

        Columns that begin with ``_`` are the engine's: ``_reference``, ``_operation`` and, where
        it is there, ``_version``. Where the database refuses a document, the others are delivered
        without it. Raises TryLater or Misconfigured only where nothing was written.
        """
        missing = [name for name in self._shape.key if name not in parcels.column_names]
        if missing:
            raise Misconfigured(f"the documents have no key column {', '.join(missing)}")
        outcomes: dict[int, Outcome] = {}
        rounds = _rounds(parcels, self._shape.key)
        for number, rows in enumerate(rounds):
            self._part(parcels, rows, outcomes, first=number == 0)
        return [outcomes[row] for row in range(parcels.num_rows)]

    def _part(
        self, parcels: pa.Table, rows: list[int], outcomes: dict[int, Outcome], *, first: bool
    ) -> None:
        """Deliver the rows with these numbers; where one is refused, each half on its own."""
        part = parcels if len(rows) == parcels.num_rows else parcels.take(rows)
        names = part["_reference"].to_pylist()
        try:
            written = self._once(part)
        except Refused as error:
            if len(rows) > 1:
                half = len(rows) // 2
                self._part(parcels, rows[:half], outcomes, first=first)
                self._part(parcels, rows[half:], outcomes, first=False)
                return
            outcomes[rows[0]] = Outcome(names[0], "refused", message=error.what)
        except (TryLater, Misconfigured) as error:
            if first:
                raise
            after = error.after if isinstance(error, TryLater) else None
            for row, name in zip(rows, names, strict=True):
                outcomes[row] = Outcome(name, "try_later", message=error.what, after=after)
        except Unanswered:
            for row, name in zip(rows, names, strict=True):
                outcomes[row] = Outcome(name, "try_later", message=_UNSURE)  # a merge is repeatable
        else:
            ids = _ids(part, self._shape.key)
            for row, name, their_id, new in zip(rows, names, ids, written, strict=True):
                outcomes[row] = (
                    Outcome(name, "delivered", their_id)
                    if new
                    else Outcome(name, "refused", their_id, _OLD)
                )

    def _once(self, part: pa.Table) -> list[bool]:
        """Write ``part`` in one transaction; raises Refused where any document is refused."""
        for name in self._shape.key:
            if part[name].null_count:
                raise Refused(f"the key {name} is empty")
        documents = _documents(part)
        deletes = pc.fill_null(pc.equal(part["_operation"], "delete"), False).combine_chunks()
        schema = documents.schema
        with self._database.writing(self._seconds) as connection:
            target = self._target(connection, schema)
            documents = _guarded(documents, target)
            written = _apply(connection, target, documents, deletes)
        self._known = (schema, target)  # not before: a rollback takes new tables with it
        return written

    def _target(self, connection: sa.Connection, schema: pa.Schema) -> Target:
        if self._known is not None and self._known[0].equals(schema):
            return self._known[1]
        return prepare(connection, self._shape, schema)

    # -- reading back ----------------------------------------------------------------------------
    def find(self, parcels: Sequence[Parcel]) -> dict[str, Found | None]:
        """Read the documents of ``parcels`` back by key, their id or our reference.

        Gives reference -> Found, None if not there. Lists are read where the stream declares
        them, or where this connector wrote them before.
        """
        found: dict[str, Found | None] = {}
        if self._shape.create and not self._indexed:
            self._index()
        with self._database.reading(self._seconds) as connection:
            table = fetch.reflected(connection, self._shape.table, self._shape.schema)
            for start in range(0, len(parcels), _LOOKUP):
                some = parcels[start : start + _LOOKUP]
                keys = _keys_of(connection, table, self._shape.key, some)
                bodies = self._bodies(connection, table, list(keys.values()))
                for parcel in some:
                    key = tuple(map(str, keys.get(parcel.reference, ())))
                    body = bodies.get(key)
                    found[parcel.reference] = Found("|".join(key), body) if body else None
        return found

    def _index(self) -> None:
        """Make the indexes by which list rows are found, in tables that are ours to shape."""
        with self._database.writing(self._seconds) as connection:
            for name, parent in self._children(connection).values():
                table = fetch.reflected(connection, name, self._shape.schema)
                load.index(connection, Child(table, parent))
        self._indexed = True

    def _bodies(
        self, connection: sa.Connection, table: sa.Table, keys: list[tuple[Any, ...]]
    ) -> dict[tuple[str, ...], Mapping[str, Any]]:
        if not keys:
            return {}
        key = self._shape.key
        columns = sa.tuple_(*(table.c[name] for name in key))
        among = columns.in_([sa.tuple_(*map(fetch.bound, values)) for values in keys])
        statement = sa.select(*map(fetch.raw, table.columns)).where(among)
        rows = fetch.fetched(connection, statement)
        kinds = _kinds(connection, self._shape.table)
        for name, (child, parent) in self._children(connection).items():
            lines = fetch.reflected(connection, child, self._shape.schema)
            order = (LINE,) if LINE in lines.c else ()
            fetch.attach(connection, key, name, Nested(child, parent, order), lines, rows)
            inner = _kinds(connection, child)
            for row in rows:
                row[name] = [_typed(item, inner) for item in row[name]]
        return {tuple(str(row[name]) for name in key): _typed(row, kinds) for row in rows}

    def _children(self, connection: sa.Connection) -> dict[str, tuple[str, tuple[str, ...]]]:
        """The lists of this target: those declared, else those that the last delivery had."""
        lists = set(self._shape.children) | set(self._known[1].children if self._known else ())
        found = {name: self._shape.child(name) for name in sorted(lists)}
        inspector = sa.inspect(connection)
        return {
            name: child
            for name, child in found.items()
            if inspector.has_table(child[0], schema=self._shape.schema)
        }


def _apply(
    connection: sa.Connection, target: Target, documents: pa.Table, deletes: pa.Array
) -> list[bool]:
    """Merge or delete; says for each document whether that was done."""
    if not pc.any(deletes).as_py():
        return list(load.merge(connection, target, documents).to_pylist())
    gone = iter(load.remove(connection, target, documents.filter(deletes)).to_pylist())
    kept = documents.filter(pc.invert(deletes))
    new = iter(load.merge(connection, target, kept).to_pylist())
    return [next(gone) if delete else next(new) for delete in deletes.to_pylist()]


def _rounds(parcels: pa.Table, key: tuple[str, ...]) -> list[list[int]]:
    """Number the rows; where a key stands twice, the second comes in a round of its own."""
    ids = _ids(parcels, key)
    seen: dict[str | None, int] = {}
    rounds: list[list[int]] = []
    for row, their_id in enumerate(ids):
        turn = seen.get(their_id, 0)
        seen[their_id] = turn + 1
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(row)
    return rounds


def _ids(parcels: pa.Table, key: tuple[str, ...]) -> list[str | None]:
    """Their ids: the key as text, its parts with a bar between them."""
    parts = [parcels[name].cast(pa.string()) for name in key]
    joined = parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, "|")
    return list(joined.to_pylist())


def _documents(part: pa.Table) -> pa.Table:
    """The body columns, with our reference and the version under their names in the table."""
    body = part.select([name for name in part.column_names if not name.startswith("_")])
    body = body.append_column(REFERENCE, part["_reference"].cast(pa.string()))
    if "_version" in part.column_names:
        version = part["_version"].cast(pa.int64())
    else:
        version = pa.chunked_array([pa.nulls(part.num_rows, pa.int64())])
    return body.append_column(VERSION, version)


def _guarded(documents: pa.Table, target: Target) -> pa.Table:
    """Leave our own columns out where the target's table does not have them."""
    own = [name for name in (REFERENCE, VERSION) if name not in target.table.c]
    return documents.drop_columns(own) if own else documents


def _keys_of(
    connection: sa.Connection, table: sa.Table, key: tuple[str, ...], parcels: Sequence[Parcel]
) -> dict[str, tuple[Any, ...]]:
    """The keys of parcels by reference; of those that name none, by our reference in the table."""
    found = {parcel.reference: _key_of(parcel, table, key) for parcel in parcels}
    unknown = [reference for reference, values in found.items() if values is None]
    if unknown and REFERENCE in table.c:
        rows = connection.execute(
            sa.select(table.c[REFERENCE], *(fetch.raw(table.c[name]) for name in key)).where(
                table.c[REFERENCE].in_(unknown)
            )
        )
        found |= {reference: tuple(values) for reference, *values in rows}
    return {reference: values for reference, values in found.items() if values is not None}


def _key_of(parcel: Parcel, table: sa.Table, key: tuple[str, ...]) -> tuple[Any, ...] | None:
    """The key of a parcel as the database's types want it: from its body, else from its id."""
    if all(parcel.body.get(name) is not None for name in key):
        return tuple(parcel.body[name] for name in key)
    parts = (parcel.their_id or "").split("|") if len(key) > 1 else [parcel.their_id or ""]
    if len(parts) != len(key) or not parcel.their_id:
        return None
    return tuple(
        int(part) if isinstance(table.c[name].type, sa.Integer) else part
        for name, part in zip(key, parts, strict=True)
    )


def _kinds(connection: sa.Connection, table: str) -> dict[str, str]:
    """The declared types by column, which SQLite keeps as they were written."""
    if connection.dialect.name != "sqlite":
        return {}
    rows = connection.execute(
        sa.text("SELECT name, type FROM pragma_table_info(:name)"), {"name": table}
    )
    return {str(name): str(kind) for name, kind in rows}


def _typed(row: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Leave our own columns out; text that SQLite keeps for a decimal or an instant is one."""
    made = {name: value for name, value in row.items() if name not in _OWN}
    for name, kind in kinds.items():
        value = made.get(name)
        if kind == "DECIMAL_TEXT" and isinstance(value, str):
            made[name] = Decimal(value)
        elif kind == "TIMESTAMP_TEXT" and isinstance(value, str):
            made[name] = datetime.fromisoformat(value)
    return made
