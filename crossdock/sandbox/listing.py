"""Lists of a shop, in the paging styles that shops have.

``paging=link``: header ``Link: <…>; rel="next"``. ``next``: the whole next address in the body.
``cursor``: ``next_cursor`` in the body. ``page``: page numbers from 1, with the count of pages.
``offset``: rows to skip, with the total. The last two shift when records change meanwhile, as
they do at vendors; the first three hold their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from crossdock.sandbox.collection import (
    Collection,
    Position,
    Record,
    after,
    microseconds,
    read_cursor,
    write_cursor,
)

_KNOWN = {"limit", "updated_since", "paging", "sort", "cursor", "page", "offset", "status"}
_STYLES = ("link", "next", "cursor", "page", "offset")


class Wrong(Exception):  # noqa: N818
    """A query that this shop does not take; the message goes out with status 400."""


@dataclass(frozen=True)
class Listed:
    """One page: its records, what stands beside them in the body, and headers."""

    records: list[Record]
    beside: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def page(
    collection: Collection,
    query: Mapping[str, str],
    address: str,
    most: int,
    *,
    repeat: bool = False,
) -> Listed:
    """Give the page of ``collection`` that ``query`` asks for.

    ``address`` is the URL of the list, ``most`` the greatest page size; with ``repeat`` the page
    begins with the records of the page before. Raises Wrong for a query it does not take.
    """
    for name in query:
        if name not in _KNOWN:
            raise Wrong(f"unknown parameter {name}")
    held = _state(query)
    style = held.get("paging", "link")
    if style not in _STYLES:
        raise Wrong(f"paging is one of {', '.join(_STYLES)}")
    limit = _number(held, "limit", min(50, most), 1, most)
    places = _places(collection, held)
    start = _start(places, held, style, limit)
    first = max(0, start - limit) if repeat else start
    chosen = places[first : start + limit]
    records = collection.at(chosen)
    more = start + limit < len(places)
    return Listed(records, *_onward(style, held, places, start, limit, more, address))


def _state(query: Mapping[str, str]) -> dict[str, Any]:
    """Merge the query with its cursor, which remembers the filter of the first page."""
    if "cursor" not in query:
        return dict(query)
    try:
        held = read_cursor(query["cursor"])
        held["last"] = (int(held["last"][0]), held["last"][1])
    except (ValueError, KeyError, TypeError, IndexError):
        raise Wrong("this cursor is not valid") from None
    return {**held, **{name: value for name, value in query.items() if name != "cursor"}}


def _number(held: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    text = str(held.get(name, default))
    if not text.isdigit() or not least <= int(text) <= most:
        raise Wrong(f"{name} must be a whole number from {least} to {most}")
    return int(text)


def _places(collection: Collection, held: Mapping[str, Any]) -> list[Position]:
    sort = held.get("sort", "updated_at")
    if sort not in {"updated_at", "-updated_at"}:
        raise Wrong("sort is updated_at or -updated_at")
    since = held.get("updated_since")
    try:
        moment = None if since is None else microseconds(str(since).replace(" ", "+"))
    except ValueError:
        raise Wrong("updated_since must be an ISO instant with an offset") from None
    places = collection.since(moment, newest_first=sort == "-updated_at")
    if "status" in held:
        places = [
            place
            for place, record in zip(places, collection.at(places), strict=True)
            if record.body.get("status") == held["status"]
        ]
    return places


def _start(places: list[Position], held: Mapping[str, Any], style: str, limit: int) -> int:
    if style == "page":
        return (_number(held, "page", 1, 1, 10**9) - 1) * limit
    if style == "offset":
        return _number(held, "offset", 0, 0, 10**9)
    if "last" in held:
        return after(places, held["last"], newest_first=held.get("sort") == "-updated_at")
    return 0


def _onward(
    style: str,
    held: Mapping[str, Any],
    places: list[Position],
    start: int,
    limit: int,
    more: bool,
    address: str,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Say how the next page is reached: what stands in the body, and which headers."""
    total = len(places)
    if style == "page":
        number = start // limit + 1
        return {"page": number, "pages": -(-total // limit), "total": total}, {}
    if style == "offset":
        return {"offset": start, "limit": limit, "total": total}, {}
    cursor = None
    if more:
        kept = {name: value for name, value in held.items() if name not in {"cursor", "last"}}
        cursor = write_cursor({**kept, "limit": limit, "last": places[start + limit - 1]})
    if style == "cursor":
        return {"next_cursor": cursor}, {}
    url = f"{address}?{urlencode({'cursor': cursor})}" if cursor else None
    if style == "next":
        return {"next": url}, {}
    return {}, {"Link": f'<{url}>; rel="next"'} if url else {}
