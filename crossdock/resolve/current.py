"""The winning documents: settle conflicts, write versions, current state and source bindings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from crossdock import document_key, documents
from crossdock.conflicts import Asked, ConflictRules, Present, merge
from crossdock.model import entity as entity_of
from crossdock.resolve.work import Incoming, Work, flat
from crossdock.store import bulk, schema


@dataclass(frozen=True)
class Written:
    """Documents as they are in the store now: our id and version of each, and which are new."""

    documents: Incoming
    ids: Any
    version: Any
    changed: Any
    is_new: Any


def write(work: Work, came: Incoming, rules: ConflictRules) -> Written:
    """Write one entity's documents; those that lose or need a person stay out."""
    undecided = np.flatnonzero(work.state[came.record] == "")
    if undecided.size < len(came.keys):
        came = came.rows(undecided)
    came = _single(work, came)
    came, present = _settled(work, came, _present(work, came), rules)
    is_new = present.ids == 0
    hashes = np.array(came.hashes.to_pylist(), dtype=object)
    changed = is_new | (hashes != present.hashes)
    ids = present.ids.copy()
    first = work.numbers("document", int(is_new.sum()))
    ids[is_new] = np.arange(first, first + int(is_new.sum()))
    version = np.where(changed, present.versions + 1, present.versions)
    work.document_id[came.record] = ids
    written = Written(came, ids, version, changed, is_new)
    if changed.any():
        _write_versions(work, written)
        _write_typed(work, written)
    _bind_source(work, written)
    return written


def _single(work: Work, came: Incoming) -> Incoming:
    """Keep back documents that several records of the batch make: nobody knows which is right.

    Where they are alike, the first one passes.
    """
    words = "{} records of one batch make this document"
    twins = pc.value_counts(came.keys)
    twins = twins.filter(pc.greater(twins.field("counts"), 1))
    often = {row["values"]: row["counts"] for row in twins.to_pylist()}
    if not often:
        return came
    hashes: dict[str, set[bytes]] = {}
    for key, digest in zip(came.keys.to_pylist(), came.hashes.to_pylist(), strict=True):
        hashes.setdefault(key, set()).add(digest)
    asked: dict[int, list[Asked]] = {}
    passed: set[str] = set()
    for number, key in enumerate(came.keys.to_pylist()):
        if key not in often or (len(hashes[key]) == 1 and key not in passed):
            passed.add(key)
        else:
            (name,) = document_key.ids(pa.array([key])).to_pylist()
            asked[number] = [Asked("id", name, words.format(often[key]))]
    work.asked.append(_questions(work, came.entity, came.record, asked))
    return came.rows(np.array([n for n in range(len(came.keys)) if n not in asked], np.int64))


def _present(work: Work, came: Incoming) -> Present:
    """Find the present id, version and hash of each document; locks them on PostgreSQL."""
    head = schema.typed[came.entity][0]
    found = work.connection.execute(
        sa.select(head.c.document_key, head.c.document_id, head.c.version, head.c.hash)
        .where(bulk.among(head.c.document_key, came.keys, work.connection.dialect.name))
        .order_by(head.c.document_key)
        .with_for_update()
    ).all()
    size = len(came.keys)
    present = Present(
        np.zeros(size, dtype=np.int64),
        np.zeros(size, dtype=np.int32),
        np.full(size, b"", dtype=object),
    )
    place = {row.document_key: row for row in found}
    if place:
        for number, key in enumerate(came.keys.to_pylist()):
            if row := place.get(key):
                present.ids[number] = row.document_id
                present.versions[number] = row.version
                present.hashes[number] = bytes(row.hash)
    return present


def _settled(
    work: Work, came: Incoming, present: Present, rules: ConflictRules
) -> tuple[Incoming, Present]:
    """Settle documents that others changed since their source and we last agreed."""
    if not present.ids.any():
        return came, present
    released: set[int] = set()
    if "released" in work.raw.column_names:
        free = work.raw["released"].to_pylist()
        released = {n for n, row in enumerate(came.record.tolist()) if free[row]}
    source = (work.leg.system, work.leg.stream)
    result = merge(work.connection, came, source, present, rules, released)
    record = came.record
    for number in result.replaced:
        work.bases[int(record[number])] = (
            came.hashes[number].as_py(),
            came.bodies[number].as_py(),
        )
    if result.replaced:
        came = _replaced(came, result.replaced)
        _adjust(work, came, sorted(result.replaced))
    for number, reason in result.stale.items():
        work.state[record[number]] = "rejected"
        work.reason[record[number]] = reason
    if result.asked:
        work.asked.append(_questions(work, came.entity, record, result.asked))
    out = {*result.stale, *result.asked}
    if not out:
        return came, present
    keep = np.array([n for n in range(len(record)) if n not in out], dtype=np.int64)
    return came.rows(keep), present.rows(keep)


def _adjust(work: Work, came: Incoming, numbers: Sequence[int]) -> None:
    """Book the money that settling a conflict changed, so that the books say where it went."""
    kind = entity_of(came.entity)
    if kind.amount_field is None:
        return
    rows = came.record[numbers]
    now = came.table[kind.amount_field].take(pa.array(numbers)).to_pylist()
    for row, amount in zip(rows.tolist(), now, strict=True):
        read = work.raw["amount"][row].as_py()
        if read is None or amount is None or read == amount:
            continue
        work.connection.execute(
            schema.adjustment.insert().values(
                version_id=int(work.version_id[row]),
                rule=f"conflict.{kind.amount_field}",
                run_id=work.run.id,
                amount=read - amount,
                currency=work.raw["currency"][row].as_py(),
            )
        )


