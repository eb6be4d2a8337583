"""A server that answers with raw bytes, and a world whose clock only sleeping moves."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crossdock.connector import World

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


@dataclass
class Heard:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    socket: socket.socket

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        from urllib.parse import parse_qsl

        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


Handler = Callable[[Heard], Any]


@dataclass
class RawServer:
    """Reads whole requests; ``handler`` answers on the socket or gives bytes to send."""

    handler: Handler
    tls: ssl.SSLContext | None = None
    heard: list[Heard] = field(default_factory=list)

    def __enter__(self) -> RawServer:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as file:
                while self._one(connection, file):
                    pass

    def _one(self, connection: socket.socket, file: Any) -> bool:
        line = file.readline().decode().split()
        if len(line) < 2:
            return False
        headers = {}
        while text := file.readline().decode("latin-1").strip():
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        body = file.read(int(headers.get("content-length", 0)))
        heard = Heard(line[0], line[1], headers, body, connection)
        self.heard.append(heard)
        data = self.handler(heard)
        if data is None:
            return False
        connection.sendall(data)
        return b"connection: close" not in data[:500].lower()


def answer(
    body: bytes | str = b"{}", status: int = 200, length: bool = True, **headers: str
) -> bytes:
    """Build a whole answer; ``_`` in the name of a header stands for ``-``."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Word"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if length:
        lines.append(f"Content-Length: {len(data)}")
    else:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.passed += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(tmp_path: Path, clock: Clock) -> World:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return World(
        project=tmp_path,
        scratch=scratch,
        now=clock.now,
        monotonic=clock.monotonic,
        sleep=clock.sleep,
        random=random.Random(7),  # noqa: S311
    )


@pytest.fixture
def serve() -> Iterator[Callable[..., RawServer]]:
    with contextlib.ExitStack() as stack:

        def start(handler: Handler, tls: ssl.SSLContext | None = None) -> RawServer:
            return stack.enter_context(RawServer(handler, tls))

        yield start
