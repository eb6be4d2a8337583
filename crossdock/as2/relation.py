"""What two sides agreed on: names, keys, certificates, protection and receipts.

It stands in the partner's file under ``as2``; paths are relative to the project and name PEM
files. A certificate may be a list: the new one first, while the old one is still in use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from crossdock import yaml
from crossdock.as2 import cms
from crossdock.as2.cms import Identity
from crossdock.as2.message import Compress, Protection
from crossdock.errors import Misconfigured

Receipts = Literal["none", "sync", "async"]

_KEYS = {"us", "them", "sign", "encrypt", "compress", "mdn", "require", "duplicates", "media"}
_SIDES = {"us": {"name", "key", "certificate"}, "them": {"name", "certificate", "url", "hosts"}}
_MDN = {"kind", "signed", "url", "hours", "digest"}
_NAME = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{1,128}")


@dataclass(frozen=True)
class Relation:
    """One partner and us over AS2.

    ``receipts`` is the kind of MDN that we ask for, ``receipt_signed`` whether signed, ``hours``
    how long an asynchronous one may take, ``receipt_url`` where it shall come to. ``require``
    names what every message of theirs must be: signed, encrypted. ``duplicates`` is answer
    (the same receipt again) or warn (processed/warning: duplicate-document). ``hosts`` may take
    our asynchronous MDNs, beside the host of ``url``.
    """

    partner: str
    us: str
    them: str
    identities: Sequence[Identity] = field(repr=False, default=())
    certificates: Sequence[x509.Certificate] = ()
    url: str = ""
    hosts: frozenset[str] = frozenset()
    protection: Protection = field(default_factory=Protection)
    receipts: Receipts = "sync"
    receipt_signed: bool = True
    receipt_digest: str = "sha256"
    receipt_url: str = ""
    hours: float = 24.0
    require: frozenset[str] = frozenset()
    duplicates: Literal["answer", "warn"] = "answer"
    media: str = "application/edifact"

    @property
    def identity(self) -> Identity | None:
        """What we sign with."""
        return self.identities[0] if self.identities else None

    @property
    def certificate(self) -> x509.Certificate | None:
        """What we encrypt for."""
        return self.certificates[0] if self.certificates else None

    def may_get(self, url: str) -> bool:
        """Whether an asynchronous MDN may go to ``url``, which a stranger could have written."""
        host = urlsplit(url).hostname or ""
        return host in self.hosts or bool(host and host == urlsplit(self.url).hostname)


def of(page: yaml.Document, project: Path, passphrase: str = "") -> Relation | None:
    """Read ``as2`` of a partner's file; None where there is none.

    Raises Misconfigured with file and line, also for a key or certificate that cannot be read.
    """
    data = page.data.get("as2") if isinstance(page.data, dict) else None
    if not data:
        return None
    _known(page, data, _KEYS, "as2")
    us, them = (_side(page, data, side) for side in ("us", "them"))
    mdn = data.get("mdn") or {}
    _known(page, mdn, _MDN, "as2", "mdn")
    identities = _identities(page, project, us, passphrase)
    certificates = _certificates(page, project, them, "them")
    protection = Protection(
        sign=_choice(page, data, "sign", [*cms.DIGESTS, "none"], "sha256"),
        encrypt=_choice(page, data, "encrypt", [*cms.CIPHERS, "none"], "aes256_cbc"),
        compress=cast(
            Compress, _choice(page, data, "compress", ["before", "after", "none"], "none")
        ),
    )
    if protection.sign and not identities:
        raise page.wrong("to sign, us needs key and certificate", "as2", "us")
    if protection.encrypt and not certificates:
        raise page.wrong("to encrypt, them needs a certificate", "as2", "them")
    kind = _choice(page, mdn, "kind", ["none", "sync", "async"], "sync", "mdn") or "none"
    if kind == "async" and not mdn.get("url"):
        raise page.wrong("an asynchronous MDN needs the url where it comes to", "as2", "mdn")
    return Relation(
        partner=page.path.stem,
        us=str(us["name"]),
        them=str(them["name"]),
        identities=identities,
        certificates=certificates,
        url=str(them.get("url") or ""),
        hosts=frozenset(str(one) for one in them.get("hosts") or []),
        protection=protection,
        receipts=cast(Receipts, kind),
        receipt_signed=bool(mdn.get("signed", True)),
        receipt_digest=_choice(page, mdn, "digest", list(cms.DIGESTS), "sha256", "mdn"),
        receipt_url=str(mdn.get("url") or ""),
        hours=float(mdn.get("hours", 24)),
        require=_required(page, data),
        duplicates=cast(
            Literal["answer", "warn"],
            _choice(page, data, "duplicates", ["answer", "warn"], "answer"),
        ),
        media=str(data.get("media") or "application/edifact"),
    )


def _known(page: yaml.Document, data: Any, keys: set[str], *at: str) -> None:
    if not isinstance(data, dict):
        raise page.wrong(
            f"{at[-1]} is a mapping", *at, fix=f"known keys: {', '.join(sorted(keys))}"
        )
    for key in data:
        if key not in keys:
            raise page.wrong(f"unknown key {key!r}", *at, key, fix=", ".join(sorted(keys)))


def _side(page: yaml.Document, data: Mapping[str, Any], side: str) -> Mapping[str, Any]:
    found = data.get(side) or {}
    _known(page, found, _SIDES[side], "as2", side)
    if not _NAME.fullmatch(str(found.get("name") or "")):
        raise page.wrong(
            f"{side} needs the name that stands in AS2-From and AS2-To", "as2", side,
            fix="1 to 128 printable characters without quotes and backslashes",
        )  # fmt: skip
    return cast(Mapping[str, Any], found)


def _choice(
    page: yaml.Document, data: Mapping[str, Any], key: str, known: Sequence[str], usual: str,
    *at: str,
) -> str:  # fmt: skip
    value = str(data.get(key) or usual).replace("-", "_").lower()
    value = value.replace("sha_", "sha")
    if value not in known:
        raise page.wrong(f"{key} {value!r}", "as2", *at, key, fix=", ".join(known))
    return "" if value == "none" else value


def _required(page: yaml.Document, data: Mapping[str, Any]) -> frozenset[str]:
    found = frozenset(str(one) for one in data.get("require") or [])
    if found - {"signed", "encrypted"}:
        raise page.wrong("require is a list of signed and encrypted", "as2", "require")
    return found


# -- keys -----------------------------------------------------------------------------------------
def _paths(value: Any) -> list[str]:
    return [str(one) for one in (value if isinstance(value, list) else [value] if value else [])]


def _read(page: yaml.Document, project: Path, name: str, *at: str) -> bytes:
    try:
        return (project / name).read_bytes()
    except OSError as error:
        raise page.wrong(f"cannot read {name}: {error.strerror}", *at) from None


def _certificates(
    page: yaml.Document, project: Path, side: Mapping[str, Any], name: str
) -> list[x509.Certificate]:
    found = []
    for path in _paths(side.get("certificate")):
        data = _read(page, project, path, "as2", name, "certificate")
        try:
            found.append(x509.load_pem_x509_certificate(data))
        except ValueError:
            raise page.wrong(
                f"{path} is no PEM certificate", "as2", name, "certificate",
                fix="openssl x509 -inform DER -in FILE -out FILE.pem",
            ) from None  # fmt: skip
    return found


def _identities(
    page: yaml.Document, project: Path, us: Mapping[str, Any], passphrase: str
) -> list[Identity]:
    certificates = _certificates(page, project, us, "us")
    keys = []
    for path in _paths(us.get("key")):
        data = _read(page, project, path, "as2", "us", "key")
        encrypted = b"ENCRYPTED" in data
        try:
            keys.append(load_pem_private_key(data, passphrase.encode() if encrypted else None))
        except (ValueError, TypeError):
            raise page.wrong(
                f"{path} is no private key in PEM, or its passphrase is wrong", "as2", "us", "key"
            ) from None
    if len(keys) != len(certificates):
        raise page.wrong("every key of us needs its certificate, in the same order", "as2", "us")
    for key, certificate in zip(keys, certificates, strict=True):
        if key.public_key() != certificate.public_key():
            raise page.wrong("a key of us does not belong to its certificate", "as2", "us", "key")
    return [Identity(key, one) for key, one in zip(keys, certificates, strict=True)]


def load(project: Path, partner: str, passphrase: str = "") -> Relation:
    """Read the relation of one partner; raises Misconfigured where its file has no ``as2``."""
    page = yaml.load(project / "edi" / "partners" / f"{partner}.yaml")
    found = of(page, project, passphrase)
    if found is None:
        raise Misconfigured("the partner's file says nothing under as2", where=str(page.path))
    return found


def load_all(project: Path, passphrase: str = "") -> list[Relation]:
    """Read the relations of all partners; raises Misconfigured for two of the same names."""
    found: dict[tuple[str, str], Relation] = {}
    for path in sorted((project / "edi" / "partners").glob("*.yaml")):
        page = yaml.load(path)
        one = of(page, project, passphrase)
        if one is None:
            continue
        if (one.us, one.them) in found:
            raise page.wrong(f"{one.them} to {one.us} is another partner's already", "as2", "them")
        found[one.us, one.them] = one
    return list(found.values())
