"""Echoes: what a system told us does not go back to it, and what we told it is no news either.

A shop that is told how much there is stamps that with an instant of its own and offers it as
changed; sent back to where it came from, it would go round for ever.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from crossdock import documents
from crossdock.conflicts import agreed
from crossdock.flows import Route
from crossdock.resolve.current import Written
from crossdock.resolve.work import Work
from crossdock.store import bulk, schema

_TIME = "source_updated_at"


def heard_there(work: Work, route: Route, written: Written, rows: Any) -> set[int]:
    """Find the rows whose document is, but for its instant, what the target's system told us.

    Only documents that are not new, and that came by another stream of that very system, are
    looked at.
    """
    old = rows[~written.is_new[rows]]
    if old.size == 0 or work.leg.system == route.system:
        return set()
    table = schema.binding
    told = work.connection.execute(
        sa.select(table).where(
            table.c.system == route.system,
            table.c.stream != route.stream,
            table.c.entity == route.entity,
            bulk.among(
                table.c.document_id, pa.array(written.ids[old]), work.connection.dialect.name
            ),
        )
    ).all()
    known: dict[int, list[dict[str, Any]]] = {}
    for row in told:
        body = agreed(work.connection, route.entity, row.document_id, row)
        known.setdefault(row.document_id, []).append(_timeless(body))
    some = [row for row in old.tolist() if int(written.ids[row]) in known]
    if not some:
        return set()
    texts = documents.decompress(written.documents.bodies.take(pa.array(some, pa.int64())))
    return {
        row
        for row, text in zip(some, texts.to_pylist(), strict=True)
        if _timeless(json.loads(text)) in known[int(written.ids[row])]
    }


def without(rows: Any, some: set[int]) -> Any:
    """Leave some rows out."""
    return rows[~np.isin(rows, list(some))] if some else rows


def _timeless(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != _TIME}
