"""Read a stream of a REST API as it is declared: pages, cursor, the kind of feed.

Some lists come newest first: their pages are handed on from the last to the first, and the cursor
moves with the newest page only. Pages with numbers shift when records come or go meanwhile: keys
are counted against the total and a list that lost some is read again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from crossdock.connector import Page, Reads
from crossdock.errors import Misconfigured, TryLater, Unreadable
from crossdock.exchange import Answer
from crossdock.http import HttpSession
from crossdock.paging import Numbered, Seen, Step, Walk
from crossdock.rest_feed import gone, window_bounds
from crossdock.rest_fetch import Fetch, keys_of
from crossdock.rest_listing import Listing
from crossdock.verdict import Heard, at
from crossdock.watermark import instant

ROUNDS = 3


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
        self._stream = stream
        self._system = system
        self._listing = Listing.of(stream, rules)
        self._fetch = Fetch(session, base, stream, self._listing)
        self._world = session.world
        self._mark: str | None = None
        self._keys: set[tuple[str, ...]] = set()
        self._total: int | None = None
        self._number = 0

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Yield the pages after ``cursor``, the oldest first."""
        self._mark = cursor
        self._verify_kept(cursor)
        if self._listing.log:
            yield from self._logged(cursor)
        elif self._listing.window:
            yield from self._windows(cursor)
        elif self._stream.order == "newest_first":
            yield from self._backwards(self._first(cursor), cursor)
        else:
            yield from self._forwards(self._first(cursor), cursor)

    def try_once(self) -> int:
        """Ask for the first page and give the number of its records."""
        extra: Mapping[str, str] = {}
        if self._listing.window:
            now = self._world.now()
            start = now - timedelta(minutes=1)
            extra = next(self._listing.window.spans(start, now))[0]
        return len(self._fetch.page(self._first(None, extra))[1].records)

    def acknowledge(self, page: Page) -> None:
        """Take what was landed out of the queue, where the stream says how."""
        if self._listing.ack:
            self._fetch.acknowledge(page)

    def _first(self, cursor: str | None, extra: Mapping[str, str] | None = None) -> Step:
        values = {**self._listing.parameters, **(extra or {})}
        if self._listing.since and cursor is not None:
            values[self._listing.since] = self._since(self._listing.mark.since(cursor))
        elif self._listing.since and self._listing.start:
            values[self._listing.since] = self._since(self._listing.start)
        return self._listing.paging.first(Step(self._fetch.url(self._listing.path), values))

    def _since(self, mark: str) -> str:
        return self._listing.since_text.replace("{}", mark)

    def _verify_kept(self, cursor: str | None) -> None:
        """Raise Misconfigured where the source has thrown away what came after ``cursor``."""
        known = self._stream.kept and cursor and self._listing.mark.kind == "instant"
        if not known or self._listing.log or cursor is None:
            return
        moment = instant(cursor, self._listing.mark.pattern).second
        age = (self._world.now().replace(tzinfo=None) - moment).total_seconds()
        if age > self._stream.kept:
            raise Misconfigured(
                f"{self._stream.name!r} was last read {age / 86400:.1f} days ago and keeps its "
                f"changes for {self._stream.kept / 86400:g}: some are lost",
                fix="read it whole once, in a flow with a new stream, and compare",
            )

    # -- plain lists ---------------------------------------------------------------------------
    def _forwards(self, first: Step, cursor: str | None) -> Iterator[Page]:
        """Read page by page; where pages have shifted and records are missing, once more."""
        for _ in range(ROUNDS):
            waiting: Page | None = None
            for answer, seen in self._walk(first):
                for body in self._bodies(answer, seen):
                    if waiting:
                        yield waiting
                    moved = self._is_sure and self._mark != cursor
                    waiting = self._page(body, self._mark if moved else None)
            if self._total is None or len(self._keys) >= self._total:
                if waiting:
                    mark = self._mark if self._mark != cursor else None
                    yield dataclasses.replace(waiting, cursor=mark)
                yield from self._gone()
                return
            if waiting:
                yield waiting
        raise self._shifted()

    def _shifted(self) -> TryLater:
        return TryLater(
            f"the pages of {self._stream.name!r} shift while they are read: records are missing",
            fix="page by cursor or link where the system can",
        )

    def _bodies(self, answer: Answer, seen: Seen) -> Iterator[bytes]:
        """The bytes of a page that hold records: its own, or those of the details."""
        if seen.records and self._listing.detail:
            yield from self._fetch.details(seen)
        elif seen.records:
            yield answer.body

    def _gone(self) -> Iterator[Page]:
        if self._stream.deletes == "sweep":
            for body in gone(self._world, self._system, self._stream, self._keys):
                yield self._page(body, None)

    @property
    def _is_sure(self) -> bool:
        """True where nothing older than what was read can follow."""
        whole = self._listing.detail  # a page of names may lead to several pages of records
        return (
            self._stream.order == "oldest_first" and not self._listing.paging.numbered and not whole
        )

    def _walk(self, step: Step | None) -> Iterator[tuple[Answer, Seen]]:
        walk = Walk(self._listing.most_pages)
        before = b""
        while step is not None:
            walk.note(step)
            answer, seen = self._fetch.page(step)
            digest = hashlib.sha256(answer.body).digest()
            if self._listing.paging.numbered and seen.records and digest == before:
                raise TryLater(f"a page of {self._stream.name!r} is the same as the one before")
            before = digest
            following = self._listing.paging.next(step, seen)
            self._note(seen)
            yield answer, seen
            step = following

    # -- newest first --------------------------------------------------------------------------
    def _backwards(self, first: Step, cursor: str | None) -> Iterator[Page]:
        """Read from the newest on, and hand the last page on first.

        What is changed meanwhile moves to the front and pushes the others back, so that reading
        towards the end sees some twice and loses none. The cursor moves with the newest page.
        """
        for _ in range(ROUNDS):
            kept = []
            for answer, seen in self._walk(first):
                for body in self._bodies(answer, seen):
                    kept.append(self._world.scratch / uuid.uuid4().hex)
                    kept[-1].write_bytes(body)
            if self._total is None or len(self._keys) >= self._total:
                for left, body_file in reversed(list(enumerate(kept))):
                    mark = self._mark if left == 0 and self._mark != cursor else None
                    yield self._page(body_file, mark)
                return
            for body_file in kept:
                body_file.unlink()
        raise self._shifted()

    def _from_last(self, way: Numbered, first: Step) -> Iterator[tuple[bytes, bool]]:
        """Read the last page of a closed window first; gives bodies, and True with the newest.

        What is changed meanwhile leaves the window, which moves the others to the front.
        """
        numbers = self._numbers(way, first)
        before = b""
        for number in reversed(numbers):
            at_number = {**first.values, way.parameter: number}
            answer, seen = self._fetch.page(Step(first.url, at_number))
            digest = hashlib.sha256(answer.body).digest()
            if seen.records and digest == before:
                raise TryLater(f"a page of {self._stream.name!r} is the same as the one before")
            before = digest
            self._note(seen)
            bodies = list(self._bodies(answer, seen))
            for left, body in enumerate(bodies, start=1 - len(bodies)):
                yield body, number == numbers[0] and left == 0

    def _numbers(self, way: Numbered, first: Step) -> list[int]:
        """Find the numbers of all pages: counted where the first one tells, else page by page."""
        numbers = [int(first.values[way.parameter])]
        step, before = first, b""
        while True:
            answer, seen = self._fetch.page(step)
            digest = hashlib.sha256(answer.body).digest()
            if seen.records and digest == before:
                raise TryLater(f"a page of {self._stream.name!r} is the same as the one before")
            before = digest
            counted = bool(way.pages or way.total)
            while (following := way.next(step, seen)) is not None:
                step = following
                numbers.append(int(step.values[way.parameter]))
                if not counted or len(numbers) >= self._listing.most_pages:
                    break
            if following is None or counted or len(numbers) >= self._listing.most_pages:
                return numbers

    def _windows(self, cursor: str | None) -> Iterator[Page]:
        """Read window by window; the cursor is the end of a window that was read whole."""
        window, way = self._listing.window, self._listing.paging
        if window is None:
            return
        start, end = window_bounds(self._stream, self._listing.start, cursor, self._world.now())
        for extra, until in window.spans(start, end):
            first = self._first(None, extra)
            found = self._from_last(way, first) if isinstance(way, Numbered) else self._whole(first)
            for body, newest in found:
                yield self._page(body, until.isoformat() if newest else None)

    def _whole(self, first: Step) -> Iterator[tuple[bytes, bool]]:
        answer, seen = self._fetch.page(first)
        bodies = list(self._bodies(answer, seen))
        for left, body in enumerate(bodies, start=1 - len(bodies)):
            yield body, left == 0

    # -- logs ----------------------------------------------------------------------------------
    def _logged(self, cursor: str | None) -> Iterator[Page]:
        """Read events after a token; a dead token is said, or everything is read again."""
        log = self._listing.log
        if log is None:
            return
        walk = Walk(self._listing.most_pages)
        step: Step | None = log.first(self._first(None), cursor)
        while step is not None:
            walk.note(step)
            try:
                answer, seen = self._fetch.page(step)
            except Misconfigured as error:
                if cursor is None or not self._is_expired(error):
                    raise
                if not log.restart:
                    raise Misconfigured(
                        f"the log {self._stream.name!r} no longer holds what followed the last "
                        "read: events are lost",
                        fix="read the whole stream once and compare",
                    ) from None
                cursor, step = None, self._first(None)
                continue
            token, following = log.after(seen), None
            if log.link:
                following = self._listing.paging.next(step, seen)
            elif token and log.goes_on(seen):
                following = Step(step.url, {**step.values, log.parameter: token})
            bodies = list(self._bodies(answer, seen))
            if not bodies and token and token != cursor and log.link:
                bodies = [answer.body]  # nothing new, but the next read must begin elsewhere
            for left, body in enumerate(bodies, start=1 - len(bodies)):
                yield self._page(body, token if left == 0 and token != cursor else None)
            cursor, step = token or cursor, following

    def _is_expired(self, error: Misconfigured) -> bool:
        log = self._listing.log
        status = error.what.removeprefix("status ")[:3]
        heard = Heard(int(status) if status.isdigit() else 0, {}, {"message": error.what})
        return log is not None and any(rule.fits(heard) for rule in log.expired)

    # -- what is noted -------------------------------------------------------------------------
    def _note(self, seen: Seen) -> None:
        """Take the cursor and the keys of a page."""
        if self._stream.cursor and not self._listing.window:
            self._move(seen.records, self._stream.cursor)
        way = self._listing.paging
        counted = isinstance(way, Numbered) and bool(way.total)
        if counted:
            total = at(seen.document, way.total)  # type: ignore[attr-defined]
            self._total = int(total) if isinstance(total, (int, str)) else None
        if counted or self._stream.deletes == "sweep":
            self._keys.update(keys_of(seen.records, self._stream.key))

    def _move(self, records: Sequence[Any], field: str) -> None:
        """Move the mark; a record without a readable one is held later, when it is parsed."""
        wrong: Unreadable | None = None
        good = 0
        for record in records:
            try:
                self._mark = self._listing.mark.later(
                    self._mark, at(record, field), self._world.now()
                )
                good += 1
            except Unreadable as error:
                wrong = error
        if wrong and not good:
            raise Misconfigured(wrong.what, where=f"{self._stream.name}.{field}", fix=wrong.fix)

    def _page(self, body: bytes | Path, mark: str | None) -> Page:
        self._number += 1
        name = f"{self._stream.name}-{self._number:05}"
        temporary = isinstance(body, Path)
        return Page(name, body, self._stream.media, mark, temporary=temporary, once=True)
