"""MIME entities as bytes: what was signed must come back exactly as it stood.

Nothing is decoded and written again; an entity keeps its bytes. Source: RFC 2045, 2046, 1847.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message

from crossdock.as2 import refusal
from crossdock.as2.refusal import Refusal

_FOLD = re.compile(r"\r?\n[ \t]+")
_MOST_HEAD = 64 << 10


@dataclass(frozen=True)
class Entity:
    """One body part: ``raw`` is all of it as it stood, ``body`` what follows the empty line."""

    headers: Mapping[str, str]
    body: bytes
    raw: bytes

    @property
    def media(self) -> str:
        """Type and subtype in lower case; text/plain where nothing is said."""
        return self._typed().get_content_type()

    def parameter(self, name: str) -> str:
        """A parameter of Content-Type, empty where it is not there."""
        value = self._typed().get_param(name, "")
        return str(value[2]) if isinstance(value, tuple) else str(value or "")

    @property
    def filename(self) -> str:
        """The file name that Content-Disposition or Content-Type gives, as it stands."""
        typed = self._typed()
        if "content-disposition" in self.headers:
            typed["Content-Disposition"] = self.headers["content-disposition"]
        return typed.get_filename() or ""

    def _typed(self) -> Message:
        made = Message()
        made["Content-Type"] = self.headers.get("content-type", "text/plain")
        return made

    def content(self) -> bytes:
        """The body without its transfer encoding.

        Raises Refusal for an encoding that nobody knows, or a body that is not in it.
        """
        encoding = self.headers.get("content-transfer-encoding", "binary").strip().lower()
        if encoding in {"", "binary", "7bit", "8bit"}:
            return self.body
        if encoding == "base64":
            try:
                return base64.b64decode(b"".join(self.body.split()), validate=True)
            except binascii.Error:
                raise Refusal(refusal.UNEXPECTED, "the body is not base64 as it says") from None
        if encoding == "quoted-printable":
            return quopri.decodestring(self.body)
        raise Refusal(refusal.FORMAT, f"transfer encoding {encoding[:30]!r} is not known")


def parse(raw: bytes) -> Entity:
    """Take an entity apart; without an empty line all of it is headers."""
    ends = [(at, mark) for mark in (b"\r\n\r\n", b"\n\n") if (at := raw.find(mark)) >= 0]
    if raw.startswith((b"\r\n", b"\n")):  # no headers at all
        return Entity({}, _after_line(raw), raw)
    at, mark = min(ends, default=(len(raw), b""))
    if at > _MOST_HEAD:
        raise Refusal(refusal.UNEXPECTED, "the headers of a body part are too long")
    return Entity(_headers(raw[:at]), raw[at + len(mark) :], raw)


def _headers(head: bytes) -> dict[str, str]:
    """Read header lines, the first of each name."""
    found: dict[str, str] = {}
    for line in _FOLD.sub(" ", head.decode("latin-1")).splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def of_http(headers: Mapping[str, str], body: bytes) -> Entity:
    """Make the entity that an HTTP request carries: its MIME headers are those of the request.

    ``headers`` have names in lower case.
    """
    own = {name: value for name, value in headers.items() if name.startswith("content-")}
    own.pop("content-length", None)
    own.pop("content-encoding", None)
    return Entity(own, body, b"")


def build(headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """Write an entity: headers with CRLF, an empty line, the body as it is."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return head.encode("ascii", "backslashreplace") + b"\r\n" + body


def split(entity: Entity) -> list[bytes]:
    """Give the parts of a multipart entity, each exactly as it stood.

    The line end before a delimiter belongs to the delimiter. Raises Refusal where the boundary
    is missing or the last delimiter did not come.
    """
    boundary = entity.parameter("boundary").encode("latin-1", "replace")
    if not boundary:
        raise Refusal(refusal.UNEXPECTED, "a multipart without a boundary")
    line = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    parts: list[bytes] = []
    start = -1
    for found in line.finditer(entity.body):
        if start >= 0:
            parts.append(_after_line(entity.body[start : found.start()]))
        start = found.end()
        if found[1]:
            return parts
    raise Refusal(refusal.UNEXPECTED, "the multipart is cut off: its last delimiter is missing")


def _after_line(part: bytes) -> bytes:
    return part.removeprefix(b"\r").removeprefix(b"\n")


def join(parts: Sequence[bytes], boundary: str) -> bytes:
    """Write the body of a multipart entity."""
    mark = boundary.encode("ascii")
    return b"".join(b"--" + mark + b"\r\n" + part + b"\r\n" for part in parts) + (
        b"--" + mark + b"--\r\n"
    )


def boundary() -> str:
    """A delimiter that stands in no content."""
    return f"crossdock-{secrets.token_hex(16)}"


def lines_of_base64(data: bytes) -> bytes:
    """Encode in lines of 76 characters with CRLF."""
    return base64.encodebytes(data).replace(b"\n", b"\r\n")
