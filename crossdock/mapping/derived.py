"""Fields that are made of other fields: constants, numbers, joined texts, exact arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossdock.convert.columns import arrow_type, as_text
from crossdock.errors import Misconfigured
from crossdock.mapping import exact, groups
from crossdock.mapping.columns import Cells
from crossdock.mapping.frames import Ints, Mask
from crossdock.mapping.spec import Value

if TYPE_CHECKING:
    from crossdock.mapping.level import Level


def _constant(level: Level, value: Value) -> tuple[Cells, Mask]:
    gives = value.conversion.gives if value.conversion else None
    holds = value.holds or gives
    kind = arrow_type(holds) if holds else None
    size = level.frame.size
    cells = Cells(pa.array([value.constant], kind), np.zeros(size, np.int64))
    return cells, np.zeros(size, np.bool_)


def _number(level: Level, value: Value) -> tuple[Cells, Mask]:
    """Number the rows; the numbers are text for an identifier."""
    cells = numbered(value, groups.numbers(level.offsets, level.sorting))
    return cells, np.zeros(level.frame.size, np.bool_)


def _join(level: Level, value: Value) -> tuple[Cells, Mask]:
    bad = np.zeros(level.frame.size, np.bool_)
    texts = []
    for operand in value.operands:
        assert isinstance(operand, Value)  # noqa: S101 - the compiler made it so
        cells, worse = level.made(operand)
        bad |= worse
        texts.append(as_text(cells.array()))
    return Cells.of(pc.binary_join_element_wise(*texts, value.separator)), bad


def _first_of(level: Level, value: Value) -> tuple[Cells, Mask]:
    bad = np.zeros(level.frame.size, np.bool_)
    arrays = []
    for operand in value.operands:
        assert isinstance(operand, Value)  # noqa: S101
        cells, worse = level.made(operand)
        bad |= worse
        arrays.append(cells.array())
    if any(not array.type.equals(arrays[0].type) for array in arrays):
        arrays = [as_text(array) for array in arrays]
    return Cells.of(pc.coalesce(*arrays)), bad


def _arithmetic(level: Level, value: Value) -> tuple[Cells, Mask]:
    """Multiply, add or subtract columns; a result that does not fit is a fault."""
    bad = np.zeros(level.frame.size, np.bool_)
    operands = []
    for operand in value.operands:
        if isinstance(operand, Value):
            cells, worse = level.made(operand)
            bad |= worse
        else:
            cells = level.cells(operand)
        operands.append(_decimals(cells.array(), operand, value))
    result = operands[0]
    for operand in operands[1:]:
        result, unfit = _apply(value.origin, result, operand)
        _unfit(level, value, np.flatnonzero(unfit), operands)
        bad |= unfit
    return Cells.of(result), bad


def _unfit(level: Level, value: Value, rows: Ints, operands: list[Any]) -> None:
    sign = {"multiply": " x ", "add": " + ", "subtract": " - "}[value.origin]
    shown = [sign.join(str(as_text(item.slice(row, 1))[0]) for item in operands) for row in rows]
    text = f"{value.name} has more than 6 decimals or 12 digits before the point"
    level.run.faults.add(level.frame, rows, value.name, shown, [text] * len(rows), "exact")


def _sum(level: Level, value: Value) -> tuple[Cells, Mask]:
    name, inner = (str(operand) for operand in value.operands)
    below = level.list(name)
    array = _decimals(below.cells(inner).array(), inner, value)
    sums, bad = exact.group_sums(array, below.offsets)
    rows = np.flatnonzero(bad)
    text = f"{value.name} has more than 12 digits before the point"
    level.run.faults.add(
        level.frame, rows, value.name, [None] * len(rows), [text] * len(rows), "exact"
    )
    return Cells.of(sums), bad


def numbered(value: Value, counted: Ints) -> Cells:
    """Make a column of line numbers; they are text for an identifier."""
    values = pa.array(np.arange(1, int(counted.max(initial=0)) + 1))
    return Cells(pc.cast(values, arrow_type(value.holds or "whole")), counted - 1)


def _decimals(array: Any, operand: str | Value, value: Value) -> Any:
    kind = arrow_type("decimal")
    if array.type.equals(kind):
        return array
    if pa.types.is_integer(array.type) or pa.types.is_null(array.type):
        return pc.cast(array, kind)
    name = operand if isinstance(operand, str) else operand.name
    raise Misconfigured(f"{value.name} needs decimals, and {name} is {array.type}")


def _apply(origin: str, left: Any, right: Any) -> tuple[Any, Mask]:
    if origin == "multiply":
        return exact.multiply(left, right)
    return exact.add(left, right, minus=origin == "subtract")


ORIGINS: dict[str, Callable[[Level, Value], tuple[Cells, Mask]]] = {
    "constant": _constant,
    "number": _number,
    "join": _join,
    "first_of": _first_of,
    "multiply": _arithmetic,
    "add": _arithmetic,
    "subtract": _arithmetic,
    "sum": _sum,
}
"""How a field that is no path is made, by its origin."""
