"""Count the money of raw rows: exact decimals out of text, by what the stream declares."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.connector import Reads
from crossdock.errors import Misconfigured

AMOUNT = pa.decimal128(18, 6)
_PLAIN = r"^[+-]?[0-9]{1,12}(\.[0-9]{1,6})?$"
_LIMIT = Decimal(10) ** 12


def counted(table: pa.Table, stream: Reads) -> tuple[pa.Array, pa.Array]:
    """Give amount (decimal, null where uncountable) and currency of each row of text columns.

    Follows ``stream.money``; a stream without it counts no money (zero, no currency).
    Raises Misconfigured when a declared column is not in the rows.
    """
    money = stream.money
    size = table.num_rows
    if not money:
        return pa.repeat(pa.scalar(Decimal(0), AMOUNT), size), pa.repeat(pa.scalar(""), size)
    mark = str(stream.options.get("decimal", "."))
    names = money.get("multiply") or [money["sum"]]
    factors = [decimals(_column(table, name, stream), mark) for name in names]
    amount = factors[0]
    for factor in factors[1:]:
        amount = exact(pc.multiply(amount, factor))
    return amount, _currency(table, stream, money)


def decimals(column: pa.ChunkedArray | pa.Array, mark: str = ".") -> pa.Array:
    """Read text as decimals with at most six places; null where it is no such number."""
    encoded = column.cast(pa.string()).dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries()
        encoded = encoded.combine_chunks() if encoded.num_chunks != 1 else encoded.chunk(0)
    if isinstance(encoded, pa.ChunkedArray):
        return pa.array([], AMOUNT)
    words = pc.utf8_trim_whitespace(encoded.dictionary)
    if mark != ".":
        words = pc.replace_substring(pc.replace_substring(words, ".", "?"), mark, ".")
    words = pc.replace_substring_regex(words, r"(\.[0-9]*?[0-9])0+$|\.0*$", r"\1")
    good = pc.match_substring_regex(words, _PLAIN)
    numbers = pc.if_else(good, words, pa.scalar(None, pa.string())).cast(AMOUNT)
    return numbers.take(encoded.indices)


def exact(product: pa.Array) -> pa.Array:
    """Bring a product of decimals to six places; null where that would round or overflow."""
    try:
        return product.cast(AMOUNT)
    except pa.ArrowInvalid:
        return pa.array([_fitting(value) for value in product.to_pylist()], AMOUNT)


def amount_of(value: Any, mark: str = ".") -> Decimal | None:
    """Read one value as an amount; None where it is no number that fits.

    >>> amount_of("2.50"), amount_of("1,5", ","), amount_of("x")
    (Decimal('2.50'), Decimal('1.5'), None)
    """
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()
    if mark != ".":
        text = text.replace(".", "?").replace(mark, ".")
    try:
        return _fitting(Decimal(text))
    except InvalidOperation:
        return None


def _fitting(value: Decimal | None) -> Decimal | None:
    if value is None or not value.is_finite() or value.copy_abs() >= _LIMIT:
        return None
    return value if value == value.quantize(Decimal("0.000001")) else None


def _column(table: pa.Table, name: str, stream: Reads) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise Misconfigured(
            f"stream {stream.name!r} counts its money by {name!r}, which its rows do not have",
            fix=f"columns are: {', '.join(table.column_names[:30])}",
        )
    return table[name]


def _currency(table: pa.Table, stream: Reads, money: Any) -> pa.Array:
    currency = money.get("currency", "")
    if isinstance(currency, dict):
        return pa.repeat(pa.scalar(str(currency["constant"])), table.num_rows)
    column = pc.utf8_trim_whitespace(_column(table, str(currency), stream).cast(pa.string()))
    return pc.fill_null(column, "").combine_chunks()
