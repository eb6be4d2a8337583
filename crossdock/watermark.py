"""How far a source was read: the greatest value of a record's change field, by the source's clock.

The text of the field is kept as it came. On reading it goes back by the overlap, and by one grain
at least, since several records may share the last instant and a late one may still appear.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from crossdock.errors import Misconfigured, Unreadable

Kind = Literal["instant", "number", "epoch", "epoch_ms", "text"]
KINDS: tuple[str, ...] = ("instant", "number", "epoch", "epoch_ms", "text")

GRAINS = {
    "none": 0.0,
    "100ns": 0.000001,
    "microsecond": 0.000001,
    "millisecond": 0.001,
    "second": 1.0,
    "minute": 60.0,
    "day": 86_400.0,
}
_FUTURE = timedelta(days=2)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:([T ])(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?"
    r"(Z|[+-]\d\d:?\d\d)?$"
)


_TICKS = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/")  # OData 2: milliseconds, always UTC
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, as all instants here


@dataclass(frozen=True)
class Instant:
    """An instant at the precision of the source; ``zone`` is its offset as written, or ""."""

    second: datetime
    fraction: str
    mark: str
    zone: str

    @property
    def order(self) -> tuple[datetime, str]:
        """What instants are compared by."""
        return self.second, self.fraction.ljust(9, "0")


def instant(text: str, pattern: str = "") -> Instant:
    """Read an ISO 8601 instant, or one of the strptime ``pattern``; raises Unreadable.

    >>> instant("2026-01-02T03:04:05.1234567Z").fraction
    '1234567'
    """
    if pattern:
        return _by_pattern(text, pattern)
    ticks = _TICKS.fullmatch(text)
    if ticks:
        moment = _EPOCH + timedelta(milliseconds=int(ticks[1]))
        return Instant(moment.replace(microsecond=0), f"{moment.microsecond:06}", "T", "Z")
    found = _ISO.match(text)
    if not found:
        raise Unreadable("a change time is no ISO instant", fix="declare cursor_format")
    year, month, day, mark, hour, minute, second, fraction, zone = found.groups()
    try:
        moment = datetime(  # noqa: DTZ001 - the offset follows where the source gives one
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
        )
    except ValueError:
        raise Unreadable("a change time is no date") from None
    moment -= _offset(zone or "")
    return Instant(moment, fraction or "", mark or "", zone or "")


def _by_pattern(text: str, pattern: str) -> Instant:
    try:
        moment = datetime.strptime(text, pattern)  # noqa: DTZ007 - the source says no offset
    except ValueError:
        raise Unreadable(f"a change time does not fit {pattern!r}") from None
    zone = moment.strftime("%z")
    plain = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return Instant(plain.replace(microsecond=0), f"{plain.microsecond:06}", "", zone)


@dataclass(frozen=True)
class Watermark:
    """The rules of one stream's cursor. ``back`` is overlap or grain in seconds (or numbers)."""

    kind: Kind
    back: float = 0.0
    pattern: str = ""
    send: str = ""

    def later(self, known: str | None, value: Any, now: datetime) -> str | None:
        """Give the later of the known mark and a record's ``value``.

        A value that lies more than two days ahead of ``now`` is left out: it would hide every
        change until then. Raises Unreadable for a value of another kind.
        """
        if value is None or value == "":
            return known
        text = str(value)
        order = self._order(text)
        if self.kind == "instant" and order[0] > now.replace(tzinfo=None) + _FUTURE:
            return known
        return text if known is None or order > self._order(known) else known

    def _order(self, text: str) -> Any:
        if self.kind == "text":
            return text
        if self.kind == "instant":
            return instant(text, self.pattern).order
        try:
            return Decimal(text)
        except InvalidOperation:
            raise Unreadable("a change mark is no number") from None

    def since(self, known: str) -> str:
        """Give what to ask for: the mark, taken back.

        >>> Watermark("instant", back=600).since("2026-01-02T00:05:00.5+01:00")
        '2026-01-01T23:55:00+01:00'
        >>> Watermark("number", back=0).since("17")
        '17'
        """
        if self.kind == "text":
            return known
        if self.kind != "instant":
            step = Decimal(str(self.back)) * (1000 if self.kind == "epoch_ms" else 1)
            return format(Decimal(known) - step, "f") if self.back else known
        found = instant(known, self.pattern)
        moment = found.second + timedelta(microseconds=int(found.fraction[:6].ljust(6, "0")))
        moment -= timedelta(seconds=self.back)
        if self.back >= 1:
            moment = moment.replace(microsecond=0)
        if self.send or self.pattern:
            return moment.replace(tzinfo=UTC).strftime(self.send or self.pattern)
        return _written(moment, found)


def _written(moment: datetime, like: Instant) -> str:
    """Write ``moment`` (UTC, or without an offset) in the shape of the instant ``like``."""
    moment += _offset(like.zone)
    if not like.mark:
        return f"{moment:%Y-%m-%d}{like.zone}"
    return moment.isoformat(sep=like.mark) + like.zone


def _offset(zone: str) -> timedelta:
    if zone in {"", "Z"}:
        return timedelta()
    digits = zone[1:].replace(":", "")
    length = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -length if zone[0] == "-" else length


def watermark(
    kind: str, grain: str, overlap: float, *, pattern: str = "", send: str = ""
) -> Watermark:
    """Make the rules from what a stream declares; raises Misconfigured."""
    if kind not in KINDS:
        raise Misconfigured(f"cursor_is is one of {', '.join(KINDS)}, not {kind!r}")
    back = max(overlap, GRAINS[grain])
    return Watermark(kind, back, pattern, send)  # type: ignore[arg-type]
