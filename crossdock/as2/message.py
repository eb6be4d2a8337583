"""One AS2 message: wrapped for the wire, and unwrapped with all that has to be said of it.

The MIC is worked out as RFC 4130, 7.3.1 and RFC 5402, 4 say: over what was signed; without a
signature over the content with its MIME headers where it was encrypted or compressed; else over
the content alone.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from cryptography import x509

from crossdock.as2 import cms, mime, refusal
from crossdock.as2.cms import Identity
from crossdock.as2.mime import Entity
from crossdock.as2.refusal import Refusal

Compress = Literal["", "before", "after"]

MOST_BYTES = 200 << 20
"""What a content may grow to when it is unpacked."""

MOST_LAYERS = 6
_SMIME = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})


@dataclass(frozen=True)
class Protection:
    """What is done to a content: digest of the signature, cipher, and when it is compressed.

    Empty texts mean: not signed, not encrypted, not compressed. ``compress`` before or after
    signing.
    """

    sign: str = "sha256"
    encrypt: str = "aes256_cbc"
    compress: Compress = ""


@dataclass(frozen=True)
class Wrapped:
    """A message for the wire: MIME headers for the HTTP request, its body, and the MIC."""

    headers: dict[str, str]
    body: bytes
    mic: str
    algorithm: str


@dataclass
class Unwrapped:
    """What came: the content, and how it was protected; ``signed`` names the digest.

    ``mic_bytes`` is what the MIC is worked out over.
    """

    content: bytes
    media: str
    filename: str
    signed: str = ""
    encrypted: bool = False
    compressed: bool = False
    mic_bytes: bytes = field(default=b"", repr=False)

    def mic(self, algorithm: str) -> str:
        """Give the MIC in base64; ``algorithm`` is a name of ``cms.DIGESTS``."""
        return base64.b64encode(cms.digest(algorithm, self.mic_bytes)).decode()


def wrap(
    content: bytes,
    protection: Protection,
    *,
    media: str = "application/edifact",
    filename: str = "",
    us: Identity | None = None,
    them: x509.Certificate | None = None,
    algorithm: str = "sha256",
) -> Wrapped:
    """Wrap ``content``; ``us`` is needed for signing, ``them`` for encryption.

    ``algorithm`` names the MIC's digest for a message that is not signed.
    """
    headers = [("Content-Type", media), ("Content-Transfer-Encoding", "binary")]
    if filename:
        headers.append(("Content-Disposition", f'attachment; filename="{_plain(filename)}"'))
    entity = original = mime.build(headers, content)
    if protection.compress == "before":
        entity = _smime("compressed-data", "smime.p7z", cms.compress(entity))
    if protection.sign and us is not None:
        original, algorithm = entity, protection.sign
        entity = signed(entity, us, protection.sign)
    if protection.compress == "after":
        entity = _smime("compressed-data", "smime.p7z", cms.compress(entity))
    if protection.encrypt and them is not None:
        gcm = protection.encrypt.endswith("_gcm")
        kind = "authEnveloped-data" if gcm else "enveloped-data"
        entity = _smime(kind, "smime.p7m", cms.encrypt(entity, them, protection.encrypt))
    bare = not (protection.sign or protection.encrypt or protection.compress)
    mic = base64.b64encode(cms.digest(algorithm, content if bare else original)).decode()
    parsed = mime.parse(entity)
    names = {"content-type": "Content-Type", "content-disposition": "Content-Disposition",
             "content-transfer-encoding": "Content-Transfer-Encoding"}  # fmt: skip
    outer = {names[name]: value for name, value in parsed.headers.items() if name in names}
    return Wrapped(outer, parsed.body, mic, algorithm)


def signed(entity: bytes, us: Identity, name: str) -> bytes:
    """Put ``entity`` and its signature into a multipart/signed."""
    boundary = mime.boundary()
    headers = [
        ("Content-Type", 'application/pkcs7-signature; name="smime.p7s"'),
        ("Content-Transfer-Encoding", "base64"),
        ("Content-Disposition", 'attachment; filename="smime.p7s"'),
    ]
    signature = mime.build(headers, mime.lines_of_base64(cms.sign(entity, us, name)))
    kind = (
        f'multipart/signed; protocol="application/pkcs7-signature"; micalg={dashed(name)}; '
        f'boundary="{boundary}"'
    )
    return mime.build([("Content-Type", kind)], mime.join([entity, signature], boundary))


def _smime(kind: str, name: str, data: bytes) -> bytes:
    headers = [
        ("Content-Type", f'application/pkcs7-mime; smime-type={kind}; name="{name}"'),
        ("Content-Transfer-Encoding", "binary"),
        ("Content-Disposition", f'attachment; filename="{name}"'),
    ]
    return mime.build(headers, data)


def _plain(filename: str) -> str:
    return "".join(letter for letter in filename if letter.isprintable() and letter not in '"\\/')


def dashed(name: str) -> str:
    """Write a digest's name as S/MIME does.

    >>> dashed("sha256"), dashed("sha1")
    ('sha-256', 'sha-1')
    """
    return name.replace("sha", "sha-")


def undashed(name: str) -> str:
    """Read a digest's name however products write it; empty where it is none that we know.

    >>> undashed("SHA-256"), undashed("sha1"), undashed("rsa-md5")
    ('sha256', 'sha1', '')
    """
    plain = name.strip().strip('"').lower().replace("-", "").replace("_", "")
    return plain if plain in cms.DIGESTS else ""


# -- the other way --------------------------------------------------------------------------------
def unwrap(
    outer: Entity,
    *,
    us: Sequence[Identity] = (),
    them: Sequence[x509.Certificate] = (),
    most: int = MOST_BYTES,
) -> Unwrapped:
    """Take every layer off; raises Refusal with what the MDN is to say."""
    found = Unwrapped(b"", "", "")
    entity = outer
    for _ in range(MOST_LAYERS):
        inner = _peel(entity, found, us, them, most)
        if inner is None:
            break
        entity = inner
    else:
        raise Refusal(refusal.UNEXPECTED, f"more than {MOST_LAYERS} layers of protection")
    found.content, found.media, found.filename = entity.content(), entity.media, entity.filename
    if not found.signed:
        covered = found.encrypted or found.compressed
        found.mic_bytes = entity.raw if covered else entity.body
    return found


def _peel(
    entity: Entity,
    found: Unwrapped,
    us: Sequence[Identity],
    them: Sequence[x509.Certificate],
    most: int,
) -> Entity | None:
    """Take one layer off, and note it; None where there is none."""
    if entity.media == "multipart/signed":
        return _verified(entity, found, them)
    if entity.media not in _SMIME:
        return None
    data = entity.content()
    kind = cms.kind_of(data)
    if kind == "compressed_data":
        found.compressed = True
        return mime.parse(cms.decompress(data, most))
    if kind == "signed_data":
        held = cms.opened(data)
        found.signed, found.mic_bytes = cms.verify(data, None, them), held
        return mime.parse(held)
    if kind and kind not in {"enveloped_data", "authenticated_enveloped_data"}:
        raise Refusal(refusal.FORMAT, f"{kind} is not a protection that AS2 has")
    found.encrypted = True
    return mime.parse(cms.decrypt(data, us))


def _verified(entity: Entity, found: Unwrapped, them: Sequence[x509.Certificate]) -> Entity:
    name, inner = unsigned(entity, them)
    if not found.signed:
        found.signed, found.mic_bytes = name, inner.raw
    return inner


def unsigned(entity: Entity, them: Sequence[x509.Certificate]) -> tuple[str, Entity]:
    """Check a multipart/signed; gives the digest of the signature and what was signed.

    Raises Refusal (authentication-failed or integrity-check-failed).
    """
    parts = mime.split(entity)
    if len(parts) != 2:
        raise Refusal(refusal.AUTHENTICATION, f"a signed message has {len(parts)} parts, not 2")
    name = cms.verify(_der(mime.parse(parts[1])), parts[0], them)
    return name, mime.parse(parts[0])


def _der(signature: Entity) -> bytes:
    """The signature as bytes; some products send base64 and do not say so."""
    data = signature.content()
    if data[:1] != b"\x30" and "content-transfer-encoding" not in signature.headers:
        coded = Entity({"content-transfer-encoding": "base64"}, signature.body, b"")
        return coded.content()
    return data
