"""Call a SOAP service: zeep builds the request by the WSDL, we send it and read the bytes.

zeep's own way of reading only checks an answer against the WSDL: no value passes through it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import zeep
import zeep.exceptions
from zeep.wsdl.utils import etree_to_string
from zeep.wsse.username import UsernameToken

from crossdock.errors import Misconfigured, Refused
from crossdock.soap import faults

log = logging.getLogger(__name__)

SETTINGS = {"strict": True, "forbid_dtd": True, "forbid_entities": True, "forbid_external": True}
_DEEPEST = 12


class Answer(Protocol):
    """What ``Send`` gives back; header names are in lower case."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""

    @property
    def body(self) -> bytes:
        """The body, unpacked."""


Send = Callable[[str, Mapping[str, str], bytes, float], Answer]
"""Post (url, headers, body, deadline in seconds) once; raises TryLater, Misconfigured."""


@dataclass(frozen=True)
class Account:
    """How the service knows us: ``auth`` is username_token, digest, or nothing of SOAP's."""

    user: str = ""
    password: str = field(default="", repr=False)
    auth: str = "none"

    def token(self) -> Any:
        """The WS-Security UsernameToken, None where another way is used."""
        if self.auth not in {"username_token", "digest"}:
            return None
        return UsernameToken(self.user, self.password, use_digest=self.auth == "digest")


@dataclass(frozen=True)
class Reply:
    """An answer: its bytes, its element, and how it differs from the WSDL (empty: not at all)."""

    raw: bytes
    element: Any
    against: str = ""


@dataclass
class _Response:
    """What zeep reads of an answer; it asks for ``Content-Type`` in this spelling."""

    status_code: int
    headers: dict[str, str]
    content: bytes
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        self.headers["Content-Type"] = self.headers.get("content-type", "text/xml")


class _Wire(zeep.Transport):  # type: ignore[misc]
    """zeep's transport: documents only from the pinned folder, calls only through our session."""

    def __init__(self, folder: Path, send: Send) -> None:
        # the parent's __init__ opens a session of its own and lets it read file:// addresses
        self.cache = None
        self.load_timeout = self.operation_timeout = None
        self.logger = log
        self._close_session = False
        self._folder = folder.resolve()
        self._send = send
        self.deadline = 60.0

    def load(self, url: str) -> bytes:
        """Read a document of the contract; raises Misconfigured for anything else."""
        path = Path(url).resolve()
        if not path.is_relative_to(self._folder):
            raise Misconfigured(f"the WSDL refers to another place: {path.name}")
        return path.read_bytes()

    def post_xml(self, address: str, envelope: Any, headers: Mapping[str, str]) -> _Response:
        """Send an envelope."""
        message = etree_to_string(envelope)
        answer = self._send(address, headers, message, self.deadline)
        return _Response(answer.status, dict(answer.headers), answer.body)


