"""What an HTTP answer means: retry, hold, stop, or yes. Success is a verdict, not a status code.

The defaults follow RFC 9110. A system that says it in its own way (status 420, a text in a body
with status 200, minutes instead of seconds) declares rules; the first one that fits decides.
"""

from __future__ import annotations

import dataclasses
import email.utils
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from crossdock.connector import Outcome, Parcel
from crossdock.errors import CrossdockError, Misconfigured, Refused, TryLater

Meaning = Literal["delivered", "accepted", "refused", "try_later", "uncertain", "misconfigured"]

LONGEST_AFTER = 86_400.0
_WORDS = ("message", "error.message.value", "error.message", "error", "errors.0.message",
          "errors.0", "detail")  # fmt: skip
_FINAL = {"delivered", "accepted", "refused"}
_SECONDS = {"milliseconds": 0.001, "seconds": 1.0, "minutes": 60.0, "hours": 3600.0}
_SPAN = re.compile(r"(\d{1,6})\s+(?:more\s+)?(millisecond|second|minute|hour)s?\b", re.IGNORECASE)


@dataclass(frozen=True)
class Heard:
    """One answer, or one item of an answer to a batch: status, headers (lower case), document."""

    status: int
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    document: Any = None


@dataclass(frozen=True)
class Said:
    """What it means, after how many seconds to try again, and their words."""

    meaning: Meaning
    after: float | None = None
    message: str = ""


def at(document: Any, path: str) -> Any:
    """Give what lies at a dotted path, or None; numbers index lists, and a name may hold dots.

    >>> at({"errors": [{"code": "busy"}]}, "errors.0.code")
    'busy'
    >>> at({"@odata.nextLink": "Orders?$skiptoken=7"}, "@odata.nextLink")
    'Orders?$skiptoken=7'
    """
    names = path.split(".") if path else []
    for number, name in enumerate(names):
        if isinstance(document, Mapping):
            if name not in document and (whole := ".".join(names[number:])) in document:
                return document[whole]
            document = document.get(name)
        elif isinstance(document, list) and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Put dotted names into objects.

    >>> nested({"filter.since": "x", "limit": 5})
    {'filter': {'since': 'x'}, 'limit': 5}
    """
    result: dict[str, Any] = {}
    for name, value in values.items():
        *parents, last = name.split(".")
        inner = result
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return result


def by_hand(parcel: Parcel) -> Outcome:
    """Refuse a change or a deletion at a target that cannot take it; it is never a create.

    >>> by_hand(Parcel("shop/7", "k", "update", {})).message
    'this target takes new documents only: the change of shop/7 must be made there by hand'
    """
    takes, what = "new documents only", "change"
    if parcel.operation == "delete":
        takes, what = "no deletions", "deletion"
    words = f"this target takes {takes}: "
    words += f"the {what} of {parcel.reference} must be made there by hand"
    return Outcome(parcel.reference, "refused", parcel.their_id, words)


def listed(document: Any, path: str, where: str) -> list[Any]:
    """Give the records at a dotted path; a single one and null are lists too.

    Raises TryLater where the path is not there: an error is never an empty list.
    """
    parent, _, name = path.rpartition(".")
    holder = at(document, parent)
    if path and not (isinstance(holder, Mapping) and name in holder):
        held = ", ".join(sorted(holder)[:10]) if isinstance(holder, Mapping) else "no object"
        raise TryLater(
            f"the answer has no {path!r}, it holds {held}",
            where=where,
            fix="correct records, or say with errors what such an answer means",
        )
    found = at(document, path)
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


@dataclass(frozen=True)
class Rule:
    """``status`` (420, "4xx", a list), ``field`` with a test, ``header``: all must fit."""

    meaning: Meaning
    status: tuple[str, ...] = ()
    field: str = ""
    header: str = ""
    one_of: tuple[str, ...] = ()
    contains: str = ""
    present: bool = True
    after: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    message: str = ""

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Rule:
        """Make a rule of its YAML; raises ValueError for what it does not know."""
        known = {"is", "status", "field", "header", "equals", "one_of", "contains", "present"}
        unknown = set(spec) - known - {"after", "message"}
        if unknown or spec.get("is") not in get_args(Meaning):
            wrong = ", ".join(sorted(unknown)) or f"is: {spec.get('is')!r}"
            raise ValueError(f"a verdict rule has no {wrong}; is: {', '.join(get_args(Meaning))}")
        values = spec.get("one_of", [spec["equals"]] if "equals" in spec else [])
        return cls(
            meaning=spec["is"],
            status=tuple(str(item) for item in _all(spec.get("status"))),
            field=str(spec.get("field", "")),
            header=str(spec.get("header", "")).lower(),
            one_of=tuple(_plain(item) for item in values),
            contains=str(spec.get("contains", "")),
            present=bool(spec.get("present", True)),
            after=spec.get("after", {}),
            message=str(spec.get("message", "")),
        )

    def fits(self, heard: Heard) -> bool:
        """True when the answer is one that this rule is for."""
        code = str(heard.status)
        if self.status and code not in self.status and f"{code[0]}xx" not in self.status:
            return False
        if not self.status and heard.status >= 500 and self.meaning in _FINAL:
            return False  # a server in trouble decides nothing, whatever its page holds
        if not self.field and not self.header:
            return True
        value = at(heard.document, self.field) if self.field else heard.headers.get(self.header)
        if self.one_of:
            return _plain(value) in self.one_of
        if self.contains:
            return self.contains in str(value)
        return (value not in (None, "", [], {}, False)) is self.present


def _all(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list) else [value]


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def say(heard: Heard, rules: Sequence[Rule], now: datetime) -> Said:
    """Decide what an answer means: the first rule that fits, else the defaults of HTTP."""
    for rule in rules:
        if rule.fits(heard):
            words = at(heard.document, rule.message) if rule.message else None
            after = _after(rule, heard, now)
            if after is None:
                after = retry_after(heard.headers, now)
            return Said(rule.meaning, after, str(words)[:200] if words else "")
    return _by_status(heard, now)


def _after(rule: Rule, heard: Heard, now: datetime) -> float | None:
    if "seconds" in rule.after:
        return float(rule.after["seconds"])
    if not rule.after:
        return None
    name = str(rule.after.get("header", "")).lower()
    value = (
        heard.headers.get(name) if name else at(heard.document, str(rule.after.get("field", "")))
    )
    if value is None or isinstance(value, (dict, list)):
        return None
    unit = str(rule.after.get("unit", "seconds"))
    if unit == "text":
        return wait_in(str(value))
    if unit == "epoch":
        return wait_until(str(value), heard.headers, now)
    return wait_of(str(value), heard.headers, now, _SECONDS.get(unit, 1.0))


def _by_status(heard: Heard, now: datetime) -> Said:
    status = heard.status
    message = _their_words(heard.document)
    if 200 <= status < 300:
        return Said("delivered")
    if status in {408, 425, 429, 420} or status >= 500:
        return Said("try_later", retry_after(heard.headers, now), message)
    if 300 <= status < 400 or status in {401, 403, 404, 405, 406, 415}:
        return Said("misconfigured", None, message)
    return Said("refused", None, message)


def _their_words(document: Any) -> str:
    for path in _WORDS:
        words = at(document, path)
        if isinstance(words, str) and words:
            return words[:200]
    return ""


def error_of(said: Said, heard: Heard, where: str) -> CrossdockError | None:
    """Build the error for a bad answer to a read, None for a good one; the caller raises it."""
    words = f": {said.message}" if said.message else ""
    what = f"status {heard.status}{words}"
    if said.meaning in {"delivered", "accepted"}:
        return None
    if said.meaning == "misconfigured":
        return Misconfigured(what, where=where, fix=_FIXES.get(heard.status, ""))
    if said.meaning == "refused":
        return Refused(what, where=where)
    return TryLater(what, where=where, after=said.after)


_FIXES = {
    301: "redirects are not followed; write the final address",
    302: "redirects are not followed; write the final address",
    307: "redirects are not followed; write the final address",
    308: "redirects are not followed; write the final address",
    401: "check user, password, key or client of this system",
    403: "the account may not do this; check its rights or scopes",
    404: "check url and path",
}


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read ``Retry-After`` (RFC 9110, 10.2.3); None where it is missing, junk or negative.

    >>> from datetime import UTC
    >>> retry_after({"retry-after": "120"}, datetime(2026, 1, 1, tzinfo=UTC))
    120.0
    """
    value = headers.get("retry-after")
    return None if value is None else wait_of(value, headers, now, 1.0)


