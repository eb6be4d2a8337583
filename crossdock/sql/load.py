"""Write documents with their lists into the tables of a target, inside one transaction.

PostgreSQL takes rows as CSV through COPY (faster here than ADBC, measured), SQLite through
executemany. Documents are merged by key; an older version never overwrites a newer one; the lists
of a document are replaced with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from crossdock.sql.rows import copy, equal, for_sqlite, listed, many, quoted, table_name
from crossdock.sql.tables import LINE, VERSION, Child, Target, is_list


def merge(connection: sa.Connection, target: Target, documents: pa.Table) -> pa.Array:
    """Insert or replace ``documents``; gives for each whether it was written (bool).

    False is a document of which the target has a newer version. No key may stand twice.
    """
    flat = [item.name for item in documents.schema if not is_list(item.type)]
    header = documents.select([name for name in flat if name in target.table.c])
    if connection.dialect.name == "postgresql":
        written, replaced = _merge_postgresql(connection, target, header)
    else:
        written, replaced = _merge_sqlite(connection, target, header)
    kept = documents if all_true(written) else documents.filter(written)
    for name, child in target.children.items():
        if replaced and name in documents.column_names:
            _clear(connection, target, child, kept)
    for name, child in target.children.items():
        if name in documents.column_names:
            insert(connection, child.table, members(kept, name, target.key, child.parent))
    return written


def remove(connection: sa.Connection, target: Target, documents: pa.Table) -> pa.Array:
    """Delete documents by key with their lists; gives for each whether no newer one was there."""
    keys = documents.select([*target.key, *([VERSION] if target.guarded else [])])
    written = pc.invert(_newer(connection, target, keys))
    kept = keys.filter(written)
    for child in target.children.values():
        _clear(connection, target, child, kept)
    _delete(connection, target.table, target.key, kept.select(list(target.key)))
    return written


def members(
    documents: pa.Table, name: str, key: tuple[str, ...], parent: tuple[str, ...]
) -> pa.Table:
    """Lay the list ``name`` flat: the document's key, the place from 1, then the fields."""
    lists = documents.column(name).combine_chunks()
    owner = pc.list_parent_indices(lists)
    flat = pc.list_flatten(lists)
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    starts = np.cumsum(lengths) - lengths
    place = np.arange(len(flat)) - starts[owner.to_numpy()] + 1
    arrays = [documents.column(column).combine_chunks().take(owner) for column in key]
    names = [*parent, LINE, *(item.name for item in flat.type)]
    return pa.table([*arrays, pa.array(place, pa.int32()), *flat.flatten()], names=names)


def insert(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
    """Add ``rows`` to ``table``; columns that the table does not have are left out."""
    rows = rows.select([name for name in rows.column_names if name in table.c])
    if rows.num_rows == 0:
        return
    if connection.dialect.name == "postgresql":
        copy(connection, table_name(table), rows)
        return
    marks = ", ".join("?" for _ in rows.column_names)
    names = listed(rows.column_names)
    where = table_name(table)
    many(connection, f"INSERT INTO {where} ({names}) VALUES ({marks})", rows)  # noqa: S608


# -- PostgreSQL ----------------------------------------------------------------------------------
def _merge_postgresql(
    connection: sa.Connection, target: Target, header: pa.Table
) -> tuple[pa.Array, bool]:
    """Merge through a staging table; gives what was written and whether anything was replaced."""
    stage = _stage(connection, target.table, header)
    where, names = table_name(target.table), listed(header.column_names)
    fresh, count = connection.exec_driver_sql(
        f"WITH written AS (INSERT INTO {where} AS present ({names}) "  # noqa: S608 - own names
        f"SELECT {names} FROM {stage} {_clash(target, header)} "
        "RETURNING (xmax = 0) AS fresh) "
        "SELECT count(*) FILTER (WHERE fresh), count(*) FROM written"
    ).one()
    written = pa.array(np.ones(header.num_rows, bool))
    if count != header.num_rows and target.guarded:
        keys = header.select([*target.key, VERSION])
        written = pc.invert(_newer(connection, target, keys))
    return written, fresh != count


def _stage(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> str:
    stage = f"crossdock_stage_{secrets.token_hex(6)}"
    names = listed(rows.column_names)
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE {stage} ON COMMIT DROP AS "  # noqa: S608 - our own names
        f"SELECT {names} FROM {table_name(table)} WITH NO DATA"
    )
    copy(connection, stage, rows)
    return stage


# -- SQLite --------------------------------------------------------------------------------------
def _merge_sqlite(
    connection: sa.Connection, target: Target, header: pa.Table
) -> tuple[pa.Array, bool]:
    """Merge row by row; the transaction began IMMEDIATE, so what was read stays true."""
    before = list(_present(connection, target, header.select(list(target.key))))
    written = pa.array(np.ones(header.num_rows, bool))
    if target.guarded:
        versions = header[VERSION].to_pylist()
        written = pa.array(
            [there is None or new is None or there <= new
             for (_, there), new in zip(before, versions, strict=True)]
        )  # fmt: skip
    names, marks = listed(header.column_names), ", ".join("?" for _ in header.schema)
    where = table_name(target.table)
    many(
        connection,
        f"INSERT INTO {where} AS present ({names}) VALUES ({marks}) "  # noqa: S608
        f"{_clash(target, header)}",
        header,
    )
    return written, any(found for found, _ in before)


def _present(
    connection: sa.Connection, target: Target, keys: pa.Table
) -> Iterator[tuple[bool, int | None]]:
    """Say for each key whether it is there and in which version."""
    match = " AND ".join(f"{quoted(name)} = ?" for name in target.key)
    version = VERSION if target.guarded else "NULL"
    where = table_name(target.table)
    cursor: Any = connection.connection.cursor()
    statement = f"SELECT {version} FROM {where} WHERE {match}"  # noqa: S608 - our own names
    for values in zip(*(for_sqlite(column) for column in keys.columns), strict=True):
        row = cursor.execute(statement, values).fetchone()
        yield row is not None, row[0] if row else None
    cursor.close()


# -- both ----------------------------------------------------------------------------------------
def _clash(target: Target, header: pa.Table) -> str:
    """Write what happens where the key is there already."""
    rest = [name for name in header.column_names if name not in target.key] or target.key
    changes = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in rest)
    guard = ""
    if target.guarded:
        guard = (
            f" WHERE present.{VERSION} IS NULL OR excluded.{VERSION} IS NULL"
            f" OR present.{VERSION} <= excluded.{VERSION}"
        )
    return f"ON CONFLICT ({listed(target.key)}) DO UPDATE SET {changes}{guard}"


