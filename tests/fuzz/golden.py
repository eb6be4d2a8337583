"""Small files that are right, one a parser, with what must come of them."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook

from crossdock.connector import Reads
from crossdock.formats import tables

ROWS = [
    {"sku": "00123", "name": "Żółw, \"rot\"", "price": "12.50", "at": "2026-03-01T10:00:00Z"},
    {"sku": "1E5", "name": "=1+1", "price": "-0.10", "at": "2026-03-02T10:00:00+01:00"},
    {"sku": "A 3", "name": "two\nlines", "price": "1000.00", "at": "2026-03-03"},
]
NAMES = tuple(ROWS[0])


@dataclass(frozen=True)
class Golden:
    """One file: its media, its bytes, and where its records are."""

    media: str
    data: bytes
    records: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    def read(self, data: bytes) -> tuple[list[dict[str, str]], int]:
        """Read the good records out of ``data``, and how many were held; raises Unreadable."""
        stream = Reads(
            name="fuzz", key=("sku",), media=self.media, records=self.records, options=self.options
        )
        good, held = [], 0
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            for table in tables(stream, self.media, Path(file.name)):
                for row in table.to_pylist():
                    if row.get("_fault"):
                        held += 1
                    else:
                        good.append(_record(row))
        return good, held


def _record(row: dict[str, Any]) -> dict[str, str]:
    if "json" in row:
        record: dict[str, str] = json.loads(row["json"], parse_float=str, parse_int=str)
        return record
    return {name: row[name] for name in row if name not in {"position", "_fault", "_raw"}}


def _delimited(mark: str) -> bytes:
    lines = [mark.join(NAMES)]
    lines += [
        mark.join([*('"' + row[n].replace('"', '""') + '"' for n in NAMES[:-1]), row["at"]])
        for row in ROWS
    ]
    return ("\r\n".join(lines) + "\r\n").encode()


def _xml() -> bytes:
    rows = "".join(
        "<row>" + "".join(f"<{name}>{row[name]}</{name}>" for name in NAMES) + "</row>"
        for row in ROWS
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<rows>{rows}</rows>'.encode()


def _workbook() -> bytes:
    book = Workbook()
    sheet: Any = book.active
    sheet.append(list(NAMES))
    for row in ROWS:
        sheet.append([row[name] for name in NAMES])
        for cell in sheet[sheet.max_row]:
            cell.data_type = "s"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({name: [row[name] for row in ROWS] for name in NAMES}), file)
    return file.getvalue()


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.csv", _delimited(","))
    return file.getvalue()


def _soap() -> bytes:
    body = _xml().partition(b"\n")[2].decode()
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f"<Answer>{body}</Answer></s:Body></s:Envelope>"
    ).encode()


_LIST = json.dumps({"orders": ROWS, "next": None}, ensure_ascii=False).encode()

GOLDEN = {
    "csv": Golden("csv", _delimited(",")),
    "tsv": Golden("tsv", _delimited("\t")),
    "json": Golden("json", _LIST, "orders"),
    "webhook": Golden("json", json.dumps(ROWS[0]).encode()),
    "ndjson": Golden("ndjson", "".join(json.dumps(row) + "\n" for row in ROWS).encode()),
    "xml": Golden("xml", _xml(), "rows.row"),
    "soap": Golden("xml", _soap(), "Envelope.Body.Answer.rows.row"),
    "xlsx": Golden("xlsx", _workbook()),
    "parquet": Golden("parquet", _parquet()),
    "csv.gz": Golden("csv.gz", gzip.compress(_delimited(","), mtime=0)),
    "zip": Golden("zip", _zip()),
}
WHOLE = {"json", "webhook", "xml", "soap", "xlsx", "parquet", "csv.gz", "zip"}
"""Media that say where they end: a part of one is never taken at all."""
