"""Frames: the records of a batch, or the parts of a list in them, seen as columns by path.

Every source answers the same four questions: which distinct values does a path have and which
row has which (``column``), does a path go through a list (``crossing``), what are the parts of a
list (``items``), and where does a row stand (``place``). What a source is made of stays here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Path = tuple[str, ...]


class Column(NamedTuple):
    """Distinct values, the number of the value that each row has (-1: none), and bad rows."""

    values: Any
    codes: Ints
    wrong: dict[int, str]


class Frame:
    """``size`` rows; a child frame knows its parent, and by ``offsets`` which rows are whose.

    ``records`` gives the row in the batch that each row belongs to; ``index`` the position of a
    row in its parent's list as the source sent it.
    """

    def __init__(self, size: int, records: Ints) -> None:
        self.size = size
        self.records = records
        self.parent: Frame | None = None
        self.name = ""
        self.offsets: Ints = np.zeros(1, np.int64)
        self.index: Ints = np.zeros(0, np.int64)

    def below(self, parent: Frame, name: str, offsets: Ints) -> Frame:
        """Attach this frame to its parent as the list ``name``."""
        self.parent, self.name, self.offsets = parent, name, offsets
        self.index = np.arange(self.size) - np.repeat(offsets[:-1], np.diff(offsets))
        return self

    @property
    def parents(self) -> Ints:
        """The parent's row of each row."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def parents_in(self, ancestor: Frame) -> Ints:
        """The row of each row in a frame some levels up."""
        rows = np.arange(self.size)
        frame: Frame = self
        while frame is not ancestor and frame.parent is not None:
            rows = frame.parents[rows]
            frame = frame.parent
        return rows

    def offsets_in(self, ancestor: Frame) -> Ints:
        """Offsets of the rows by the rows of a frame some levels up."""
        if self.parent is None or self.parent is ancestor:
            return self.offsets
        return self.offsets[self.parent.offsets_in(ancestor)]

    def place(self, row: int) -> str:
        """Name a row for a person: ``rows[3].``, or nothing at the head of a record."""
        if self.parent is None or not self.name:
            return ""
        owner = int(np.searchsorted(self.offsets, row, side="right")) - 1
        above = self.parent.place(owner)
        return f"{above}{self.name}[{self.index[row]}]."

    def where(self, mask: Mask) -> Frame:
        """Keep the rows of a child frame that ``mask`` marks."""
        assert self.parent is not None  # noqa: S101 - only lists are filtered
        kept = np.flatnonzero(mask)
        counts = np.bincount(self.parents[kept], minlength=len(self.offsets) - 1)
        frame = self.pick(kept)
        frame.below(self.parent, self.name, np.concatenate([[0], np.cumsum(counts)]))
        frame.index = self.index[kept]
        return frame

    def column(self, path: Path) -> Column | None:
        """Values of a path that stays on this level; None where the source has no such field."""
        raise NotImplementedError

    def crossing(self, path: Path, take: bool) -> tuple[Frame, Path] | None:
        """Frame and rest of the path where ``path`` goes through a list; None where it does not.

        ``take`` says that the mapping expects a list there.
        """
        raise NotImplementedError

    def items(self, path: Path, one_or_many: bool = False) -> tuple[Frame, dict[int, str]]:
        """Parts of the list at ``path``, and the rows where something else was in its place."""
        raise NotImplementedError

    def pick(self, rows: Ints) -> Frame:
        """Rows of this frame by number."""
        raise NotImplementedError


class Rows(Frame):
    """Rows of a table of texts; distinct values are found once for the whole batch."""

    def __init__(
        self, parts: dict[str, Any], cache: dict[str, Column], records: Ints, rows: Ints | None
    ):
        super().__init__(len(records), records)
        self.parts = parts
        self._cache = cache
        self._rows = rows

    def column(self, path: Path) -> Column | None:
        """Values of one field of the rows."""
        name = ".".join(path)
        if name not in self.parts:
            return None
        if name not in self._cache:
            self._cache[name] = coded(self.parts[name])
        values, codes, _ = self._cache[name]
        return Column(values, codes if self._rows is None else codes[self._rows], {})

    def crossing(self, path: Path, take: bool) -> None:
        """Say no: a row holds no list."""

    def pick(self, rows: Ints) -> Rows:
        """Rows by number, sharing the distinct values."""
        chosen = rows if self._rows is None else self._rows[rows]
        return Rows(self.parts, self._cache, self.records[rows], chosen)


class RowsHead(Frame):
    """Records that are groups of rows: every field of the head is a field of the rows."""

    def __init__(self, rows: Rows, offsets: Ints, records: Ints) -> None:
        super().__init__(len(records), records)
        self.rows = rows
        single = bool((np.diff(offsets) == 1).all())
        rows.below(self, "" if single else "rows", offsets)

    def column(self, path: Path) -> None:
        """Say no: the head has no field of its own."""

    def crossing(self, path: Path, take: bool) -> tuple[Frame, Path]:
        """Go to the rows, for ``rows.X`` as for ``X``."""
        return self.rows, path[1:] if path[0] == "rows" and len(path) > 1 else path

    def items(self, path: Path, one_or_many: bool = False) -> tuple[Frame, dict[int, str]]:
        """The rows of each record."""
        return self.rows, {}

    def pick(self, rows: Ints) -> RowsHead:
        """Records by number, with their rows."""
        counts = np.diff(self.rows.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(counts)])
        starts = np.repeat(self.rows.offsets[rows] - offsets[:-1], counts)
        chosen = self.rows.pick(starts + np.arange(offsets[-1]))
        return RowsHead(chosen, offsets, self.records[rows])