class Service:
    """One service at ``endpoint`` by the WSDL at ``wsdl`` (a path); raises Misconfigured."""

    def __init__(
        self,
        wsdl: Path,
        endpoint: str,
        send: Send,
        account: Account,
        codes: faults.Codes,
        port: str = "",
    ) -> None:
        self._wire = _Wire(wsdl.parent, send)
        self._codes = codes
        try:
            self._client = zeep.Client(
                str(wsdl),
                transport=self._wire,
                settings=zeep.Settings(**SETTINGS),
                wsse=account.token(),
                port_name=port or None,
            )
            self._binding = self._client.service._binding
        except zeep.exceptions.Error as error:
            raise Misconfigured(f"the WSDL cannot be used: {error}", where=str(wsdl)) from error
        except (ValueError, AttributeError) as error:
            raise Misconfigured(
                f"the WSDL has no such service: {error}", where=str(wsdl)
            ) from error
        self._service = self._client.create_service(self._binding.name, endpoint)

    def operations(self) -> list[str]:
        """Names of the operations."""
        return sorted(self._binding.all())

    def bound(self) -> list[tuple[str, Any]]:
        """The operations as zeep knows them."""
        return sorted(self._binding.all().items())

    def require(self, operation: str) -> None:
        """Raise Misconfigured where there is no such operation."""
        if operation not in self._binding.all():
            raise Misconfigured(
                f"the WSDL has no operation {operation!r}",
                fix=f"known: {', '.join(self.operations())}",
            )

    def build(self, operation: str, values: Mapping[str, Any]) -> None:
        """Try whether ``values`` make a request; raises Refused or Misconfigured, sends nothing."""
        self.require(operation)
        try:
            self._client.create_message(self._service, operation, **_filled(values))
        except zeep.exceptions.ValidationError as error:
            raise Refused(f"the document does not fit the WSDL: {error}") from None
        except TypeError as error:
            raise Misconfigured(
                f"the mapping gives what {operation} does not take: {_first_line(error)}",
                fix="compare the mapping's target names with the WSDL",
            ) from None
        except (zeep.exceptions.Error, ValueError, ArithmeticError, AttributeError) as error:
            raise Refused(
                f"the document cannot be written as XML: {type(error).__name__}"
            ) from error

    def call(self, operation: str, values: Mapping[str, Any], deadline: float) -> Reply:
        """Call ``operation``; gives the answer. Raises what ``build`` and ``faults.read`` raise."""
        self.build(operation, values)
        self._wire.deadline = deadline
        with self._client.settings(raw_response=True):
            response = self._service[operation](**_filled(values))
        element = faults.read(response.status_code, response.headers, response.content, self._codes)
        against = self._against(operation, response)
        return Reply(response.content, element, against)

    def _against(self, operation: str, response: _Response) -> str:
        """Read the answer strictly by the WSDL; what does not fit is said, and nothing is lost."""
        try:
            self._binding.process_reply(self._client, self._binding.get(operation), response)
        except (zeep.exceptions.Error, ValueError, ArithmeticError, TypeError) as error:
            against = f"{operation} answered with what the WSDL does not know: {_first_line(error)}"
            log.warning("%s", against)
            return against
        return ""


def signatures(wsdl: Path, port: str = "") -> dict[str, dict[str, str]]:
    """Say what each operation of a kept WSDL takes and gives: name -> path -> type.

    Paths begin with ``in.`` or ``out.``; a type ends in ``?`` where the field is optional and in
    ``*`` where it may repeat. Raises Misconfigured.
    """

    def refuse(*_: Any) -> Any:
        raise Misconfigured("a contract is read without any call")

    service = Service(wsdl, "", refuse, Account(), faults.Codes({}), port)
    found: dict[str, dict[str, str]] = {}
    for name, operation in service.bound():
        fields = {f"in.{path}": kind for path, kind in _fields(operation.input)}
        fields |= {f"out.{path}": kind for path, kind in _fields(operation.output)}
        found[name] = fields
    return found


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is None: an optional element that is not there is not an empty one."""
    return {name: _pruned(value) for name, value in values.items() if value is not None}


def _pruned(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _filled(value)
    if isinstance(value, (list, tuple)):
        return [_pruned(item) for item in value if item is not None]
    return value


def _fields(message: Any) -> Iterator[tuple[str, str]]:
    body = getattr(message, "body", None)
    if body is not None:
        yield "", str(body.qname or body.name)
        yield from _elements(body.type, "", 0)


def _elements(kind: Any, at: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, element in getattr(kind, "elements", ()):
        path = f"{at}.{name}" if at else str(name)
        mark = "*" if element.accepts_multiple else ""
        mark = mark or ("?" if element.min_occurs == 0 else "")
        inner = getattr(element, "type", None)
        yield path, f"{getattr(inner, 'name', None) or 'any'}{mark}"
        if depth < _DEEPEST:
            yield from _elements(inner, path, depth + 1)


def _first_line(error: BaseException) -> str:
    text = str(error).splitlines()
    return text[0][:300] if text else type(error).__name__