def wait_in(words: str) -> float | None:
    """Find how long to wait in a text, in seconds; None where it says nothing.

    >>> wait_in("This ban will last for 90 more seconds"), wait_in("retry in 2 minutes")
    (90.0, 120.0)
    """
    found = _SPAN.search(words)
    if not found:
        return None
    return min(float(found[1]) * _SECONDS[found[2].lower() + "s"], LONGEST_AFTER)


def wait_until(value: str, headers: Mapping[str, str], now: datetime) -> float | None:
    """Turn seconds since 1970 into seconds from now, by the answer's own ``Date`` if it has one."""
    if not _is_number(value):
        return None
    then = _date(headers.get("date", "")) or now
    return min(max(0.0, float(value) - then.timestamp()), LONGEST_AFTER)


def _is_number(text: str) -> bool:
    number = text.strip().replace(".", "", 1)
    return number.isascii() and number.isdigit()


def wait_of(value: str, headers: Mapping[str, str], now: datetime, unit: float) -> float | None:
    """Turn a number of units, or an HTTP date, into seconds from now, at most a day.

    A date is compared with the answer's own ``Date``, so that a wrong clock does no harm.
    """
    text = value.strip()
    if _is_number(text):
        return min(float(text) * unit, LONGEST_AFTER)
    until, then = _date(text), _date(headers.get("date", ""))
    if until is None:
        return None
    return min(max(0.0, (until - (then or now)).total_seconds()), LONGEST_AFTER)


def _date(text: str) -> datetime | None:
    try:
        found = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else None
