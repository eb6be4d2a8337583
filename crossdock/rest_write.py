"""Write to a REST API as its stream declares it; success is a verdict for each parcel.

A call is sent again only where the target did not take it, or where taking it twice does no harm;
whatever else ends without an answer is uncertain.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from crossdock import json, retry
from crossdock.connector import Outcome, Parcel, Writes
from crossdock.errors import Misconfigured, Refused, TryLater
from crossdock.exchange import Answer, NoAnswer, Request, heard_of
from crossdock.http import HttpSession
from crossdock.rest_job import by_parcel, handle
from crossdock.rest_sending import SAFE, Sending, filled, filled_in, merged, takes
from crossdock.retry import Patience
from crossdock.verdict import Heard, Said, at, by_hand, say

_SPLIT = {400, 413, 422}


class Writer:
    """Sends parcels of one stream."""

    def __init__(
        self,
        session: HttpSession,
        base: str,
        stream: Writes,
        rules: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self._session = session
        self._rules = rules
        self._base = base.rstrip("/")
        self._stream = stream

    def write(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Send parcels; one Outcome each, in their order.

        Raises TryLater or Misconfigured only where nothing of it had an effect.
        """
        outcomes: list[Outcome] = []
        for group in self._groups(parcels):
            if not takes(self._stream, group[0].operation):
                outcomes += [by_hand(parcel) for parcel in group]
                continue
            try:
                outcomes += self._send(group)
            except (TryLater, Misconfigured) as error:
                if not outcomes:
                    raise
                rest = parcels[len(outcomes) :]
                after = error.after if isinstance(error, TryLater) else None
                words = error.what
                outcomes += [Outcome(p.reference, "try_later", None, words, after) for p in rest]
                break
        scrub = self._session.scrubbed
        return [dataclasses.replace(one, message=scrub(one.message)) for one in outcomes]

    def _groups(self, parcels: Sequence[Parcel]) -> list[list[Parcel]]:
        """Put neighbours of one operation together, as many as one call may hold."""
        groups: list[list[Parcel]] = []
        for parcel in parcels:
            last = groups[-1] if groups else None
            fits = last and len(last) < self._stream.batch
            if last and fits and last[0].operation == parcel.operation:
                last.append(parcel)
            else:
                groups.append([parcel])
        return groups

    def _send(self, parcels: list[Parcel]) -> list[Outcome]:
        try:
            sending = Sending.of(self._stream, parcels[0].operation, self._rules)
            request = self._request(sending, parcels)
            if sending.etag and parcels[0].operation != "create":
                request = self._with_version(sending, request)
        except (Refused, ValueError) as error:
            words = error.what if isinstance(error, Refused) else str(error)
            return [Outcome(p.reference, "refused", message=words) for p in parcels]
        try:
            answer, said = self._said(request, sending)
        except NoAnswer as error:
            return [Outcome(p.reference, "uncertain", message=error.what) for p in parcels]
        if said.meaning == "refused" and len(parcels) > 1 and answer.status in _SPLIT:
            half = len(parcels) // 2
            return self._send(parcels[:half]) + self._send(parcels[half:])
        return self._outcomes(sending, parcels, answer, said)

    def _request(self, sending: Sending, parcels: Sequence[Parcel]) -> Request:
        headers = {"Content-Type": "application/json", **sending.headers}
        if sending.idempotency_header:
            headers[sending.idempotency_header] = _key(parcels)
        query = {
            name: filled(str(v), parcels[0], quoted=False) for name, v in sending.parameters.items()
        }
        return Request(
            sending.method,
            self._url(filled(sending.path, parcels[0]).lstrip("/")),
            query=query,
            headers=headers,
            body=None if sending.method == "DELETE" else self._body(sending, parcels),
            again=False,
            cost=float(self._stream.options.get("cost", 1)),
            judged=False,
            budget=self._stream.budget,
            meter=self._stream.name,
        )

    def _with_version(self, sending: Sending, request: Request) -> Request:
        """Read the version of what is changed, so that nobody else's change is overwritten."""
        read = Request("GET", request.url, query=request.query, rules=sending.rules)
        heard = heard_of(self._session.send(read))
        kind, _, name = sending.etag.partition(":")
        version = heard.headers.get(name.lower()) if kind == "header" else None
        version = version or at(heard.document, sending.etag)
        if not version:
            raise Refused(f"the document there has no version at {sending.etag!r}")
        return dataclasses.replace(request, headers={**request.headers, "If-Match": str(version)})

    def _url(self, path: str) -> str:
        return f"{self._base}/{path}" if path else self._base

    def _body(self, sending: Sending, parcels: Sequence[Parcel]) -> bytes:
        bodies: list[Mapping[str, Any]] = []
        for parcel in parcels:
            body = dict(parcel.body)
            if self._stream.reference:
                body.setdefault(self._stream.reference, parcel.reference)
            bodies.append(body)
        content: Any = bodies if sending.results else bodies[0]
        for name in reversed([name for name in sending.wrap.split(".") if name]):
            content = {name: content}
        if sending.around:
            around = filled_in(sending.around, dataclasses.replace(parcels[0], key=_key(parcels)))
            content = merged(around, content)
        try:
            return json.dumps(content).encode()
        except (TypeError, UnicodeEncodeError) as error:
            raise Refused(f"the document cannot be written as JSON: {error}") from None

    def _said(self, request: Request, sending: Sending) -> tuple[Answer, Said]:
        """Send within the stream's deadline; again where it was not taken, or does no harm."""
        world = self._session.world
        start = world.monotonic()
        safe = self._stream.delivery in SAFE

        def attempt() -> tuple[Answer, Said] | NoAnswer:
            left = self._stream.deadline - (world.monotonic() - start)
            try:
                answer = self._session.send(dataclasses.replace(request, deadline=max(left, 1.0)))
            except NoAnswer as error:
                if safe:
                    raise
                return error
            said = _doubted(self._verdict(sending, heard_of(answer)), answer, sending)
            if said.meaning == "try_later" or (safe and said.meaning == "uncertain"):
                raise _TryAgain(answer, said, request.where)
            return answer, said

        try:
            result = retry.call(world, Patience(longest=self._stream.deadline / 2), attempt)
        except _TryAgain as error:
            return error.answer, error.said
        if isinstance(result, NoAnswer):
            raise result
        return result

    def _verdict(self, sending: Sending, heard: Heard) -> Said:
        """Judge a write: a 5xx may have had its effect unless it says when to come again."""
        now = self._session.world.now()
        ruled = any(rule.fits(heard) for rule in sending.rules)
        said = say(heard, sending.rules, now)
        if ruled:
            return said
        if heard.status >= 500 and not (heard.status == 503 and said.after is not None):
            return Said("uncertain", None, said.message or f"status {heard.status}")
        if sending.etag and heard.status == 412:  # changed meanwhile: the next try reads it again
            return Said("try_later", said.after, "it was changed there meanwhile")
        if sending.method == "DELETE" and heard.status in {404, 410}:
            return Said("delivered")
        if heard.status in {404, 405}:
            return Said("refused", None, said.message or f"status {heard.status}")
        return said

    def _outcomes(
        self, sending: Sending, parcels: Sequence[Parcel], answer: Answer, said: Said
    ) -> list[Outcome]:
        if said.meaning == "misconfigured":
            words = self._session.scrubbed(said.message)
            where = f"{sending.method} {sending.path}"
            raise Misconfigured(f"status {answer.status}: {words}", where=where)
        heard = heard_of(answer)
        if not sending.results or said.meaning not in {"delivered", "accepted"}:
            return [_outcome(p, said, heard, sending, n) for n, p in enumerate(parcels)]
        items = at(heard.document, str(sending.results.get("path", "")))
        found = by_parcel(parcels, items if isinstance(items, list) else [], sending.results)
        outcomes = []
        for number, parcel in enumerate(parcels):
            item = found.get(parcel.reference)
            if item is None:
                lost = Said("uncertain", None, "the answer says nothing about it")
                outcomes.append(_outcome(parcel, lost, heard, sending))
                continue
            status = at(item, "status")
            one = Heard(status if isinstance(status, int) else answer.status, heard.headers, item)
            said = self._verdict(sending, one)
            outcomes.append(_outcome(parcel, said, one, sending, number, heard.document))
        return outcomes


