"""Read a stream of a SOAP service: every answer is a page, as the bytes that came.

A page token leads through one reading; the cursor between readings is the greatest value that the
records had, sent as ``since``, so that a token that dies with its session loses nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from crossdock import retry
from crossdock.connector import Page, Reads, World
from crossdock.errors import Misconfigured, Refused, TryLater
from crossdock.retry import PATIENT
from crossdock.soap import faults
from crossdock.soap.results import text
from crossdock.soap.service import Service

_BODY = "Envelope.Body."


def first_request(stream: Reads) -> dict[str, Any]:
    """The request of the first page without a cursor: what the stream says is always sent."""
    return dict(stream.options.get("request", {}))


def pages(
    service: Service, world: World, stream: Reads, cursor: str | None, deadline: float
) -> Iterator[Page]:
    """Yield the pages after ``cursor``; raises TryLater, Misconfigured.

    The cursor moves with each page where the service gives the oldest first, else with the last.
    """
    operation = str(stream.options["operation"])
    request = first_request(stream)
    if cursor and stream.cursor:
        request[str(stream.options["since"])] = _earlier(cursor, stream.overlap)
    token_of = stream.options.get("token", {})
    greatest, seen, number = cursor, set[str](), 0
    while True:
        number += 1
        try:
            call = functools.partial(service.call, operation, request, deadline)
            reply = retry.call(world, PATIENT, call)
        except Refused as error:
            if number == 1:
                raise Misconfigured(error.what, fix="compare request: with the WSDL") from None
            raise TryLater(f"the page token was refused: {error.what}") from None
        greatest = _greatest(reply.element, stream, greatest)
        token = text(reply.element, str(token_of.get("answer", ""))) if token_of else ""
        if token in seen:
            raise Misconfigured(
                f"{operation} leads to a page that was read before",
                fix="correct token: in the stream; answer is a path, request a field",
            )
        moves = stream.order == "oldest_first" or not token
        yield Page(
            f"{stream.name}-{number:05}.xml", reply.raw, "xml", cursor=greatest if moves else None
        )
        if not token:
            return
        seen.add(token)
        request = {**_kept(request, token_of), str(token_of["request"]): token}


def _kept(request: Mapping[str, Any], token_of: Mapping[str, Any]) -> dict[str, Any]:
    """What goes with a token: all, or nothing where the service says that the token is all."""
    return {} if token_of.get("alone") else dict(request)


def _greatest(answer: Any, stream: Reads, known: str | None) -> str | None:
    """The greatest cursor value of this page and of those before."""
    if not stream.cursor:
        return None
    path = stream.records.removeprefix(_BODY).partition(".")[2]
    records = faults.find(answer, path) if path else [answer]
    values = [text(record, stream.cursor) for record in records]
    if not all(values):
        raise Misconfigured(
            f"a record has no {stream.cursor}, so it cannot be the cursor",
            fix="choose a field that every record has, or read without a cursor",
        )
    return max([*values, *([known] if known else [])], key=_instant, default=known)


def _instant(value: str) -> datetime:
    """Read an xs:dateTime for comparing; without an offset all are taken alike."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise Misconfigured("the cursor is no instant", fix="choose an xs:dateTime field") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _earlier(cursor: str, seconds: float) -> str:
    """Go back from a cursor; its offset, or that it has none, stays as it was.

    >>> _earlier("2024-03-01T00:00:05+01:00", 10)
    '2024-02-29T23:59:55+01:00'
    """
    if not seconds:
        return cursor
    return (datetime.fromisoformat(cursor) - timedelta(seconds=seconds)).isoformat()
