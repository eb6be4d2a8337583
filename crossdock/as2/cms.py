"""Cryptographic messages: sign and verify, encrypt and decrypt, compress and unpack.

DER is written, BER is read. Source: RFC 5652 (CMS), 5083 and 5084 (AES-GCM), 3274 (compression).
"""

from __future__ import annotations

import hmac
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from crossdock.as2 import refusal
from crossdock.as2.refusal import Refusal
from crossdock.errors import Misconfigured

DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - read only: partners of old products still sign with it
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
"""Digests that are understood; those for writing are narrowed down by the partner's file."""

CIPHERS = {
    "aes128_cbc": 16, "aes192_cbc": 24, "aes256_cbc": 32,
    "aes128_gcm": 16, "aes192_gcm": 24, "aes256_gcm": 32,
}  # fmt: skip
"""Ciphers that are written, with the bytes of their keys; 3DES is read as well."""

_TAG = 16


@dataclass(frozen=True)
class Identity:
    """A private key with its certificate."""

    key: Any
    certificate: x509.Certificate


class _GcmParameters(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar[list[Any]] = [  # asn1crypto writes into it
        ("aes_nonce", core.OctetString),
        ("aes_icv_len", core.Integer, {"default": 12}),
    ]


def digest(name: str, data: bytes) -> bytes:
    """Give the digest of ``data`` by the name of the algorithm."""
    work = hashes.Hash(DIGESTS[name])
    work.update(data)
    return work.finalize()


def _asn1(certificate: x509.Certificate) -> Any:
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def _issued(certificate: x509.Certificate) -> Any:
    known = _asn1(certificate)
    return cms.IssuerAndSerialNumber({"issuer": known.issuer, "serial_number": known.serial_number})


# -- signatures ---------------------------------------------------------------------------------
def sign(data: bytes, us: Identity, name: str = "sha256") -> bytes:
    """Sign ``data`` and give the detached signature, with our certificate in it."""
    attributes = cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": "content_type", "values": ["data"]}),
            cms.CMSAttribute(
                {
                    "type": "signing_time",
                    "values": [cms.Time({"utc_time": core.UTCTime(datetime.now(UTC))})],
                }
            ),
            cms.CMSAttribute({"type": "message_digest", "values": [digest(name, data)]}),
        ]
    )
    signed = attributes.dump()
    if isinstance(us.key, ec.EllipticCurvePrivateKey):
        signature = us.key.sign(signed, ec.ECDSA(DIGESTS[name]))
        algorithm = f"{name}_ecdsa"
    else:
        signature = us.key.sign(signed, rsa_padding.PKCS1v15(), DIGESTS[name])
        algorithm = "rsassa_pkcs1v15"
    signer = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier({"issuer_and_serial_number": _issued(us.certificate)}),
            "digest_algorithm": algos.DigestAlgorithm({"algorithm": name}),
            "signed_attrs": attributes,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": algorithm}),
            "signature": signature,
        }
    )
    content = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [algos.DigestAlgorithm({"algorithm": name})],
            "encap_content_info": {"content_type": "data"},
            "certificates": [cms.CertificateChoices({"certificate": _asn1(us.certificate)})],
            "signer_infos": [signer],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": content}).dump())


def verify(signature: bytes, data: bytes | None, trusted: Sequence[x509.Certificate]) -> str:
    """Check a signature over ``data`` against the partner's certificates; gives its digest.

    What certificates the message brings along does not matter: only those of the partner's file
    are trusted. Raises Refusal: authentication-failed, or integrity-check-failed where the signer
    is the right one and the data is not what was signed.
    """
    content = _content(signature, "signed_data", refusal.AUTHENTICATION)
    if data is None:
        data = inside(content)
    broken: Refusal | None = None
    try:
        for signer in content["signer_infos"]:
            for certificate in trusted:
                name = signer["digest_algorithm"]["algorithm"].native
                if name not in DIGESTS:
                    raise Refusal(
                        refusal.AUTHENTICATION, f"the signature uses {name}, which proves nothing"
                    )
                signed = _signed_bytes(signer, data)
                if not any(_proves(certificate, signer, name, one) for one in signed):
                    continue
                if signer["signed_attrs"] and not _same_digest(signer, name, data):
                    broken = Refusal(refusal.INTEGRITY, "the content is not what was signed")
                    continue
                return str(name)
    except Refusal:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a parser raises on foreign bytes
        raise Refusal(
            refusal.AUTHENTICATION, f"the signature cannot be read: {type(error).__name__}"
        ) from None
    raise broken or Refusal(
        refusal.AUTHENTICATION,
        "the signature is not by the partner's certificate",
        fix="ask the partner for the certificate that they sign with now",
    )


