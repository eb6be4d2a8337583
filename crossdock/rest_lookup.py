"""Read a document back from a REST API: by our reference, or by the natural key.

``lookup`` of a stream says ``path``, ``parameters`` (or ``body``, which is then posted),
``records`` and ``their_id``, and with ``match`` which fields of a record must equal what
(``{external_id: "{reference}"}``); without it the stream's reference field or its key must. Many
systems ignore a filter that they do not know and give the whole list, so a record that does not
match is an error and never "not there", unless ``loose: true`` says that the search may give
others too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crossdock import json
from crossdock.connector import Found, Parcel, Writes
from crossdock.errors import Misconfigured, TryLater
from crossdock.exchange import Request, heard_of
from crossdock.http import HttpSession
from crossdock.rest_sending import filled, filled_in
from crossdock.verdict import Rule, at, error_of, listed, say


def lookup(
    session: HttpSession,
    base: str,
    stream: Writes,
    parcels: Sequence[Parcel],
    rules: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Found | None]:
    """Read each parcel back: reference -> Found, None where the system says that it is not there.

    Raises TryLater where that cannot be told, Misconfigured where the search finds other records.
    """
    spec = stream.options.get("lookup")
    if not spec:
        raise Misconfigured(f"the stream {stream.name!r} declares no lookup")
    return {
        parcel.reference: _found(session, base, stream, spec, parcel, rules) for parcel in parcels
    }


def _found(
    session: HttpSession,
    base: str,
    stream: Writes,
    spec: Mapping[str, Any],
    parcel: Parcel,
    rules: Sequence[Mapping[str, Any]],
) -> Found | None:
    request = _request(base, stream, spec, parcel)
    answer = session.send(request)
    if answer.status in {404, 410}:
        return None
    if not 200 <= answer.status < 300:
        raise TryLater(f"the lookup was answered with {answer.status}", where=request.where)
    heard = heard_of(answer)
    said = say(heard, [Rule.of(rule) for rule in rules], session.world.now())
    error = error_of(said, heard, request.where)
    if error is not None:
        raise TryLater(error.what, where=request.where) if said.meaning == "refused" else error
    records = listed(answer.document(request.where), str(spec.get("records", "")), request.where)
    wanted = {name: filled(text, parcel, quoted=False) for name, text in _match(stream, spec)}
    for record in records:
        if all(str(at(record, name)) == value for name, value in wanted.items()):
            their_id = at(record, str(spec.get("their_id", "id")))
            return Found("" if their_id is None else str(their_id), record)
    if records and not spec.get("loose"):
        raise Misconfigured(
            f"the lookup of {stream.name!r} gives other records than asked for",
            where=request.where,
            fix="correct its parameters or match, or write loose: true if it is a wide search",
        )
    return None


def _request(base: str, stream: Writes, spec: Mapping[str, Any], parcel: Parcel) -> Request:
    query = {
        name: filled(str(value), parcel, quoted=False)
        for name, value in spec.get("parameters", {}).items()
    }
    path = filled(str(spec["path"]), parcel).lstrip("/")
    given: dict[str, Any] = {"query": query, "judged": False, "budget": stream.budget,
                             "meter": stream.name}  # fmt: skip
    url = f"{base.rstrip('/')}/{path}" if path else base
    if "body" not in spec:
        return Request("GET", url, **given)
    body = json.dumps(filled_in(spec["body"], parcel)).encode()
    return Request("POST", url, headers={"Content-Type": "application/json"}, body=body, **given)


def _match(stream: Writes, spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    if "match" in spec:
        return [(name, str(text)) for name, text in spec["match"].items()]
    if stream.reference:
        return [(stream.reference, "{reference}")]
    return [(name, f"{{{name}}}") for name in stream.key]
