"""Where the receiver listens: on this machine, unless TLS is sure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from crossdock.errors import Misconfigured

PORT = 8460


@dataclass(frozen=True)
class Listening:
    """Where to listen. Beyond this machine only with a certificate, or behind a stated proxy."""

    host: str = "127.0.0.1"
    port: int = PORT
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False

    def verify(self) -> None:
        """Raise Misconfigured for an address that would be reached without TLS."""
        try:
            near = ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            near = self.host == "localhost"
        if not near and not self.certificate and not self.behind_proxy:
            raise Misconfigured(
                f"{self.host} is reached from other machines, and calls would travel unencrypted",
                fix="give --certificate and --key, or say --behind-proxy when a proxy has TLS",
            )
