"""Walk through lists in an order of their own, for connectors whose system has no plain feed.

The cursor of such a walk moves with its last page only, and not past what may have changed behind
it while it was walked.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from crossdock.api import Api
from crossdock.connector import Check, Page, Reads, World
from crossdock.errors import CrossdockError
from crossdock.watermark import Watermark


def walked(
    stream: Reads,
    world: World,
    pages: Iterable[tuple[bytes, Sequence[Any]]],
    dates: Sequence[str],
    since: str | None,
    cursor: Callable[[str | None], str | None],
) -> Iterator[Page]:
    """Make pages of (bytes, records); the last one carries ``cursor`` of the newest date.

    ``dates`` are the names of change times anywhere in a record, ``since`` the newest that is
    known already.
    """
    began, newest = world.monotonic(), since
    waiting: Page | None = None
    for number, (body, records) in enumerate(pages, 1):
        if waiting:
            yield waiting
        for text in every(records, dates):
            newest = Watermark("instant").later(newest, text, world.now())
        waiting = Page(f"{stream.name}-{number:05}", body, "json")
    if waiting:
        until = read_until(since, newest, world.monotonic() - began)
        yield dataclasses.replace(waiting, cursor=cursor(until) if stream.cursor else None)


def every(record: Any, names: Sequence[str]) -> Iterator[Any]:
    """Yield the values that stand under ``names`` anywhere in a record, none of them null.

    >>> list(every({"at": 1, "lines": [{"at": 2}, {"at": None}]}, ["at"]))
    [1, 2]
    """
    if isinstance(record, list):
        for part in record:
            yield from every(part, names)
    elif isinstance(record, Mapping):
        yield from (record[name] for name in names if record.get(name) is not None)
        for part in record.values():
            yield from every(part, names)


def read_until(known: str | None, newest: str | None, seconds: float) -> str | None:
    """Give the cursor after a read that took ``seconds`` and saw ``newest``, not before ``known``.

    What changed while pages were read, and was already behind us, is newer than the first
    question: so the cursor goes back by as long as the reading took.

    >>> read_until("2026-01-02T00:00:00.000000", "2026-01-02T00:01:00.000000", 2.4)
    '2026-01-02T00:00:57'
    """
    if newest is None:
        return known
    back = Watermark("instant", math.ceil(seconds)).since(newest)
    return back if known is None else max(known, back, key=datetime.fromisoformat)


def tried(api: Api, ask: Callable[[Reads], object]) -> Iterator[Check]:
    """Log in, once, and ask each list; a wrong password that is tried often locks the account."""
    try:
        api.http.try_login(api.address())
    except CrossdockError as error:
        yield Check.failed("log in", error)
        return
    yield Check("log in", ok=True)
    for name, stream in api.reads().items():
        try:
            ask(stream)
            yield Check(f"read {name}", ok=True)
        except CrossdockError as error:
            yield Check.failed(f"read {name}", error, stream)
