"""Messages as rows: one JSON text a message, or an entry of it; a faulty one with its own text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossdock.edi import flat, strangers
from crossdock.edi.check import check_message
from crossdock.edi.guide import Guides
from crossdock.edi.interchange import Interchange, Message
from crossdock.edi.partner import Partner
from crossdock.edi.reader import read
from crossdock.edi.x12 import documents
from crossdock.edi.x12.interchange import X12Message
from crossdock.errors import Refused
from crossdock.streams import Reads

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 2_000
"""Messages in one table."""


def tables(
    source: Path,
    envelopes: Sequence[Interchange],
    stream: Reads,
    partner: Partner,
    guides: Guides,
) -> Iterator[pa.Table]:
    """Yield tables of ``json``, ``position``, ``_fault`` and ``_raw`` (null where all is well).

    ``envelopes`` come from an earlier pass over ``source``: messages of an interchange that is
    rejected are faulty, each with the reason, and never lose those of another one. ``guides``
    make every finding a fault, unless the partner's file leaves it at the envelope. Where the
    stream's ``each`` names a list, each of its entries is a record, with what the message says
    once; a stream that is made ``of`` another leaves faults to that one.
    """
    rows: list[tuple[str, str | None, str | None]] = []
    position = 0
    for item in read(source, choose=partner.choose):
        if isinstance(item, Interchange):
            continue
        whole = envelopes[item.interchange.number - 1]
        rows += _rows(item, whole, stream, guides, partner)
        if len(rows) >= ROWS:
            yield _table(rows, position)
            position += len(rows)
            rows = []
    if rows or not position:
        yield _table(rows, position)


def _rows(
    message: Message, whole: Interchange, stream: Reads, guides: Guides, partner: Partner
) -> list[tuple[str, str | None, str | None]]:
    wanted = str(stream.options["message"])
    fault = _fault(message, whole, wanted, guides if partner.check == "guide" else None)
    each = str(stream.options.get("each") or "")
    if not fault:
        try:
            document = _document(message, guides)
            strangers.known_parties(document, partner)
            if not each or document[each] or "of" in stream.options:
                return [(_text(record), None, None) for record in records_of(document, stream)]
            fault = f"the message has no {each}"
        except Refused as error:
            fault = str(error)
    if "of" in stream.options:
        return []
    raw = message.raw.encode("utf-8", "backslashreplace").decode()
    return [(_text(identity(message) | {"raw": raw}), fault, raw)]


def _document(message: Message, guides: Guides) -> flat.Document:
    if not isinstance(message, X12Message):
        return flat.read(message)
    guide = guides.find(message.type, message.directory, message.association)
    if guide is None:
        raise Refused(f"there is no guide {message.type} {message.directory}")
    return documents.read(message, guide)


def records_of(document: Mapping[str, Any], stream: Reads) -> Iterator[dict[str, Any]]:
    """Give the records that a document is for a stream: itself, or entries of its list ``each``.

    What a message does not say is left out, so that nothing empty counts as a field.
    """
    each = str(stream.options.get("each") or "")
    if not each:
        yield _said(document)
        return
    head = {name: value for name, value in document.items() if not isinstance(value, list)}
    for entry in document[each]:
        yield _said({**head, **entry})


def _text(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False)


def _said(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [_said(entry) for entry in value] if isinstance(value, list) else value
        for name, value in record.items()
        if value != ""
    }


def _fault(message: Message, whole: Interchange, wanted: str, guides: Guides | None) -> str:
    if whole.findings:
        return f"the interchange {whole.reference} is rejected: {whole.findings[0].text}"
    if whole.doubt:
        return f"the character set is in doubt: {whole.doubt}"
    if message.findings:
        return message.findings[0].line()
    if message.means != wanted:
        return f"a message of type {message.type}; only {wanted} is fetched here"
    if not isinstance(message, X12Message) and message.directory not in flat.DIRECTORIES:
        known = ", ".join(flat.DIRECTORIES)
        return f"{message.type} {message.directory} is not supported; known: {known}"
    found = check_message(message, guides).findings if guides else []
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{found[0].line()}{more}" if found else ""


def identity(message: Message) -> dict[str, Any]:
    """Name a message: interchange, message reference, parties and type."""
    interchange = message.interchange
    return {
        "interchange": interchange.reference,
        "message_ref": message.reference,
        "sender": interchange.sender,
        "receiver": interchange.receiver,
        "type": message.type,
        "directory": message.directory,
    }


def _table(rows: list[tuple[str, str | None, str | None]], first: int) -> pa.Table:
    import pyarrow as pa

    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    return pa.table(
        {
            "json": pa.array(columns[0], pa.large_string()),
            "position": pa.array(range(first + 1, first + len(rows) + 1), pa.int64()),
            "_fault": pa.array(columns[1], pa.string()),
            "_raw": pa.array(columns[2], pa.large_string()),
        }
    )
