"""Write documents to a SOAP service, and look for them there.

New documents go to the stream's operation, changes to the one under ``update``. A create is never
a change: at most services a second one is a second document.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from crossdock import retry
from crossdock.connector import Found, Outcome, Parcel, Verdict, World, Writes
from crossdock.errors import Misconfigured, Refused, TryLater
from crossdock.exchange import NoAnswer
from crossdock.retry import Patience
from crossdock.soap import faults
from crossdock.soap.results import Results, text
from crossdock.soap.service import Service
from crossdock.verdict import at, by_hand
from crossdock.xml import plain

log = logging.getLogger(__name__)

_MOST = 100


def for_operation(stream: Writes, operation: str) -> Writes | None:
    """Give the stream as its options are for ``operation``; None where it does not take it.

    Where the class is upsert, one operation is for both by its declaration.
    """
    if operation == "create":
        return stream
    own = stream.options.get("update", {})
    if operation != "update" or not (own or stream.delivery == "upsert"):
        return None
    return dataclasses.replace(stream, options={**stream.options, **own})


def write(
    service: Service, world: World, stream: Writes, parcels: Sequence[Parcel]
) -> list[Outcome]:
    """Send ``parcels``: in one call where the operation takes ``items``, else one call each.

    Creates and changes go in calls of their own; a change that the stream does not take is
    refused. Raises TryLater or Misconfigured only where nothing was sent that may have had an
    effect.
    """
    end = world.monotonic() + stream.deadline
    said: dict[int, Outcome] = {}
    groups = _groups(service, stream, parcels, said)
    while groups:
        way, rows = groups.pop(0)
        group = [parcels[row] for row in rows]
        try:
            outcomes = _call(service, way, group, end - world.monotonic())
        except Refused as error:  # a fault that blames the request: none of it was done
            if len(rows) > 1:
                half = len(rows) // 2
                groups[:0] = [(way, rows[:half]), (way, rows[half:])]
                continue
            outcomes = [Outcome(group[0].reference, "refused", message=error.what)]
        except (TryLater, Misconfigured) as error:
            unclear = isinstance(error, (faults.Unclear, NoAnswer))
            if not unclear and not any(o.verdict != "refused" for o in said.values()):
                raise
            said |= zip(rows, _stopped(stream, group, error, unclear), strict=True)
            for _, rest in groups:
                said |= zip(rest, _unsent([parcels[row] for row in rest], error), strict=True)
            break
        said |= zip(rows, outcomes, strict=True)
    return [said[row] for row in range(len(parcels))]


def _groups(
    service: Service, stream: Writes, parcels: Sequence[Parcel], said: dict[int, Outcome]
) -> list[tuple[Writes, list[int]]]:
    """Rows that go in one call, each with how; nothing is sent yet.

    ``said`` gets the rows that cannot be sent: they do not fit the WSDL, or are no creates at a
    stream that takes only those.
    """
    by_operation: dict[str, list[int]] = {}
    for row, parcel in enumerate(parcels):
        by_operation.setdefault(parcel.operation, []).append(row)
    groups: list[tuple[Writes, list[int]]] = []
    for operation, rows in by_operation.items():
        way = for_operation(stream, operation)
        if way is None:
            said |= {row: by_hand(parcels[row]) for row in rows}
            continue
        good = [row for row in rows if _builds(service, way, parcels[row], row, said)]
        if way.options.get("items"):
            groups += [(way, good)] if good else []
        else:
            groups += [(way, [row]) for row in good]
    return groups


def _builds(
    service: Service, way: Writes, parcel: Parcel, row: int, said: dict[int, Outcome]
) -> bool:
    """Say whether a document makes a request by the WSDL; ``said`` gets why not."""
    try:
        service.build(str(way.options["operation"]), _request(way, [parcel]))
    except Refused as error:
        said[row] = Outcome(parcel.reference, "refused", message=error.what)
        return False
    return True


def _call(
    service: Service, way: Writes, group: Sequence[Parcel], seconds: float
) -> list[Outcome]:
    if seconds <= 0:
        raise TryLater("there was no time left for this document")
    reply = service.call(str(way.options["operation"]), _request(way, group), seconds)
    return Results.of(way.options).outcomes(reply.element, group)


def _stopped(
    stream: Writes, group: Sequence[Parcel], error: TryLater | Misconfigured, unclear: bool
) -> list[Outcome]:
    """What became of the call that ended the sending; class none must not send it again."""
    verdict: Verdict = "uncertain" if unclear and stream.delivery == "none" else "try_later"
    after = error.after if isinstance(error, TryLater) else None
    return [Outcome(p.reference, verdict, message=error.what, after=after) for p in group]


def _unsent(group: Sequence[Parcel], error: TryLater | Misconfigured) -> list[Outcome]:
    after = error.after if isinstance(error, TryLater) else None
    message = f"not sent: {error.what}"
    return [Outcome(p.reference, "try_later", message=message, after=after) for p in group]


def _request(way: Writes, parcels: Sequence[Parcel]) -> dict[str, Any]:
    """The request: the document's own fields, or the documents at the path ``items``."""
    fixed = way.options.get("request", {})
    items = str(way.options.get("items", ""))
    if not items:
        return {**fixed, **_body(way, parcels[0])}
    request: dict[str, Any] = dict(fixed)
    *above, last = items.split(".")
    place = request
    for name in above:
        place[name] = dict(place.get(name, {}))
        place = place[name]
    place[last] = [_body(way, parcel) for parcel in parcels]
    return request


