"""Look up what a batch of documents is held against: a few queries, however many documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from crossdock import documents
from crossdock.edi.family.case import Document, Family, order_numbers
from crossdock.store import Store, bulk, schema

MEMBERS = {
    "order_response": "order_responses",
    "shipment": "shipments",
    "receiving_advice": "receiving_advices",
    "invoice": "invoices",
}
"""Entities that refer to an order, and where a family keeps them."""

SOLD, BOUGHT = "sales_order", "purchase_order"


@dataclass
class Relatives:
    """What was found for a batch: families and single documents by organisation and number."""

    families: dict[tuple[str, str], Family] = field(default_factory=dict)
    single: dict[tuple[str, str, str], Document] = field(default_factory=dict)
    ssccs: dict[str, dict[str, str]] = field(default_factory=dict)

    def families_of(self, document: Document) -> dict[str, Family]:
        """Give the families that a document names, by the order's number in it."""
        owner = str(document.get("organisation") or "")
        return {
            number: self.families.get((owner, number), Family())
            for number in order_numbers(document)
        }

    def known_to(self, document: Document) -> dict[tuple[str, str], Document]:
        """Give the single documents of the document's organisation."""
        owner = str(document.get("organisation") or "")
        return {(kind, number): one for (kind, mine, number), one in self.single.items()
                if mine == owner}  # fmt: skip

    def taken_from(self, document: Document) -> dict[str, str]:
        """Give the SSCC that stand in other shipments, with the shipment."""
        mine = str(document.get("id"))
        return {
            sscc: other for sscc, others in self.ssccs.items() for other in others if other != mine
        }


def relatives(store: Store, batch: Sequence[Document], orders: str) -> Relatives:
    """Find the orders (of entity ``orders``) that ``batch`` names, their families, and the rest."""
    found = Relatives()
    numbers = {number for one in batch for number in order_numbers(one)}
    with store.reading() as connection:
        names = _orders(connection, store, found, batch, numbers, orders)
        for entity in MEMBERS:
            _members(connection, store, found, entity, names)
        for entity, fields in (("shipment", ("despatch_id", "shipment_id")),
                               ("invoice", ("original_id",))):  # fmt: skip
            wanted = {str(one[name]) for one in batch for name in fields if one.get(name)}
            _single(connection, store, found, entity, wanted)
        _ssccs(connection, store, found, batch)
    return found


def _orders(
    connection: sa.Connection,
    store: Store,
    found: Relatives,
    batch: Sequence[Document],
    numbers: set[str],
    entity: str,
) -> dict[tuple[str, str], set[str]]:
    """Find the orders by our number, else by the buyer's; gives the numbers that each has."""
    head = schema.typed[entity][0]
    names: dict[tuple[str, str], set[str]] = {}
    shops = {(str(one.get("organisation") or ""), number): str(one.get("shop") or "")
             for one in batch for number in order_numbers(one)}  # fmt: skip
    columns = [head.c.document_id, head.c.organisation, head.c.shop, head.c.id]
    columns.append(head.c.buyer_reference)
    missing = set(numbers)
    for column in (head.c.id, head.c.buyer_reference):
        rows: dict[tuple[str, str], list[Any]] = {}
        for row in connection.execute(
            sa.select(*columns).where(bulk.among(column, _texts(missing), store.dialect))
        ):
            rows.setdefault((row.organisation, row._mapping[column.name]), []).append(row)
        chosen = {key: one for key, some in rows.items()
                  if (one := _one(some, shops.get(key, ""))) is not None}  # fmt: skip
        bodies = _bodies(connection, store, entity, [row.document_id for row in chosen.values()])
        for key, row in chosen.items():
            family = Family(order=bodies.get(row.document_id))
            found.families.setdefault(key, family)
            names[key] = {name for name in (row.id, row.buyer_reference) if name}
        missing -= {number for _, number in chosen}
    return names


