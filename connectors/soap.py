"""SOAP services by their WSDL, wholly declared in the system's YAML.

Streams name operations; what says yes in an answer, the id, the words and the look-up are paths.
https://www.w3.org/TR/2000/NOTE-SOAP-20000508/ https://docs.python-zeep.org/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crossdock import (
    Check,
    Connector,
    Found,
    Outcome,
    Page,
    Parcel,
    Reads,
    Verified,
    Writes,
    secret,
    setting,
)
from crossdock.errors import CrossdockError, Misconfigured, TryLater

if TYPE_CHECKING:
    from crossdock.exchange import Answer
    from crossdock.http import HttpSession
    from crossdock.soap.pins import Pinned
    from crossdock.soap.service import Service

_READS = {"operation", "request", "since", "token", "lists", "namespace"}
_WRITES = {
    "operation", "request", "items", "result", "succeeded", "yes", "id", "code", "message",
    "codes", "match", "lookup", "update",
}  # fmt: skip
_UPDATES = _WRITES - {"lookup", "update"} | {"their_id"}
_BODY = "Envelope.Body."
_AUTH = ("basic", "username_token", "digest", "none")


class Soap(Connector):
    """One account at a SOAP service."""

    wsdl: str = setting(
        "Where the WSDL is: a URL, or a file in the project", example="https://erp.example/api?wsdl"
    )
    endpoint: str = setting("Address of the service, where it is not the WSDL's", default="")
    user: str = setting("User name", default="")
    password: str = secret("Password of the user", default="")
    auth: str = setting("How to sign in: basic, username_token, digest, none", default="basic")
    port: str = setting("Name of the port, where the WSDL has several", default="")
    wsdl_sha256: str = setting("Hash of the contract that was agreed on", default="")
    faults: Mapping[str, str] = setting(
        "What fault codes mean: try_later, refused or misconfigured", default=None
    )
    fault_code: str = setting("Where in a fault its code is, such as detail.Code", default="")
    timeout: int = setting("Longest time of one call that reads, in seconds", default=60)

    kind = "soap"
    versions = (Verified("SOAP 1.1 document/literal", "own sandbox"),)

    @classmethod
    def stream(cls, name: str, spec: Mapping[str, Any]) -> Reads | Writes:
        """Make a stream; raises ValueError for options that SOAP does not have."""
        from crossdock.soap.results import Results

        spec = dict(spec)
        if "delivery" not in spec:
            records = str(spec.get("records", ""))
            if not records:
                raise ValueError("it needs records: the path to them, such as GetResponse.Item")
            spec["records"] = records if records.startswith(_BODY) else _BODY + records
            spec["media"] = "xml"
        made = super().stream(name, spec)
        unknown = set(made.options) - (_WRITES if isinstance(made, Writes) else _READS)
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        if not made.options.get("operation"):
            raise ValueError("it needs an operation")
        if isinstance(made, Reads):
            if made.cursor and not made.options.get("since"):
                raise ValueError("a cursor needs since: the field of the request that takes it")
        else:
            Results.of(made.options)
            _sound_lookup(made)
            _sound_update(made)
        return made

    # -- connecting ------------------------------------------------------------------------------
    def _http(self) -> HttpSession:
        found: HttpSession | None = vars(self).get("_session")
        if found is None:
            from crossdock.auth import basic
            from crossdock.egress import Egress
            from crossdock.http import HttpSession

            found = HttpSession(
                self.world,
                Egress(allow_private=self.allow_private, hosts=self.hosts()),
                auth=basic(self.user, self.password) if self.auth == "basic" else None,
                budget=self.budget,
                store=self.world.budgets,
                credential=f"{self.system}/{self.user}",
            )
            vars(self)["_session"] = found
        return found

    def _service(self) -> Service:
        found: Service | None = vars(self).get("_opened")
        if found is None:
            from crossdock.soap.service import Service

            pinned = self._pinned()
            endpoint = self.endpoint or pinned.endpoint(self.wsdl)
            found = Service(
                pinned.wsdl, endpoint, self._send, self._account(), self._codes(), self.port
            )
            vars(self)["_opened"] = found
        return found

    def _pinned(self) -> Pinned:
        from crossdock.soap.pins import Pins, read_file
        from crossdock.soap.service import signatures

        used = {name for stream in self._streams().values() for name in _operations(stream)}
        pins = Pins(
            self.world.scratch / "wsdl" / (self.system or "system"),
            lambda path: signatures(path, self.port),
        )
        if self.wsdl.startswith(("http://", "https://")):
            return pins.contract(self.wsdl, self._fetch, self.wsdl_sha256, used)
        if "://" in self.wsdl:
            raise Misconfigured("the WSDL must be a URL with https, or a file in the project")
        path = (self.world.project / self.wsdl).resolve()
        if not path.is_relative_to(self.world.project.resolve()):
            raise Misconfigured("the WSDL must be in the project", where=self.wsdl)
        return pins.contract(str(path), read_file, self.wsdl_sha256, used)

    def _streams(self) -> dict[str, Reads | Writes]:
        return {**self.reads(), **self.writes()}

    def _account(self) -> Any:
        from crossdock.soap.service import Account

        if self.auth not in _AUTH:
            raise Misconfigured(f"auth is one of {', '.join(_AUTH)}")
        return Account(self.user, self.password, self.auth)

    def _codes(self) -> Any:
        from crossdock.soap.faults import WORDS, Codes

        words = {str(code): str(word) for code, word in (self.faults or {}).items()}
        wrong = sorted(set(words.values()) - set(WORDS))
        if wrong:
            raise Misconfigured(f"faults has {', '.join(wrong)}", fix=f"use {', '.join(WORDS)}")
        return Codes(words, self.fault_code)

    def _fetch(self, url: str) -> bytes:
        from crossdock.exchange import Request

        request = Request("GET", url, headers={"Accept": "*/*"}, verify=_not_empty)
        return self._http().send(request).body

    def _send(self, url: str, headers: Mapping[str, str], body: bytes, deadline: float) -> Any:
        from crossdock.exchange import Request

        sent = {**headers, "Accept": "text/xml, application/soap+xml"}
        request = Request(
            "POST", url, headers=sent, body=body, again=False, judged=False, deadline=deadline
        )
        return self._http().send(request)

    def close(self) -> None:
        """Give the connections back."""
        vars(self).pop("_opened", None)
        session = vars(self).pop("_session", None)
        if session is not None:
            session.close()

    # -- checking --------------------------------------------------------------------------------
    def check(self) -> Iterator[Check]:
        """Fetch the WSDL, compare it with the pinned one, look for operations, try to sign in."""
        try:
            pinned = self._pinned()
            detail = f"sha256 {pinned.sha256}"
            if pinned.changed is not None:
                detail = "changed: " + "; ".join(pinned.changed.lines[:12])
            yield Check("wsdl", pinned.changed is None, detail)
            service = self._service()
        except CrossdockError as error:
            yield Check("wsdl", False, str(error))
            return
        for name, stream in self._streams().items():
            try:
                for operation in _operations(stream):
                    service.require(operation)
                detail = self._tried(service, stream)
                yield Check(f"stream {name}", True, detail)
            except CrossdockError as error:
                yield Check(f"stream {name}", False, str(error))

    def _tried(self, service: Service, stream: Reads | Writes) -> str:
        """Make a call that changes nothing; says which."""
        from crossdock.soap.reading import first_request

        if isinstance(stream, Reads):
            service.call(str(stream.options["operation"]), first_request(stream), self.timeout)
            return f"called {stream.options['operation']}"
        lookup = stream.options.get("lookup")
        if not lookup:
            return "not tried: it has no operation that changes nothing"
        self.lookup(stream, [Parcel("check", "", "create", {}, their_id="CROSSDOCK-CHECK")])
        return f"called {lookup['operation']}"

    # -- reading ---------------------------------------------------------------------------------
    def read(self, stream: Reads, cursor: str | None) -> Iterator[Page]:
        """Yield the answers as they came; tokens lead from page to page."""
        from crossdock.soap.reading import pages

        yield from pages(self._service(), self.world, stream, cursor, float(self.timeout))

    # -- writing ---------------------------------------------------------------------------------
    def write(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Call the operation, once for all parcels where it takes ``items``, else once for each.

        Changes go to the operation under ``update``, and are refused where there is none.
        """
        from crossdock.soap.writing import write

        return write(self._service(), self.world, stream, parcels)

    def lookup(self, stream: Writes, parcels: Sequence[Parcel]) -> dict[str, Found | None]:
        """Ask by the declared operation which documents are there, many in one call."""
        from crossdock.soap.writing import lookup

        return lookup(self._service(), self.world, stream, parcels)