def _questions(
    work: Work, entity: str, record: Any, asked: Mapping[int, list[Asked]]
) -> pa.Table:
    rows = [
        {
            "record": int(record[number]),
            "cause": "conflict",
            "entity": entity,
            "rule": f"conflict.{question.field}",
            "rule_version": "",
            "severity": "hold_record",
            "field": question.field,
            "value": question.value,
            "line": None,
            "message": question.message,
        }
        for number, questions in asked.items()
        for question in questions
    ]
    return pa.Table.from_pylist(rows, schema=work.checked.held.schema)


def _replaced(came: Incoming, texts: Mapping[int, str]) -> Incoming:
    """Put the merged documents in the place of the incoming ones."""
    numbers = sorted(texts)
    merged = documents.from_json(
        pa.array([texts[n] for n in numbers], pa.large_string()), came.entity
    )
    words = documents.to_json(merged)
    record = came.table["record"].take(pa.array(numbers))
    merged = merged.add_column(0, "record", record).select(came.table.column_names)
    both = pa.concat_tables([came.table, merged], promote_options="permissive")
    order = np.arange(came.table.num_rows)
    order[numbers] = came.table.num_rows + np.arange(len(numbers))
    take = pa.array(order)

    def put(column: pa.Array, new: pa.Array) -> pa.Array:
        return pa.concat_arrays([column, new.cast(column.type)]).take(take)

    return Incoming(
        came.entity,
        both.take(take).combine_chunks(),
        came.keys,
        put(came.hashes, documents.hashes(words)),
        put(came.bodies, documents.compress(words)),
    )


def _write_versions(work: Work, written: Written) -> None:
    came = written.documents
    rows = np.flatnonzero(written.changed)
    take = pa.array(rows)
    bulk.insert(
        work.connection,
        schema.document_version,
        pa.table(
            {
                "entity": work.same(came.entity, rows.size),
                "document_id": pa.array(written.ids[rows]),
                "version": pa.array(written.version[rows]),
                "hash": came.hashes.take(take),
                "body": came.bodies.take(take),
                "version_id": pa.array(work.version_id[came.record[rows]]),
                "mapping": work.same(work.checked.mapping.get(came.entity, ""), rows.size),
                "run_id": work.same(work.run.id, rows.size),
            }
        ),
    )


def _write_typed(work: Work, written: Written) -> None:
    """Replace the current state of changed documents in the typed tables."""
    came, ids = written.documents, written.ids
    head, lines = schema.typed[came.entity]
    kind = entity_of(came.entity)
    gone = np.flatnonzero(written.changed & ~written.is_new)
    if gone.size:
        old = pa.table({"document_id": pa.array(ids[gone])})
        bulk.delete(work.connection, head, old)
        if lines is not None:
            bulk.delete(work.connection, lines, old)
    rows = np.flatnonzero(written.changed)
    take = pa.array(rows)
    table = came.table.take(take)
    columns = {
        "document_id": pa.array(ids[rows]),
        "document_key": came.keys.take(take),
        "version": pa.array(written.version[rows]),
        "hash": came.hashes.take(take),
        "changed_by": work.same(f"{work.leg.system}.{work.leg.stream}", rows.size),
    }
    for column in kind.header_columns:
        values = flat(table[column.name])
        columns[column.name] = _as_json(values) if column.kind == "json" else values
    bulk.insert(work.connection, head, pa.table(columns))
    if lines is None:
        return
    nested = flat(table["lines"])
    flattened = pc.list_flatten(nested)
    if len(flattened) == 0:
        return
    parents = pc.list_parent_indices(nested).to_numpy()
    starts = np.searchsorted(parents, parents, side="left")
    bulk.insert(
        work.connection,
        lines,
        pa.table(
            {
                "document_id": pa.array(ids[rows][parents]),
                "line_number": pa.array((np.arange(parents.size) - starts + 1).astype(np.int32)),
                **{
                    column.name: pc.struct_field(flattened, column.name)
                    for column in kind.children["lines"]
                },
            }
        ),
    )


def _as_json(lists: pa.Array) -> pa.Array:
    """Write lists as JSON text; null stays null."""
    if lists.null_count == len(lists):
        return pa.nulls(len(lists), pa.string())
    texts = documents.to_json(pa.table({"list": lists}))
    cut = pc.utf8_slice_codeunits(texts, start=len('{"list":'), stop=-1)
    return pc.if_else(pc.is_null(lists), pa.scalar(None, pa.large_string()), cut)


def _bind_source(work: Work, written: Written) -> None:
    """Remember what this source and we agree on now: its own document, not the merged one."""
    came = written.documents
    size = len(came.keys)
    hashes, bases = came.hashes, pa.nulls(size, pa.large_binary())
    if work.bases:
        own = came.hashes.to_pylist()
        pairs = [work.bases.get(row, (own[n], None)) for n, row in enumerate(came.record.tolist())]
        hashes = pa.array([digest for digest, _ in pairs], pa.binary(32))
        bases = pa.array([body for _, body in pairs], pa.large_binary())
    rows = pa.table(
        {
            "system": work.same(work.leg.system, size),
            "stream": work.same(work.leg.stream, size),
            "entity": work.same(came.entity, size),
            "document_id": pa.array(written.ids),
            "their_id": flat(work.raw["key"].take(pa.array(came.record))),
            "base_version": pa.array(written.version),
            "base_hash": hashes,
            "base": bases,
            "run_id": work.same(work.run.id, size),
        }
    )
    new = pa.array(written.is_new)
    bulk.insert(work.connection, schema.binding, rows.filter(new))
    bulk.upsert(work.connection, schema.binding, rows.filter(pc.invert(new)))
