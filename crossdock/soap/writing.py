"""Write documents to a SOAP service, and look for them there."""

from __future__ import annotations

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
from crossdock.verdict import at
from crossdock.xml import plain

log = logging.getLogger(__name__)

_MOST = 100


def write(
    service: Service, world: World, stream: Writes, parcels: Sequence[Parcel]
) -> list[Outcome]:
    """Send ``parcels``: in one call where the operation takes ``items``, else one call each.

    Raises TryLater or Misconfigured only where nothing was sent that may have had an effect.
    """
    end = world.monotonic() + stream.deadline
    items = str(stream.options.get("items", ""))
    said: dict[int, Outcome] = {}
    good = _buildable(service, stream, items, parcels, said)
    groups = [good] if items else [[row] for row in good]
    while groups:
        rows = groups.pop(0)
        group = [parcels[row] for row in rows]
        try:
            outcomes = _call(service, stream, items, group, end - world.monotonic())
        except Refused as error:  # a fault that blames the request: none of it was done
            if len(rows) > 1:
                groups[:0] = [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
                continue
            outcomes = [Outcome(group[0].reference, "refused", message=error.what)]
        except (TryLater, Misconfigured) as error:
            unclear = isinstance(error, (faults.Unclear, NoAnswer))
            if not unclear and not any(o.verdict != "refused" for o in said.values()):
                raise
            said |= zip(rows, _stopped(stream, group, error, unclear), strict=True)
            for rest in groups:
                said |= zip(rest, _unsent([parcels[row] for row in rest], error), strict=True)
            break
        said |= zip(rows, outcomes, strict=True)
    return [said[row] for row in range(len(parcels))]


def _buildable(
    service: Service,
    stream: Writes,
    items: str,
    parcels: Sequence[Parcel],
    said: dict[int, Outcome],
) -> list[int]:
    """Rows that make a request by the WSDL; the others are refused, and nothing is sent yet."""
    good = []
    for row, parcel in enumerate(parcels):
        try:
            service.build(str(stream.options["operation"]), _request(stream, items, [parcel]))
            good.append(row)
        except Refused as error:
            said[row] = Outcome(parcel.reference, "refused", message=error.what)
    return good


def _call(
    service: Service, stream: Writes, items: str, group: Sequence[Parcel], seconds: float
) -> list[Outcome]:
    if not group:
        return []
    if seconds <= 0:
        raise TryLater("there was no time left for this document")
    request = _request(stream, items, group)
    reply = service.call(str(stream.options["operation"]), request, seconds)
    return Results.of(stream.options).outcomes(reply.element, group)


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


def _request(stream: Writes, items: str, parcels: Sequence[Parcel]) -> dict[str, Any]:
    """The request: the document's own fields, or the documents at the path ``items``."""
    fixed = stream.options.get("request", {})
    if not items:
        return {**fixed, **parcels[0].body}
    request: dict[str, Any] = dict(fixed)
    *above, last = items.split(".")
    place = request
    for name in above:
        place[name] = dict(place.get(name, {}))
        place = place[name]
    place[last] = [dict(parcel.body) for parcel in parcels]
    return request


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
