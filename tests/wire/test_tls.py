"""TLS is verified: self-signed, expired and wrong names are refused, old versions too."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crossdock.connector import World
from crossdock.egress import Egress
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.exchange import Request
from crossdock.http import HttpSession
from crossdock.retry import ONCE
from tests.faults.catalogue import fault

from .conftest import answer


def certificate(folder: Path, name: str, days: int = 1) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    try:
        alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def context(path: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(path)
    return made


def test_a_trusted_certificate_is_taken_and_others_are_not(
    world: World, serve: Callable[..., Any], tmp_path: Path
) -> None:
    good = certificate(tmp_path, "127.0.0.1")
    server = serve(lambda heard: answer(), context(good))
    trusting = HttpSession(world, Egress(allow_private=True), ca=good, patience=ONCE)
    assert trusting.send(Request("GET", server.url)).status == 200
    trusting.close()
    plain = HttpSession(world, Egress(allow_private=True), patience=ONCE)
    with pytest.raises(Misconfigured, match="not trusted"):
        plain.send(Request("GET", server.url))
    plain.close()
    assert len(server.heard) == 1


@fault("N35")
@pytest.mark.parametrize(("name", "days"), [("127.0.0.1", -1), ("other.example", 1)])
def test_expired_and_wrong_names_are_refused(
    world: World, serve: Callable[..., Any], tmp_path: Path, name: str, days: int
) -> None:
    path = certificate(tmp_path, name, days)
    server = serve(lambda heard: answer(), context(path))
    session = HttpSession(world, Egress(allow_private=True), ca=path, patience=ONCE)
    with pytest.raises(Misconfigured, match="not trusted"):
        session.send(Request("GET", server.url))
    session.close()
    assert not server.heard


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_are_refused(world: World, serve: Callable[..., Any], tmp_path: Path) -> None:
    path = certificate(tmp_path, "127.0.0.1")
    old = context(path)
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    server = serve(lambda heard: answer(), old)
    session = HttpSession(world, Egress(allow_private=True), ca=path, patience=ONCE)
    with pytest.raises(CrossdockError):
        session.send(Request("GET", server.url))
    session.close()
    assert not server.heard


def test_the_name_is_shown_to_the_server_though_the_address_is_called(
    world: World, serve: Callable[..., Any], tmp_path: Path
) -> None:
    path = certificate(tmp_path, "shop.example")
    server = serve(lambda heard: answer(), context(path))
    egress = Egress(allow_private=True, resolve=lambda host, port: ["127.0.0.1"])
    session = HttpSession(world, egress, ca=path, patience=ONCE)
    assert session.send(Request("GET", f"https://shop.example:{server.port}/")).status == 200
    session.close()
