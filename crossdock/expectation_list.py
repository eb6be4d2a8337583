"""The expectations that a suite may use, each with its options; no Great Expectations needed.

A suite's word is the name of the expectation without ``expect_``. Only those that name the rows
which break them are here. Left out are statistics over a batch, since a batch is a technical
slice of a run; types, since the canonical model has declared them; ``mostly``, since thresholds
are ``at_most`` over the whole run; LIKE patterns, which only SQL can judge; and the JSON schema,
which crashes on a text that is no JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.types as kinds

from crossdock.model.fields import DECIMALS, SCALE, TEXTS, Field

EXACT = 2**53  # up to here a float, which bounds become, holds every whole number
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Expectation:
    """What a suite must and may say to use one expectation.

    ``options`` maps each option to its kind: column, columns, bound, values, pairs, length,
    pattern, patterns, choice, flag, text. ``whole_rows`` is True where different rows or
    columns are compared; ``texts`` where the column must hold text.
    """

    message: str
    options: Mapping[str, str]
    required: tuple[str, ...]
    whole_rows: bool = False
    about_null: bool = False
    texts: bool = False

    def columns(self, options: Mapping[str, Any]) -> list[str]:
        """List the columns that a rule names, in the order of the expectation's options."""
        named = [
            options[name]
            for name, kind in self.options.items()
            if kind in ("column", "columns") and name in options
        ]
        return [name for names in named for name in ([names] if isinstance(names, str) else names)]

    def numbered(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Give the column options with the numbers 0, 1 ... in place of the entity's names."""
        if "column_list" in options:
            return {"column_list": [str(at) for at in range(len(options["column_list"]))]}
        names = [name for name, kind in self.options.items() if kind == "column"]
        return {name: str(at) for at, name in enumerate(names)}


_COLUMN = {"column": "column"}
_PAIR = {"column_A": "column", "column_B": "column"}
_LIST = {"column_list": "columns"}
_BOTH = ("column_A", "column_B")


def _values(message: str, *required: str, texts: bool = False, **options: str) -> Expectation:
    return Expectation(message, {**_COLUMN, **options}, ("column", *required), texts=texts)


EXPECTATIONS: Mapping[str, Expectation] = {
    "column_values_to_not_be_null": Expectation(
        "{field} is missing", _COLUMN, ("column",), about_null=True
    ),
    "column_values_to_be_null": Expectation(
        "{field} must be empty, but is {value}", _COLUMN, ("column",), about_null=True
    ),
    "column_values_to_be_in_set": _values(
        "{field} is {value}, which is not one of the allowed values",
        "value_set",
        value_set="values",
    ),
    "column_values_to_not_be_in_set": _values(
        "{field} is {value}, which is not allowed", "value_set", value_set="values"
    ),
    "column_values_to_be_between": _values(
        "{field} is {value}, which is out of range",
        min_value="bound",
        max_value="bound",
        strict_min="flag",
        strict_max="flag",
    ),
    "column_value_lengths_to_equal": _values(
        "{field} has the wrong length: {value}", "value", texts=True, value="length"
    ),
    "column_value_lengths_to_be_between": _values(
        "{field} is too long or too short: {value}",
        texts=True,
        min_value="length",
        max_value="length",
        strict_min="flag",
        strict_max="flag",
    ),
    "column_values_to_match_regex": _values(
        "{field} is {value}, which has not the wanted form", "regex", texts=True, regex="pattern"
    ),
    "column_values_to_not_match_regex": _values(
        "{field} is {value}, which has a forbidden form", "regex", texts=True, regex="pattern"
    ),
    "column_values_to_match_regex_list": _values(
        "{field} is {value}, which has none of the wanted forms",
        "regex_list",
        texts=True,
        regex_list="patterns",
        match_on="choice",
    ),
    "column_values_to_not_match_regex_list": _values(
        "{field} is {value}, which has a forbidden form",
        "regex_list",
        texts=True,
        regex_list="patterns",
    ),
    "column_values_to_match_strftime_format": _values(
        "{field} is {value}, which is no date of the wanted form",
        "strftime_format",
        texts=True,
        strftime_format="text",
    ),
    "column_values_to_be_json_parseable": _values("{field} is no JSON", texts=True),
    "column_values_to_be_unique": Expectation(
        "{field} {value} stands more than once in this batch", _COLUMN, ("column",), whole_rows=True
    ),
    "compound_columns_to_be_unique": Expectation(
        "the same combination stands more than once in this batch: {field} {value}",
        _LIST,
        ("column_list",),
        whole_rows=True,
    ),
    "select_column_values_to_be_unique_within_record": Expectation(
        "{field} {value} stands in another field of the same row",
        _LIST,
        ("column_list",),
        whole_rows=True,
    ),
    "multicolumn_values_to_be_equal": Expectation(
        "{field} is {value}, which differs from the fields that must equal it",
        _LIST,
        ("column_list",),
        whole_rows=True,
    ),
    "multicolumn_sum_to_equal": Expectation(
        "the sum that {field} {value} is a part of is wrong",
        {**_LIST, "sum_total": "bound"},
        ("column_list", "sum_total"),
        whole_rows=True,
    ),
    "column_pair_values_a_to_be_greater_than_b": Expectation(
        "{field} is {value}, which is not above {expected}",
        {**_PAIR, "or_equal": "flag"},
        _BOTH,
        whole_rows=True,
    ),
    "column_pair_values_to_be_equal": Expectation(
        "{field} is {value}, but {expected} is wanted", _PAIR, _BOTH, whole_rows=True
    ),
    "column_pair_values_to_be_in_set": Expectation(
        "{field} {value} does not go with {expected}",
        {**_PAIR, "value_pairs_set": "pairs"},
        (*_BOTH, "value_pairs_set"),
        whole_rows=True,
    ),
}


def whole_numbers(column: pa.Array) -> pa.Array:
    """Turn decimals into millionths, instants into microseconds, days and flags into numbers.

    Whole numbers come out as int64 and text as it is; nulls stay.
    """
    kind = column.type
    if kinds.is_decimal(kind):
        return _millionths(column)
    if kinds.is_timestamp(kind):
        return column.cast(pa.timestamp("us", kind.tz)).cast(pa.int64())
    if kinds.is_date(kind):
        return column.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    if kinds.is_boolean(kind) or kinds.is_integer(kind):
        return column.cast(pa.int64())
    return column.cast(pa.string())


def _millionths(column: pa.Array) -> pa.Array:
    """Take the low half of each 128-bit number: 18 digits always fit into it."""
    import numpy as np

    column = column.cast(pa.decimal128(18, SCALE))
    halves = np.frombuffer(column.buffers()[1], np.int64)[::2] if len(column) else np.empty(0, int)
    low = np.ascontiguousarray(halves[column.offset : column.offset + len(column)])
    numbers = pa.array(low, pa.int64())
    return (
        pa.array(low, pa.int64(), mask=np.asarray(column.is_null()))
        if column.null_count
        else numbers
    )


def option_for_column(kind: str, value: Any, field: Field) -> Any:
    """Turn an option of a suite into what the frame's column is compared with.

    Raises ValueError in plain words where the option does not fit ``field``.
    """
    if kind == "bound":
        return _bound(value, field)
    if kind == "values":
        return [number_or_text(item, field) for item in value]
    if kind == "pairs":
        return [tuple(number_or_text(item, field) for item in pair) for pair in value]
    return value


def _bound(value: Any, field: Field) -> int:
    number = number_or_text(value, field)
    if not isinstance(number, int) or isinstance(value, bool):
        raise ValueError(f"{field.name} is no number, date or instant, and has no bounds")
    if abs(number) >= EXACT:
        raise ValueError(f"{value} is too large to be compared exactly")
    return number


def number_or_text(value: Any, field: Field) -> int | str:
    """Encode one value of a suite as ``whole_numbers`` encodes the column of ``field``."""
    text = str(value)
    if field.kind in TEXTS:
        if not isinstance(value, str):
            raise ValueError(f"{field.name} holds text; put {value} in quotes")
        return text
    if field.kind in DECIMALS:
        return _scaled(text)
    try:
        if field.kind == "instant":
            return _microseconds(text)
        if field.kind == "date":
            return (date.fromisoformat(text) - EPOCH.date()).days
        return int(value)
    except ValueError:
        raise ValueError(f"{text!r} is no {field.kind}, which {field.name} is") from None


def _scaled(text: str) -> int:
    try:
        scaled = Decimal(text).scaleb(SCALE)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no decimal number") from None
    if not scaled.is_finite() or scaled.adjusted() > 30:
        raise ValueError(f"{text} is too large")
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{text} has more than {SCALE} decimals")
    return int(scaled)


def _microseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("without a zone")
    past = moment - EPOCH
    return (past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds


def fits(expectation: Expectation, fields: Sequence[Field]) -> str:
    """Say why these fields cannot be judged by an expectation; empty when they can."""
    for field in fields:
        if field.kind == "children":
            return f"{field.name} is a list; run the rule on it with on: {field.name}"
        if expectation.texts and field.kind not in TEXTS:
            return f"{field.name} holds no text"
    if len({_family(field) for field in fields}) > 1:
        return "the fields are of different kinds and cannot be compared"
    return ""


def _family(field: Field) -> str:
    if field.kind in TEXTS:
        return "text"
    return "decimal" if field.kind in DECIMALS else field.kind
