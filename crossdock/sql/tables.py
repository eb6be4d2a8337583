"""The tables of a stream: one for documents and one for each of their lists.

They are found in the database, or made from the Arrow schema where the stream says ``create``.
Names come from what the database says about itself, and SQLAlchemy quotes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from crossdock.errors import Misconfigured

REFERENCE = "crossdock_reference"
VERSION = "crossdock_version"
LINE = "crossdock_line"


class ExactText(sa.types.UserDefinedType[str]):
    """A decimal as text on SQLite, whose own numbers are floats."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Name the type so that SQLite gives it TEXT affinity and readers know what it is."""
        return "DECIMAL_TEXT"


class InstantText(sa.types.UserDefinedType[str]):
    """An instant as ISO text on SQLite, which has no type for it."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Name the type so that SQLite gives it TEXT affinity and readers know what it is."""
        return "TIMESTAMP_TEXT"


@dataclass(frozen=True)
class Shape:
    """What a stream says about its tables.

    ``children`` gives for each list column its table and the names that the document's key has
    there (empty: the same names).
    """

    table: str
    key: tuple[str, ...]
    schema: str | None = None
    children: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    create: bool = False

    def child(self, name: str) -> tuple[str, tuple[str, ...]]:
        """Table and key names of the list ``name``; by default ``<table>_<name>``."""
        table, parent = self.children.get(name, ("", ()))
        return table or f"{self.table}_{name}", parent or self.key


@dataclass(frozen=True)
class Child:
    """The table of one list: ``parent`` are its columns with the document's key, in order."""

    table: sa.Table
    parent: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """The tables of a stream as the database has them."""

    table: sa.Table
    key: tuple[str, ...]
    children: Mapping[str, Child]

    @property
    def guarded(self) -> bool:
        """Whether rows carry the version that keeps an older one from overwriting a newer."""
        return VERSION in self.table.c


def is_list(kind: pa.DataType) -> bool:
    """Say whether a column holds child rows: a list of structs."""
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return bool(listed and pa.types.is_struct(kind.value_type))


def prepare(connection: sa.Connection, shape: Shape, schema: pa.Schema) -> Target:
    """Find the tables for documents of ``schema``, or make what is missing (``create``).

    Raises Misconfigured for a missing table or column, with the statement that would add it.
    """
    if shape.create and connection.dialect.name == "postgresql":
        connection.execute(  # two workers that make the same table would collide
            sa.text("SELECT pg_advisory_xact_lock(hashtext('crossdock ' || :name))"),
            {"name": shape.table},
        )
    for name in shape.key:
        if name not in schema.names:
            raise Misconfigured(f"the documents have no key column {name!r}")
    kinds = {item.name: item.type for item in schema}
    flat = {name: kind for name, kind in kinds.items() if not is_list(kind)}
    flat |= {REFERENCE: pa.string(), VERSION: pa.int64()}
    own = {REFERENCE, VERSION}
    table = _table(connection, shape, shape.table, flat, shape.key, optional=own)
    children = {}
    for name, kind in kinds.items():
        if is_list(kind):
            children[name] = _child(connection, shape, name, kind.value_type, flat)
    return Target(table, shape.key, children)


def _child(
    connection: sa.Connection,
    shape: Shape,
    name: str,
    kind: pa.StructType,
    flat: Mapping[str, pa.DataType],
) -> Child:
    table, parent = shape.child(name)
    members = {item.name: item.type for item in kind}
    clash = set(parent) & set(members)
    if clash or len(parent) != len(shape.key):
        raise Misconfigured(
            f"the table {table} needs own names for the key {', '.join(shape.key)} of its document",
            fix=f"say children: {{{name}: {{table: {table}, parent: [...]}}}}, "
            f"other names than {', '.join(sorted(clash)) or 'those'}",
        )
    wanted = {theirs: flat[ours] for ours, theirs in zip(shape.key, parent, strict=True)}
    wanted |= {LINE: pa.int32(), **members}
    # No primary key: an index is made at first need (see load), a first load is faster without.
    return Child(_table(connection, shape, table, wanted, (), (*parent, LINE), {LINE}), parent)


def _table(
    connection: sa.Connection,
    shape: Shape,
    name: str,
    columns: Mapping[str, pa.DataType],
    key: Sequence[str],
    filled: Sequence[str] = (),
    optional: frozenset[str] | set[str] = frozenset(),
) -> sa.Table:
    """Reflect the table ``name``, or make it; then see that it has all ``columns``."""
    dialect = connection.dialect.name
    if not sa.inspect(connection).has_table(name, schema=shape.schema):
        if not shape.create:
            raise Misconfigured(
                f"there is no table {name}", fix="make it, or say create: true in the stream"
            )
        made = [
            sa.Column(
                column,
                column_type(kind, dialect),
                primary_key=column in key,
                autoincrement=False,
                nullable=column not in {*key, *filled},
            )
            for column, kind in columns.items()
        ]
        table = sa.Table(name, sa.MetaData(), *made, schema=shape.schema)
        table.create(connection)
        return table
    table = _found(connection, shape, name)
    missing = [column for column in columns if column not in table.c and column not in optional]
    if missing:
        statements = [_add(connection, table, column, columns[column]) for column in missing]
        if not shape.create:
            raise Misconfigured(
                f"the table {name} has no column {', '.join(missing)}", fix="; ".join(statements)
            )
        for statement in statements:
            connection.exec_driver_sql(statement)
        table = _found(connection, shape, name)
    return table


def _found(connection: sa.Connection, shape: Shape, name: str) -> sa.Table:
    """Read columns and key of a table; what else a reflection reads costs ten times that."""
    look = sa.inspect(connection)
    key = look.get_pk_constraint(name, schema=shape.schema)["constrained_columns"]
    columns = [
        sa.Column(
            column["name"],
            column["type"],
            autoincrement=False,
            nullable=column["nullable"],
        )
        for column in look.get_columns(name, schema=shape.schema)
    ]
    parts = [*columns, *([sa.PrimaryKeyConstraint(*key)] if key else [])]
    return sa.Table(name, sa.MetaData(), *parts, schema=shape.schema)


def _add(connection: sa.Connection, table: sa.Table, column: str, kind: pa.DataType) -> str:
    quote = connection.dialect.identifier_preparer
    type_ = column_type(kind, connection.dialect.name)
    words = connection.dialect.type_compiler_instance.process(type_)
    return f"ALTER TABLE {quote.format_table(table)} ADD COLUMN {quote.quote(column)} {words}"


def column_type(kind: pa.DataType, dialect: str) -> sa.types.TypeEngine[Any]:
    """Choose the column type for an Arrow type, exact on both kinds of database."""
    lite = dialect == "sqlite"
    if pa.types.is_decimal(kind):
        return ExactText() if lite else sa.Numeric(kind.precision, kind.scale)
    if pa.types.is_timestamp(kind):
        return InstantText() if lite else sa.DateTime(timezone=kind.tz is not None)
    if pa.types.is_date(kind):
        return sa.Text() if lite else sa.Date()
    if pa.types.is_boolean(kind):
        return sa.Boolean()
    if pa.types.is_int64(kind):
        return sa.BigInteger()
    if pa.types.is_integer(kind):
        return sa.Integer()
    if pa.types.is_floating(kind):
        return sa.Double()
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return sa.LargeBinary()
    if pa.types.is_nested(kind):
        return sa.Text() if lite else postgresql.JSONB()
    return sa.Text()
