"""How the next page of a list is reached, in the ways that APIs have.

``link`` (RFC 8288, rel="next"), ``next_url`` (the whole address in the body, followed as it is,
never computed), ``cursor`` (a token in the body), ``page`` (numbers), ``offset`` (rows to skip)
and ``keyset`` (the last record's key). A walk ends, whatever the server says: pages are counted
and a page that comes again is found.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urljoin

from crossdock.errors import Misconfigured, TryLater
from crossdock.exchange import origin
from crossdock.verdict import at

MOST_PAGES = 10_000
_LINK = re.compile(r'<([^>]*)>\s*((?:;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^\s",;]+)\s*)*)')
_REL = re.compile(r'rel\s*=\s*(?:"([^"]*)"|([^\s",;]+))', re.IGNORECASE)


@dataclass(frozen=True)
class Step:
    """A page to ask for: the URL and the values that go into its query or body."""

    url: str
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """A page that came: headers (lower-case names), its document and its records."""

    headers: Mapping[str, str]
    document: Any
    records: Sequence[Any]


class Paging(Protocol):
    """One way to go on; ``numbered`` where pages shift when records come or go meanwhile."""

    @property
    def numbered(self) -> bool:
        """True for page numbers and offsets."""

    def first(self, step: Step) -> Step:
        """Give the first page, made from the stream's own URL and values."""

    def next(self, step: Step, seen: Seen) -> Step | None:
        """Give the page after ``step``, or None where it was the last."""


@dataclass(frozen=True)
class Single:
    """One answer holds everything."""

    numbered: bool = False

    def first(self, step: Step) -> Step:
        """Give the only page."""
        return step

    def next(self, step: Step, seen: Seen) -> Step | None:
        """Say that there is no other."""
        return None


@dataclass(frozen=True)
class Link:
    """The ``Link`` header."""

    size: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    numbered: bool = False

    def first(self, step: Step) -> Step:
        """Give the first page."""
        return Step(step.url, {**step.values, **self.size})

    def next(self, step: Step, seen: Seen) -> Step | None:
        """Follow rel="next"."""
        url = next_link(seen.headers.get("link", ""))
        return followed(step.url, url) if url else None


def next_link(header: str) -> str:
    """Find the address of rel="next" in a ``Link`` header (RFC 8288), or "".

    >>> next_link('</a?p=1>; rel="prev", <https://h/a?p=3,4>; title="x"; rel="last next"')
    'https://h/a?p=3,4'
    """
    for url, parameters in _LINK.findall(header):
        rel = _REL.search(parameters)
        if rel and "next" in (rel[1] or rel[2]).lower().split():
            return str(url)
    return ""


@dataclass(frozen=True)
class NextUrl:
    """The next address stands in the body."""

    path: str
    size: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    numbered: bool = False

    def first(self, step: Step) -> Step:
        """Give the first page."""
        return Step(step.url, {**step.values, **self.size})

    def next(self, step: Step, seen: Seen) -> Step | None:
        """Follow the address as it is."""
        url = at(seen.document, self.path)
        return followed(step.url, str(url)) if url else None


def followed(base: str, url: str) -> Step:
    """Take an address of theirs as it is; raises Misconfigured where it leads to another host.

    Our credentials go with it, so it must be the host that they are for.
    """
    whole = urljoin(base, url)
    if origin(whole) != origin(base):
        raise Misconfigured(
            "the next page lies at another host, which would be sent our credentials",
            where=origin(whole),
        )
    return Step(whole)


@dataclass(frozen=True)
class Token:
    """A token in the body goes back as a parameter; ``alone`` sends nothing else with it."""

    path: str
    parameter: str
    size: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    more: str = ""
    alone: bool = False
    numbered: bool = False

    def first(self, step: Step) -> Step:
        """Give the first page."""
        return Step(step.url, {**step.values, **self.size})

    def next(self, step: Step, seen: Seen) -> Step | None:
        """Send the token back."""
        token = at(seen.document, self.path)
        if token in (None, "", False) or (self.more and not at(seen.document, self.more)):
            return None
        kept = self.size if self.alone else step.values
        return Step(step.url, {**kept, self.parameter: token})


