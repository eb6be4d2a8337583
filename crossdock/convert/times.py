"""Conversions of instants and dates; a time zone is declared or part of the text, never guessed."""

from __future__ import annotations

import datetime as dt
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from crossdock.convert.registry import conversion

if TYPE_CHECKING:
    import pyarrow as pa

_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r" ?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_FIRST, _LAST = 1900, 2199
_ARROW_FIRST, _ARROW_LAST = 1971, 2036  # Arrow 26 knows no summer time after 2037
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@conversion(gives="instant")
def instant(
    text: str,
    *,
    format: str = "",  # noqa: A002
    zone: str = "",
    fold: str = "",
    day: str = "",
) -> datetime:
    """Read a moment: ISO 8601, or in the declared strptime ``format``.

    Text without an offset needs the declared ``zone``. A local time that happened twice or never
    (daylight saving) is refused unless ``fold`` says ``first`` or ``second``. With ``day: start``
    a date without a time is its first moment. Digits finer than a microsecond are cut off.

    >>> instant("2010-12-01T08:26:00+02:00")
    datetime.datetime(2010, 12, 1, 6, 26, tzinfo=datetime.timezone.utc)
    >>> instant("2010-12-01 08:26:00")
    Traceback (most recent call last):
    ValueError: has no offset from UTC, and the mapping declares no `zone`
    >>> instant("2026-10-25T02:30:00", zone="Europe/Berlin")
    Traceback (most recent call last):
    ValueError: happened twice in Europe/Berlin: declare `fold: first` or `fold: second`
    >>> instant("2010-07-01", zone="Europe/London", day="start")
    datetime.datetime(2010, 6, 30, 23, 0, tzinfo=datetime.timezone.utc)
    """
    if day and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        text += "T00:00:00"
    local = _with_format(text, format) if format else _iso(text)
    if local.tzinfo is None:
        if not zone:
            raise ValueError("has no offset from UTC, and the mapping declares no `zone`")
        local = _placed(local, zone, fold)
    try:
        moment = local.astimezone(UTC)
    except OverflowError:
        raise ValueError(_out_of_range()) from None
    return _in_range(moment)


def _iso(text: str) -> datetime:
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError("is no ISO 8601 date and time: declare its `format`")
    day, minutes, seconds, fraction, offset = found.groups()
    if seconds == "60":
        raise ValueError("is a leap second, which no clock of ours can hold")
    clock = f"{day}T{minutes}:{seconds or '00'}.{(fraction or '0')[:6]:0<6}{offset or ''}"
    try:
        return datetime.fromisoformat(clock)
    except ValueError:
        raise ValueError("is no day or time of the calendar") from None


def _with_format(text: str, pattern: str) -> datetime:
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone follows
    except ValueError:
        raise ValueError(f"does not follow the declared format {pattern}") from None


def _placed(local: datetime, zone: str, fold: str) -> datetime:
    first = local.replace(tzinfo=ZoneInfo(zone), fold=0)
    second = first.replace(fold=1)
    if fold or first.utcoffset() == second.utcoffset():
        return second if fold == "second" else first
    exists = first.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local
    what = "happened twice" if exists else "never happened"
    raise ValueError(f"{what} in {zone}: declare `fold: first` or `fold: second`")


def _in_range(moment: datetime) -> datetime:
    if not _FIRST <= moment.year <= _LAST:
        raise ValueError(_out_of_range())
    return moment


def _out_of_range() -> str:
    return f"is outside the years {_FIRST} to {_LAST}: declare it under `empty` if it means no date"


@instant.columnar
def _instants(
    values: pa.Array,
    *,
    format: str = "",  # noqa: A002
    zone: str = "",
    fold: str = "",
    day: str = "",
) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    none = pa.nulls(len(values), pa.timestamp("us", "UTC"))
    try:
        moments = _parsed(values, format, zone) if format else _parsed_iso(values, zone)
    except pa.ArrowInvalid:  # some day is not in the calendar: go one by one
        return none
    if moments is None:
        return none
    year = pc.year(moments)
    usual = pc.and_(pc.greater_equal(year, _ARROW_FIRST), pc.less_equal(year, _ARROW_LAST))
    return pc.if_else(usual, moments, pa.scalar(None, moments.type))


