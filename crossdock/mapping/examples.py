"""Examples of mappings, which are their tests: what is given, and what must come of it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from crossdock import convert, yaml
from crossdock.convert.columns import as_text
from crossdock.errors import Misconfigured, Unreadable
from crossdock.mapping import json_text
from crossdock.mapping.compile import CONVERSIONS
from crossdock.mapping.mapping import Mapping, load
from crossdock.mapping.spec import Listed, Value
from crossdock.model import ENTITIES, Entity, entity
from crossdock.model.fields import Field

_KEYS = {"name", "given", "expect", "faults", "taken"}


def examples(path: Path) -> list[tuple[str, bool, str]]:
    """Run all examples of the mapping file ``path``: name, whether it holds, what differs.

    An example gives a record (rows as a list, JSON as a mapping or as text, a canonical
    document) and expects a document, faults (path and rule), or ``taken: false``. Raises
    Misconfigured where a file of examples is wrong in itself.
    """
    mapping = load(path)
    found = []
    for file in mapping.examples:
        page = yaml.load(file)
        if not isinstance(page.data, list) or not page.data:
            raise page.wrong("a file of examples is a list", fix="- name: ...")
        for number, example in enumerate(page.data):
            _check(page, number, example)
            found.append((str(example["name"]), *_run(mapping, page, number, example)))
    return found


def _check(page: yaml.Document, number: int, example: Any) -> None:
    known = ", ".join(sorted(_KEYS))
    if not isinstance(example, dict) or not {"name", "given"} <= set(example):
        raise page.wrong("an example needs a name and what is given", number, fix=known)
    if strange := sorted(set(example) - _KEYS):
        raise page.wrong(f"an example has no key {strange[0]!r}", number, strange[0], fix=known)
    if len({"expect", "faults", "taken"} & set(example)) != 1:
        raise page.wrong("an example needs one of expect, faults and taken: false", number)


def _run(mapping: Mapping, page: yaml.Document, number: int, example: Any) -> tuple[bool, str]:
    batch = batch_of(mapping, example["given"], page.where(number, "given"))
    taken = mapping.when is None or mapping.when.mask(batch)[0].as_py()
    if not taken or "taken" in example:
        wanted = example.get("taken", True)
        says = "takes" if taken else "does not take"
        return taken == wanted, "" if taken == wanted else f"the mapping {says} this record"
    mapped = mapping.apply(batch)
    got_faults = [{"path": row["path"], "rule": row["rule"]} for row in mapped.faults.to_pylist()]
    if "faults" in example:
        wanted = [{"path": item["path"], "rule": item["rule"]} for item in example["faults"]]
        lines = _compared(wanted, got_faults, "faults")
        return not lines, "\n".join(lines)
    if mapped.faults.num_rows:
        texts = [f"{row['path']}: {row['message']}" for row in mapped.faults.to_pylist()]
        return False, "\n".join(["a document was expected, and there are faults:", *texts])
    lines = _compared(_wanted(mapping, example["expect"]), shown(mapping, mapped.documents)[0], "")
    return not lines, "\n".join(lines)


def _wanted(mapping: Mapping, expect: Any) -> Any:
    if mapping.target not in ENTITIES:
        return _plain(expect)
    table = canonical(entity(mapping.target), [expect])
    return shown(mapping, table)[0]


def shown(mapping: Mapping, table: pa.Table) -> list[dict[str, Any]]:
    """Write mapped documents for a person: texts, lists and dicts, nothing empty."""
    return [_plain(row) for row in mapping.bodies(table)]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        found = {key: _readable(key, item) for key, item in value.items()}
        return {key: item for key, item in found.items() if item not in (None, [], {})}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, Decimal):
        return as_text(pa.array([value], pa.decimal128(38, 12)))[0].as_py()
    if isinstance(value, dt.datetime):
        return as_text(pa.array([value], pa.timestamp("us", "UTC")))[0].as_py()
    return str(value)


def _readable(key: str, value: Any) -> Any:
    if key == "extension" and isinstance(value, str):
        return _plain(json_text.read(value))
    return _plain(value)


def _compared(wanted: Any, got: Any, place: str) -> list[str]:
    """Name every place where two plain values differ."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        lines: list[str] = []
        for key in {**wanted, **got}:
            lines += _compared(wanted.get(key), got.get(key), f"{place}.{key}" if place else key)
        return lines
    if isinstance(wanted, list) and isinstance(got, list):
        lines = []
        for number in range(max(len(wanted), len(got))):
            left = wanted[number] if number < len(wanted) else None
            right = got[number] if number < len(got) else None
            lines += _compared(left, right, f"{place}[{number}]")
        return lines
    if wanted == got:
        return []
    return [f"{place}: expected {_word(wanted)}, got {_word(got)}"]