def _doubted(said: Said, answer: Answer, sending: Sending) -> Said:
    """Take a yes back that comes without what a yes of this system holds."""
    if said.meaning not in {"delivered", "accepted"}:
        return said
    document = heard_of(answer).document
    if answer.body.strip() and document is None:
        return Said("uncertain", None, "the answer is no whole JSON document")
    promised = sending.promised and not sending.results and sending.method != "DELETE"
    if promised and at(document, sending.their_id) is None:
        return Said("uncertain", None, f"the answer has no {sending.their_id!r}")
    return said


class _TryAgain(TryLater):
    """An answer after which the same call may be made again; the answer is kept for the end."""

    def __init__(self, answer: Answer, said: Said, where: str) -> None:
        super().__init__(f"status {answer.status}", where=where, after=said.after)
        self.answer = answer
        self.said = said


def _outcome(
    parcel: Parcel, said: Said, heard: Heard, sending: Sending, number: int = 0, whole: Any = None
) -> Outcome:
    """Say what became of a parcel; ``whole`` is the answer that ``heard`` is one item of."""
    meaning = "refused" if said.meaning == "misconfigured" else said.meaning
    good = meaning in {"delivered", "accepted"}
    their_id = at(heard.document, sending.their_id) if good and sending.their_id else None
    if meaning == "accepted" and sending.job:
        their_id = handle(sending.job, heard, whole, number)
        if their_id is None:
            lost = "it was accepted, but the answer holds nothing to ask by"
            return Outcome(parcel.reference, "uncertain", parcel.their_id, lost)
    ident = parcel.their_id if their_id is None else str(their_id)
    words = said.message or ("" if good else f"status {heard.status}")
    return Outcome(parcel.reference, meaning, ident, words, said.after)


def _key(parcels: Sequence[Parcel]) -> str:
    """The key of a call: a change has another one than the create of the same document."""
    if len(parcels) == 1:
        return parcels[0].key
    joined = "\n".join(parcel.key for parcel in parcels)
    return hashlib.sha256(joined.encode()).hexdigest()
