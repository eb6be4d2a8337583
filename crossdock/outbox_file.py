"""Documents as a file for a reader who takes files: NDJSON, JSON or CSV.

These are feeds for machines, so nothing is changed to please a spreadsheet. The name of a file is
made from the references in it: the same parcels again give the same file.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from crossdock import json
from crossdock.connector import Parcel, Writes
from crossdock.errors import Refused

MEDIA = ("ndjson", "json", "csv")


def verify(stream: Writes) -> None:
    """Raise ValueError where the options of a stream cannot work."""
    media = stream.options.get("media", "ndjson")
    if media not in MEDIA:
        raise ValueError(f"files are written as {', '.join(MEDIA)}, not {media!r}")
    if media == "csv" and not stream.options.get("fields"):
        raise ValueError("a CSV file needs fields: [..]")
    if stream.delivery != "upsert" and stream.batch > 1:
        raise ValueError("with batch above 1 the reader must take a row twice: delivery: upsert")


def file_name(stream: Writes, parcels: Sequence[Parcel]) -> str:
    """Name the file of these parcels.

    >>> stream = Writes("orders", ("id",), "upsert")
    >>> file_name(stream, [Parcel("a/1", "k", "create", {})])
    'orders-a_1-773232abe934.ndjson'
    """
    joined = "\n".join(sorted(parcel.reference for parcel in parcels))
    digest = hashlib.sha256(joined.encode()).hexdigest()[:12]
    shown = re.sub(r"[^A-Za-z0-9-]", "_", parcels[0].reference)[:60]
    label = shown if len(parcels) == 1 else str(len(parcels))
    return f"{stream.name}-{label}-{digest}.{stream.options.get('media', 'ndjson')}"


def row(stream: Writes, parcel: Parcel) -> str:
    """Write one parcel as a line; raises Refused where the format cannot hold it."""
    body: dict[str, Any] = dict(parcel.body)
    if stream.reference:
        body[stream.reference] = parcel.reference
    operation = stream.options.get("operation")
    if operation:
        body[str(operation)] = parcel.operation
    elif parcel.operation == "delete":
        raise Refused("this feed cannot say that a document is deleted")
    try:
        if stream.options.get("media") == "csv":
            return _line([_cell(name, body.get(name)) for name in _fields(stream)], stream)
        return json.dumps(body)
    except TypeError as error:
        raise Refused(f"the document cannot be written: {error}") from None


def content(stream: Writes, rows: Sequence[str]) -> bytes:
    """Put rows together as the bytes of a file; raises UnicodeEncodeError for a foreign letter."""
    encoding = str(stream.options.get("encoding", "utf-8"))
    media = stream.options.get("media", "ndjson")
    if media == "json":
        return ("[" + ",\n".join(rows) + "]\n").encode(encoding)
    if media == "csv":
        return (_line(_fields(stream), stream) + "".join(rows)).encode(encoding)
    return "".join(f"{text}\n" for text in rows).encode(encoding)


def _fields(stream: Writes) -> list[str]:
    return [str(name) for name in stream.options["fields"]]


def _line(cells: Sequence[str], stream: Writes) -> str:
    out = io.StringIO()
    delimiter = str(stream.options.get("delimiter", ","))
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (Mapping, list, tuple, float)):
        raise Refused(f"the column {name!r} would have to hold a {type(value).__name__}")
    return str(value)