def _signed_bytes(signer: Any, data: bytes) -> list[bytes]:
    """The bytes that were signed: the attributes as they came, or in their proper order."""
    attributes = signer["signed_attrs"]
    if not attributes:
        return [data]
    came = attributes.dump()
    return [b"\x31" + came[1:], attributes.untag().dump(force=True)]


def _same_digest(signer: Any, name: str, data: bytes) -> bool:
    for attribute in signer["signed_attrs"]:
        if attribute["type"].native == "message_digest":
            return hmac.compare_digest(attribute["values"][0].native, digest(name, data))
    return False


def _proves(certificate: x509.Certificate, signer: Any, name: str, signed: bytes) -> bool:
    key, signature = certificate.public_key(), signer["signature"].native
    algorithm = signer["signature_algorithm"]
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(DIGESTS[name]))
        elif not isinstance(key, rsa.RSAPublicKey):
            return False
        elif algorithm["algorithm"].native == "rsassa_pss":
            salt = algorithm["parameters"]["salt_length"].native
            scheme = rsa_padding.PSS(rsa_padding.MGF1(DIGESTS[name]), salt)
            key.verify(signature, signed, scheme, DIGESTS[name])
        else:
            key.verify(signature, signed, rsa_padding.PKCS1v15(), DIGESTS[name])
    except InvalidSignature:
        return False
    return True


def inside(content: Any) -> bytes:
    """Give what a signature that is not detached holds; raises Refusal where there is nothing."""
    held = content["encap_content_info"]["content"]
    if held is None or held.native is None:
        raise Refusal(refusal.AUTHENTICATION, "the signature holds no content")
    return bytes(held.native)


def opened(signature: bytes) -> bytes:
    """Give the content of a signature that is not detached."""
    return inside(_content(signature, "signed_data", refusal.AUTHENTICATION))


# -- encryption ---------------------------------------------------------------------------------
def encrypt(data: bytes, them: x509.Certificate, cipher: str = "aes256_cbc") -> bytes:
    """Encrypt ``data`` for ``them``, an RSA certificate; raises Misconfigured for another."""
    key = them.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise Misconfigured(
            "only for an RSA certificate can be encrypted", where="as2 them certificates"
        )
    secret = os.urandom(CIPHERS[cipher])
    recipient = cms.KeyTransRecipientInfo(
        {
            "version": "v0",
            "rid": cms.RecipientIdentifier({"issuer_and_serial_number": _issued(them)}),
            "key_encryption_algorithm": {"algorithm": "rsaes_pkcs1v15"},
            "encrypted_key": key.encrypt(secret, rsa_padding.PKCS1v15()),
        }
    )
    infos = [cms.RecipientInfo({"ktri": recipient})]
    if cipher.endswith("_gcm"):
        nonce = os.urandom(12)
        sealed = AESGCM(secret).encrypt(nonce, data, None)
        parameters = _GcmParameters({"aes_nonce": nonce, "aes_icv_len": _TAG})
        content: Any = cms.AuthEnvelopedData(
            {
                "version": 0,
                "recipient_infos": infos,
                "auth_encrypted_content_info": _encrypted(cipher, parameters, sealed[:-_TAG]),
                "mac": sealed[-_TAG:],
            }
        )
        kind = "authenticated_enveloped_data"
    else:
        start = os.urandom(16)
        pad = padding.PKCS7(128).padder()
        work = Cipher(AES(secret), modes.CBC(start)).encryptor()
        sealed = work.update(pad.update(data) + pad.finalize()) + work.finalize()
        content = cms.EnvelopedData(
            {
                "version": "v0",
                "recipient_infos": infos,
                "encrypted_content_info": _encrypted(cipher, core.OctetString(start), sealed),
            }
        )
        kind = "enveloped_data"
    return bytes(cms.ContentInfo({"content_type": kind, "content": content}).dump())


def _encrypted(cipher: str, parameters: Any, sealed: bytes) -> Any:
    return cms.EncryptedContentInfo(
        {
            "content_type": "data",
            "content_encryption_algorithm": {"algorithm": cipher, "parameters": parameters},
            "encrypted_content": sealed,
        }
    )


def decrypt(sealed: bytes, identities: Sequence[Identity]) -> bytes:
    """Decrypt with the identity that it was encrypted for, among ``identities``.

    Raises Refusal (decryption-failed) with the same words whatever went wrong with the key, so
    that nobody learns from the answer.
    """
    try:
        info = cms.ContentInfo.load(sealed)
        kind = info["content_type"].native
        content = info["content"]
        recipients = content["recipient_infos"]
        for identity in identities:
            secret = _secret(recipients, identity)
            if secret is not None:
                return _unsealed(kind, content, secret)
    except Refusal:
        raise
    except Exception:  # noqa: BLE001 - one answer for every fault, by intent
        raise Refusal(refusal.DECRYPTION, "the content cannot be decrypted") from None
    raise Refusal(
        refusal.DECRYPTION,
        "it is not encrypted for our certificate",
        fix="give the partner the certificate that we decrypt with now",
    )


