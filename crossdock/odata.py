"""OData 2 and 4: entity sets as lists and targets, in the options of REST.

A list declares ``entity`` (the set), ``filter``, ``select``, ``expand``, ``orderby``, ``page`` (the
size that is asked for; the server decides), ``since`` (the property of the change time), ``delta:
true`` for a service that gives delta links. A target declares ``entity``, ``id`` (the property
that is their id), ``key_is`` (how an id is written in an address, ``'{their_id}'`` without it),
``etag: true`` where changes need ``If-Match``, and ``lookup`` with ``filter``. Next links are
followed as they are. ``batch`` above 1 goes through ``$batch``, each document an atomic set.
https://www.odata.org/documentation/odata-version-2-0/ https://docs.oasis-open.org/odata/odata/v4.01/
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from crossdock.auth import Auth
from crossdock.auth_session import Csrf
from crossdock.connector import Outcome, Parcel, Reads, Writes
from crossdock.odata_batch import BatchWriter
from crossdock.rest import RestApi
from crossdock.rest_listing import refuse_typos

Version = Literal[2, 4]
_LIST = {"entity", "filter", "select", "expand", "orderby", "page", "since", "delta", "start"}
_TARGET = {"entity", "id", "key_is", "etag", "lookup"}


class ODataApi(RestApi):
    """An account at an OData service; ``address`` is the service's root.

    ``version`` is 2 or 4. ``account_auth`` shows the account; with ``csrf`` a token and its cookies
    go with every change, as SAP Gateway wants it.
    """

    version: ClassVar[Version] = 4
    csrf: ClassVar[bool] = False

    def account_auth(self) -> Auth | None:
        """Make what shows the account."""
        return None

    def uses_csrf(self) -> bool:
        """Say whether changes need a token; the class's ``csrf`` unless settings say another."""
        return self.csrf

    def credentials(self) -> Auth | None:
        """Put the CSRF token around the account's own credentials."""
        inner = self.account_auth()
        if inner is None or not self.uses_csrf():
            return inner
        return Csrf(self.plain, f"{self.address().rstrip('/')}/", inner)

    @classmethod
    def list_of(cls, stream: Reads) -> Reads:
        """Say an entity set as a list; raises ValueError."""
        return listed(stream, cls.version)

    @classmethod
    def target_of(cls, stream: Writes) -> Writes:
        """Say an entity set as a target; raises ValueError."""
        return taken(stream, cls.version)

    def write(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Send parcels, one by one or through ``$batch``; one verdict each."""
        if stream.batch < 2:
            return super().write(stream, parcels)
        writer = BatchWriter(
            self.http, self.address(), self.target_of(stream), self.version, self.rules
        )
        return writer.write(parcels)


def listed(stream: Reads, version: Version) -> Reads:
    """Say a list of an OData service in the options of REST; raises ValueError."""
    given = dict(stream.options)
    if "of" in given:
        return stream
    refuse_typos(given, _LIST)
    if "entity" not in given:
        raise ValueError("a list of an OData service needs an entity")
    old = version == 2
    parameters = {
        f"${name}": ",".join(value) if isinstance(value, list) else value
        for name in ("filter", "select", "expand", "orderby")
        if (value := given.get(name))
    }
    if old:
        parameters["$format"] = "json"
    wishes = [f"odata.maxpagesize={given['page']}"] if given.get("page") else []
    wishes += ["odata.track-changes"] if given.get("delta") else []
    headers = {**given.get("headers", {}), **({"Prefer": ",".join(wishes)} if wishes else {})}
    kept = {name: value for name, value in given.items() if name not in _LIST}
    options = {
        **kept,
        "path": given["entity"],
        "parameters": {**parameters, **given.get("parameters", {})},
        "headers": headers,
        "paging": {"kind": "next_url", "path": "d.__next" if old else "@odata.nextLink"},
    }
    if given.get("delta"):
        options["log"] = {"link": "d.__delta" if old else "@odata.deltaLink"}
    if given.get("since"):
        options |= _since(given, version)
    return dataclasses.replace(
        stream,
        records=stream.records or ("d.results" if old else "value"),
        feed="log" if given.get("delta") else stream.feed,
        options=options,
    )


def _since(given: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """Ask for what changed since, beside the stream's own filter."""
    test = f"{given['since']} ge {{}}"
    if given.get("filter"):
        test = f"({given['filter']}) and ({test})"
    form = "datetimeoffset'%Y-%m-%dT%H:%M:%SZ'" if version == 2 else "%Y-%m-%dT%H:%M:%SZ"
    made = {"since": "$filter", "since_text": test,
            "since_format": given.get("since_format", form)}  # fmt: skip
    return made | ({"start": given["start"]} if given.get("start") else {})


def taken(stream: Writes, version: Version) -> Writes:
    """Say a target of an OData service in the options of REST; raises ValueError."""
    given = dict(stream.options)
    refuse_typos(given, _TARGET)
    if "entity" not in given or "id" not in given:
        raise ValueError("a target of an OData service needs entity and id")
    entity, old = str(given["entity"]), version == 2
    wrap = "d." if old else ""
    one = f"{entity}({given.get('key_is', _quoted('their_id'))})"
    kept = {name: value for name, value in given.items() if name not in _TARGET}
    etag = {"etag": "header:ETag"} if given.get("etag") else {}
    options: dict[str, Any] = {
        **kept,
        "path": entity,
        "their_id": f"{wrap}{given['id']}",
        "update": {"path": one, "method": "MERGE" if old else "PATCH", **etag, "their_id": "",
                   **given.get("update", {})},
    }  # fmt: skip
    if given.get("deletes"):
        options["delete"] = {"path": one, **etag}
    if stream.batch > 1:
        options |= {"wrap": "requests", "results": {"path": "responses"}}
    if "lookup" in given:
        options["lookup"] = _lookup(given, entity, version)
    return dataclasses.replace(stream, options=options)


def _quoted(name: str) -> str:
    return "{'" + name + "'}"


def _lookup(given: Mapping[str, Any], entity: str, version: Version) -> dict[str, Any]:
    spec = dict(given["lookup"])
    parameters = {"$filter": spec.pop("filter")}
    if version == 2:
        parameters["$format"] = "json"
    return {
        "path": entity,
        "parameters": {**parameters, **spec.pop("parameters", {})},
        "records": "d.results" if version == 2 else "value",
        "their_id": given["id"],
        **spec,
    }
