"""``$batch`` of OData: several documents in one call, each with an answer of its own.

OData 2 writes multipart/mixed with a changeset for each document, OData 4 the JSON form with an
atomicity group for each (OData JSON Format 4.01, 19). A document is whole or not there.
"""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Mapping, Sequence
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Any

from crossdock import json
from crossdock.connector import Outcome, Parcel, Writes
from crossdock.errors import Refused
from crossdock.exchange import Answer, NoAnswer, Request, heard_of
from crossdock.http import HttpSession
from crossdock.rest_sending import Sending, filled
from crossdock.verdict import Heard, Said, at, say

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


@dataclasses.dataclass(frozen=True)
class Part:
    """One call within a batch."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class BatchWriter:
    """Sends parcels of one stream through ``$batch``."""

    def __init__(
        self,
        session: HttpSession,
        base: str,
        stream: Writes,
        version: int,
        rules: Sequence[Mapping[str, Any]],
    ) -> None:
        self._session = session
        self._base = base.rstrip("/")
        self._stream = stream
        self._old = version == 2
        self._rules = rules

    def write(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Send parcels; one Outcome each, in their order.

        Raises TryLater or Misconfigured only where nothing of it had an effect.
        """
        made: dict[str, Outcome] = {}
        parts: list[tuple[Parcel, Part]] = []
        for parcel in parcels:
            try:
                parts.append((parcel, self._part(parcel)))
            except (Refused, ValueError, TypeError) as error:
                words = error.what if isinstance(error, Refused) else str(error)
                made[parcel.reference] = Outcome(parcel.reference, "refused", message=words)
        if parts:
            made |= {one.reference: one for one in self._send(parts)}
        return [made[parcel.reference] for parcel in parcels]

    def _part(self, parcel: Parcel) -> Part:
        sending = Sending.of(self._stream, parcel.operation, self._rules)
        body = dict(parcel.body)
        if self._stream.reference:
            body.setdefault(self._stream.reference, parcel.reference)
        headers = {"Content-Type": "application/json", "Accept": "application/json",
                   **sending.headers}  # fmt: skip
        if sending.etag and parcel.operation != "create":
            headers["If-Match"] = self._version(filled(sending.path, parcel))
        content = b"" if sending.method == "DELETE" else json.dumps(body).encode()
        return Part(sending.method, filled(sending.path, parcel), headers, content)

    def _version(self, path: str) -> str:
        answer = self._session.send(Request("GET", f"{self._base}/{path}"))
        return answer.headers.get("etag", "*")

    def _send(self, parts: Sequence[tuple[Parcel, Part]]) -> list[Outcome]:
        mark = uuid.uuid4().hex
        only = [part for _, part in parts]
        body = _multipart(only, mark) if self._old else _as_json(only)
        media = f"multipart/mixed; boundary=batch_{mark}" if self._old else "application/json"
        accept = "multipart/mixed" if self._old else "application/json"
        request = Request(
            "POST", f"{self._base}/$batch", headers={"Content-Type": media, "Accept": accept},
            body=body, again=False, judged=False, deadline=self._stream.deadline,
            cost=float(len(parts)), budget=self._stream.budget, meter=self._stream.name,
        )  # fmt: skip
        try:
            answer = self._session.send(request)
        except NoAnswer as error:
            return [Outcome(p.reference, "uncertain", message=error.what) for p, _ in parts]
        return self._outcomes(parts, answer, request.where)

    def _outcomes(
        self, parts: Sequence[tuple[Parcel, Part]], answer: Answer, where: str
    ) -> list[Outcome]:
        if not 200 <= answer.status < 300:
            return self._whole(parts, answer, where)
        found = _parts_of(answer) if self._old else _from_json(answer)
        if len(found) != len(parts):
            lost = f"{len(parts)} documents were sent, and there are {len(found)} answers"
            return [Outcome(p.reference, "uncertain", message=lost) for p, _ in parts]
        return [
            self._outcome(parcel, heard) for (parcel, _), heard in zip(parts, found, strict=True)
        ]

    def _whole(
        self, parts: Sequence[tuple[Parcel, Part]], answer: Answer, where: str
    ) -> list[Outcome]:
        """The batch itself was not taken; a large one is halved."""
        from crossdock.verdict import error_of

        if answer.status in {400, 413, 422} and len(parts) > 1:
            half = len(parts) // 2
            return self._send(parts[:half]) + self._send(parts[half:])
        heard = heard_of(answer)
        said = say(heard, (), self._session.world.now())
        words = self._session.scrubbed(said.message) or f"status {answer.status}"
        if said.meaning == "misconfigured":
            error = error_of(dataclasses.replace(said, message=words), heard, where)
            if error is not None:
                raise error
        vague = answer.status >= 500 and said.after is None
        meaning: Any = "uncertain" if vague else said.meaning
        return [Outcome(p.reference, meaning, p.their_id, words, said.after) for p, _ in parts]

    def _outcome(self, parcel: Parcel, heard: Heard) -> Outcome:
        sending = Sending.of(self._stream, parcel.operation, self._rules)
        said = say(heard, sending.rules, self._session.world.now())
        words = self._session.scrubbed(said.message)
        if heard.status == 412:
            said = Said("try_later", said.after, "it was changed there meanwhile")
        if said.meaning == "delivered":
            found = at(heard.document, sending.their_id) if sending.their_id else parcel.their_id
            if found is None:
                lost = f"the answer has no {sending.their_id!r}"
                return Outcome(parcel.reference, "uncertain", message=lost)
            return Outcome(parcel.reference, "delivered", str(found), words)
        meaning: Any = said.meaning
        if heard.status >= 500:
            meaning = "uncertain"
        elif meaning == "misconfigured":
            meaning = "refused"
        text = words or f"status {heard.status}"
        return Outcome(parcel.reference, meaning, parcel.their_id, text, said.after)