def _word(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def batch_of(mapping: Mapping, given: Any, where: str = "") -> pa.Table:
    """Make a batch of one record from what an example gives."""
    if mapping.source in ENTITIES:
        return canonical(entity(mapping.source), [given])
    if isinstance(given, list):
        return rows_batch([given])
    if isinstance(given, (dict, str)):
        text = given if isinstance(given, str) else json_text.write(given)
        return pa.table({"json": pa.array([text], pa.large_string())})
    raise Misconfigured("given must be a list of rows, an object, or JSON text", where=where)


def rows_batch(records: list[list[dict[str, Any]]]) -> pa.Table:
    """Make a batch of records that are groups of rows; all values become text."""
    names = list(dict.fromkeys(name for rows in records for row in rows for name in row))
    texts = [(name, pa.string()) for name in names]
    kind = pa.list_(pa.struct([*texts, ("position", pa.int64())]))
    made = [
        [
            {**{name: _given(row.get(name)) for name in names}, "position": position}
            for position, row in enumerate(rows)
        ]
        for rows in records
    ]
    return pa.table({"rows": pa.array(made, kind)})


def _given(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def canonical(kind: Entity, given: list[dict[str, Any]]) -> pa.Table:
    """Make canonical documents of plain values; texts are read as the entity's fields hold them.

    Raises Misconfigured for an unknown field or a value that it cannot hold.
    """
    rows = [_document(kind.fields, row, kind.name) for row in given]
    return pa.Table.from_pylist(rows, schema=kind.arrow)


def _document(fields: tuple[Field, ...], given: Any, where: str) -> dict[str, Any]:
    known = {field.name: field for field in fields}
    made = {}
    for name, value in given.items():
        if name not in known:
            raise Misconfigured(f"{where} has no field {name!r}")
        made[name] = _field(known[name], value, f"{where}.{name}")
    return made


def _field(field: Field, value: Any, where: str) -> Any:
    if value is None:
        return None
    if field.kind == "children":
        return [_document(field.fields, item, where) for item in value]
    if field.kind == "extension":
        return value if isinstance(value, str) else json_text.write(value)
    try:
        return convert.find(CONVERSIONS[field.kind])(_given(value))
    except ValueError as error:
        raise Misconfigured(f"{where} {error}") from None


def try_sample(path: Path, sample: Path) -> list[dict[str, Any]]:
    """Map the records of a file with the mapping ``path``, for a person to look at.

    ``sample`` is .json (an object or a list), .ndjson or .csv (UTF-8 with a header; rows with
    the same id are one record). Each answer has ``document``, or ``faults``, or ``taken`` False.
    Raises Misconfigured or Unreadable.
    """
    mapping = load(path)
    answers: list[dict[str, Any]] = []
    for given in _sampled(mapping, sample):
        batch = batch_of(mapping, given, str(sample))
        if mapping.when is not None and not mapping.when.mask(batch)[0].as_py():
            answers.append({"taken": False})
            continue
        mapped = mapping.apply(batch)
        if mapped.faults.num_rows:
            answers.append({"faults": mapped.faults.drop_columns(["record"]).to_pylist()})
        else:
            document = shown(mapping, mapped.documents)[0]
            answers.append({"document": document, "new_fields": mapped.new_fields})
    return answers


def _sampled(mapping: Mapping, sample: Path) -> list[Any]:
    try:
        text = sample.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Misconfigured(f"there is no file {sample}") from None
    except UnicodeDecodeError as error:
        raise Unreadable(f"{sample} is not UTF-8 text: {error.reason}") from None
    if sample.suffix == ".csv":
        return _grouped(mapping, list(csv.DictReader(io.StringIO(text))))
    if sample.suffix == ".ndjson":
        return [line for line in text.splitlines() if line.strip()]
    if sample.suffix == ".json":
        try:
            whole = json_text.read(f'{{"records": {text}}}')["records"]
        except ValueError as error:
            raise Unreadable(f"{sample} {error}") from None
        return whole if isinstance(whole, list) else [whole]
    raise Misconfigured(f"a sample is .json, .ndjson or .csv, and this is {sample.name}")


def _grouped(mapping: Mapping, rows: list[dict[str, Any]]) -> list[Any]:
    number = mapping.fields.get("id")
    key = ".".join(number.path) if isinstance(number, Value) and number.path else None
    listed = any(isinstance(field, Listed) for field in mapping.fields.values())
    if key is None or not listed:
        return [[row] for row in rows]
    groups: dict[Any, list[Any]] = {}
    for row in rows:
        groups.setdefault(row.get(key), []).append(row)
    return list(groups.values())
