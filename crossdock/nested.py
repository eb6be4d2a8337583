"""Raw records out of nested sources: one pass over each JSON text takes key, amount and hash."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.amounts import AMOUNT, amount_of
from crossdock.connector import Reads

LONGEST_KEY = 1500
"""Bytes of the longest key of a record; an index of PostgreSQL holds 2,704."""

_arrivals = itertools.count()
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Number(str):
    """A number as the source wrote it; hashes differ between 1 and "1"."""

    __slots__ = ()


def records_of(table: pa.Table, stream: Reads) -> pa.Table:
    """Make record rows from a column ``json`` (one text a record) and ``position``.

    A record without its key, or that is no object, keeps its text and gets a fault.
    """
    from crossdock.landing import key_hashes

    faults = table["_fault"].to_pylist() if "_fault" in table.column_names else None
    made: dict[str, list[Any]] = {
        name: [] for name in ("key", "hash", "deleted", "amount", "currency", "fault")
    }
    plain = table["json"].cast(pa.large_string())
    if "_raw" in table.column_names:  # what could not be read is kept, and named, by its bytes
        plain = pc.coalesce(plain, table["_raw"].cast(pa.large_string()))
    texts = plain.to_pylist()
    for number, text in enumerate(texts):
        fault = faults[number] if faults else None
        record, fault = _parsed(text, fault)
        key = _key(record, stream)
        if fault is None and not key.strip("|"):
            fault = f"the key {', '.join(stream.key)} is empty"
        elif fault is None and len(key.encode("utf-8", "replace")) > LONGEST_KEY:
            fault = too_long(stream)
        amount, currency = _money(record, stream)
        canonical = json.dumps(_tagged(record), sort_keys=True, ensure_ascii=False)
        if not canonical.isascii() and _SURROGATE.search(canonical):
            fault = fault or "the record holds half a character (a lone surrogate)"
            currency = _SURROGATE.sub("?", currency)
        digest = hashlib.sha256((canonical if fault is None else str(text)).encode())
        made["key"].append(key if fault is None else f"?{digest.hexdigest()[:16]}")
        made["hash"].append(digest.digest())
        made["deleted"].append(_is_gone(record, stream))
        made["amount"].append(amount)
        made["currency"].append(currency)
        made["fault"].append(fault)
    kinds = {
        "key": pa.string(),
        "hash": pa.binary(32),
        "deleted": pa.bool_(),
        "amount": AMOUNT,
        "currency": pa.string(),
        "fault": pa.string(),
    }
    arrays = {name: pa.array(values, kinds[name]) for name, values in made.items()}
    return pa.table(
        {
            **arrays,
            "key_hash": pa.array(key_hashes(arrays["key"])),
            "position": table["position"],
            "json": plain,
            "arrival": pa.array(list(itertools.islice(_arrivals, len(texts))), pa.int64()),
        }
    )


def too_long(stream: Reads) -> str:
    """Say of a record that its key is too long."""
    return f"the key {', '.join(stream.key)} is longer than {LONGEST_KEY} bytes"


def _parsed(text: str | None, fault: str | None) -> tuple[Any, str | None]:
    if fault is not None or text is None:
        return {}, fault or "there is no record"
    try:
        record = json.loads(text, parse_float=_Number, parse_int=_Number)
    except (ValueError, RecursionError):
        return {}, "the record is not JSON"
    return (record, None) if isinstance(record, dict) else ({}, "the record is no JSON object")


def _is_gone(record: Any, stream: Reads) -> bool:
    """Say whether a record is a tombstone, by the field (or field=value) that the stream names."""
    path, mark, wanted = stream.gone_by.partition("=")
    found = _at(record, path) if path else None
    return str(found) == wanted if mark else bool(found)


def _tagged(value: Any) -> Any:
    if isinstance(value, _Number):
        return {"#": str(value)}
    if isinstance(value, dict):
        return {
            f"#{key}" if key.startswith("#") else key: _tagged(item) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_tagged(item) for item in value]
    return value


def _key(record: Any, stream: Reads) -> str:
    parts = [str(_at(record, path) or "") for path in stream.key]
    if len(parts) == 1:
        return parts[0]
    return "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)


def _at(record: Any, path: str) -> Any:
    for name in path.split("."):
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _every(record: Any, path: str) -> Iterator[Any]:
    head, _, rest = path.partition(".")
    values = record if isinstance(record, list) else [record]
    for value in values:
        found = value.get(head) if isinstance(value, dict) else None
        if rest:
            yield from _every(found, rest)
        else:
            yield found


def _money(record: Any, stream: Reads) -> tuple[Decimal | None, str]:
    money = stream.money
    if not money:
        return Decimal(0), ""
    mark = str(stream.options.get("decimal", "."))
    if "sum" in money:
        found = list(_every(record, str(money["sum"])))
        amounts = [amount_of(value, mark) for value in found]
    else:
        columns = [list(_every(record, path)) for path in money["multiply"]]
        amounts = [_product(values, mark) for values in zip(*columns, strict=False)]
    currency = money.get("currency", "")
    named = currency["constant"] if isinstance(currency, dict) else _at(record, str(currency))
    if any(amount is None for amount in amounts):
        return None, str(named or "")
    return sum((a for a in amounts if a is not None), Decimal(0)), str(named or "")


def _product(values: tuple[Any, ...], mark: str) -> Decimal | None:
    total: Decimal | None = Decimal(1)
    for value in values:
        factor = amount_of(value, mark)
        total = None if factor is None or total is None else amount_of(total * factor)
    return total
