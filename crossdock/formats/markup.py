"""XML records as one canonical JSON text each; ``crossdock.xml`` says what becomes what.

``records`` of a stream is the dotted path of the record from the root ("Orders.Order"). Options:
``namespace`` (the URI that the records must have), ``lists`` (paths inside of a record that are
always lists, "Lines.Line").
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from crossdock.connector import Reads
from crossdock.errors import Misconfigured
from crossdock.formats.rows import nested

CHARACTERS = 8 << 20


def read(stream: Reads, media: str, body: Path) -> Iterator[pa.Table]:
    """Yield the records of an XML file; ``position`` is their number from 1."""
    from crossdock import xml

    if not stream.records:
        raise Misconfigured(
            f"the stream {stream.name!r} does not say where its records are",
            fix="declare records: the path from the root, such as Orders.Order",
        )
    namespace = stream.options.get("namespace")
    lists = frozenset(str(path) for path in stream.options.get("lists", ()))
    texts: list[str] = []
    size = start = 0
    with body.open("rb") as file:
        for _, record in xml.records(file, stream.records, namespace, lists, stream.name):
            text = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            texts.append(text)
            size += len(text)
            if size > CHARACTERS:
                yield _table(texts, start)
                start, size, texts = start + len(texts), 0, []
    if texts or not start:
        yield _table(texts, start)


def _table(texts: list[str], start: int) -> pa.Table:
    return nested(texts, range(start + 1, start + 1 + len(texts)))