def _newer(connection: sa.Connection, target: Target, keys: pa.Table) -> pa.Array:
    """Say for each key whether the database has a newer version than ``keys`` names."""
    if not target.guarded:
        return pa.array(np.zeros(keys.num_rows, bool))
    if connection.dialect.name == "sqlite":
        there = [
            version for _, version in _present(connection, target, keys.select(list(target.key)))
        ]
        pairs = zip(there, keys[VERSION].to_pylist(), strict=True)
        return pa.array([a is not None and b is not None and a > b for a, b in pairs], pa.bool_())
    numbered = keys.append_column("crossdock_row", pa.array(np.arange(keys.num_rows), pa.int64()))
    stage = f"crossdock_keys_{secrets.token_hex(6)}"
    names = listed(keys.column_names)
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE {stage} ON COMMIT DROP AS SELECT {names}, 0::bigint AS crossdock_row "  # noqa: S608
        f"FROM {table_name(target.table)} WITH NO DATA"
    )
    copy(connection, stage, numbered)
    rows = connection.exec_driver_sql(
        f"SELECT s.crossdock_row FROM {stage} s "  # noqa: S608 - our own names
        f"JOIN {table_name(target.table)} t ON {equal(target.key, target.key)} "
        f"WHERE t.{VERSION} > s.{VERSION}"
    ).scalars()
    mask = np.zeros(keys.num_rows, bool)
    mask[list(rows)] = True
    return pa.array(mask)


def _clear(connection: sa.Connection, target: Target, child: Child, documents: pa.Table) -> None:
    """Remove the list rows of ``documents``; makes the index that this needs."""
    index(connection, child)
    keys = documents.select(list(target.key)).rename_columns(list(child.parent))
    _delete(connection, child.table, child.parent, keys)


def _delete(
    connection: sa.Connection, table: sa.Table, key: tuple[str, ...], keys: pa.Table
) -> None:
    if keys.num_rows == 0:
        return
    where = table_name(table)
    if connection.dialect.name == "postgresql":
        stage = _stage(connection, table, keys)
        match = equal(key, key)
        connection.exec_driver_sql(f"DELETE FROM {where} t USING {stage} s WHERE {match}")  # noqa: S608
        return
    match = " AND ".join(f"{quoted(name)} = ?" for name in key)
    many(connection, f"DELETE FROM {where} WHERE {match}", keys)  # noqa: S608


def index(connection: sa.Connection, child: Child) -> None:
    """Make the index by which a document's list rows are found, where there is none yet.

    A first load goes without it (twice as fast, measured); the first replacement makes it.
    """
    wanted = list(child.parent)
    present = sa.inspect(connection).get_indexes(child.table.name, schema=child.table.schema)
    primary = child.table.primary_key.columns.keys()
    if primary[: len(wanted)] == wanted or any(
        found["column_names"][: len(wanted)] == wanted for found in present
    ):
        return
    columns = [*wanted, *([LINE] if LINE in child.table.c else [])]
    name = f"{child.table.name}_by_document"[:60]
    sa.Index(name, *(child.table.c[column] for column in columns)).create(connection)


def all_true(mask: pa.Array) -> bool:
    """Say whether nothing in ``mask`` is false."""
    return bool(pc.all(mask).as_py())
