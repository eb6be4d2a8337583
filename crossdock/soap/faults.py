"""What a SOAP answer means: a fault, a page of a proxy, or an envelope with the answer.

The HTTP status alone says nothing: faults come with 500 and with 200, and so do error pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lxml import etree

from crossdock import verdict, xml
from crossdock.errors import CrossdockError, Misconfigured, Refused, TryLater, Unreadable

_ENVELOPES = {
    "http://schemas.xmlsoap.org/soap/envelope/",
    "http://www.w3.org/2003/05/soap-envelope",
}
_DEFAULT = {
    "Server": "try_later",
    "Receiver": "try_later",
    "Client": "refused",
    "Sender": "refused",
    "VersionMismatch": "misconfigured",
    "MustUnderstand": "misconfigured",
    "FailedAuthentication": "misconfigured",
    "InvalidSecurity": "misconfigured",
    "FailedCheck": "misconfigured",
}
WORDS = ("try_later", "refused", "misconfigured")
_LONGEST = 300


class Unclear(TryLater):
    """The service had the request and gave no verdict: its effect may or may not be there."""


@dataclass(frozen=True)
class Codes:
    """What the codes of faults mean: code -> try_later, refused or misconfigured.

    ``path`` is where in the fault the code stands, by local names (``detail.Error.Code``); the
    codes of SOAP itself are known. A code is looked for whole, then without its last part.
    """

    words: Mapping[str, str]
    path: str = ""

    def meaning(self, fault: Any) -> str:
        """Say what a fault element means.

        >>> fault = etree.fromstring("<Fault><faultcode>s:Server.Busy</faultcode></Fault>")
        >>> Codes({"Server": "refused"}).meaning(fault), Codes({}).meaning(fault)
        ('refused', 'try_later')
        """
        known = {**_DEFAULT, **self.words}
        for code in _codes(fault, self.path):
            parts = code.split(".")
            for size in range(len(parts), 0, -1):
                word = known.get(".".join(parts[:size]))
                if word:
                    return word
        return "refused"


def _codes(fault: Any, path: str) -> Iterator[str]:
    """Codes of a fault, the most special first: the declared place, SOAP 1.2 subcodes, the code."""
    if path:
        yield from (text for element in find(fault, path) if (text := _text(element)))
    values = [_text(element) for element in fault.iter() if _name(element) == "Value"]
    values += [_text(element) for element in find(fault, "faultcode")]
    yield from (value.rpartition(":")[2] for value in reversed(values) if value)


def find(element: Any, path: str) -> list[Any]:
    """Elements at a dotted path of local names below ``element``."""
    found = [element]
    for name in path.split("."):
        found = [child for parent in found for child in parent if _name(child) == name]
    return found


def read(status: int, headers: Mapping[str, str], data: bytes, codes: Codes) -> Any:
    """Give the element with the answer, the first in the envelope's body.

    Raises what an answer that is no answer means: Unclear (a TryLater) for pages of proxies and
    servers in trouble, Misconfigured for refused credentials, and for a fault what its code says.
    """
    _refuse_status(status, headers, data)
    if not data.strip():
        raise Unclear(f"the service answered nothing (status {status})")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/related":
        raise Misconfigured("the service answers with attachments (MTOM), which are not supported")
    try:
        root = xml.parse(data)
    except Unreadable as error:
        raise Unclear(
            f"the service answered with {kind or 'something'} instead of SOAP "
            f"(status {status}): {error.what}"
        ) from None
    body = _body(root)
    if body is None:
        raise Unclear(f"the service answered with {_name(root)} instead of SOAP (status {status})")
    first = next((child for child in body if isinstance(child.tag, str)), None)
    if first is not None and _name(first) == "Fault":
        raise raised(first, codes)
    if first is None:
        raise Unclear(f"the service answered with an empty envelope (status {status})")
    if status >= 300:
        raise Unclear(f"the service answered without a fault but with status {status}")
    return first


def _refuse_status(status: int, headers: Mapping[str, str], data: bytes) -> None:
    if status in {401, 403, 407}:
        raise Misconfigured(
            f"the service refused the user or password (status {status})",
            fix="correct user and password of the system, and its auth",
        )
    if status in {301, 302, 303, 307, 308}:
        raise Misconfigured(f"the service has moved (status {status})", fix="correct endpoint")
    if b"Envelope" in data[:2000]:
        return
    if status in {404, 405, 410, 415}:
        raise Misconfigured(f"there is no service here (status {status})", fix="correct endpoint")
    if status in {420, 429}:
        after = verdict.retry_after(headers, datetime.now(UTC))
        raise TryLater(f"the service wants fewer calls (status {status})", after=after)
    if status in {408, 425} or status >= 500:
        after = verdict.retry_after(headers, datetime.now(UTC))
        raise Unclear(f"the service cannot answer (status {status})", after=after)


def raised(fault: Any, codes: Codes) -> CrossdockError:
    """Make the error that a fault means, with the service's words."""
    said = [*find(fault, "faultstring"), *find(fault, "Reason.Text")]
    words = _text(said[0]) if said else "no reason given"
    what = f"the service answered with a fault: {words[:_LONGEST]}"
    meaning = codes.meaning(fault)
    if meaning == "misconfigured":
        return Misconfigured(what)
    return Refused(what) if meaning == "refused" else Unclear(what)


def _body(root: Any) -> Any:
    name = etree.QName(root)
    if name.localname != "Envelope" or name.namespace not in _ENVELOPES:
        return None
    return next((child for child in root if _name(child) == "Body"), None)


def _name(element: Any) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _text(element: Any) -> str:
    return (element.text or "").strip()
