"""Canonical JSON of Arrow tables, one text per row, without a Python loop over rows.

Each column becomes the texts of its distinct values and an index per row. All indices are laid
side by side, and one ``take`` then writes the text of many rows into one buffer; a row, and a
list inside a row, is a slice of that buffer. The form is described in ``crossdock.documents``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossdock.errors import Misconfigured

_TEXT: Final = pa.large_string()
_AT_ONCE: Final = 1 << 15

_Index = np.ndarray[Any, np.dtype[np.int32]]


class _Piece(NamedTuple):
    """A piece of the text of every row: ``texts`` by ``which``; -1 writes nothing."""

    texts: Any
    which: _Index


class _Object(NamedTuple):
    """Objects: names and values of their fields; ``which`` is -1 where an object is null."""

    members: list[tuple[str, _Value]]
    which: _Index


class _List(NamedTuple):
    """Lists: row ``i`` holds ``items`` from ``bounds[i]`` to ``bounds[i + 1]``; -1 for null."""

    items: _Value
    bounds: Any
    which: _Index


_Value = _Piece | _Object | _List


def to_json(table: pa.Table) -> pa.LargeStringArray:
    """Write one canonical JSON text per row of ``table``.

    Takes text, whole numbers, decimals, flags, dates, zoned timestamps, structs and lists of
    those. Raises Misconfigured, naming the column, for a float or any other type.
    """
    names = [n for n in table.column_names if n != "record" and not n.startswith("_")]
    if len(set(names)) != len(names):
        raise Misconfigured("a table of documents has two columns of one name")
    columns = {name: _whole(table.column(name)) for name in names}
    rows = _Object(_members(columns, table.num_rows, ""), np.zeros(table.num_rows, dtype=np.int32))
    step = _rows_at_once(rows, table.num_rows)
    return _gather(
        (
            _objects(rows.members, begin, min(begin + step, table.num_rows))
            for begin in range(0, table.num_rows, step)
        ),
        table.num_rows,
    )


# -- columns become distinct texts and an index per row ---------------------------------------
def _whole(column: Any) -> Any:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _members(columns: dict[str, Any], n: int, where: str) -> list[tuple[str, _Value]]:
    """Encode the columns that hold anything, in the order of their names."""
    return [
        (
            json.dumps(name, ensure_ascii=False),
            _encode(columns[name], f"{where}.{name}" if where else name),
        )
        for name in sorted(columns, key=lambda word: word.encode("utf-16-be"))
        if columns[name].null_count < n
    ]


def _encode(column: Any, where: str) -> _Value:
    kinds, given = pa.types, column.type
    if kinds.is_dictionary(given):
        return _encode(column.cast(given.value_type), where)
    if kinds.is_struct(given):
        fields = {field.name: pc.struct_field(column, field.name) for field in given}
        return _Object(_members(fields, len(column), where), _there(column))
    if kinds.is_list(given) or kinds.is_large_list(given):
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        bounds = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        return _List(_encode(column.flatten(), where), bounds, _there(column))
    if kinds.is_boolean(given):
        index = pc.fill_null(column.cast(pa.int8()), -1).to_numpy().astype(np.int32)
        return _Piece(pa.array(["false", "true"], _TEXT), index)
    if kinds.is_null(given):
        return _Piece(pa.array([], _TEXT), _there(column))
    encoded = column.dictionary_encode()
    index = pc.fill_null(encoded.indices.cast(pa.int32()), -1).to_numpy()
    return _Piece(_scalars(encoded.dictionary, where).cast(_TEXT), index)


def _scalars(values: Any, where: str) -> Any:
    """Write each of the distinct ``values``; quotes included."""
    kinds, given = pa.types, values.type
    if kinds.is_string(given) or kinds.is_large_string(given):
        return _strings(values.cast(_TEXT))
    if kinds.is_decimal(given):
        return _quoted(_plain(values))
    if kinds.is_integer(given):
        return values.cast(pa.string())
    if kinds.is_date(given):
        return _quoted(values.cast(pa.date32()).cast(pa.string()))
    if kinds.is_timestamp(given) and given.tz is not None:
        return _quoted(_instants(values, where))
    raise Misconfigured(
        f"column {where!r} is {given}, which canonical JSON does not take",
        fix="use text, decimals for money and quantities, and timestamps with a zone",
    )


def _strings(values: Any) -> Any:
    escaped = pc.replace_substring(pc.replace_substring(values, "\\", "\\\\"), '"', '\\"')
    written = _quoted(escaped)
    control = pc.match_substring_regex(values, r"[\x00-\x1f]")
    if pc.any(control).as_py():
        texts = values.filter(control).to_pylist()
        spelled = pa.array([json.dumps(text, ensure_ascii=False) for text in texts], _TEXT)
        written = pc.replace_with_mask(written, control, spelled)
    return written


def _plain(values: Any) -> Any:
    """Write decimals without exponent and without trailing zeros."""
    if not 0 <= values.type.scale <= 6:  # beyond it Arrow writes small values with an exponent
        found = [format(value, "f") for value in values.to_pylist()]
        short = [text.rstrip("0").rstrip(".") if "." in text else text for text in found]
        return pa.array(short, pa.string())
    texts = values.cast(pa.string())
    if values.type.scale == 0:
        return texts
    return pc.utf8_rtrim(pc.utf8_rtrim(texts, characters="0"), characters=".")


def _instants(values: Any, where: str) -> Any:
    try:
        utc = values.cast(pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid:
        raise Misconfigured(
            f"column {where!r} holds instants finer than a microsecond", fix="round them knowingly"
        ) from None
    texts = pc.replace_substring(utc.cast(pa.string()), " ", "T")
    return pc.replace_substring(texts, ".000000Z", "Z")


def _quoted(texts: Any) -> Any:
    quote = pa.scalar('"', texts.type)
    return pc.binary_join_element_wise(quote, texts, quote, pa.scalar("", texts.type))


def _there(column: Any) -> _Index:
    """Give 0 for each value of ``column`` that is there and -1 for each null."""
    if not column.null_count:
        return np.zeros(len(column), dtype=np.int32)
    null: _Index = column.is_null().to_numpy(zero_copy_only=False).astype(np.int32)
    return -null


# -- texts and indices become the text of rows ------------------------------------------------
def _rows_at_once(rows: _Object, n: int) -> int:
    """Choose how many rows to write at once: so many that their pieces stay in the cache."""
    lists = [int(value.bounds[-1]) for _, value in rows.members if isinstance(value, _List)]
    return max(1, n * _AT_ONCE // max(1, n, *lists))


def _objects(members: list[tuple[str, _Value]], begin: int, end: int) -> pa.LargeStringArray:
    """Write the objects of the rows from ``begin`` to ``end``; nulls inside are left out."""
    n = end - begin
    return _join([_same("{", n), *_fields(members, begin, end), _same("}", n)], n)


def _fields(members: list[tuple[str, _Value]], begin: int, end: int) -> Iterator[_Piece]:
    """Write ``"name":value`` of every field, with commas between those that are there."""
    begun = np.zeros(end - begin, dtype=bool)
    for name, value in members:
        piece = _write(value, begin, end)
        there = piece.which >= 0
        spelled = pa.array([f"{name}:", f",{name}:"], _TEXT)
        yield _Piece(spelled, np.where(there, begun, -1).astype(np.int32))
        yield piece
        begun |= there


def _write(value: _Value, begin: int, end: int) -> _Piece:
    """Write the values of the rows from ``begin`` to ``end``."""
    index = value.which[begin:end]
    if isinstance(value, _Piece):
        return _Piece(value.texts, index)
    if isinstance(value, _Object):
        texts = _objects(value.members, begin, end)
    else:
        texts = _lists(value, begin, end)
    return _Piece(texts, np.where(index >= 0, np.arange(end - begin), -1).astype(np.int32))


def _lists(value: _List, begin: int, end: int) -> pa.LargeStringArray:
    """Write lists: items one behind the other with brackets and commas; a list is their slice."""
    bounds = value.bounds[begin : end + 1]
    first_item, last_item = int(bounds[0]), int(bounds[-1])
    bounds = bounds - first_item
    n = last_item - first_item
    first, last = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    filled = bounds[1:] > bounds[:-1]
    first[bounds[:-1][filled]] = True
    last[bounds[1:][filled] - 1] = True
    items = _items(value.items, first_item, last_item, first, last)
    texts = _cut(_join(items, n), bounds)
    if filled.all():
        return texts
    empty = pa.array(["[]"], _TEXT)
    return pc.if_else(pa.array(filled), texts, empty[0])


def _items(value: _Value, begin: int, end: int, first: Any, last: Any) -> list[_Piece]:
    """Write items of lists; ``first`` and ``last`` say which begin and end a list."""
    null = value.which[begin:end] < 0
    if isinstance(value, _Object):
        opens = pa.array([",{", "[{", ",null", "[null"], _TEXT)
        closes = pa.array(["}", "}]", "", "]"], _TEXT)
        return [
            _Piece(opens, (first + 2 * null).astype(np.int32)),
            *_fields(value.members, begin, end),
            _Piece(closes, (last + 2 * null).astype(np.int32)),
        ]
    return [
        _Piece(pa.array([",", "["], _TEXT), first.astype(np.int32)),
        _write(value, begin, end),
        _Piece(pa.array(["null"], _TEXT), null.astype(np.int32) - 1),
        _Piece(pa.array(["]"], _TEXT), last.astype(np.int32) - 1),
    ]


def _join(pieces: Sequence[_Piece], n: int) -> pa.LargeStringArray:
    """Write all pieces of row 0, then those of row 1, and so on, with one ``take``."""
    matrix = np.empty((n, len(pieces)), dtype=np.int32)
    start = 0
    for number, piece in enumerate(pieces):
        matrix[:, number] = np.where(piece.which >= 0, piece.which + start, -1)
        start += len(piece.texts)
    order = matrix.ravel()
    there = order >= 0
    bounds = np.arange(n + 1, dtype=np.int64) * len(pieces)
    if not there.all():
        order = order[there]
        bounds = np.concatenate([[0], np.cumsum(there.reshape(matrix.shape).sum(axis=1))])
    texts = pa.concat_arrays([piece.texts for piece in pieces])
    return _cut(texts.take(pa.array(order)), bounds)


def _cut(texts: Any, bounds: Any) -> pa.LargeStringArray:
    """Make one text of each run of ``texts`` between two ``bounds``, without copying."""
    _, offsets, data = texts.buffers()
    at = np.frombuffer(offsets, dtype=np.int64)[texts.offset :][bounds] if offsets else bounds * 0
    buffers = [None, pa.py_buffer(at.tobytes()), data or pa.py_buffer(b"")]
    return pa.Array.from_buffers(_TEXT, len(bounds) - 1, buffers)


def _gather(blocks: Iterable[pa.LargeStringArray], n: int) -> pa.LargeStringArray:
    """Copy blocks of texts, ``n`` in all, into one array; one block at a time is in memory."""
    data = pa.allocate_buffer(0, resizable=True)
    ends = np.zeros(n + 1, dtype=np.int64)
    row = size = 0
    for block in blocks:
        offsets = np.frombuffer(block.buffers()[1], dtype=np.int64)[: len(block) + 1]
        part = np.frombuffer(block.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
        if size + len(part) > data.size:
            guess = (size + len(part)) * n // (row + len(block))
            data.resize(guess + guess // 8)
        np.frombuffer(data, dtype=np.uint8)[size : size + len(part)] = part
        ends[row + 1 : row + len(block) + 1] = offsets[1:] - offsets[0] + size
        row += len(block)
        size += len(part)
    data.resize(size)
    return pa.Array.from_buffers(_TEXT, n, [None, pa.py_buffer(ends), data])


def _same(text: str, n: int) -> _Piece:
    return _Piece(pa.array([text], _TEXT), np.zeros(n, dtype=np.int32))
