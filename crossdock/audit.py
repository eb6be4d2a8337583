"""The audit trail: what people did, each row chained to the one before by its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from crossdock.store import Store, schema
from crossdock.store.engine import take_numbers


def write(
    connection: sa.Connection, who: str, action: str, subject: str, detail: Mapping[str, Any]
) -> None:
    """Append one act to the trail, inside the transaction of the act itself."""
    table = schema.audit
    number = take_numbers(connection, "audit")  # its row lock also keeps the chain in order
    previous = connection.execute(
        sa.select(table.c.hash).where(table.c.id == number - 1)
    ).scalar_one_or_none()
    row = {
        "id": number,
        "at": datetime.now(UTC),
        "who": who,
        "action": action,
        "subject": subject,
        "detail": json.dumps(detail, sort_keys=True, ensure_ascii=False),
        "previous": previous or "",
    }
    connection.execute(table.insert().values(**row, hash=_hash(row)))


def broken_at(store: Store) -> int | None:
    """Give the number of the first row that was changed or removed; None when all is whole."""
    table = schema.audit
    previous, expected = "", 1
    with store.reading() as connection:
        for row in connection.execute(sa.select(table).order_by(table.c.id)).mappings():
            values = {name: row[name] for name in row if name != "hash"}
            if row["id"] != expected or row["previous"] != previous or _hash(values) != row["hash"]:
                return int(expected)
            previous, expected = row["hash"], expected + 1
        last = connection.execute(
            sa.select(schema.counter.c.value).where(schema.counter.c.name == "audit")
        ).scalar_one_or_none()
    return expected if last is not None and last >= expected else None


def _hash(row: Mapping[str, Any]) -> str:
    text = "\x1f".join(
        row[name].isoformat() if name == "at" else str(row[name])
        for name in ("id", "at", "who", "action", "subject", "detail", "previous")
    )
    return hashlib.sha256(text.encode()).hexdigest()
