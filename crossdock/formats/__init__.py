"""Landed bytes become tables of raw records: text columns, or one JSON text a record.

Nothing is inferred: every cell is the text that the source wrote. ``position`` is the place in
the source; ``_fault`` says why a row could not be taken apart and ``_raw`` keeps what it was. A
parser that fails in any way makes the object unreadable and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from crossdock.connector import Reads
from crossdock.errors import CrossdockError, Misconfigured, Unreadable
from crossdock.formats import packed
from crossdock.formats.rows import JSON, OURS, Faults

Parser = Callable[[Reads, str, Path], Iterator[pa.Table]]

MEDIA = ("csv", "tsv", "json", "ndjson", "xml", "xlsx", "parquet")
_ENDINGS = {
    "csv": "csv",
    "tsv": "tsv",
    "tab": "tsv",
    "json": "json",
    "ndjson": "ndjson",
    "jsonl": "ndjson",
    "xml": "xml",
    "xlsx": "xlsx",
    "xlsm": "xlsx",
    "parquet": "parquet",
    "zip": "zip",
}


def media_of(name: str, declared: str = "") -> str:
    """Give the media of a file from what is declared and from its name's ending.

    The declared one wins; ``.gz`` is kept as an ending of the media. Raises Misconfigured.

    >>> media_of("stock.csv"), media_of("a.txt.gz", "tsv"), media_of("export.jsonl")
    ('csv', 'tsv.gz', 'ndjson')
    """
    lower = name.lower()
    plain = lower.removesuffix(".gz")
    ending = plain.rsplit(".", 1)[-1]
    media = "zip" if ending == "zip" else declared or _ENDINGS.get(ending, "")
    if media not in {*MEDIA, "zip"}:
        raise Misconfigured(
            f"the media of a file that ends in {ending[:12]!r} is not known",
            fix=f"declare media: one of {', '.join(MEDIA)}",
        )
    return f"{media}.gz" if plain != lower else media


def tables(stream: Reads, media: str, body: Path) -> Iterator[pa.Table]:
    """Yield the raw records of ``body`` as tables of about 8 MB.

    Columns: the fields (strings), or ``json`` (large_string); then ``position`` (int64),
    ``_fault`` and ``_raw`` (strings, null for a good row). Raises Unreadable; tables that came
    before it must be thrown away.
    """
    if body.stat().st_size == 0:
        raise Unreadable("the file is empty", where=stream.name)
    try:
        yield from _tables(stream, media, body)
    except CrossdockError:
        raise
    except Exception as error:
        raise Unreadable(
            f"this cannot be read as {media}: {type(error).__name__}", where=stream.name
        ) from error


def _tables(stream: Reads, media: str, body: Path) -> Iterator[pa.Table]:
    if media.endswith(".gz"):
        with packed.own_file() as plain:
            packed.gunzip(body, plain, stream.name)
            yield from tables(stream, media.removesuffix(".gz"), Path(plain.name))
    elif media == "zip":
        yield from _zipped(stream, body)
    else:
        yield from _parser(media)(stream, media, body)


def _parser(media: str) -> Parser:
    if media in {"csv", "tsv"}:
        from crossdock.formats import delimited

        return delimited.read
    if media == "json":
        from crossdock.formats import nested

        return nested.document
    if media == "ndjson":
        from crossdock.formats import nested

        return nested.lines
    if media == "xml":
        from crossdock.formats import markup

        return markup.read
    if media == "xlsx":
        from crossdock.formats import sheet

        return sheet.read
    if media == "parquet":
        from crossdock.formats import parquet

        return parquet.read
    raise Misconfigured(f"there is no media {media!r}", fix=f"known: {', '.join(MEDIA)}")


def _zipped(stream: Reads, body: Path) -> Iterator[pa.Table]:
    """Read the members one by one; a bad one is one fault, the others go on."""
    schema: pa.Schema | None = None
    faults = Faults()
    pattern = str(stream.options.get("member", "*"))
    declared = stream.media if stream.media in MEDIA else ""
    for number, name, entry in packed.members(body, pattern, stream.name):
        try:
            with packed.own_file() as plain:
                packed.unzip(body, entry, plain, stream.name)
                media = media_of(name, declared)
                if media == "zip" or media.endswith(".gz"):
                    raise Unreadable("archives inside of archives are not opened")
                found = list(tables(stream, media, Path(plain.name)))
            if schema is not None and set(found[0].column_names) != set(schema.names):
                raise Unreadable("its columns are not those of the first member")
        except (Unreadable, Misconfigured) as error:
            faults.add(number, f"member {number} of the zip file: {error}", name)
            continue
        schema = schema or found[0].schema
        yield from (table.select(schema.names) for table in found)
    if schema is None and not len(faults):
        raise Unreadable(f"the zip file has no member {pattern!r}", where=stream.name)
    if len(faults):
        yield faults.take(schema or JSON)


__all__ = ["MEDIA", "OURS", "media_of", "tables"]
