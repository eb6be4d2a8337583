"""Files on an SFTP server. The one door to paramiko.

The server's key is pinned and compared before anything is said about us; no agent, no keys of the
machine. Names are bytes on the wire: one that is no UTF-8 is shown escaped and stops nobody else.
A name of theirs is never a path of ours. Every operation has a deadline as a whole.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import logging
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import paramiko
from paramiko.sftp import CMD_CLOSE, CMD_OPENDIR, CMD_READDIR

from crossdock import retry
from crossdock import sftp_operations as operations
from crossdock.connector import World
from crossdock.deadline import Watch, in_time
from crossdock.egress import Egress
from crossdock.errors import Misconfigured, TryLater
from crossdock.names import shown, valid
from crossdock.retry import Patience

Result = TypeVar("Result")

DEADLINE = 60.0
_PATIENCE = Patience(attempts=4, longest=30.0)
logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it quotes the names of files


@dataclass(frozen=True)
class Remote:
    """A file there: its name as text, size in bytes, time in seconds by their clock."""

    name: str
    size: int
    modified: float
    raw: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Login:
    """Where and as whom: ``host_key`` is one line, "ssh-ed25519 AAAA..."; ``key`` a private key."""

    host: str
    port: int = 22
    user: str = ""
    password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
    host_key: str = ""


class Sftp:
    """A connection that is made when it is needed and made again when it broke."""

    def __init__(
        self, world: World, egress: Egress, login: Login, *, deadline: float = DEADLINE
    ) -> None:
        self._world = world
        self._egress = egress
        self._login = login
        self._deadline = deadline
        self._transport: paramiko.Transport | None = None
        self._client: Any = None
        self._handle: socket.socket | None = None

    # -- what can be done ---------------------------------------------------------------------
    def list(self, folder: str) -> list[Remote]:
        """Give the regular files of ``folder`` by name; links, folders and pipes are left out."""
        found = self._again(f"list {folder}", lambda client: [*_files(client, folder)])
        return sorted(found, key=lambda entry: entry.name)

    def download(self, folder: str, entry: Remote, target: Path) -> bool:
        """Fetch a file into ``target``, a name of ours; False when it is gone or still grows."""
        return self._again(
            f"get from {folder}",
            lambda client: operations.fetch(client, _path(folder, entry), target),
        )

    def upload(self, folder: str, name: str, data: bytes | Path) -> None:
        """Leave a file under a temporary name, verify its size, rename it.

        What stands there under ``name`` is replaced. Raises TryLater where nothing was left under
        that name.
        """
        valid(name)
        part = _path(folder, f".{name}.crossdock.part")
        final = _path(folder, name)
        self._again(f"put to {folder}", lambda client: operations.put(client, part, data))
        in_time(f"{folder}/{name}")  # an older file never replaces a newer one
        broke = False

        def settle(client: Any) -> None:
            nonlocal broke
            try:
                operations.settle(client, part, final, again=broke)
            except operations.PartGoneError:
                raise
            except Exception:
                broke = True
                raise

        self._again(f"rename in {folder}", settle)

    def archive(self, folder: str, name: str, target: str, raw: bytes = b"") -> None:
        """Move a fetched file to ``target``; gone already is fine, a taken name gets a number."""
        moved = Remote(name, 0, 0, raw)
        source, goal = _path(folder, moved), _path(target, moved)
        self._again(
            f"archive to {target}", lambda client: operations.move_aside(client, source, goal)
        )

    def close(self) -> None:
        """Give the connection back."""
        for part in (self._client, self._transport, self._handle):
            if part is not None:
                with contextlib.suppress(Exception):
                    part.close()
        self._client = self._transport = self._handle = None

    # -- the connection -------------------------------------------------------------------------
    def _again(self, what: str, work: Callable[[Any], Result]) -> Result:
        return retry.call(self._world, _PATIENCE, lambda: self._once(what, work))

    def _once(self, what: str, work: Callable[[Any], Result]) -> Result:
        where = f"sftp://{self._login.host}:{self._login.port}"
        with Watch(self._deadline) as watch:
            try:
                client = self._connected(watch)
                return work(client)
            except PermissionError:
                raise Misconfigured(f"{what} is not permitted", where=where) from None
            except FileNotFoundError:
                raise Misconfigured(f"{what}: there is no such folder", where=where) from None
            except (paramiko.SSHException, OSError, EOFError) as error:
                self.close()
                words = "took too long" if watch.late else f"broke off ({_words(error)})"
                raise TryLater(f"{what} {words}", where=where) from None

    def _connected(self, watch: Watch) -> Any:
        if self._transport is None or not self._transport.is_active():
            self.close()
            self._connect(watch)
        if self._handle is not None:
            watch.follow(self._handle)
        return self._client

    def _connect(self, watch: Watch) -> None:
        login = self._login
        pinned = _pinned(login.host_key) if login.host_key else None
        address = self._egress.address(login.host, login.port)
        sock = socket.create_connection((address, login.port), timeout=15)
        self._handle = sock.dup()
        watch.follow(self._handle)
        transport = self._transport = paramiko.Transport(sock)
        transport.banner_timeout = transport.auth_timeout = transport.channel_timeout = 30
        if pinned:
            transport.get_security_options().key_types = _algorithms(pinned.get_name())
        try:
            transport.start_client(timeout=30)
        except paramiko.ssh_exception.IncompatiblePeer:
            raise self._unpinned("offers no key of the pinned kind", None) from None
        self._verify(pinned, transport.get_remote_server_key())
        self._log_in(transport)
        self._client = paramiko.SFTPClient.from_transport(transport)
        self._client.get_channel().settimeout(30)

    def _verify(self, pinned: paramiko.PKey | None, shown_key: paramiko.PKey) -> None:
        if pinned is None:
            raise self._unpinned("is not known yet", shown_key)
        if pinned.asbytes() != shown_key.asbytes():
            raise self._unpinned("shows another key than the pinned one", shown_key)

    def _unpinned(self, what: str, key: paramiko.PKey | None) -> Misconfigured:
        self.close()
        fix = "ask its owner whether the key was changed"
        if key is not None:
            digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
            line = f"{key.get_name()} {key.get_base64()}"
            fix = f"compare SHA256:{digest} with its owner, then write host_key: {line}"
        where = f"sftp://{self._login.host}:{self._login.port}"
        return Misconfigured(f"the SFTP server {what}", where=where, fix=fix)

    def _log_in(self, transport: paramiko.Transport) -> None:
        login = self._login
        try:
            if login.key:
                transport.auth_publickey(login.user, _private(login.key, login.passphrase))
            else:
                transport.auth_password(login.user, login.password, fallback=False)
        except paramiko.AuthenticationException:
            self.close()
            raise Misconfigured(
                "the SFTP server does not let this user in",
                where=f"sftp://{login.host}:{login.port}",
                fix="check user and password or key",
            ) from None


def _files(client: Any, folder: str) -> Iterator[Remote]:
    """List a folder; paramiko's own list decodes the names and fails as a whole on a bad one."""
    _, message = client._request(CMD_OPENDIR, folder.encode())
    handle = message.get_binary()
    try:
        while True:
            try:
                _, message = client._request(CMD_READDIR, handle)
            except EOFError:
                return
            for _ in range(message.get_int()):
                raw = message.get_binary()
                message.get_binary()  # the line that `ls -l` would print
                attributes = paramiko.SFTPAttributes._from_msg(message)  # type: ignore[attr-defined]
                if _is_file(client, folder, raw, attributes):
                    size, modified = attributes.st_size or 0, attributes.st_mtime or 0
                    yield Remote(shown(raw), size, float(modified), raw)
    finally:
        client._request(CMD_CLOSE, handle)


