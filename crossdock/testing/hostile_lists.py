"""What the hostile sandbox has to read: one set of records, in every kind of feed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from crossdock.sandbox.collection import Collection, Record
from crossdock.sandbox.listing import Wrong, page
from crossdock.sandbox.server import Answer, Request

ELSEWHERE = "http://127.0.0.9:9"
"""A host that no setting names; nobody is there."""


def instant(moment: datetime) -> str:
    """Write an instant to the second, as many shops do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Lists:
    """Records with ``id``, ``updated_at``, ``status``, ``name`` and ``deleted``, and their feeds.

    ``changes`` (updated since, next address in the body), ``numbered`` (the same by page numbers,
    newest first), ``log`` (events after a token), ``window`` (changed from ... to, newest first),
    ``queue`` (new until taken) and ``all`` (everything that is not deleted). After each page one
    record is changed while ``busy``.
    """

    most = 50

    def __init__(self, now: Callable[[], datetime], url: Callable[[], str], count: int) -> None:
        self._now = now
        self._url = url
        self.lock = threading.RLock()
        self.busy = False
        self.records = Collection("records", "id")
        self.events: list[str] = []
        self.waiting: list[str] = []
        start = now() - timedelta(seconds=40 * count + 1800)
        for number in range(1, count + 1):
            self.put(f"R{number}", start + timedelta(seconds=40 * (number // 2)))

    # -- what the system's own people do -------------------------------------------------------
    def put(self, ident: str, moment: datetime | None = None, **values: Any) -> str:
        """Add or change a record, now or at ``moment``."""
        with self.lock:
            old = self.records.get(ident)
            body = {"id": ident, "name": f"Name {ident}", "status": "active", "deleted": False,
                    **(old.body if old else {}), **values,
                    "updated_at": instant(moment or self._now())}  # fmt: skip
            body["revision"] = int(old.body["revision"]) + 1 if old else 1
            self.records.put(body)
            self.events.append(ident)
            if old is None:
                self.waiting.append(ident)
            return ident

    def live(self) -> set[str]:
        """Give the ids of what is not deleted."""
        with self.lock:
            return {str(r.body["id"]) for r in self.records.records() if not r.body["deleted"]}

    def _stir(self) -> None:
        if self.busy:
            with self.lock:
                oldest = self.records.records()[0]
                self.put(str(oldest.body["id"]), self._now())

    # -- feeds ---------------------------------------------------------------------------------
    def answer(self, request: Request) -> Answer | None:
        """Answer a request for a feed, None where it is none."""
        feeds = {
            "/changes": self._changes,
            "/numbered": self._numbered,
            "/log": self._log,
            "/window": self._window,
            "/queue": self._queue,
            "/queue/taken": self._taken,
            "/all": self._all,
        }
        feed = feeds.get(request.path)
        if feed is None:
            return None
        with self.lock:
            answer = feed(request)
            self._stir()
            return answer

    def _changes(self, request: Request) -> Answer:
        query = {"paging": "next", **request.query}
        address = f"{self._url()}/changes"
        try:
            listed = page(
                self.records, query, address, self.most, repeat=request.breaks("duplicate_page")
            )
        except Wrong as error:
            return refused(400, str(error))
        beside = dict(listed.beside)
        if request.breaks("loop"):
            mark = "&".join(f"{name}={value}" for name, value in request.query.items())
            beside["next"] = f"{address}?{mark}"
        if request.breaks("elsewhere"):
            beside["next"] = f"{ELSEWHERE}/changes"
        return self._shown([record.body for record in listed.records], beside)

    def _numbered(self, request: Request) -> Answer:
        number, size = int(request.query.get("page", 1)), self._size(request)
        found = self.records.records()[::-1]
        if "since" in request.query:
            found = [r for r in found if str(r.body["updated_at"]) >= request.query["since"]]
        number = 1 if request.breaks("loop") else number
        start = (number - 1) * size
        begin = max(0, start - size) if request.breaks("duplicate_page") else start
        chosen = found[begin : start + size]
        return self._shown([r.body for r in chosen], {"pages": -(-len(found) // size)})

    def _log(self, request: Request) -> Answer:
        token = request.query.get("after", "e0")
        if not token.startswith("e") or not token[1:].isdigit():
            return refused(400, "this token is not valid")
        start, size = int(token[1:]), self._size(request)
        stop = start if request.breaks("loop") else min(start + size, len(self.events))
        chosen = [
            {"event": number + 1, **self._body(self.events[number])}
            for number in range(start, stop)
        ]
        return self._shown(chosen, {"token": f"e{stop}", "more": stop < len(self.events)})

    def _window(self, request: Request) -> Answer:
        since, until = (
            datetime.fromtimestamp(int(request.query[name]), UTC) for name in ("from", "to")
        )
        if until - since > timedelta(days=1):
            return refused(400, "a window is at most one day")
        found = [r for r in self.records.records()[::-1]
                 if instant(since) <= str(r.body["updated_at"]) < instant(until)]  # fmt: skip
        number, size = int(request.query.get("page", 1)), self._size(request)
        number = 1 if request.breaks("loop") else number
        start = (number - 1) * size
        more = start + size < len(found) or request.breaks("loop")
        return self._shown([r.body for r in found[start : start + size]], {"has_next": more})

    def _queue(self, request: Request) -> Answer:
        return self._shown([self._body(ident) for ident in self.waiting], {})

    def _taken(self, request: Request) -> Answer:
        if request.method != "POST":
            return refused(405, "POST the ids")
        for ident in json.loads(request.body)["ids"]:
            if ident in self.waiting:
                self.waiting.remove(ident)
        return Answer(200, b"{}")

    def _all(self, request: Request) -> Answer:
        start, size = int(request.query.get("offset", 0)), self._size(request)
        found = [r for r in self.records.records() if not r.body["deleted"]]
        found.sort(key=lambda r: str(r.body["id"]))
        begin = max(0, start - size) if request.breaks("duplicate_page") else start
        if request.breaks("loop"):
            begin, start = 0, 0
        return self._shown([r.body for r in found[begin : start + size]], {"total": len(found)})

    def _size(self, request: Request) -> int:
        return min(self.most, max(1, int(request.query.get("size", 10))))

    def _body(self, ident: str) -> Mapping[str, Any]:
        record = self.records.get(ident)
        return record.body if isinstance(record, Record) else {"id": ident}

    def _shown(self, rows: Sequence[Mapping[str, Any]], beside: Mapping[str, Any]) -> Answer:
        return Answer(200, json.dumps({**beside, "items": rows}, ensure_ascii=False).encode())


def refused(status: int, message: str) -> Answer:
    """Build a refusal."""
    return Answer(status, json.dumps({"error": {"message": message}}).encode())
