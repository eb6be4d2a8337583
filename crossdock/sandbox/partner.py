"""The sandbox trading partner: an SFTP server with a folder of its own, on loopback.

``/out`` holds what the partner sends, ``/in`` takes what is sent to the partner, ``/archive``
is for files that were fetched. A file whose name ends in .part or .tmp, or begins with a dot,
counts as delivered only when it is renamed.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncssh

from crossdock.sandbox.faults import NO_FAULTS, Fault, Plan
from crossdock.sandbox.journal import Journal, digest
from crossdock.sandbox.partner_files import PartnerFiles

FOLDERS = ("in", "out", "archive")


class Partner:
    """A running SFTP server for one partner, as a context manager.

    ``host``, ``port`` and ``host_key`` (one line, ``ssh-ed25519 AAAA…``) are what a caller pins;
    ``client_key`` is the file of a private key that may sign in, beside ``password``. ``folder``
    keeps keys, files and the journal. ``clock_offset`` in seconds falsifies the times of files.
    """

    host = "127.0.0.1"
    user = "partner"
    password = "sandbox-secret"  # noqa: S105 - it opens nothing but the sandbox

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        plan: Plan = NO_FAULTS,
        clock_offset: float = 0.0,
        authorized_keys: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.folder = folder
        self.port = port
        self.plan = plan
        self.clock_offset = clock_offset
        self.root = folder / "partner"
        for name in FOLDERS:
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.journal = Journal(folder / "partner.journal.jsonl", "partner", now)
        self._host = _key(folder / "partner.host_key")
        self.host_key = self._host.export_public_key().decode().strip()
        self.client_key = folder / "partner.client_key"
        own = _key(self.client_key).export_public_key().decode()
        self._authorized = asyncssh.import_authorized_keys(own + authorized_keys)
        self._counts: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncssh.SSHAcceptor | None = None
        self.connections: set[asyncssh.SSHServerConnection] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(30)
        self.port = self._server.get_port()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()
        self.journal.close()

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            self.host,
            self.port,
            server_factory=lambda: _Door(self),
            server_host_keys=[self._host],
            authorized_client_keys=self._authorized,
            sftp_factory=lambda channel: PartnerFiles(channel, self),
            allow_scp=False,
            agent_forwarding=False,
        )

    async def _stop(self) -> None:
        assert self._server is not None  # noqa: S101 - it was started
        self._server.close()
        for connection in list(self.connections):
            connection.abort()
        await self._server.wait_closed()
        for _ in range(3):  # let the tasks of dropped connections end before the loop does
            await asyncio.sleep(0)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def fault(self, endpoint: str) -> Fault | None:
        """Count a call and ask the plan; endpoints are such as ``open /out`` and ``rename /in``."""
        self._counts[""] += 1
        self._counts[endpoint] += 1
        return self.plan.fault(self._counts[""], endpoint, self._counts[endpoint])

    # -- what the partner's own people do --------------------------------------------------------
    def drop(self, name: str, data: bytes, *, half: bool = False) -> Path:
        """Put a file into ``/out``; with ``half`` only its first half, as while it is uploaded."""
        path = self.root / "out" / name
        path.write_bytes(data[: len(data) // 2] if half else data)
        if not half:
            self.journal.write(
                self.journal.entry("changed", "file", name, None, body_sha256=digest(data))
            )
        return path

    def received(self) -> dict[str, bytes]:
        """Files in ``/in`` by name, without those that are still being written."""
        files = sorted((self.root / "in").iterdir())
        return {path.name: path.read_bytes() for path in files if not unfinished(path.name)}

    def clear(self) -> None:
        """Empty all three folders."""
        for name in FOLDERS:
            shutil.rmtree(self.root / name)
            (self.root / name).mkdir()


def unfinished(name: str) -> bool:
    """Say whether a file of this name is still being written, by the custom of the trade."""
    return name.startswith(".") or name.endswith((".part", ".tmp", ".filepart"))


class _Door(asyncssh.SSHServer):
    def __init__(self, partner: Partner) -> None:
        self._partner = partner
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._partner.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._partner.connections.discard(self._connection)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (self._partner.user, self._partner.password)


def _key(path: Path) -> Any:
    """Read the private key at ``path``, made on first use."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        key = asyncssh.generate_private_key("ssh-ed25519")
        path.touch(mode=0o600)
        path.write_bytes(key.export_private_key())
        return key
    return asyncssh.read_private_key(path)