def _multipart(parts: Sequence[Part], mark: str) -> bytes:
    """Write multipart/mixed: a changeset each, CRLF throughout."""
    lines: list[bytes] = []
    for number, part in enumerate(parts, start=1):
        inner = f"changeset_{mark}_{number}"
        lines += [
            f"--batch_{mark}".encode(),
            f"Content-Type: multipart/mixed; boundary={inner}".encode(),
            b"",
            f"--{inner}".encode(),
            b"Content-Type: application/http",
            b"Content-Transfer-Encoding: binary",
            f"Content-ID: {number}".encode(),
            b"",
            f"{part.method} {part.path} HTTP/1.1".encode(),
            *(f"{name}: {value}".encode() for name, value in part.headers.items()),
            f"Content-Length: {len(part.body)}".encode(),
            b"",
            part.body,
            f"--{inner}--".encode(),
        ]
    return b"\r\n".join([*lines, f"--batch_{mark}--".encode(), b""])


def _parts_of(answer: Answer) -> list[Heard]:
    """Read multipart/mixed: one answer a changeset; a failed one comes without its own frame."""
    return list(_split(answer.body, answer.headers.get("content-type", "")))


def _split(body: bytes, media: str) -> list[Heard]:
    head = Message()
    head["Content-Type"] = media
    mark = head.get_param("boundary")
    if not isinstance(mark, str):
        return []
    found: list[Heard] = []
    for piece in body.split(b"--" + mark.encode())[1:-1]:
        headers, _, rest = piece.lstrip(b"\r\n").partition(b"\r\n\r\n")
        kind = BytesHeaderParser().parsebytes(headers + b"\r\n\r\n").get("Content-Type", "")
        if kind.startswith("multipart/"):
            found += _split(rest, kind)
        else:
            found.append(_read(rest))
    return found


def _read(text: bytes) -> Heard:
    status = _STATUS.match(text.lstrip())
    head, _, body = text.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")[1:]
    headers = {
        name.decode("latin-1").strip().lower(): value.decode("latin-1").strip()
        for name, _, value in (line.partition(b":") for line in lines)
    }
    answer = Answer(int(status[1]) if status else 0, headers, body.strip(), 0.0, True)
    return heard_of(answer)


def _as_json(parts: Sequence[Part]) -> bytes:
    requests = [
        {
            "id": str(number),
            "atomicityGroup": f"g{number}",
            "method": part.method,
            "url": part.path,
            "headers": {name.lower(): value for name, value in part.headers.items()},
            **({"body": json.loads(part.body)} if part.body else {}),
        }
        for number, part in enumerate(parts, start=1)
    ]
    return json.dumps({"requests": requests}).encode()


def _from_json(answer: Answer) -> list[Heard]:
    document = heard_of(answer).document
    rows = at(document, "responses")
    if not isinstance(rows, list):
        return []
    named = {str(at(row, "id")): row for row in rows}
    ordered = [named[str(n)] for n in range(1, len(rows) + 1) if str(n) in named]
    return [
        Heard(
            int(at(row, "status") or 0),
            {str(k).lower(): str(v) for k, v in (at(row, "headers") or {}).items()},
            at(row, "body"),
        )
        for row in ordered
    ]
