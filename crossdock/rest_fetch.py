"""Fetch one page of a list: the request, what the answer means, and its records."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from crossdock import json
from crossdock.connector import Page, Reads
from crossdock.errors import Misconfigured, Refused, TryLater
from crossdock.exchange import Answer, Request
from crossdock.http import HttpSession
from crossdock.paging import Seen, Step
from crossdock.rest_listing import Listing
from crossdock.verdict import at, listed, nested

_LINES = {"csv", "tsv", "ndjson"}


class Fetch:
    """Fetches pages of one stream."""

    def __init__(self, session: HttpSession, base: str, stream: Reads, listing: Listing) -> None:
        self.session = session
        self.base = base.rstrip("/")
        self.stream = stream
        self.listing = listing

    def url(self, path: str) -> str:
        """Give the address of a path."""
        return f"{self.base}/{path.lstrip('/')}" if path else self.base

    def page(self, step: Step) -> tuple[Answer, Seen]:
        """Get a page; one that is cut off or is something else is asked for again."""
        records = self.listing.detail.get("list", "") if self.listing.detail else None
        return self._checked(self._request(step), self.stream.records if records is None
                             else str(records))  # fmt: skip

    def details(self, seen: Seen) -> Iterator[bytes]:
        """Get the records that a page only names: one by one, or ``chunk`` of them in a call."""
        detail = self.listing.detail
        field = str(detail.get("field", "id"))
        names = [at(record, field) for record in seen.records]
        if any(name in (None, "") for name in names):
            raise Misconfigured(
                f"the list of {self.stream.name!r} has records without {field!r}",
                fix="correct detail.field of the stream",
            )
        names = list(dict.fromkeys(names))
        size = max(1, int(detail.get("chunk", 1)))
        for start in range(0, len(names), size):
            request = self._detail(names[start : start + size])
            yield self._checked(request, self.stream.records)[0].body

    def acknowledge(self, page: Page) -> None:
        """Take the records of a page out of the queue."""
        spec = self.listing.ack
        body = page.body if isinstance(page.body, bytes) else page.body.read_bytes()
        where = f"{self.stream.name}: ack"
        records = listed(json.loads(body, where), self.stream.records, where)
        names = [at(record, str(spec.get("field", "id"))) for record in records]
        method = str(spec.get("method", "POST")).upper()
        path = str(spec["path"])
        if "{id}" in path:
            for name in names:
                url = self.url(path.replace("{id}", _quoted(name)))
                self.session.send(Request(method, url, rules=self.listing.rules))
        elif names:
            sent = json.dumps(nested({str(spec.get("ids", "ids")): names})).encode()
            headers = {"Content-Type": "application/json"}
            rules = self.listing.rules
            self.session.send(
                Request(method, self.url(path), headers=headers, body=sent, rules=rules)
            )

    def _detail(self, names: list[Any]) -> Request:
        detail = self.listing.detail
        given = self._given()
        path = str(detail["path"])
        if "ids" not in detail:
            return Request("GET", self.url(path.replace("{id}", _quoted(names[0]))), **given)
        parameters = dict(detail.get("parameters", {}))
        if str(detail.get("method", "POST")).upper() == "GET":
            query = {name: text(value) for name, value in parameters.items()}
            query[str(detail["ids"])] = ",".join(str(name) for name in names)
            return Request("GET", self.url(path), query=query, **given)
        given["headers"] = {"Content-Type": "application/json", **given["headers"]}
        body = json.dumps(nested({**parameters, str(detail["ids"]): names})).encode()
        return Request("POST", self.url(path), body=body, **given)

    def _checked(self, request: Request, records: str) -> tuple[Answer, Seen]:
        found: list[Seen] = []

        def verify(answer: Answer) -> None:
            found[:] = [self._seen(answer, request.where, records)]

        try:
            return self.session.send(dataclasses.replace(request, verify=verify)), found[0]
        except Refused as error:  # a list is asked for by us, so the fault is in the stream
            raise Misconfigured(error.what, where=error.where, fix="correct the stream") from None

    def _seen(self, answer: Answer, where: str, records: str) -> Seen:
        media = self.stream.media
        if answer.status == 204:
            return Seen(answer.headers, None, [])
        if not answer.body:
            raise TryLater(f"an empty answer came with status {answer.status}", where=where)
        if media == "json":
            document = answer.document(where)
            return Seen(answer.headers, document, listed(document, records, where))
        if media in _LINES and not answer.whole and not self.listing.unmarked_end:
            raise TryLater("nobody marked the end of this answer, it may be cut off", where=where)
        return Seen(answer.headers, None, [answer.body])

    def _given(self) -> dict[str, Any]:
        listing = self.listing
        return {
            "headers": dict(listing.headers),
            "deadline": listing.deadline,
            "most_bytes": listing.most_bytes,
            "cost": listing.cost,
            "rules": listing.rules,
            "budget": self.stream.budget,
            "meter": self.stream.name,
        }

    def _request(self, step: Step) -> Request:
        given = self._given()
        if not self.listing.in_body:
            query = {name: text(value) for name, value in step.values.items()}
            return Request("GET", step.url, query=query, **given)
        given["headers"] = {"Content-Type": "application/json", **self.listing.headers}
        return Request("POST", step.url, body=json.dumps(nested(step.values)).encode(), **given)


def _quoted(name: Any) -> str:
    return quote(str(name), safe="")


def text(value: Any) -> str:
    """Write a value of a query: lists by commas, truth in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(str(item) for item in value) if isinstance(value, list) else str(value)


def keys_of(records: Sequence[Any], names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Give the key of each record as texts, as the engine writes it."""
    for record in records:
        yield tuple("" if (value := at(record, name)) is None else str(value) for name in names)