def _is_file(client: Any, folder: str, raw: bytes, attributes: Any) -> bool:
    if raw in {b"", b".", b".."} or b"/" in raw or b"\0" in raw:
        return False
    mode = attributes.st_mode
    if mode is None:
        mode = client.lstat(folder.encode() + b"/" + raw).st_mode
    return mode is not None and stat.S_ISREG(mode)


def _path(folder: str, entry: Remote | str) -> bytes:
    raw = entry.encode() if isinstance(entry, str) else entry.raw or entry.name.encode()
    if b"/" in raw or raw in {b"", b".", b".."}:
        raise Misconfigured("this is no name of a file")
    return folder.rstrip("/").encode() + b"/" + raw


def _pinned(line: str) -> paramiko.PKey:
    parts = line.split()
    try:
        return paramiko.PKey.from_type_string(parts[0], base64.b64decode(parts[1], validate=True))
    except Exception as error:
        raise Misconfigured(
            "host_key is no public key", fix="write it as the server's .pub file has it"
        ) from error


def _algorithms(name: str) -> tuple[str, ...]:
    return ("rsa-sha2-512", "rsa-sha2-256") if name == "ssh-rsa" else (name,)


def _private(text: str, passphrase: str) -> paramiko.PKey:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text), passphrase or None)
        except paramiko.PasswordRequiredException:
            raise Misconfigured("the private key needs its passphrase") from None
        except (paramiko.SSHException, ValueError, IndexError):
            continue
    raise Misconfigured(
        "the private key cannot be read", fix="use an OpenSSH key and check the passphrase"
    )


def _words(error: Exception) -> str:
    return type(error).__name__