def _parsed(values: pa.Array, pattern: str, zone: str) -> Any:
    """Parse by format; keep what the format writes back the same, as strptime takes 30 February."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not zone or "%z" in pattern or "%f" in pattern:
        return None
    parsed = pc.strptime(values, format=pattern, unit="s", error_is_null=True)
    same = pc.equal(pc.strftime(parsed, format=pattern), values)
    return _at_zone(pc.if_else(same, parsed, pa.scalar(None, parsed.type)), zone)


def _parsed_iso(values: pa.Array, zone: str) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    from crossdock.convert.columns import shaped

    day = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}"
    if zone:
        return _at_zone(pc.cast(shaped(values, f"{day}$"), pa.timestamp("us")), zone)
    with_offset = shaped(values, rf"{day}(\.[0-9]{{1,6}})?(Z|[+-][0-9]{{2}}:[0-9]{{2}})$")
    return pc.cast(with_offset, pa.timestamp("us", "UTC"))


def _at_zone(local: Any, zone: str) -> Any:
    """Place local times in a zone; those that happened twice or never are left null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def at(which: str) -> Any:
        return pc.assume_timezone(local, zone, ambiguous=which, nonexistent=which)

    early, late = at("earliest"), at("latest")
    clear = pc.if_else(pc.equal(early, late), early, pa.scalar(None, early.type))
    return pc.cast(clear, pa.timestamp("us", "UTC"))


@conversion(gives="date")
def date(text: str, *, format: str = "%Y-%m-%d") -> dt.date:  # noqa: A002
    """Read a calendar day in the declared strptime ``format``.

    >>> date("01.12.2010", format="%d.%m.%Y")
    datetime.date(2010, 12, 1)
    """
    if format == "%Y-%m-%d" and not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("is no ISO 8601 date: declare its `format`")
    day = _with_format(text, format).date()
    if not _FIRST <= day.year <= _LAST:
        raise ValueError(_out_of_range())
    return day


@conversion(gives="instant")
def epoch(text: str, *, count: str) -> datetime:
    """Read a moment counted from 1970 in UTC; ``count`` says in ``s``, ``ms`` or ``us``.

    A moment outside the years 1990 to 2100 is refused: seconds were taken for milliseconds, or
    the other way round.

    >>> epoch("1291191960", count="s")
    datetime.datetime(2010, 12, 1, 8, 26, tzinfo=datetime.timezone.utc)
    """
    if count not in _UNITS:
        raise ValueError("cannot be read: `count` must be s, ms or us")
    if not re.fullmatch(r"[0-9]{1,17}(?:\.[0-9]{1,6})?", text):
        raise ValueError("is not a count from 1970")
    micro = int(Decimal(text) * 1_000_000 / _UNITS[count])
    if not 20 <= micro // 31_556_952_000_000 < 130:
        raise ValueError(f"is outside the years 1990 to 2100 when counted in {count}")
    return _EPOCH + timedelta(microseconds=micro)


@conversion(gives="text")
def instant_text(
    value: datetime,
    *,
    format: str = "",  # noqa: A002
    zone: str = "UTC",
) -> str:
    """Write a moment for a target: in ISO 8601, or in ``format``, on the clock of ``zone``.

    >>> instant_text(datetime(2010, 12, 1, 8, 26, tzinfo=UTC))
    '2010-12-01T08:26:00Z'
    >>> instant_text(datetime(2010, 7, 1, 8, 26, tzinfo=UTC), zone="Europe/London")
    '2010-07-01T09:26:00+01:00'
    >>> instant_text(datetime(2010, 12, 1, 8, 26, tzinfo=UTC), format="%Y%m%d%H%M")
    '201012010826'
    """
    local = value.astimezone(ZoneInfo(zone))
    if format:
        return local.strftime(format)
    return local.isoformat().removesuffix("+00:00") + "Z" if zone == "UTC" else local.isoformat()


@conversion(gives="date")
def local_date(value: datetime, *, zone: str) -> dt.date:
    """Give the calendar day of a moment on the clock of ``zone``.

    >>> local_date(datetime(2010, 7, 1, 23, 30, tzinfo=UTC), zone="Europe/London")
    datetime.date(2010, 7, 2)
    """
    return value.astimezone(ZoneInfo(zone)).date()


@conversion(gives="text")
def date_text(value: dt.date, *, format: str = "%Y-%m-%d") -> str:  # noqa: A002
    """Write a calendar day for a target.

    >>> date_text(dt.date(2010, 12, 1), format="%Y%m%d")
    '20101201'
    """
    return value.strftime(format)