def _not_empty(answer: Answer) -> None:
    if not answer.body.strip():
        raise TryLater("an empty answer came in place of the WSDL")


def _operations(stream: Reads | Writes) -> list[str]:
    """All operations that a stream calls."""
    options = stream.options
    own = [options, options.get("update"), options.get("lookup")]
    return [str(spec["operation"]) for spec in own if spec]


def _sound_update(stream: Writes) -> None:
    from crossdock.soap.results import Results

    if "update" not in stream.options:
        return
    own = stream.options["update"]
    if not isinstance(own, Mapping) or not own.get("operation"):
        raise ValueError("update: it needs an operation, the one that changes a document")
    if own["operation"] == stream.options["operation"] and stream.delivery != "upsert":
        raise ValueError("update: it needs an operation of its own, not the one that creates")
    unknown = set(own) - _UPDATES
    if unknown:
        raise ValueError(f"update: unknown: {', '.join(sorted(unknown))}")
    Results.of({**stream.options, **own})


def _sound_lookup(stream: Writes) -> None:
    found = stream.options.get("lookup")
    if found is None and stream.delivery == "lookup_before_create":
        raise ValueError("lookup_before_create needs lookup: {operation, by, records, id}")
    if found is not None:
        missing = {"operation", "by", "records", "id"} - set(found)
        unknown = set(found) - {"operation", "by", "records", "id", "body", "answer", "most"}
        if missing or unknown:
            raise ValueError(f"lookup: {', '.join(sorted(missing | unknown))} missing or unknown")
