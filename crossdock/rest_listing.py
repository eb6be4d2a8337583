"""What a stream of a REST system declares about a list that it offers.

``path``, ``parameters``, ``headers``, ``method`` (GET, or POST with the parameters in a JSON body),
``paging``, ``since`` (the parameter that takes the cursor), ``since_text`` (the text around it,
where ``{}`` stands for it), ``start`` (its first value),
``cursor_is`` with ``cursor_format`` and ``since_format``, ``errors`` (rules of the verdict),
``cost``, ``deadline``, ``most_mb``, ``most_pages`` and ``unmarked_end``; for other feeds ``log``
and ``window`` (``crossdock.rest_feed``), ``ack`` (how a queue is told what was taken: ``path``,
``method``, ``ids``, ``field``) and ``detail`` (a list of names whose records are fetched: ``path``,
``field``, ``list``, ``ids``, ``chunk``, ``method``, ``parameters``).
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crossdock.connector import Reads
from crossdock.exchange import DEADLINE
from crossdock.paging import MOST_PAGES, Link, Numbered, Paging, Single, paging
from crossdock.rest_feed import Log, Window
from crossdock.verdict import Rule
from crossdock.watermark import Watermark, watermark

KNOWN = {
    "path", "parameters", "method", "paging", "since", "start", "cursor_is", "cursor_format",
    "since_format", "errors", "cost", "deadline", "most_mb", "most_pages", "unmarked_end",
    "headers", "since_text", "log", "window", "ack", "detail",
}  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """The compiled options of one stream."""

    path: str
    parameters: Mapping[str, Any]
    in_body: bool
    paging: Paging
    since: str
    since_text: str
    start: str
    mark: Watermark
    rules: tuple[Rule, ...]
    headers: Mapping[str, str]
    cost: float
    deadline: float
    most_bytes: int
    most_pages: int
    unmarked_end: bool
    log: Log | None
    window: Window | None
    ack: Mapping[str, Any]
    detail: Mapping[str, Any]

    @classmethod
    def of(cls, stream: Reads, rules: Sequence[Mapping[str, Any]] = ()) -> Listing:
        """Compile the options of a stream; raises ValueError or Misconfigured.

        ``rules`` are the connector's own, which come after those of the stream.
        """
        given = stream.options
        refuse_typos(given, KNOWN)
        if "path" not in given:
            raise ValueError("a list of a REST system needs a path")
        way = paging(given.get("paging"))
        if stream.media != "json" and not isinstance(way, (Single, Link)):
            raise ValueError(f"media {stream.media} can be paged by link only")
        _verify_feed(stream, way)
        method = str(given.get("method", "GET")).upper()
        if method not in {"GET", "POST"}:
            raise ValueError(f"a list is read by GET or POST, not {method}")
        kind = str(given.get("cursor_is", "instant" if stream.grain != "none" else "text"))
        return cls(
            path=str(given["path"]),
            parameters=given.get("parameters", {}),
            in_body=method == "POST",
            paging=way,
            since=str(given.get("since", "")),
            since_text=str(given.get("since_text", "{}")),
            start=str(given.get("start", "")),
            mark=watermark(
                kind,
                stream.grain,
                float(stream.overlap),
                pattern=str(given.get("cursor_format", "")),
                send=str(given.get("since_format", "")),
            ),
            rules=tuple(Rule.of(spec) for spec in (*given.get("errors", ()), *rules)),
            headers=given.get("headers", {}),
            cost=float(given.get("cost", 1)),
            deadline=float(given.get("deadline", DEADLINE)),
            most_bytes=int(given.get("most_mb", 50)) << 20,
            most_pages=int(given.get("most_pages", MOST_PAGES)),
            unmarked_end=bool(given.get("unmarked_end", False)),
            log=Log.of(given["log"]) if "log" in given else None,
            window=Window.of(given["window"]) if "window" in given else None,
            ack=given.get("ack", {}),
            detail=given.get("detail", {}),
        )


def _verify_feed(stream: Reads, way: Paging) -> None:
    """Raise ValueError where a feed lacks what it is read by."""
    shape, given = stream.shape, stream.options
    for feed in ("log", "window"):
        if (shape == feed) != (feed in given):
            raise ValueError(f"feed: {feed} and the option {feed} belong together")
    if shape == "window" and not isinstance(way, (Single, Numbered)):
        raise ValueError("a window is paged by page or offset, whose last page is read first")
    if stream.deletes == "sweep" and shape != "full":
        raise ValueError("deletes: sweep needs a stream that is read whole each time")
    if stream.deletes == "tombstone" and not stream.tombstone:
        raise ValueError("deletes: tombstone needs tombstone, the field that says it")
    for option, wanted in (("ack", "path"), ("detail", "path")):
        if option in given and wanted not in given[option]:
            raise ValueError(f"{option} needs {wanted}")


def refuse_typos(given: Mapping[str, Any], known: Collection[str]) -> None:
    """Raise ValueError for an option that is nearly one of the ``known`` ones.

    Others are left alone: parsers and the engine have options of their own.
    """
    for name in given:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        if close and name not in known:
            raise ValueError(f"there is no {name!r}; did you mean {close[0]!r}?")