class Objects(Frame):
    """JSON objects, read once; a path is followed for all of them at a time."""

    def __init__(self, objects: Sequence[Any], records: Ints) -> None:
        super().__init__(len(objects), records)
        self.objects = objects
        self._found: dict[Path, tuple[Sequence[Any], dict[int, str]]] = {(): (objects, {})}
        self._columns: dict[Path, Column] = {}

    def values(self, path: Path) -> tuple[Sequence[Any], dict[int, str]]:
        """What stands at ``path`` in each object, and the rows where the path is blocked."""
        if path not in self._found:
            above, wrong = self.values(path[:-1])
            try:
                found = [None if item is None else item.get(path[-1]) for item in above]
            except AttributeError:
                wrong = dict(wrong)
                found = [_step(item, path[-1], row, wrong) for row, item in enumerate(above)]
            self._found[path] = (found, wrong)
        return self._found[path]

    def column(self, path: Path) -> Column:
        """Single values at ``path`` as text; objects and lists there are wrong."""
        if path not in self._columns:
            values, wrong = self.values(path)
            try:
                texts = pa.array(values, pa.string())
            except (pa.ArrowTypeError, pa.ArrowInvalid, UnicodeEncodeError):
                wrong = dict(wrong)
                found = [_leaf(item, row, wrong) for row, item in enumerate(values)]
                texts = pa.array(found, pa.string())
            self._columns[path] = coded(texts)._replace(wrong=wrong)
        return self._columns[path]

    def crossing(self, path: Path, take: bool) -> tuple[Frame, Path] | None:
        """Go through the first list on the way, where the mapping says ``take``."""
        if take:
            for length in range(1, len(path) + 1):
                if any(type(item) is list for item in self.values(path[:length])[0]):
                    return self.items(path[:length])[0], path[length:]
        return None

    def items(self, path: Path, one_or_many: bool = False) -> tuple[Frame, dict[int, str]]:
        """Parts of the list at ``path``; a list on the way is gone through as well."""
        for length in range(1, len(path)):
            if any(type(item) is list for item in self.values(path[:length])[0]):
                outer, wrong = self.items(path[:length])
                return outer.items(path[length:], one_or_many)[0], wrong
        found, wrong = self.values(path)
        wrong = dict(wrong)
        lists = [_parts(item, row, one_or_many, wrong) for row, item in enumerate(found)]
        counts = np.fromiter(map(len, lists), np.int64, len(lists))
        child = Objects(list(chain.from_iterable(lists)), np.repeat(self.records, counts))
        child.below(self, ".".join(path), np.concatenate([[0], np.cumsum(counts)]))
        return child, wrong

    def pick(self, rows: Ints) -> Objects:
        """Objects by number."""
        return Objects([self.objects[row] for row in rows.tolist()], self.records[rows])


def _step(item: Any, key: str, row: int, wrong: dict[int, str]) -> Any:
    if item is None or isinstance(item, dict):
        return None if item is None else item.get(key)
    if isinstance(item, list) and key.isdigit():
        return item[int(key)] if int(key) < len(item) else None
    what = "a list" if isinstance(item, list) else "a single value"
    wrong[row] = f"is {what} where one object was expected"
    return None


def _leaf(item: Any, row: int, wrong: dict[int, str]) -> str | None:
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, (dict, list)):
        what = "a list" if isinstance(item, list) else "an object"
        wrong[row] = f"is {what} where a single value was expected"
        return None
    if isinstance(item, str):
        try:
            item.encode()
        except UnicodeEncodeError:
            wrong[row] = "holds half of a character"
            return None
        return str(item)
    return None


def _parts(item: Any, row: int, one_or_many: bool, wrong: dict[int, str]) -> list[Any]:
    if isinstance(item, list):
        return item
    if item is None:
        return []
    if one_or_many:
        return [item]
    wrong[row] = "is not a list"
    return []


class Documents(Frame):
    """Canonical documents, or the structs of a child list: typed columns by name."""

    def __init__(self, parts: dict[str, Any], size: int, records: Ints) -> None:
        super().__init__(size, records)
        self.parts = parts

    def column(self, path: Path) -> Column | None:
        """Values of one field."""
        name = ".".join(path)
        return coded(self.parts[name]) if name in self.parts else None

    def crossing(self, path: Path, take: bool) -> tuple[Frame, Path] | None:
        """Go into a child list."""
        if len(path) > 1 and path[0] in self.parts:
            return self.items(path[:1])[0], path[1:]
        return None

    def items(self, path: Path, one_or_many: bool = False) -> tuple[Frame, dict[int, str]]:
        """Structs of a child list as a frame of their own."""
        offsets, structs = flattened(self.parts[path[0]])
        parts = dict(zip(structs.type.names, structs.flatten(), strict=True))
        child = Documents(parts, len(structs), np.repeat(self.records, np.diff(offsets)))
        return child.below(self, path[0], offsets), {}

    def pick(self, rows: Ints) -> Documents:
        """Documents by number."""
        chosen = pa.array(rows)
        parts = {name: part.take(chosen) for name, part in self.parts.items()}
        return Documents(parts, len(rows), self.records[rows])


def coded(values: Any) -> Column:
    """Find the distinct values of an array, and which row has which."""
    encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    distinct = encoded.dictionary
    if pa.types.is_large_string(distinct.type) or pa.types.is_string_view(distinct.type):
        distinct = distinct.cast(pa.string())
    return Column(distinct, codes.astype(np.int64, copy=False), {})


def flattened(lists: Any) -> tuple[Ints, Any]:
    """Offsets and values of a list array; a null list has no values."""
    array = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), array.flatten()
