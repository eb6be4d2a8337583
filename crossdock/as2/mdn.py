"""Message disposition notifications: the receipt that a partner gives, and its reading.

Source: RFC 4130, 7; RFC 3798.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509

from crossdock import __version__
from crossdock.as2 import message, mime, refusal
from crossdock.as2.cms import Identity
from crossdock.as2.mime import Entity
from crossdock.as2.refusal import Refusal

AGENT = f"Crossdock/{__version__}"
_MODE = "automatic-action/MDN-sent-automatically"


@dataclass(frozen=True)
class Asked:
    """What a message asks for: whether an MDN at all, signed by which digests, and where to.

    ``to`` is the URL of an asynchronous MDN, empty for one in the same answer. ``unknown`` says
    that none of the digests asked for is known.
    """

    wanted: bool
    signed: bool = False
    algorithm: str = ""
    spelled: str = ""
    to: str = ""
    unknown: bool = False


def asked(headers: Mapping[str, str]) -> Asked:
    """Read the request for an MDN from the headers of a message (names in lower case)."""
    if not headers.get("disposition-notification-to", "").strip():
        return Asked(wanted=False)
    options: dict[str, list[str]] = {}
    for option in headers.get("disposition-notification-options", "").split(";"):
        name, _, value = option.partition("=")
        options[name.strip().lower()] = [word.strip() for word in value.split(",")]
    names = [word for word in options.get("signed-receipt-micalg", [])[1:] if word]
    known = next((word for word in names if message.undashed(word)), "")
    return Asked(
        wanted=True,
        signed="pkcs7-signature" in [word.lower() for word in _protocol(options)],
        algorithm=message.undashed(known),
        spelled=known,
        to=headers.get("receipt-delivery-option", "").strip(),
        unknown=bool(names) and not known,
    )


def _protocol(options: Mapping[str, Sequence[str]]) -> Sequence[str]:
    return options.get("signed-receipt-protocol", [])


@dataclass(frozen=True)
class Receipt:
    """What an MDN says of a message. ``modifier`` is empty where all is well.

    ``mic`` and ``algorithm`` (as the sender spelled it) are empty where there is no MIC to tell.
    """

    original: str
    recipient: str
    modifier: str = ""
    mic: str = ""
    algorithm: str = ""
    text: str = ""

    @property
    def positive(self) -> bool:
        """Whether the message was taken; a warning is a yes."""
        return not self.modifier or self.modifier.lower().startswith("warning")


def write(
    receipt: Receipt, us: Identity | None = None, digest: str = "sha256"
) -> tuple[dict[str, str], bytes]:
    """Write an MDN, signed where ``us`` is given; gives its MIME headers and body."""
    failed = receipt.modifier.lower().startswith("failure")
    state = "failed" if failed else "processed"
    said = f"{state}/{receipt.modifier}" if receipt.modifier else state
    lines = [
        f"Reporting-UA: {AGENT}",
        f"Original-Recipient: rfc822; {receipt.recipient}",
        f"Final-Recipient: rfc822; {receipt.recipient}",
        f"Original-Message-ID: {receipt.original}",
        f"Disposition: {_MODE}; {said}",
    ]
    if receipt.mic:
        lines.append(f"Received-content-MIC: {receipt.mic}, {receipt.algorithm}")
    text = receipt.text or _words(receipt)
    parts = [
        mime.build(
            [
                ("Content-Type", "text/plain; charset=us-ascii"),
                ("Content-Transfer-Encoding", "7bit"),
            ],
            f"{text}\r\n".encode("ascii", "backslashreplace"),
        ),
        mime.build(
            [
                ("Content-Type", "message/disposition-notification"),
                ("Content-Transfer-Encoding", "7bit"),
            ],
            ("\r\n".join(lines) + "\r\n").encode("ascii", "backslashreplace"),
        ),
    ]
    boundary = mime.boundary()
    kind = f'multipart/report; report-type=disposition-notification; boundary="{boundary}"'
    entity = mime.build([("Content-Type", kind)], mime.join(parts, boundary))
    if us is not None:
        entity = message.signed(entity, us, digest)
    parsed = mime.parse(entity)
    return {"Content-Type": parsed.headers["content-type"]}, parsed.body


def _words(receipt: Receipt) -> str:
    if receipt.positive:
        return f"The message {receipt.original} was received and kept."
    return f"The message {receipt.original} was not taken: {receipt.modifier}."


@dataclass(frozen=True)
class Read:
    """An MDN that came: what it says, and the digest of its signature, empty without one."""

    receipt: Receipt
    signed: str


def is_mdn(entity: Entity) -> bool:
    """Say whether an entity is an MDN, signed or not; its signature is not looked at."""
    try:
        return _report(entity) is not None
    except Refusal:
        return False


def _report(entity: Entity) -> Entity | None:
    if entity.media == "multipart/signed":
        parts = mime.split(entity)
        entity = mime.parse(parts[0]) if parts else entity
    return entity if entity.media == "multipart/report" else None


def read(entity: Entity, them: Sequence[x509.Certificate]) -> Read:
    """Read an MDN; a signature must be by the partner's certificate.

    Raises Refusal for what is no MDN, and for a signature that proves nothing.
    """
    signed = ""
    if entity.media == "multipart/signed":
        signed, entity = message.unsigned(entity, them)
    report = _report(entity)
    if report is None:
        raise Refusal(refusal.UNEXPECTED, f"{entity.media} is no MDN")
    for part in mime.split(report):
        inner = mime.parse(part)
        if inner.media == "message/disposition-notification":
            fields = mime.parse(inner.content() + b"\r\n\r\n").headers
            return Read(_receipt(fields), signed)
    raise Refusal(refusal.UNEXPECTED, "the MDN has no disposition in it")


def _receipt(fields: Mapping[str, str]) -> Receipt:
    _, _, state = fields.get("disposition", "").partition(";")
    kind, _, modifier = state.strip().partition("/")
    if kind.strip().lower() not in {"processed", "failed", "displayed"}:
        raise Refusal(refusal.UNEXPECTED, f"the MDN says {state.strip()[:60]!r}")
    if kind.strip().lower() == "failed" and not modifier:
        modifier = "failure: failed"
    mic, _, algorithm = fields.get("received-content-mic", "").partition(",")
    recipient = fields.get("final-recipient", "").rpartition(";")[2]
    return Receipt(
        original=fields.get("original-message-id", "").strip(),
        recipient=recipient.strip(),
        modifier=modifier.strip(),
        mic=mic.strip(),
        algorithm=algorithm.strip(),
    )


def same_mic(receipt: Receipt, mic: str, algorithm: str) -> bool:
    """Say whether the MIC of an MDN is that of what we sent."""
    named = message.undashed(receipt.algorithm)
    return named == algorithm and hmac.compare_digest(receipt.mic.encode(), mic.encode())
