"""What a named conversion is, and how it runs over a whole column.

A conversion is a plain function of one value with a doctest; ``@conversion`` adds what the engine
needs. Only the distinct values of a column reach the function. Where most values are of one plain
shape, a second function (``@name.columnar``) converts those at once and leaves the rest null; the
plain function stays the definition, and a property test holds the two together.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from crossdock.errors import Misconfigured
from crossdock.model.fields import near

if TYPE_CHECKING:
    import pyarrow as pa

Holds = Literal["text", "decimal", "whole", "instant", "date", "flag"]
Columnar = Callable[..., "pa.Array"]

_TAKES: Mapping[str, Holds] = {
    "str": "text",
    "Decimal": "decimal",
    "datetime": "instant",
    "date": "date",
    "Series": "text",
}


@dataclass(frozen=True)
class Option:
    """A keyword that a conversion understands: what it takes, and whether it must be given."""

    name: str
    kind: str
    required: bool


@dataclass
class Conversion:
    """A named conversion: call it with one value, or ``run`` it over a column.

    ``takes`` and ``gives`` are what goes in and comes out; ``beside`` names another field of the
    same document whose value goes in as the option of that name (money needs its currency).
    """

    function: Callable[..., Any]
    gives: Holds
    takes: Holds
    series: bool
    beside: str
    options: Mapping[str, Option]
    fast: Columnar | None = field(default=None)

    @property
    def name(self) -> str:
        """The word after ``as:``."""
        return self.function.__name__

    def __call__(self, value: Any, **options: Any) -> Any:
        """Convert one value; raises ValueError with plain words when it cannot be done."""
        return self.function(value, **options)

    def columnar(self, function: Columnar) -> Columnar:
        """Declare the function that converts the plain part of a column at once."""
        self.fast = function
        return function

    def run(self, values: pa.Array, **options: Any) -> tuple[pa.Array, dict[int, str]]:
        """Convert distinct values; answer the results and the complaints by position.

        Nulls stay null. A value that cannot be converted is null and has a complaint.
        """
        import pyarrow.compute as pc

        from crossdock.convert.columns import arrow_type

        kind = arrow_type(self.gives)
        if self.series:
            return _run_series(self.function, values, kind, options)
        done = self.fast(values, **options) if self.fast else None
        open_ones = values.is_valid()
        if done is not None:
            if done.null_count == values.null_count:
                return done, {}
            open_ones = pc.and_(open_ones, done.is_null())
        slow, complaints = _run_each(self.function, values, open_ones, kind, options)
        return (slow if done is None else pc.coalesce(done, slow)), complaints


def _run_each(
    function: Callable[..., Any],
    values: pa.Array,
    chosen: pa.Array,
    kind: pa.DataType,
    options: Mapping[str, Any],
) -> tuple[pa.Array, dict[int, str]]:
    import pyarrow as pa

    results: list[Any] = [None] * len(values)
    complaints: dict[int, str] = {}
    for position in chosen.to_numpy(zero_copy_only=False).nonzero()[0].tolist():
        try:
            results[position] = function(values[position].as_py(), **options)
        except ValueError as error:
            complaints[position] = str(error)
    return pa.array(results, kind), complaints


def _run_series(
    function: Callable[..., Any],
    values: pa.Array,
    kind: pa.DataType,
    options: Mapping[str, Any],
) -> tuple[pa.Array, dict[int, str]]:
    """Hand a function the column as an Arrow-backed Series; a new null is a complaint."""
    import pandas as pd
    import pyarrow as pa

    given = pd.Series(values, dtype=pd.ArrowDtype(values.type))
    answer = pa.array(function(given, **options), from_pandas=True)
    answer = answer.combine_chunks() if isinstance(answer, pa.ChunkedArray) else answer
    lost = answer.is_null().to_numpy(zero_copy_only=False) & values.is_valid().to_numpy(
        zero_copy_only=False
    )
    text = f"is refused by {function.__name__}"
    return answer.cast(kind), dict.fromkeys(lost.nonzero()[0].tolist(), text)


def conversion(*, gives: Holds, beside: str = "") -> Callable[[Callable[..., Any]], Conversion]:
    """Make a function usable as ``as: <name>`` in a mapping.

    Its first parameter is the value: annotated ``str`` it takes text, ``Decimal``, ``datetime``
    or ``date`` a canonical value, ``pd.Series`` all distinct values at once. Keyword-only
    parameters become options of the field. Raise ValueError to refuse a value.
    """

    def declare(function: Callable[..., Any]) -> Conversion:
        parameters = list(inspect.signature(function).parameters.values())
        takes = str(parameters[0].annotation).rpartition(".")[2]
        options = {
            item.name: Option(item.name, str(item.annotation), item.default is item.empty)
            for item in parameters[1:]
            if item.kind is item.KEYWORD_ONLY
        }
        made = Conversion(function, gives, _TAKES[takes], takes == "Series", beside, options)
        functools.update_wrapper(made, function, updated=())  # so that doctest finds it
        return made

    return declare


def of_module(module: object) -> dict[str, Conversion]:
    """List the conversions that a module itself declares, by name."""
    home = getattr(module, "__name__", "")
    return {
        name: item
        for name, item in vars(module).items()
        if isinstance(item, Conversion) and item.function.__module__ == home
    }


def no_such(name: str, known: list[str], where: str) -> Misconfigured:
    """Build the error for an unknown conversion; the caller raises it."""
    return Misconfigured(f"there is no conversion {name!r}", where=where, fix=near(name, known))
