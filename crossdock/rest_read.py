"""Read a list of a REST API as its stream declares it: pages, cursor, verdict.

Some lists come newest first: their pages are handed on from the last to the first, and the cursor
moves with the newest page only. Pages with numbers shift when records come or go meanwhile: keys
are counted against the total and a list that lost some is read again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from crossdock import json
from crossdock.connector import Page, Reads
from crossdock.errors import Misconfigured, Refused, TryLater, Unreadable
from crossdock.exchange import Answer, Request
from crossdock.http import HttpSession
from crossdock.paging import Numbered, Seen, Step, Walk
from crossdock.rest_listing import Listing
from crossdock.verdict import at, listed

ROUNDS = 3
_LINES = {"csv", "tsv", "ndjson"}


class Reader:
    """Reads one stream once, from a cursor on."""

    def __init__(
        self,
        session: HttpSession,
        base: str,
        stream: Reads,
        system: str = "",
        rules: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self._session = session
        self._stream = stream
        self._system = system
        self._listing = Listing.of(stream, rules)
        self._base = base
        self._mark: str | None = None
        self._keys: set[int] = set()
        self._total: int | None = None
        self._number = 0

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Yield the pages after ``cursor``, the oldest first."""
        self._mark = cursor
        first = self._listing.paging.first(Step(self._url(), self._values(cursor)))
        if self._stream.order == "newest_first":
            yield from self._backwards(first, cursor)
        else:
            yield from self._forwards(first, cursor)

    def try_once(self) -> int:
        """Ask for the first page and give the number of its records."""
        step = self._listing.paging.first(Step(self._url(), self._values(None)))
        return len(self._fetch(step)[1].records)

    def _url(self) -> str:
        return f"{self._base.rstrip('/')}/{self._listing.path.lstrip('/')}"

    def _values(self, cursor: str | None) -> dict[str, Any]:
        values = dict(self._listing.parameters)
        if self._listing.since and cursor is not None:
            values[self._listing.since] = self._listing.mark.since(cursor)
        elif self._listing.since and self._listing.start:
            values[self._listing.since] = self._listing.start
        return values

    def _forwards(self, first: Step, cursor: str | None) -> Iterator[Page]:
        """Read page by page; where pages have shifted and records are missing, once more."""
        for _ in range(ROUNDS):
            waiting: Page | None = None
            for answer, seen in self._walk(first):
                if seen.records:
                    if waiting:
                        yield waiting
                    moved = self._is_sure and self._mark != cursor
                    waiting = self._page(answer.body, self._mark if moved else None)
            if self._total is None or len(self._keys) >= self._total:
                if waiting:
                    mark = self._mark if self._mark != cursor else None
                    yield dataclasses.replace(waiting, cursor=mark)
                return
            if waiting:
                yield waiting
        raise TryLater(
            f"the pages of {self._stream.name!r} shift while they are read: records are missing",
            fix="page by cursor or link where the system can",
        )

    @property
    def _is_sure(self) -> bool:
        """True where nothing older than what was read can follow."""
        return self._stream.order == "oldest_first" and not self._listing.paging.numbered

    def _walk(self, step: Step | None) -> Iterator[tuple[Answer, Seen]]:
        walk = Walk(self._listing.most_pages)
        before = b""
        while step is not None:
            walk.note(step)
            answer, seen = self._fetch(step)
            digest = hashlib.sha256(answer.body).digest()
            if self._listing.paging.numbered and seen.records and digest == before:
                raise TryLater(f"a page of {self._stream.name!r} is the same as the one before")
            before = digest
            following = self._listing.paging.next(step, seen)
            self._note(seen)
            yield answer, seen
            step = following

    def _backwards(self, first: Step, cursor: str | None) -> Iterator[Page]:
        """Hand the last page on first; the cursor moves with the newest page only."""
        way = self._listing.paging
        if isinstance(way, Numbered) and not way.by_rows and (way.pages or way.total):
            yield from self._from_last(way, first, cursor)
            return
        kept = []
        for answer, seen in self._walk(first):
            body = self._session.world.scratch / uuid.uuid4().hex
            body.write_bytes(answer.body)
            if seen.records:
                kept.append(body)
            else:
                body.unlink()
        for left, body in reversed(list(enumerate(kept))):
            mark = self._mark if left == 0 and self._mark != cursor else None
            yield self._page(body, mark)

    def _from_last(self, way: Numbered, first: Step, cursor: str | None) -> Iterator[Page]:
        _, seen = self._fetch(first)
        step, numbers = first, [way.start]
        while (following := way.next(step, seen)) and len(numbers) < self._listing.most_pages:
            step = following
            numbers.append(int(step.values[way.parameter]))
        for number in reversed(numbers):
            answer, seen = self._fetch(Step(first.url, {**first.values, way.parameter: number}))
            self._note(seen)
            if seen.records:
                last = number == way.start and self._mark != cursor
                yield self._page(answer.body, self._mark if last else None)

    def _fetch(self, step: Step) -> tuple[Answer, Seen]:
        """Get a page; one that is cut off or is something else is asked for again."""
        request = self._request(step)
        found: list[Seen] = []

        def verify(answer: Answer) -> None:
            found[:] = [self._seen(answer, request.where)]

        try:
            return self._session.send(dataclasses.replace(request, verify=verify)), found[0]
        except Refused as error:  # a list is asked for by us, so the fault is in the stream
            raise Misconfigured(error.what, where=error.where, fix="correct the stream") from None

    def _seen(self, answer: Answer, where: str) -> Seen:
        media = self._stream.media
        if answer.status == 204:
            return Seen(answer.headers, None, [])
        if not answer.body:
            raise TryLater(f"an empty answer came with status {answer.status}", where=where)
        if media == "json":
            document = _frame(answer, where)
            return Seen(answer.headers, document, listed(document, self._stream.records, where))
        if media in _LINES and not answer.whole and not self._listing.unmarked_end:
            raise TryLater("nobody marked the end of this answer, it may be cut off", where=where)
        return Seen(answer.headers, None, [answer.body])

    def _request(self, step: Step) -> Request:
        listing = self._listing
        given: dict[str, Any] = {
            "headers": dict(listing.headers),
            "deadline": listing.deadline,
            "most_bytes": listing.most_bytes,
            "cost": listing.cost,
            "rules": listing.rules,
            "budget": self._stream.budget,
            "meter": self._stream.name,
        }
        if not listing.in_body:
            query = {name: _text(value) for name, value in step.values.items()}
            return Request("GET", step.url, query=query, **given)
        given["headers"] = {"Content-Type": "application/json", **listing.headers}
        return Request("POST", step.url, body=json.dumps(_nested(step.values)).encode(), **given)

    def _note(self, seen: Seen) -> None:
        """Take the cursor and the keys of a page."""
        if self._stream.cursor:
            self._move(seen.records, self._stream.cursor)
        way = self._listing.paging
        if isinstance(way, Numbered) and way.total:
            total = at(seen.document, way.total)
            self._total = int(total) if isinstance(total, (int, str)) else None
            for record in seen.records:
                self._keys.add(hash(tuple(str(at(record, name)) for name in self._stream.key)))

    def _move(self, records: Sequence[Any], field: str) -> None:
        """Move the mark; a record without a readable one is held later, when it is parsed."""
        wrong: Unreadable | None = None
        good = 0
        for record in records:
            try:
                self._mark = self._listing.mark.later(
                    self._mark, at(record, field), self._session.world.now()
                )
                good += 1
            except Unreadable as error:
                wrong = error
        if wrong and not good:
            raise Misconfigured(wrong.what, where=f"{self._stream.name}.{field}", fix=wrong.fix)

    def _page(self, body: bytes | Path, mark: str | None) -> Page:
        self._number += 1
        name = f"{self._stream.name}-{self._number:05}"
        return Page(name, body, self._stream.media, mark, temporary=isinstance(body, Path))


def _frame(answer: Answer, where: str) -> Any:
    """Read a page for its paging; raises TryLater where it is no JSON, since it may be cut."""
    try:
        return json.frame(answer.body, where)
    except Unreadable as error:
        raise TryLater(error.what, where=where) from None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(str(item) for item in value) if isinstance(value, list) else str(value)


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Put dotted names into objects.

    >>> _nested({"filter.since": "x", "limit": 5})
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