@dataclass(frozen=True)
class Numbered:
    """Page numbers, or rows to skip; the end is told by a total, a count of pages, or a flag.

    Without any of these the first page with fewer records than ``size`` is the last, or the first
    empty one where the size is not known.
    """

    parameter: str
    start: int
    by_rows: bool
    size: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    total: str = ""
    pages: str = ""
    more: str = ""
    numbered: bool = True

    @property
    def length(self) -> int:
        """Records a page, 0 where it is not declared."""
        return int(next(iter(self.size.values()), 0))

    def first(self, step: Step) -> Step:
        """Give the first page."""
        return Step(step.url, {**step.values, **self.size, self.parameter: self.start})

    def next(self, step: Step, seen: Seen) -> Step | None:
        """Count on, unless this was the last page."""
        number = int(step.values[self.parameter])
        if not seen.records or self._is_last(number, seen):
            return None
        following = number + (len(seen.records) if self.by_rows else 1)
        return Step(step.url, {**step.values, self.parameter: following})

    def _is_last(self, number: int, seen: Seen) -> bool:
        done = number - self.start + (len(seen.records) if self.by_rows else 1)
        if self.more:
            return not at(seen.document, self.more)
        if self.pages:
            return done >= _count(seen.document, self.pages)
        if self.total:
            rows = done if self.by_rows else done * (self.length or len(seen.records))
            return rows >= _count(seen.document, self.total)
        return len(seen.records) < self.length


@dataclass(frozen=True)
class Keyset:
    """The last record's ``field`` goes back as a parameter; an empty or short page is the last."""

    parameter: str
    field: str
    size: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    numbered: bool = False

    def first(self, step: Step) -> Step:
        """Give the first page."""
        return Step(step.url, {**step.values, **self.size})

    def next(self, step: Step, seen: Seen) -> Step | None:
        """Go on after the last record."""
        length = int(next(iter(self.size.values()), 0))
        last = at(seen.records[-1], self.field) if seen.records else None
        if last is None or len(seen.records) < length:
            return None
        return Step(step.url, {**step.values, self.parameter: last})


def _count(document: Any, path: str) -> int:
    value = at(document, path)
    if not isinstance(value, int) and not (isinstance(value, str) and value.isdigit()):
        raise TryLater(f"the answer does not say {path!r}", fix="correct paging in the stream")
    return int(value)


def paging(spec: Mapping[str, Any] | str | None) -> Paging:
    """Make a way of paging from its YAML; raises ValueError.

    >>> paging({"kind": "page", "parameter": "page", "size": {"per_page": 100}}).length
    100
    """
    if spec is None:
        return Single()
    given = {"kind": spec} if isinstance(spec, str) else dict(spec)
    kind = str(given.pop("kind", ""))
    made = _BY_KIND.get(kind)
    if made is None:
        raise ValueError(f"paging is one of {', '.join(_BY_KIND)}, not {kind!r}")
    if "size" in given and not isinstance(given["size"], Mapping):
        raise ValueError("size names its parameter: size: {per_page: 100}")
    try:
        result: Paging = made(given)
    except TypeError as error:
        raise ValueError(f"paging {kind}: {str(error).split(') ')[-1]}") from None
    return result


_BY_KIND: dict[str, Any] = {
    "none": lambda given: Single(**given),
    "link": lambda given: Link(**given),
    "next_url": lambda given: NextUrl(**given),
    "cursor": lambda given: Token(**given),
    "page": lambda given: Numbered(**{"start": 1, "by_rows": False, **given}),
    "offset": lambda given: Numbered(**{"start": 0, "by_rows": True, **given}),
    "keyset": lambda given: Keyset(**given),
}


class Walk:
    """Watches over the pages of one list: none twice, and not more than ``most``."""

    def __init__(self, most: int = MOST_PAGES) -> None:
        self._most = most
        self._seen: set[str] = set()

    def note(self, step: Step) -> None:
        """Note a page; raises Misconfigured where it was there already or is one too many."""
        text = repr((step.url, sorted((name, str(item)) for name, item in step.values.items())))
        if text in self._seen:
            raise Misconfigured("the pages of this list go round in a circle")
        if len(self._seen) >= self._most:
            raise Misconfigured(
                f"the list has more than {self._most} pages",
                fix="ask for larger pages, or for less with a filter",
            )
        self._seen.add(text)