def _secret(recipients: Any, identity: Identity) -> bytes | None:
    known = _asn1(identity.certificate)
    for recipient in recipients:
        if recipient.name != "ktri":
            continue
        one, rid = recipient.chosen, recipient.chosen["rid"]
        if rid.name == "issuer_and_serial_number":
            meant = (
                rid.chosen["serial_number"].native == known.serial_number
                and rid.chosen["issuer"] == known.issuer
            )
        else:
            meant = rid.chosen.native == known.key_identifier
        if meant:
            scheme = _transport(one["key_encryption_algorithm"])
            return bytes(identity.key.decrypt(one["encrypted_key"].native, scheme))
    return None


def _transport(algorithm: Any) -> Any:
    if algorithm["algorithm"].native != "rsaes_oaep":
        return rsa_padding.PKCS1v15()
    parameters = algorithm["parameters"]
    name = parameters["hash_algorithm"]["algorithm"].native
    mask = parameters["mask_gen_algorithm"]["parameters"]["algorithm"].native
    return rsa_padding.OAEP(rsa_padding.MGF1(DIGESTS[mask]), DIGESTS[name], None)


def _unsealed(kind: str, content: Any, secret: bytes) -> bytes:
    authenticated = kind == "authenticated_enveloped_data"
    part = content["auth_encrypted_content_info" if authenticated else "encrypted_content_info"]
    algorithm = part["content_encryption_algorithm"]
    name, sealed = algorithm["algorithm"].native, part["encrypted_content"].native
    if authenticated:
        nonce = _GcmParameters.load(algorithm["parameters"].dump())["aes_nonce"].native
        attributes = content["auth_attrs"]
        more = b"\x31" + attributes.dump()[1:] if attributes else None
        try:
            return AESGCM(secret).decrypt(nonce, sealed + content["mac"].native, more)
        except InvalidTag:
            raise Refusal(refusal.INTEGRITY, "the encrypted content was changed") from None
    start = algorithm["parameters"].native
    if name == "tripledes_3key":
        block: Any = TripleDES(secret)
    elif name in CIPHERS and len(secret) == CIPHERS[name]:
        block = AES(secret)
    else:
        raise Refusal(refusal.DECRYPTION, f"{name} is not a cipher that we take")
    work = Cipher(block, modes.CBC(start)).decryptor()
    unpad = padding.PKCS7(block.block_size).unpadder()
    return unpad.update(work.update(sealed) + work.finalize()) + unpad.finalize()


# -- compression --------------------------------------------------------------------------------
def compress(data: bytes) -> bytes:
    """Compress ``data`` with zlib."""
    content = cms.CompressedData(
        {
            "version": "v0",
            "compression_algorithm": {"algorithm": "zlib"},
            "encap_content_info": {"content_type": "data", "content": zlib.compress(data)},
        }
    )
    return bytes(cms.ContentInfo({"content_type": "compressed_data", "content": content}).dump())


def decompress(packed: bytes, most: int) -> bytes:
    """Unpack; raises Refusal (decompression-failed) for what is broken or longer than ``most``."""
    content = _content(packed, "compressed_data", refusal.DECOMPRESSION)
    try:
        work = zlib.decompressobj()
        data = work.decompress(bytes(content["encap_content_info"]["content"].native), most + 1)
    except Exception:  # noqa: BLE001 - zlib.error, and whatever a parser raises
        raise Refusal(refusal.DECOMPRESSION, "the content cannot be unpacked") from None
    if len(data) > most:
        raise Refusal(refusal.DECOMPRESSION, f"unpacked it is longer than {most} bytes")
    if not work.eof:
        raise Refusal(refusal.DECOMPRESSION, "the compressed content is cut off")
    return data


def kind_of(data: bytes) -> str:
    """Name what a CMS structure holds, such as ``enveloped_data``; empty for none."""
    try:
        return str(cms.ContentInfo.load(data)["content_type"].native)
    except Exception:  # noqa: BLE001 - foreign bytes
        return ""


def _content(data: bytes, kind: str, modifier: str) -> Any:
    try:
        info = cms.ContentInfo.load(data)
        if info["content_type"].native == kind:
            return info["content"]
    except Exception:  # noqa: BLE001 - foreign bytes
        raise Refusal(modifier, "this is no cryptographic message") from None
    raise Refusal(modifier, f"this is {info['content_type'].native}, not {kind}")
