"""Two sides of AS2 on loopback: their keys, their files and a running receiver each."""

import socket
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from crossdock.as2.app import As2App
from crossdock.as2.cms import Identity
from crossdock.as2.postbox import Postbox
from crossdock.as2.receive import Receiver
from crossdock.as2.relation import Relation
from crossdock.as2.sender import Sender
from crossdock.as2.serve import server
from crossdock.connector import World
from crossdock.egress import Egress
from crossdock.webhooks.listening import Listening


def identity(name: str) -> Identity:
    """A key with a certificate that it signed itself, as most AS2 partners have."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return Identity(key, made)


def save(folder: Path, name: str, one: Identity) -> None:
    """Write key and certificate as PEM."""
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    key = one.key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    (folder / f"{name}.key").write_bytes(key)
    (folder / f"{name}.pem").write_bytes(one.certificate.public_bytes(pem))


@pytest.fixture(scope="session")
def identities():
    return {name: identity(name) for name in ("us", "them", "stranger")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Served:
    """An application on a free port, in a thread of its own."""

    def __init__(self, app: As2App) -> None:
        self._server = server(app, Listening(port=0))
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/as2"
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self._server.started

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(60)
        self._socket.close()
        assert not self._thread.is_alive()


@dataclass
class Side:
    """One of the two: its view of the relation, its post box, its server."""

    relation: Relation
    box: Postbox
    served: Served | None = None

    def contents(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted((self.box.root / "out").glob("*"))]


class Loop:
    """We and they: each has a receiver, and both may be told to agree on something else."""

    def __init__(self, identities: dict[str, Identity], folder: Path) -> None:
        ours, theirs = identities["us"], identities["them"]
        self.world = World(project=folder, scratch=folder)
        self.egress = Egress(allow_private=True)
        self.us = Side(
            Relation("them", "CROSSDOCK", "RETAIL ER", [ours], [theirs.certificate]),
            Postbox(folder / "us"),
        )
        self.them = Side(
            Relation("us", "RETAIL ER", "CROSSDOCK", [theirs], [ours.certificate]),
            Postbox(folder / "them"),
        )
        for side in (self.us, self.them):
            side.served = Served(As2App(self.receiver(side), lambda side=side: self.pay(side)))
        self.agree(receipts="sync")

    def receiver(self, side: Side) -> Receiver:
        class Present(Receiver):
            """Takes the relation as it is now; the tests change it."""

            def take(self, headers, body):
                one = side.relation
                self._relations = {(one.us, one.them): one}
                return super().take(headers, body)

        return Present([side.relation], lambda _: side.box)

    def agree(self, **changes) -> None:
        """Change what both sides agreed on."""
        for side, other in ((self.us, self.them), (self.them, self.us)):
            side.relation = replace(
                side.relation,
                url=other.served.url,
                receipt_url=side.served.url,
                **changes,
            )

    def pay(self, side: Side) -> None:
        sender = Sender(self.world, self.egress, side.relation, side.box)
        try:
            sender.pay()
        finally:
            sender.close()

    def send(self, content: bytes, name: str):
        sender = Sender(self.world, self.egress, self.us.relation, self.us.box)
        try:
            return sender.send(content, name)
        finally:
            sender.close()

    def state(self, name: str):
        sender = Sender(self.world, self.egress, self.us.relation, self.us.box)
        try:
            return sender.state(name)
        finally:
            sender.close()

    def close(self) -> None:
        for side in (self.us, self.them):
            side.served.close()


@pytest.fixture
def loop(identities, tmp_path):
    made = Loop(identities, tmp_path)
    yield made
    made.close()
