"""An entity: one declaration, and what is derived from it.

Arrow schema, pydantic model, JSON Schema and column descriptions are made on first use, so that
importing the model costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from crossdock.errors import Misconfigured
from crossdock.model.fields import Field, extension, identifier, instant, near

if TYPE_CHECKING:
    import pyarrow as pa
    from pydantic import BaseModel

KEY = (
    identifier(
        "organisation",
        "The legal entity of ours that the document belongs to.",
        example="acme_uk",
        required=True,
    ),
    identifier(
        "shop", "The shop or account that it came through.", example="acme_web", required=True
    ),
)
KEY_NAMES = ("organisation", "shop", "id")

SOURCE = (
    instant("source_updated_at", "When the source last changed it, by the source's own clock."),
    extension(),
)


class Column(NamedTuple):
    """A column of a typed table, in words that know no database.

    ``kind`` is a field kind, or ``json`` for a list that is kept as JSON text. Only key columns
    are not nullable: a missing value is a matter for a check, which holds one document, not for
    a constraint, which stops a batch.
    """

    name: str
    kind: str
    nullable: bool


@dataclass(frozen=True)
class Entity:
    """A canonical document type.

    ``fields`` starts with organisation, shop and id, which together are the key; child lists
    come last. ``amount_field`` is the document's main amount in ``currency_field``, None where
    the entity has none.
    """

    name: str
    help: str
    fields: tuple[Field, ...]
    standard: str = ""
    amount_field: str | None = None
    currency_field: str | None = None

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Header fields and child lists by name."""
        return {field.name: field for field in self.fields}

    def field(self, path: str) -> Field:
        """Find a field by name, or by ``list.name`` inside a child list.

        Raises Misconfigured with the nearest name when there is none.
        """
        head, _, tail = path.partition(".")
        found = self.by_name.get(head)
        if found is None:
            raise self._unknown(path, head, list(self.by_name))
        if not tail:
            return found
        inner = {child.name: child for child in found.fields}
        if tail not in inner:
            raise self._unknown(path, tail, list(inner))
        return inner[tail]

    def _unknown(self, path: str, name: str, known: list[str]) -> Misconfigured:
        return Misconfigured(
            f"entity {self.name} has no field {path!r}",
            fix=near(name, known) if known else "this field is no list",
        )

    @cached_property
    def lists(self) -> tuple[str, ...]:
        """Names of the child lists."""
        return tuple(field.name for field in self.fields if field.kind == "children")

    @cached_property
    def personal(self) -> tuple[str, ...]:
        """Paths of the fields that hold data about a person, ``list.name`` inside lists."""
        found = [field.name for field in self.fields if field.personal]
        for field in self.fields:
            found += [f"{field.name}.{child.name}" for child in field.fields if child.personal]
        return tuple(found)

    # -- tables of the store ------------------------------------------------------------------
    @cached_property
    def header_columns(self) -> tuple[Column, ...]:
        """Columns of the header table; lists other than ``lines`` are one ``json`` column."""
        return tuple(
            Column(
                field.name,
                "json" if field.kind == "children" else field.kind,
                field.name not in KEY_NAMES,
            )
            for field in self.fields
            if field.name != "lines"
        )

    @cached_property
    def children(self) -> Mapping[str, tuple[Column, ...]]:
        """Columns of each child table by list name; at present ``lines`` or nothing."""
        return {
            field.name: tuple(
                Column(child.name, child.kind, child.name != "line_id") for child in field.fields
            )
            for field in self.fields
            if field.name == "lines"
        }

    # -- Arrow --------------------------------------------------------------------------------
    @cached_property
    def arrow(self) -> pa.Schema:
        """Arrow schema of the entity; every field is nullable."""
        from crossdock.model import arrow

        return arrow.schema(self)

    @cached_property
    def batch_schema(self) -> pa.Schema:
        """The Arrow schema with ``record: int32`` (row in the raw batch) before it."""
        from crossdock.model import arrow

        return arrow.batch_schema(self)

    def empty(self, n: int = 0) -> pa.Table:
        """Make a table of ``n`` rows in which everything is null."""
        return self.arrow.empty_table() if n == 0 else self._nulls(n)

    def _nulls(self, n: int) -> pa.Table:
        from crossdock.model import arrow

        return arrow.nulls(self, n)

    def conform(self, table: pa.Table) -> pa.Table:
        """Give ``table`` exactly this entity's columns, types and order.

        Missing columns become typed nulls, types are cast where nothing is lost, and ``record``
        stays first where it is present. Raises Misconfigured naming the column that is unknown,
        or whose values would lose something.
        """
        from crossdock.model import arrow

        return arrow.conform(self, table)

    # -- validation and documentation ---------------------------------------------------------
    @cached_property
    def pydantic(self) -> type[BaseModel]:
        """Pydantic model of one document: strict, no extra fields, decimals and UTC only."""
        from crossdock.model import validator

        return validator.model(self)

    @cached_property
    def json_schema(self) -> dict[str, Any]:
        """JSON Schema (draft 2020-12) of the canonical JSON of one document."""
        from crossdock.model import json_schema

        return json_schema.schema(self)


def declare(
    name: str,
    help: str,  # noqa: A002
    number: Field,
    *fields: Field,
    standard: str = "",
    amount_field: str | None = None,
    currency_field: str | None = None,
) -> Entity:
    """Declare an entity: its key, ``number`` (the field ``id``), fields and child lists.

    Organisation and shop come before, ``source_updated_at`` and ``extension`` after the header.
    """
    header = tuple(field for field in fields if field.kind != "children")
    lists = tuple(field for field in fields if field.kind == "children")
    return Entity(
        name=name,
        help=help,
        fields=(*KEY, number, *header, *SOURCE, *lists),
        standard=standard,
        amount_field=amount_field,
        currency_field=currency_field,
    )