def _one(rows: list[Any], shop: str) -> Any:
    """Choose among orders of one number: the only one, or the only one of the same shop."""
    if len(rows) > 1:
        rows = [row for row in rows if row.shop == shop]
    return rows[0] if len(rows) == 1 else None


def _members(
    connection: sa.Connection,
    store: Store,
    found: Relatives,
    entity: str,
    names: dict[tuple[str, str], set[str]],
) -> None:
    """Find the documents of an entity that refer to the orders, in their head or their lines."""
    head, lines = schema.typed[entity]
    wanted = _texts({name for known in names.values() for name in known})
    if not len(wanted):
        return
    among = bulk.among
    ids = set(
        connection.execute(
            sa.select(head.c.document_id).where(among(head.c.order_id, wanted, store.dialect))
        ).scalars()
    )
    if lines is not None and entity in {"shipment", "receiving_advice"}:
        ids |= set(
            connection.execute(
                sa.select(lines.c.document_id).where(among(lines.c.order_id, wanted, store.dialect))
            ).scalars()
        )
    bodies = _bodies(connection, store, entity, ids).values()
    for (owner, number), known in names.items():
        family = found.families[owner, number]
        mine = [
            one
            for one in bodies
            if one.get("organisation") == owner and known & set(order_numbers(one))
        ]
        setattr(family, MEMBERS[entity], mine)


def _single(
    connection: sa.Connection, store: Store, found: Relatives, entity: str, wanted: set[str]
) -> None:
    if not wanted:
        return
    head = schema.typed[entity][0]
    ids = connection.execute(
        sa.select(head.c.document_id).where(bulk.among(head.c.id, _texts(wanted), store.dialect))
    ).scalars()
    for one in _bodies(connection, store, entity, ids).values():
        found.single[entity, str(one.get("organisation") or ""), str(one["id"])] = one


def _ssccs(
    connection: sa.Connection, store: Store, found: Relatives, batch: Sequence[Document]
) -> None:
    """Find out which packages of the batch stand in shipments of the hub."""
    wanted = {sscc for one in batch for sscc in _packages(one)}
    if not wanted:
        return
    head, lines = schema.typed["shipment"]
    assert lines is not None  # noqa: S101 - shipments have lines by declaration
    rows = connection.execute(
        sa.select(lines.c.sscc, head.c.id)
        .join(head, head.c.document_id == lines.c.document_id)
        .where(bulk.among(lines.c.sscc, _texts(wanted), store.dialect))
    )
    for sscc, shipment in rows:
        found.ssccs.setdefault(sscc, {})[shipment] = shipment
    for family in found.families.values():  # outer packages stand in no line
        for shipment in family.shipments:
            for sscc in wanted & set(_packages(shipment)):
                found.ssccs.setdefault(sscc, {})[str(shipment["id"])] = str(shipment["id"])


def _packages(document: Document) -> Iterator[str]:
    for one in document.get("packages") or []:
        if one.get("sscc"):
            yield str(one["sscc"])


def _bodies(
    connection: sa.Connection, store: Store, entity: str, ids: Iterable[int]
) -> dict[int, Document]:
    """Read the current version of documents, by their ids in the store."""
    wanted = pa.array(sorted(set(ids)), pa.int64())
    if not len(wanted):
        return {}
    head, version = schema.typed[entity][0], schema.document_version
    rows = connection.execute(
        sa.select(head.c.document_id, version.c.body)
        .join(
            version,
            sa.and_(
                version.c.entity == entity,
                version.c.document_id == head.c.document_id,
                version.c.version == head.c.version,
            ),
        )
        .where(bulk.among(head.c.document_id, wanted, store.dialect))
    ).all()
    frames = pa.array([bytes(row.body) for row in rows], pa.large_binary())
    made = documents.from_json(documents.decompress(frames), entity).to_pylist()
    return {row.document_id: one for row, one in zip(rows, made, strict=True)}


def _texts(values: Iterable[str]) -> pa.Array:
    return pa.array(sorted(values), pa.string())
