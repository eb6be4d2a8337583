"""What a run puts out: documents in the entity's shape, or tables in the shape of a target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from crossdock.mapping.bag import unknown
from crossdock.mapping.frames import Frame, Rows, RowsHead
from crossdock.mapping.joined import Joined
from crossdock.mapping.level import Level
from crossdock.mapping.paths import Known
from crossdock.mapping.spec import Listed
from crossdock.model.entity import Entity


def documents(level: Level, entity: Entity) -> pa.Table:
    """Write the head level as canonical documents, ``record`` first."""
    arrays = [pa.array(level.frame.records, pa.int32())]
    arrays += [_column(level, field.name, field.type, known=_head(level)) for field in entity.arrow]
    return pa.table(arrays, schema=entity.batch_schema)


def _column(level: Level, name: str, kind: pa.DataType, known: Known) -> Any:
    if name == "extension":
        cells = level.bag.cells(
            level.frame,
            unknown(level.frame, known, _place(level.frame), level.run.new_fields),
            level.run.faults,
        )
        return cells.array(level.sorting)
    if name not in level.fields:
        return pa.nulls(level.frame.size, kind)
    field = level.fields[name]
    if not isinstance(field, Listed):
        return level.cells(name).array(level.sorting)
    below = level.list(name)
    inner = _known_below(level, field, known)
    parts = [_part(below, child.name, child.type, inner) for child in kind.value_type]
    return _lists(level, below, pa.StructArray.from_arrays(parts, fields=list(kind.value_type)))


def _part(below: Level | Joined, name: str, kind: pa.DataType, known: Known) -> Any:
    if not isinstance(below, Joined):
        return _column(below, name, kind, known)
    if name != "extension" and name in below.fields:
        return below.cells(name).array()
    own = _column(below.parts[0], name, kind, known)
    return below.merged([own, *(pa.nulls(part.frame.size, kind) for part in below.parts[1:])])


def _head(level: Level) -> Known:
    """Known fields of the head; where a list keeps the rows' unknown fields, the head knows all."""
    if not isinstance(level.frame, RowsHead):
        return level.run.known
    kept = any(isinstance(item, Listed) and item.keeps for item in level.fields.values())
    return _all_of(level.frame.rows) if kept else _row_fields(level.run.known)


def _known_below(level: Level, listed: Listed, known: Known) -> Known:
    if isinstance(level.frame, RowsHead):
        below = level.frame.rows
        return _row_fields(level.run.known) if listed.keeps else _all_of(below)
    return known.at(listed.path)


def _row_fields(known: Known) -> Known:
    """Fields of rows that a mapping reads, at the head or in its list, by their whole names."""
    names = {name.removeprefix("rows.") for name in known.names()}
    return Known({name: Known(leaf=True) for name in names})


def _all_of(rows: Rows) -> Known:
    return Known({name: Known(leaf=True) for name in rows.parts})


def _place(frame: Frame) -> str:
    """Name a list as unknown fields are counted: orders[].lines for lines of orders."""
    if frame.parent is None or not frame.name:
        return ""
    above = _place(frame.parent)
    return f"{above}[].{frame.name}" if above else frame.name


def _lists(level: Level, below: Level | Joined, structs: Any) -> Any:
    made = pa.ListArray.from_arrays(pa.array(below.offsets, pa.int32()), structs)
    if level.sorting is None:
        return made
    return made.take(pa.array(level.sorting))


def target(level: Level) -> pa.Table:
    """Write the head level in the shape of a target: dotted names become nested objects."""
    names, arrays = _nested(_flat(level))
    record = pa.array(level.frame.records, pa.int32())
    return pa.table([record, *arrays], names=["record", *names])


def _flat(level: Level | Joined) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for name, field in level.fields.items():
        path = tuple(name.split("."))
        if isinstance(field, Listed) and isinstance(level, Level):
            below = level.list(name)
            names, arrays = _nested(_flat(below))
            found[path] = _lists(level, below, pa.StructArray.from_arrays(arrays, names=names))
        else:
            found[path] = level.cells(name).array(level.sorting)
    return found


def _nested(columns: dict[tuple[str, ...], Any]) -> tuple[list[str], list[Any]]:
    """Gather columns that share a first name into structs, in the order of the mapping."""
    made: dict[str, Any] = {}
    for path, array in columns.items():
        if len(path) == 1:
            made[path[0]] = array
        elif path[0] not in made:
            inner = {other[1:]: item for other, item in columns.items() if other[0] == path[0]}
            names, arrays = _nested({key: item for key, item in inner.items() if key})
            empty = np.logical_and.reduce([item.is_null().to_numpy(False) for item in arrays])
            made[path[0]] = pa.StructArray.from_arrays(arrays, names=names, mask=pa.array(empty))
    return list(made), list(made.values())


def bodies(table: pa.Table) -> list[dict[str, Any]]:
    """Write a target's table as dicts, one a document; what has no value is left out."""
    names = [name for name in table.column_names if name != "record"]
    return [_pruned(row) for row in table.select(names).to_pylist()]


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _pruned(item) for key, item in value.items() if item is not None}
    return [_pruned(item) for item in value] if isinstance(value, list) else value
