"""Values of one field on their way: distinct ones are converted, rows follow by number."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossdock.convert.columns import as_text
from crossdock.mapping.frames import Column, Ints, Mask
from crossdock.mapping.spec import Value


class Cells(NamedTuple):
    """A finished column: distinct ``values`` and the number of each row's value (-1: none)."""

    values: Any
    codes: Ints

    @classmethod
    def of(cls, array: Any) -> Cells:
        """Wrap an array that has a value of its own for each row."""
        codes = np.arange(len(array))
        if array.null_count:
            codes = np.where(array.is_valid().to_numpy(zero_copy_only=False), codes, -1)
        return cls(array, codes)

    def array(self, order: Ints | None = None) -> Any:
        """Write the column out, in another order of rows where one is given."""
        codes = self.codes if order is None else self.codes[order]
        if len(self.values) == 0:
            return pa.nulls(len(codes), self.values.type)
        none = codes < 0
        return self.values.take(pa.array(codes, mask=none if none.any() else None))

    def at(self, rows: Ints) -> Cells:
        """The same values for other rows, by number of the row."""
        return Cells(self.values, self.codes[rows])


class Converted(NamedTuple):
    """Result of a conversion: the column, the source texts by code, and the complaints.

    ``codes`` are -1 where there is no value, bad ones keep theirs; ``bad`` says by code what is
    wrong and under which rule; ``unmapped`` marks codes that a value table leads to nothing.
    """

    values: Any
    codes: Ints
    texts: Any
    bad: dict[int, tuple[str, str]]
    unmapped: frozenset[int]


def convert(value: Value, column: Column, beside: Cells | None = None) -> Converted:
    """Convert a column for a field: empty texts, conversion, value table, allowed words.

    ``beside`` is the column that the conversion wants as an option (the currency of money).
    """
    values, codes = _compact(column)
    if value.lookup or (value.conversion and value.conversion.takes == "text"):
        values = as_text(values)
    codes = _without_empty(value, values, codes)
    texts, bad = values, {}
    if value.conversion is not None:
        if beside is None:
            values, complaints = value.conversion.run(values, **value.options)
        else:
            values, codes, texts, complaints = _run_beside(value, values, codes, beside)
        bad = {code: (text, value.conversion.name) for code, text in complaints.items()}
    unmapped: frozenset[int] = frozenset()
    if value.lookup is not None:
        values, unmapped = _looked_up(value, values, bad)
    if value.words:
        _check_words(value, values, bad)
    return Converted(values, codes, texts, bad, unmapped)


def _compact(column: Column) -> tuple[Any, Ints]:
    """Leave out distinct values that few rows do not need."""
    if 2 * len(column.codes) >= len(column.values):
        return column.values, column.codes
    used, inverse = np.unique(column.codes, return_inverse=True)
    kept = used[used >= 0]
    return column.values.take(pa.array(kept)), inverse - (len(used) - len(kept))


def _without_empty(value: Value, values: Any, codes: Ints) -> Ints:
    if not pa.types.is_string(values.type):
        return codes
    empty = pc.is_in(values, value_set=pa.array(value.empty, pa.string()))
    marks = empty.to_numpy(zero_copy_only=False)
    if not marks.any():
        return codes
    return np.where(np.append(marks, True)[codes], -1, codes)


def _run_beside(
    value: Value, values: Any, codes: Ints, beside: Cells
) -> tuple[Any, Ints, Any, dict[int, str]]:
    """Run a conversion once for each value of the column beside it."""
    assert value.conversion is not None  # noqa: S101 - only then there is something beside
    name = value.conversion.beside
    results: list[Any] = []
    texts: list[Any] = []
    complaints: dict[int, str] = {}
    placed = np.full(len(codes), -1, np.int64)
    count = 0
    for other in np.unique(beside.codes[codes >= 0]).tolist():
        rows = np.flatnonzero((beside.codes == other) & (codes >= 0))
        used, inverse = np.unique(codes[rows], return_inverse=True)
        given = values.take(pa.array(used))
        option = "" if other < 0 else beside.values[other].as_py()
        answer, bad = value.conversion.run(given, **value.options, **{name: option})
        complaints |= {count + code: text for code, text in bad.items()}
        results.append(answer)
        texts.append(given)
        placed[rows] = inverse + count
        count += len(used)
    if not results:
        return value.conversion.run(values.slice(0, 0), **value.options)[0], placed, values, {}
    return pa.concat_arrays(results), placed, pa.concat_arrays(texts), complaints


def _looked_up(
    value: Value, values: Any, bad: dict[int, tuple[str, str]]
) -> tuple[Any, frozenset[int]]:
    assert value.lookup is not None  # noqa: S101
    found, unknown = value.lookup.run(values)
    if value.missing == "keep":
        strange = pa.array(np.isin(np.arange(len(values)), unknown))
        found = pc.if_else(strange, values, found)
    elif value.missing != "default":
        rule = "lookup_missing" if value.missing == "ask" else "lookup"
        system, _, table = value.lookup.name.partition("/")
        text = f"is not in the value table mappings/{system}/tables/{table}.yaml"
        if value.missing == "ask":
            text += ": add it there and resubmit"
        bad |= dict.fromkeys(unknown, (text, rule))
    nothing = pc.and_(pc.is_null(found), pc.is_valid(values)).to_numpy(zero_copy_only=False)
    unmapped = frozenset(set(np.flatnonzero(nothing).tolist()) - set(unknown))
    if value.after is not None:
        found, complaints = value.after.run(found, **_known(value))
        bad |= {code: (text, value.after.name) for code, text in complaints.items()}
    return found, unmapped


def _known(value: Value) -> dict[str, Any]:
    options = value.after.options if value.after else {}
    return {name: item for name, item in value.options.items() if name in options}


def _check_words(value: Value, values: Any, bad: dict[int, tuple[str, str]]) -> None:
    known = pc.is_in(values, value_set=pa.array(sorted(value.words), pa.string()))
    strange = pc.and_(values.is_valid(), pc.invert(known)).to_numpy(zero_copy_only=False)
    words = ", ".join(sorted(value.words))
    text = f"is no word of {value.name}: translate it with a lookup to one of {words}"
    for code in np.flatnonzero(strange).tolist():
        bad.setdefault(code, (text, "word"))


def finished(converted: Converted) -> tuple[Cells, Mask]:
    """Take bad and missing values out; answer the column and which rows were bad."""
    codes = converted.codes
    rows_bad = np.zeros(len(codes), np.bool_)
    if converted.bad:
        marks = np.zeros(len(converted.values) + 1, np.bool_)
        marks[list(converted.bad)] = True
        rows_bad = marks[codes]
    if converted.values.null_count:
        valid = np.append(converted.values.is_valid().to_numpy(zero_copy_only=False), False)
        codes = np.where(valid[codes], codes, -1)
    return Cells(converted.values, np.where(rows_bad, -1, codes)), rows_bad