def _body(way: Writes, parcel: Parcel) -> dict[str, Any]:
    """The document, with their id where the operation has a field for it.

    Our own reference is no id of theirs: the books keep it where the service gave none.
    """
    body = dict(parcel.body)
    field = way.options.get("their_id")
    if field and parcel.their_id and parcel.their_id != parcel.reference:
        body[str(field)] = parcel.their_id
    return body


def lookup(
    service: Service, world: World, stream: Writes, parcels: Sequence[Parcel]
) -> dict[str, Found | None]:
    """Find documents by the business number in their body; reference -> Found or None.

    Raises TryLater where the service does not answer, as nobody then knows what is there.
    """
    how = stream.options.get("lookup")
    if not how:
        raise Misconfigured(f"the stream {stream.name} has no lookup")
    found: dict[str, Found | None] = {}
    most = int(how.get("most", _MOST))
    for start in range(0, len(parcels), most):
        some = parcels[start : start + most]
        values = {p.reference: _value(p, str(how.get("body", how["by"]))) for p in some}
        wanted = list(dict.fromkeys(values.values()))
        patience = Patience(attempts=3, first=0.2, longest=stream.deadline / 4)
        there = retry.call(
            world,
            patience,
            functools.partial(_found, service, how, wanted, stream.deadline / 4),
        )
        found |= {reference: there.get(value) for reference, value in values.items()}
    return found


def _value(parcel: Parcel, path: str) -> str:
    value = at(parcel.body, path) or parcel.their_id
    if not value:
        raise TryLater(f"{parcel.reference} has no {path} to look for")
    return str(value)


def _found(
    service: Service, how: Mapping[str, Any], wanted: Sequence[str], deadline: float
) -> dict[str, Found]:
    """Ask for ``wanted`` and give what is there, by the field that the answer has for it."""
    reply = service.call(str(how["operation"]), {str(how["by"]): list(wanted)}, deadline)
    field = str(how.get("answer", how["by"]))
    found: dict[str, Found] = {}
    for record in faults.find(reply.element, str(how["records"])):
        value = text(record, field)
        if value in found:
            log.warning("%s found several documents for one %s", how["operation"], field)
            continue
        found[value] = Found(text(record, str(how["id"])), plain(record))
    return found
