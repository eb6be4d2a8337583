"""Put canonical documents straight onto the shelf, as resolve leaves them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from crossdock import documents
from crossdock.model import entity as entity_of
from crossdock.model.arrow import schema as columns_of
from crossdock.store import Store, schema
from crossdock.store.engine import take_numbers


def put(store: Store, entity: str, document: dict[str, Any], shop: str = "edi") -> int:
    """Store the first version of a document; gives its number in the store."""
    body = {"organisation": "demo", "shop": shop} | document
    table = pa.Table.from_pylist([body], schema=columns_of(entity_of(entity)))
    texts = documents.to_json(table)
    head, lines = schema.typed[entity]
    with store.writing() as connection:
        number = take_numbers(connection, "document")
        digest = documents.hashes(texts)[0].as_py()
        values = {
            name: value
            for name, value in body.items()
            if name in head.c and not isinstance(value, list)
        }
        connection.execute(
            head.insert().values(
                document_id=number,
                document_key=f"demo|{shop}|{body['id']}",
                version=1,
                hash=digest,
                changed_by="",
                **values,
            )
        )
        connection.execute(
            schema.document_version.insert().values(
                entity=entity,
                document_id=number,
                version=1,
                hash=digest,
                body=documents.compress(texts)[0].as_py(),
                version_id=0,
                mapping="",
                run_id="",
            )
        )
        for at, line in enumerate(body.get("lines") or [], 1):
            assert lines is not None
            known = {name: value for name, value in line.items() if name in lines.c}
            connection.execute(
                lines.insert().values(document_id=number, line_number=at, **known)
            )
    return int(number)
