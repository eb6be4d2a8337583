"""Connections that go to checked addresses only, and end when their time is up."""

from __future__ import annotations

import logging
import socket
import sys
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from crossdock.deadline import watching
from crossdock.egress import Egress

logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # its messages quote URLs with secrets


class _Checked:
    """Mixed into urllib3's connections: resolve once, check, connect there, be watched."""

    egress: Egress
    handle: socket.socket | None = None
    host: str
    port: int
    timeout: Any
    socket_options: Any

    def _new_conn(self) -> socket.socket:
        address = self.egress.address(self.host, self.port)
        try:
            sock = socket.create_connection((address, self.port), self.timeout)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"{self.host} does not answer") from error
        except OSError as error:
            words = f"{self.host} cannot be reached: {error.strerror}"
            raise NewConnectionError(self, words) from error  # type: ignore[arg-type]
        for option in self.socket_options or ():
            sock.setsockopt(*option)
        sys.audit("http.client.connect", self, self.host, self.port)
        self._drop_handle()
        self.handle = sock.dup()
        self._be_watched()
        return sock

    def _be_watched(self) -> None:
        watch = watching()
        if watch is not None and self.handle is not None:
            watch.follow(self.handle)

    def _drop_handle(self) -> None:
        if self.handle is not None:
            self.handle.close()
            self.handle = None


class _Plain(_Checked, HTTPConnection):
    def request(self, *args: Any, **options: Any) -> None:
        self._be_watched()
        super().request(*args, **options)

    def close(self) -> None:
        self._drop_handle()
        super().close()


class _Secure(_Checked, HTTPSConnection):
    def request(self, *args: Any, **options: Any) -> None:
        self._be_watched()
        super().request(*args, **options)

    def close(self) -> None:
        self._drop_handle()
        super().close()


def pools(egress: Egress) -> dict[str, type[HTTPConnectionPool]]:
    """Give connection pools by scheme whose connections ask ``egress`` for their address."""
    plain = type("_PlainOf", (_Plain,), {"egress": egress})
    secure = type("_SecureOf", (_Secure,), {"egress": egress})
    return {
        "http": type("_PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("_SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
