"""What a stream of a REST system declares about the documents that it takes.

How an operation is sent, for all of them or under ``create``, ``update`` and ``delete``:
``method``, ``path`` (``{their_id}``, ``{key}``, ``{reference}`` and names of the body are filled
in), ``parameters``, ``headers``, ``wrap`` (where the body goes in what is sent), ``around`` (what
stands beside it there), ``etag`` (where the version of what is changed stands when it is read:
``header:ETag``, or a path; it goes back as ``If-Match``), ``idempotency_header``, ``their_id``
(where their id stands in the answer; an answer without it is then no yes), ``verdict`` (rules),
``results`` (``path`` of a list with one item a parcel; ``match``, the field of an item that names
the parcel by its key or by the body's ``field``), ``lookup`` (see ``rest_lookup``), ``job`` (for
targets that accept first and post later, see ``rest_job``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from crossdock.connector import Parcel, Writes
from crossdock.errors import Refused
from crossdock.rest_listing import refuse_typos
from crossdock.verdict import Rule, at

_NAME = re.compile(r"\{('?)([A-Za-z_][\w.]*)\1\}")
KNOWN = {
    "method", "path", "wrap", "idempotency_header", "headers", "their_id", "verdict", "results",
    "lookup", "create", "update", "delete", "parameters", "cost", "job", "around", "etag",
}  # fmt: skip
SAFE = {"idempotency_key", "upsert"}


@dataclass(frozen=True)
class Sending:
    """How one operation is sent."""

    method: str
    path: str
    wrap: str
    headers: Mapping[str, str]
    parameters: Mapping[str, Any]
    idempotency_header: str
    their_id: str
    promised: bool
    rules: tuple[Rule, ...]
    results: Mapping[str, Any]
    job: Mapping[str, Any]
    etag: str
    around: Mapping[str, Any]

    @classmethod
    def of(cls, stream: Writes, operation: str, rules: Sequence[Mapping[str, Any]] = ()) -> Sending:
        """Compile the options for ``operation``; raises ValueError.

        ``rules`` are the connector's own, which come after those of the stream.
        """
        own = stream.options.get(operation, {})
        refuse_typos(own, KNOWN)
        given = {**stream.options, **own}
        if "path" not in given:
            raise ValueError(f"the stream says no path for {operation}")
        usual = {"create": "POST", "update": "PUT", "delete": "DELETE"}[operation]
        return cls(
            method=str(given.get("method", usual)).upper(),
            path=str(given["path"]),
            wrap=str(given.get("wrap", "")),
            headers=given.get("headers", {}),
            parameters=given.get("parameters", {}),
            idempotency_header=str(given.get("idempotency_header", "")),
            their_id=str(given.get("their_id", "id")),
            promised=bool(given.get("their_id")),
            rules=tuple(Rule.of(spec) for spec in (*given.get("verdict", ()), *rules)),
            results=given.get("results", {}),
            job=given.get("job", {}),
            etag=str(given.get("etag", "")),
            around=given.get("around", {}),
        )


def takes(stream: Writes, operation: str) -> bool:
    """True where the stream can send ``operation``.

    An update needs options of its own or the class ``upsert``; a deletion always needs its own.
    """
    if operation == "create" or operation in stream.options:
        return True
    return operation == "update" and stream.delivery == "upsert"


def verify(stream: Writes) -> None:
    """Raise ValueError where the options of a stream cannot work."""
    refuse_typos(stream.options, KNOWN)
    own = [name for name in ("create", "update", "delete") if name in stream.options]
    sendings = [Sending.of(stream, name) for name in own or ["create"]]
    if stream.delivery == "lookup_before_create" and "lookup" not in stream.options:
        raise ValueError("delivery lookup_before_create needs lookup")
    if stream.delivery == "idempotency_key" and not all(_keyed(s) for s in sendings):
        raise ValueError("delivery idempotency_key needs idempotency_header, or {key} in around")
    if stream.delivery == "idempotency_key" and stream.batch > 1:
        raise ValueError("an idempotency key is that of one document: batch above 1 changes it")
    if stream.accepts and "job" not in stream.options:
        raise ValueError("accepts: true needs job: where the handle is, and how to ask again")
    if stream.batch > 1 and not all(sending.wrap and sending.results for sending in sendings):
        raise ValueError("batch above 1 needs wrap and results: one verdict for each parcel")


def _keyed(sending: Sending) -> bool:
    """Whether the idempotency key goes out, in a header or in the body."""
    return bool(sending.idempotency_header) or "'{key}'" in repr(sending.around)


def merged(around: Mapping[str, Any], content: Any) -> Any:
    """Put what stands around a body beside it, at any depth; the body's own values win.

    >>> merged({"query": "mutation", "variables": {"locale": "de"}}, {"variables": {"input": 1}})
    {'query': 'mutation', 'variables': {'locale': 'de', 'input': 1}}
    """
    if not isinstance(content, Mapping):
        return content
    result = {**around, **content}
    for name in set(around) & set(content):
        if isinstance(around[name], Mapping):
            result[name] = merged(around[name], content[name])
    return result


def filled_in(value: Any, parcel: Parcel) -> Any:
    """Fill a document of templates: a text that is one name in braces becomes what it stands for.

    >>> filled_in({"w": [{"code": "{reference}"}], "q": "{ id }"}, Parcel("r", "k", "create", {}))
    {'w': [{'code': 'r'}], 'q': '{ id }'}
    """
    if isinstance(value, Mapping):
        return {name: filled_in(item, parcel) for name, item in value.items()}
    if isinstance(value, list):
        return [filled_in(item, parcel) for item in value]
    if isinstance(value, str) and _NAME.fullmatch(value):
        return filled(value, parcel, quoted=False)
    return value


def filled(template: str, parcel: Parcel, *, quoted: bool = True) -> str:
    """Fill ``{reference}``, ``{key}``, ``{their_id}`` and names of the body into a template.

    ``{'name'}`` is a literal in quotes, those in the value doubled, as OData and SQL have them.
    Raises Refused where the parcel does not have one.

    >>> filled("stock/{sku}", Parcel("r", "k", "update", {"sku": "a/b"}))
    'stock/a%2Fb'
    >>> filled("No eq {'sku'}", Parcel("r", "k", "update", {"sku": "o'x"}), quoted=False)
    "No eq 'o''x'"
    """
    own = {"reference": parcel.reference, "key": parcel.key, "their_id": parcel.their_id}

    def value(match: re.Match[str]) -> str:
        name = match[2]
        found = own[name] if name in own else at(parcel.body, name)
        if found is None or found == "" or isinstance(found, (dict, list)):
            raise Refused(f"the document has no {name!r}, which the address needs")
        text = str(found)
        if match[1]:
            text = "'" + text.replace("'", "''") + "'"
        return quote(text, safe="") if quoted else text

    return _NAME.sub(value, template)
