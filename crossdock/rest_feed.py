"""Feeds that are no plain list: logs with a token, windows of time, and what a sweep finds gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from crossdock import json
from crossdock.connector import Reads, World
from crossdock.errors import Misconfigured, TryLater
from crossdock.paging import Seen, Step, followed
from crossdock.streams import GONE
from crossdock.verdict import Rule, at, nested


@dataclass(frozen=True)
class Log:
    """Events after a token that is never looked into.

    ``token`` is where the next one stands (``last:id``: in the last record), ``parameter`` what
    takes it; or ``link`` is where the whole next address stands. ``more`` is the flag that says
    that there is more now. ``expired`` are the rules that tell a token that is dead; ``restart``
    then begins anew, which is right where the log begins with everything.
    """

    token: str = ""
    parameter: str = ""
    link: str = ""
    more: str = ""
    size: int = 0
    expired: tuple[Rule, ...] = ()
    restart: bool = False

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Log:
        """Make it of its YAML; raises ValueError."""
        given = dict(spec)
        unknown = set(given) - {"token", "parameter", "link", "more", "size", "expired", "restart"}
        if unknown:
            raise ValueError(f"log: unknown: {', '.join(sorted(unknown))}")
        if not given.get("link") and not (given.get("token") and given.get("parameter")):
            raise ValueError("log needs token and parameter, or link")
        rules = given.pop("expired", [{"status": 410, "is": "refused"}])
        given.setdefault("restart", bool(given.get("link")))
        return cls(**given, expired=tuple(Rule.of(rule) for rule in rules))

    def first(self, step: Step, cursor: str | None) -> Step:
        """Give the page after ``cursor``."""
        if cursor is None:
            return step
        if self.link:
            return followed(step.url, cursor)
        return Step(step.url, {**step.values, self.parameter: cursor})

    def after(self, seen: Seen) -> str | None:
        """Give the token to go on with, None where this page has none."""
        if self.link:
            found = at(seen.document, self.link)
        elif self.token.startswith("last:"):
            found = at(seen.records[-1], self.token[5:]) if seen.records else None
        else:
            found = at(seen.document, self.token)
        return None if found in (None, "") else str(found)

    def goes_on(self, seen: Seen) -> bool:
        """Say whether there is more to read now."""
        if self.more:
            return bool(at(seen.document, self.more))
        return len(seen.records) >= max(1, self.size)


@dataclass(frozen=True)
class Window:
    """A list of what changed between two instants, at most ``most`` seconds apart.

    ``since`` and ``until`` are the parameters, ``form`` how an instant is written (strftime, or
    ``epoch``) in ``zone``.
    """

    since: str
    until: str
    most: float
    form: str = "%Y-%m-%dT%H:%M:%SZ"
    zone: str = "UTC"

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Window:
        """Make it of its YAML; raises ValueError."""
        names = {"from": "since", "until": "until", "most": "most", "format": "form",
                 "zone": "zone"}  # fmt: skip
        unknown = set(spec) - set(names)
        if unknown or not {"from", "until", "most"} <= set(spec):
            raise ValueError("window has from, until, most (seconds), format and zone")
        made = cls(**{names[name]: value for name, value in spec.items()})
        ZoneInfo(made.zone)
        return made

    def spans(self, start: datetime, end: datetime) -> Iterator[tuple[dict[str, str], datetime]]:
        """Give the parameters of each window from ``start`` to ``end``, and where it ends.

        >>> day = Window("a", "b", 86_400, "epoch")
        >>> one = datetime(2026, 1, 1, tzinfo=UTC)
        >>> [until.day for _, until in day.spans(one, one + timedelta(days=1.5))]
        [2, 2]
        """
        while start < end:
            until = min(start + timedelta(seconds=float(self.most)), end)
            yield {self.since: self._written(start), self.until: self._written(until)}, until
            start = until

    def _written(self, moment: datetime) -> str:
        if self.form == "epoch":
            return str(int(moment.timestamp()))
        return moment.astimezone(ZoneInfo(self.zone)).strftime(self.form)


def window_bounds(
    stream: Reads, start: str, cursor: str | None, now: datetime
) -> tuple[datetime, datetime]:
    """Give from and until of a read: back by the overlap, and not nearer than the horizon.

    Raises Misconfigured where there is neither a cursor nor a start.
    """
    text = cursor or start
    if not text:
        raise Misconfigured(
            f"the stream {stream.name!r} reads windows of time and has no start",
            fix='write start: "2026-01-01T00:00:00Z"',
        )
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if cursor:
        moment -= timedelta(seconds=stream.overlap)
    end = (now - timedelta(seconds=stream.horizon)).replace(microsecond=0)
    return moment, end


def gone(world: World, system: str, stream: Reads, seen: set[tuple[str, ...]]) -> Iterator[bytes]:
    """Give pages of what was known and is not there any more; raises TryLater for all at once."""
    if world.known is None:
        return
    missing = [key for key in world.known(system, stream.name) if key not in seen]
    if missing and not seen:
        raise TryLater(
            f"{stream.name!r} is empty, though {len(missing)} records are known",
            fix="look at the system; records are only taken for deleted while others are there",
        )
    for start in range(0, len(missing), 1000):
        records: Any = [
            {**_nested_key(stream, key), GONE: True} for key in missing[start : start + 1000]
        ]
        for name in reversed([name for name in stream.records.split(".") if name]):
            records = {name: records}
        yield json.dumps(records).encode()


def _nested_key(stream: Reads, key: tuple[str, ...]) -> dict[str, Any]:
    return nested(dict(zip(stream.key, key, strict=True)))
