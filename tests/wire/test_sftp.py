"""SFTP: the key is pinned, no name does harm, no half file is taken or left."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from crossdock.connector import World
from crossdock.egress import Egress
from crossdock.errors import Misconfigured, TryLater
from crossdock.names import valid
from crossdock.sandbox.faults import Plan
from crossdock.sandbox.partner import Partner
from crossdock.sftp import Login, Sftp
from tests.faults.catalogue import fault

Open = Callable[..., Sftp]


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[Partner]:
    with Partner(tmp_path / "partner") as running:
        yield running


@pytest.fixture
def login(partner: Partner) -> Login:
    return Login(
        host=partner.host,
        port=partner.port,
        user=partner.user,
        password=partner.password,
        host_key=partner.host_key,
    )


@pytest.fixture
def sftp(world: World, login: Login) -> Iterator[Sftp]:
    connection = Sftp(world, Egress(allow_private=True), login)
    yield connection
    connection.close()


def test_files_come_and_go(sftp: Sftp, partner: Partner, tmp_path: Path) -> None:
    data = os.urandom(1_000_000)
    partner.drop("b.csv", b"b")
    partner.drop("a.csv", data)
    first, second = sftp.list("/out")
    assert (first.name, first.size, second.name) == ("a.csv", 1_000_000, "b.csv")
    assert sftp.download("/out", first, tmp_path / "own")
    assert (tmp_path / "own").read_bytes() == data
    sftp.archive("/out", "a.csv", "/archive")
    assert [entry.name for entry in sftp.list("/out")] == ["b.csv"]
    assert [entry.name for entry in sftp.list("/archive")] == ["a.csv"]
    sftp.upload("/in", "orders.csv", data)
    assert partner.received() == {"orders.csv": data}
    assert [path.name for path in (partner.root / "in").iterdir()] == ["orders.csv"]


@fault("F15")
def test_the_pinned_key_is_compared_before_we_say_who_we_are(
    world: World, login: Login, partner: Partner
) -> None:
    tried: list[str] = []
    partner_password = "crossdock.sandbox.partner._Door.validate_password"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partner_password, lambda door, user, password: tried.append(user))
        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
        rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048).export_public_key().decode()
        for key, words in [
            (other, "another key than the pinned one"),
            (rsa, "no key of the pinned kind"),
            ("", "not known yet"),
            ("ssh-ed25519 junk", "no public key"),
        ]:
            connection = Sftp(
                world, Egress(allow_private=True), replace(login, host_key=key.strip())
            )
            with pytest.raises(Misconfigured, match=words) as caught:
                connection.list("/out")
            connection.close()
            if words == "not known yet":
                assert partner.host_key.split()[1] in str(caught.value)
                assert "SHA256:" in str(caught.value)
    assert not tried


def test_wrong_and_right_credentials(world: World, login: Login, partner: Partner) -> None:
    wrong = Sftp(world, Egress(allow_private=True), replace(login, password="S3cret!wrong"))
    with pytest.raises(Misconfigured, match="not let this user in") as caught:
        wrong.list("/out")
    assert "S3cret" not in str(caught.value)
    assert "S3cret" not in repr(replace(login, password="S3cret!wrong"))
    wrong.close()
    key = partner.client_key.read_text()
    signed = Sftp(world, Egress(allow_private=True), replace(login, password="", key=key))
    assert signed.list("/out") == []
    signed.close()
    broken = Sftp(world, Egress(allow_private=True), replace(login, key=key[:200]))
    with pytest.raises(Misconfigured, match="private key cannot be read"):
        broken.list("/out")
    broken.close()


def test_private_addresses_are_refused_here_too(world: World, login: Login) -> None:
    connection = Sftp(world, Egress(), login)
    with pytest.raises(Misconfigured, match="private"):
        connection.list("/out")
    connection.close()


@fault("F10")
def test_a_name_that_is_no_utf_8_stops_nobody(sftp: Sftp, partner: Partner, tmp_path: Path) -> None:
    raw = os.fsencode(partner.root / "out") + b"/caf\xe9\n.csv"
    with open(raw, "wb") as file:  # noqa: PTH123 - a name in bytes
        file.write(b"x")
    partner.drop("good.csv", b"y")
    odd, good = sftp.list("/out")
    assert (odd.name, good.name) == ("caf\\xe9\\x0a.csv", "good.csv")
    assert sftp.download("/out", odd, tmp_path / "own")
    assert (tmp_path / "own").read_bytes() == b"x"
    sftp.archive("/out", odd.name, "/archive", raw=odd.raw)
    assert [entry.name for entry in sftp.list("/archive")] == ["caf\\xe9\\x0a.csv"]


@fault("F11")
def test_only_regular_files_are_listed(sftp: Sftp, partner: Partner) -> None:
    out = partner.root / "out"
    (out / "x.csv").mkdir()
    (out / "link.csv").symlink_to("/etc/passwd")
    os.mkfifo(out / "pipe.csv")
    partner.drop("good.csv", b"y")
    assert [entry.name for entry in sftp.list("/out")] == ["good.csv"]


@fault("F10")
def test_a_server_that_names_paths_gives_nothing(
    sftp: Sftp, partner: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hostile(self: Any, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        attributes = asyncssh.SFTPAttrs(size=1, permissions=0o100644, mtime=0)
        for name in (b"../../pwned.csv", b"/etc/passwd", b"a\0b", b"..", b"", b"good.csv"):
            yield asyncssh.SFTPName(name, attrs=attributes)

    monkeypatch.setattr("crossdock.sandbox.partner_files.PartnerFiles.scandir", hostile)
    assert [entry.name for entry in sftp.list("/out")] == ["good.csv"]


@fault("F02", "F03")
def test_a_file_that_is_gone_or_grows_is_not_taken(
    sftp: Sftp, partner: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = partner.drop("a.csv", b"abc")
    [entry] = sftp.list("/out")
    plain = Path.open

    def grow(self: Path, *args: Any, **options: Any) -> Any:
        if self.name == "own":
            path.write_bytes(b"abcdef")
        return plain(self, *args, **options)

    monkeypatch.setattr(Path, "open", grow)
    assert not sftp.download("/out", entry, tmp_path / "own")
    monkeypatch.undo()
    path.unlink()
    assert not sftp.download("/out", entry, tmp_path / "own")


@fault("F06", "F07")
def test_archiving_never_overwrites_and_may_be_repeated(sftp: Sftp, partner: Partner) -> None:
    for _ in range(3):
        partner.drop("a.csv", b"x")
        sftp.archive("/out", "a.csv", "/archive")
    sftp.archive("/out", "a.csv", "/archive")
    assert [entry.name for entry in sftp.list("/archive")] == ["a.csv", "a.csv.1", "a.csv.2"]
    partner.drop("a.csv", b"x")
    with pytest.raises(Misconfigured, match="no such folder"):
        sftp.archive("/out", "a.csv", "/nowhere")


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a\nb", "x" * 201, "a\0b", ".."])
def test_names_of_ours_are_checked(sftp: Sftp, name: str) -> None:
    with pytest.raises(Misconfigured, match="name of a file"):
        sftp.upload("/in", name, b"x")
    with pytest.raises(Misconfigured):
        valid(name)


@fault("F06", "F08")
@pytest.mark.parametrize("fault", ["reset_file", "half_file", "commit_then_reset"])
@pytest.mark.parametrize("endpoint", ["open /in", "rename /in", "open /out"])
def test_broken_connections_leave_whole_files_only(
    sftp: Sftp, partner: Partner, tmp_path: Path, fault: str, endpoint: str
) -> None:
    data = os.urandom(200_000)
    partner.drop("a.csv", data)
    partner.plan = Plan([{"at": 1, "endpoint": endpoint, "fault": fault}])
    [entry] = sftp.list("/out")
    assert sftp.download("/out", entry, tmp_path / "own")
    assert (tmp_path / "own").read_bytes() == data
    sftp.upload("/in", "b.csv", data)
    assert partner.received() == {"b.csv": data}
    assert [path.name for path in (partner.root / "in").iterdir()] == ["b.csv"]


def test_a_server_that_always_breaks_is_for_later(sftp: Sftp, partner: Partner) -> None:
    partner.plan = Plan([{"at": 1, "endpoint": "open /in", "fault": "reset_file", "times": 99}])
    with pytest.raises(TryLater, match="broke off"):
        sftp.upload("/in", "b.csv", b"x")
    assert partner.received() == {}


def test_a_server_that_says_nothing_is_left(world: World, login: Login) -> None:
    import socket

    silent = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []
    threading.Thread(target=lambda: held.append(silent.accept()[0]), daemon=True).start()
    mute = replace(login, port=silent.getsockname()[1])
    connection = Sftp(world, Egress(allow_private=True), mute, deadline=0.3)
    start = time.monotonic()
    with pytest.raises(TryLater):
        connection.list("/out")
    assert time.monotonic() - start < 8
    connection.close()
    for sock in (silent, *held):
        sock.close()
