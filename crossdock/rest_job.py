"""Ask a REST API what became of documents that it accepted and posts later.

``job`` of a stream says ``handle`` (where it stands in the answer to the write, or in an item of
its results), ``path``, ``method``, ``parameters`` or ``body`` of the question (``{their_id}`` is
the handle), ``verdict`` (rules over the answer; without one that fits it is final), ``file`` (the
dotted path of an address whose lines of JSON are the results), and for a job of several documents
``results`` as in ``rest_sending`` with ``items``, the rules over each of them. ``their_id`` is
where the id of the document stands, in the item or in the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crossdock import json
from crossdock.connector import Outcome, Parcel, Writes
from crossdock.errors import Misconfigured, TryLater, Unreadable
from crossdock.exchange import Answer, Request, heard_of
from crossdock.http import HttpSession
from crossdock.verdict import Heard, Rule, Said, at, say

_MOST_FILE = 512 << 20


def handle(job: Mapping[str, Any], heard: Heard, whole: Any, number: int) -> str | None:
    """Give what to ask by later: the handle of the answer, with the parcel's number in the call."""
    path = str(job.get("handle", "id"))
    kind, mark, name = path.partition(":")
    if mark and kind == "header":
        found: Any = heard.headers.get(name.strip().lower())
    else:
        found = at(heard.document, path)
        found = at(whole, path) if found is None else found
    return None if found in (None, "") else f"{found}#{number}"


def by_parcel(
    parcels: Sequence[Parcel], items: Sequence[Any], spec: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the item of each parcel: by the field that names it, else by their order.

    A name that stands twice among the items says nothing.
    """
    match = str(spec.get("match", ""))
    if not match:
        if len(items) != len(parcels):
            return {}
        return {p.reference: item for p, item in zip(parcels, items, strict=True)}
    named: dict[str, Any] = {}
    for item in items:
        name = str(at(item, match))
        named[name] = None if name in named else item
    own = str(spec.get("field", ""))
    found = {p.reference: str(at(p.body, own)) if own else p.key for p in parcels}
    return {ref: named[name] for ref, name in found.items() if named.get(name) is not None}


def follow(
    session: HttpSession,
    base: str,
    stream: Writes,
    parcels: Sequence[Parcel],
    rules: Sequence[Mapping[str, Any]] = (),
) -> list[Outcome]:
    """Ask once for each job; one Outcome each, in the order of ``parcels``.

    Raises TryLater where the target cannot be asked, Misconfigured where the stream has no job.
    """
    job = stream.options.get("job")
    if not job:
        raise Misconfigured(f"the stream {stream.name!r} declares no job")
    jobs: dict[str, list[Parcel]] = {}
    for parcel in parcels:
        jobs.setdefault(str(parcel.their_id).rpartition("#")[0], []).append(parcel)
    outcomes: dict[str, Outcome] = {}
    for name, members in jobs.items():
        one = _Job(session, base, stream, job, rules)
        outcomes |= {found.reference: found for found in one.ask(name, members)}
    return [outcomes[parcel.reference] for parcel in parcels]


class _Job:
    def __init__(
        self,
        session: HttpSession,
        base: str,
        stream: Writes,
        job: Mapping[str, Any],
        rules: Sequence[Mapping[str, Any]],
    ) -> None:
        self._session = session
        self._base = base.rstrip("/")
        self._stream = stream
        self._job = job
        self._rules = [Rule.of(spec) for spec in (*job.get("verdict", ()), *rules)]
        self._items = [Rule.of(spec) for spec in job.get("items", ())]

    def ask(self, name: str, parcels: Sequence[Parcel]) -> list[Outcome]:
        answer = self._session.send(self._request(name))
        heard = heard_of(answer)
        if heard.document is None and 200 <= answer.status < 300:
            raise TryLater(f"the question about a job of {self._stream.name!r} has no JSON answer")
        said = say(heard, self._rules, self._session.world.now())
        words = self._session.scrubbed(said.message) or f"status {heard.status}"
        if said.meaning == "try_later":
            raise TryLater(words, after=said.after)
        if said.meaning == "misconfigured":
            raise Misconfigured(words, where=f"the job of {self._stream.name!r}")
        if said.meaning != "delivered" or not (self._job.get("results") or self._job.get("file")):
            return [self._outcome(parcel, said, heard.document) for parcel in parcels]
        return self._by_item(parcels, heard)

    def _request(self, name: str) -> Request:
        job = self._job
        path = str(job["path"]).replace("{their_id}", name).lstrip("/")
        url = name if path == name and "://" in name else f"{self._base}/{path}".rstrip("/")
        body = job.get("body")
        query = {
            key: str(value).replace("{their_id}", name)
            for key, value in job.get("parameters", {}).items()
        }
        return Request(
            str(job.get("method", "POST" if body else "GET")).upper(),
            url,
            query=query,
            headers={"Content-Type": "application/json"} if body else {},
            body=json.dumps(_put_in(body, name)).encode() if body else None,
            judged=False,
            budget=self._stream.budget,
            meter=self._stream.name,
        )

    def _by_item(self, parcels: Sequence[Parcel], heard: Heard) -> list[Outcome]:
        spec = self._job.get("results", {})
        items = self._results(heard, str(spec.get("path", "")))
        if spec.get("match"):
            found = by_parcel(parcels, items, spec)
        else:  # by the number that each had in the call
            numbers = {p.reference: int(str(p.their_id).rpartition("#")[2]) for p in parcels}
            found = {ref: items[n] for ref, n in numbers.items() if n < len(items)}
        outcomes = []
        for parcel in parcels:
            item = found.get(parcel.reference)
            if item is None:
                lost = Said("uncertain", None, "the job's results say nothing about it")
                outcomes.append(self._outcome(parcel, lost, None))
                continue
            said = say(Heard(200, heard.headers, item), self._items, self._session.world.now())
            outcomes.append(self._outcome(parcel, said, item))
        return outcomes

    def _results(self, heard: Heard, path: str) -> Sequence[Any]:
        address = at(heard.document, str(self._job["file"])) if self._job.get("file") else None
        if address is None:
            found = at(heard.document, path)
            return found if isinstance(found, list) else []
        request = Request("GET", str(address), most_bytes=_MOST_FILE)
        return _lines(self._session.send(request), request.where)

    def _outcome(self, parcel: Parcel, said: Said, document: Any) -> Outcome:
        meaning = "uncertain" if said.meaning in {"try_later", "misconfigured"} else said.meaning
        words = self._session.scrubbed(said.message)
        if meaning == "delivered":
            found = at(document, str(self._job.get("their_id", "id")))
            ident = str(found) if found is not None else parcel.reference
            return Outcome(parcel.reference, "delivered", ident, words)
        return Outcome(
            parcel.reference,
            meaning,  # type: ignore[arg-type]
            parcel.their_id,
            words,
            said.after,
        )


def _lines(answer: Answer, where: str) -> list[Any]:
    try:
        return [json.loads(line, where) for line in answer.body.splitlines() if line.strip()]
    except Unreadable as error:
        raise TryLater(error.what, where=where) from None


def _put_in(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _put_in(item, name) for key, item in value.items()}
    if isinstance(value, list):
        return [_put_in(item, name) for item in value]
    return value.replace("{their_id}", name) if isinstance(value, str) else value
