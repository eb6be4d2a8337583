"""Cursors of an SQL stream: the values of the last row, kept as text with their types."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from crossdock.errors import Misconfigured

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)([T ])(\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?"
)


@dataclass(frozen=True)
class Place:
    """The last row that was read: its cursor value, then its key."""

    values: tuple[Any, ...]

    def write(self) -> str:
        """Write the place as text for the store.

        >>> Place((Decimal("1.50"), 7)).write()
        '[{"decimal": "1.50"}, 7]'
        """
        return json.dumps([_tagged(value) for value in self.values])

    @classmethod
    def read(cls, text: str) -> Place:
        """Read what ``write`` wrote; raises Misconfigured for anything else.

        >>> Place.read('[{"decimal": "1.50"}, 7]').values
        (Decimal('1.50'), 7)
        """
        try:
            return cls(tuple(_untagged(value) for value in json.loads(text)))
        except (ValueError, TypeError, KeyError, ArithmeticError):
            raise Misconfigured(
                "the cursor is not one of this stream", fix="reset the cursor of the stream"
            ) from None


def _tagged(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, datetime):
        return {"instant": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, float):
        return {"float": value.hex()}
    return str(value)


def _untagged(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    [(tag, text)] = value.items()
    if tag == "instant":
        return datetime.fromisoformat(text)
    if tag == "date":
        return date.fromisoformat(text)
    return Decimal(text) if tag == "decimal" else float.fromhex(text)


def earlier(value: Any, seconds: float, *, instead: datetime | None = None) -> Any:
    """Go back ``seconds`` from an instant, whether the database keeps it as one or as text.

    Text keeps its form; ``instead`` is an instant to be written in that form. Raises
    Misconfigured for a value that is no instant.

    >>> earlier("2024-03-01 00:00:05.250", 10)
    '2024-02-29 23:59:55.250'
    """
    if isinstance(value, (datetime, date)):
        return value - timedelta(seconds=seconds)
    found = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Misconfigured(
            "an overlap or a horizon needs a cursor that is an instant",
            fix="remove overlap and horizon, or choose another cursor",
        )
    day, between, clock, fraction, offset = found.groups()
    moment = datetime.fromisoformat(f"{day}T{clock}{f'.{fraction[:6]}' if fraction else ''}")
    moment = (instead or moment) - timedelta(seconds=seconds)
    seconds_too = ":%S" if len(clock) > len("00:00") else ""
    text = moment.strftime(f"%Y-%m-%d{between}%H:%M{seconds_too}")
    if fraction:
        digits = f"{moment.microsecond:06}".ljust(len(fraction), "0")
        text += f".{digits[: len(fraction)]}"
    return text + (offset or "")
