"""Fault plans as data: which request of which endpoint breaks, and how.

A plan is a pure function of (seed, request number, endpoint), so a plan that broke something can
be shortened by hand and pasted into a test: ``[{"at": 17, "fault": "commit_then_reset"}]``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args
from typing import Literal as _Literal

FaultName = _Literal[
    "429",  # too many requests, Retry-After in seconds (``after``)
    "429_date",  # the same with an HTTP date
    "429_ms",  # the same in milliseconds, in a header of its own (X-Rate-Limit-Time-Reset-Ms)
    "429_minutes",  # the same in minutes (Item-Retry-After)
    "429_epoch",  # the same as a point in time, in seconds since 1970 (X-RateLimit-Reset)
    "420_date",  # status 420 and a date (X-RateLimit-Resource-Until)
    "ban_text",  # status 200 and "This ban will last for N more seconds" in the body
    "409",  # somebody else is at it
    "412",  # the record has changed meanwhile
    "413",  # the call is too large
    "422",  # the record is not taken
    "500",
    "502_html",  # a proxy's page in HTML
    "503",
    "200_html",  # a login or captcha page with status 200
    "empty",  # status 200 without a body
    "expired_token",  # 401, and the token is dead from now on
    "reset",  # the connection is reset before anything was done
    "reset_midway",  # half of the answer, then a reset
    "truncated",  # less than Content-Length
    "truncated_gzip",  # half of a gzip stream, no Content-Length
    "drip",  # the answer a byte at a time
    "slow",  # the effect, then ``after`` seconds of silence, then the answer
    "commit_then_500",  # the effect happened, the caller hears 500
    "commit_then_reset",  # the effect happened, the caller hears nothing
    "duplicate_page",  # the page begins with the records of the page before
    "loop",  # the next page is said to be this one
    "elsewhere",  # the next page is said to lie at another host
    "echo",  # 400, and the words quote all headers and parameters of the request
    "html_fault",  # SOAP: status 500 with HTML
    "server_fault",  # SOAP: a fault on the server's side
    "client_fault",  # SOAP: a fault that blames the caller
    "fault_200",  # SOAP: a fault with status 200
    "half_file",  # SFTP: the upload stops half way
    "reset_file",  # SFTP: the connection ends on opening a file
    "lost_call",  # webhook: it never arrives
    "doubled_call",  # webhook: it arrives twice
    "late_call",  # webhook: it arrives after the next one
]
FAULTS: tuple[str, ...] = get_args(FaultName)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong: its name, and ``after`` in seconds where it has a length."""

    name: str
    after: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise ValueError(f"there is no fault {self.name!r}; there are {', '.join(FAULTS)}")


@dataclass(frozen=True)
class Plan:
    """Which requests break.

    ``exact`` holds rows such as ``{"at": 17, "fault": "503"}``: the 17th request of the system,
    or with ``"endpoint": "POST /orders"`` the 17th of that endpoint; ``"times": 3`` breaks three
    in a row. Beside these, a share ``rate`` of all requests draws one of ``names`` by ``seed``.
    """

    exact: Sequence[Mapping[str, Any]] = ()
    seed: int = 0
    rate: float = 0.0
    names: Sequence[str] = ("503", "429", "reset", "commit_then_reset")

    def fault(self, number: int, endpoint: str, endpoint_number: int) -> Fault | None:
        """Say what breaks in request ``number``, the ``endpoint_number``-th of ``endpoint``.

        >>> plan = Plan([{"at": 2, "endpoint": "GET /orders", "fault": "503"}])
        >>> plan.fault(9, "GET /orders", 2)
        Fault(name='503', after=1.0)
        >>> plan.fault(2, "POST /orders", 1) is None
        True
        """
        for row in self.exact:
            if "endpoint" in row and row["endpoint"] != endpoint:
                continue
            count = endpoint_number if "endpoint" in row else number
            if row["at"] <= count < row["at"] + row.get("times", 1):
                return Fault(row["fault"], float(row.get("after", 1.0)))
        return self._drawn(number, endpoint) if self.rate else None

    def _drawn(self, number: int, endpoint: str) -> Fault | None:
        text = f"{self.seed}:{number}:{endpoint}".encode()
        draw = int.from_bytes(hashlib.sha256(text).digest()[:8])
        if draw % 1_000_000 >= self.rate * 1_000_000:
            return None
        return Fault(self.names[draw // 1_000_000 % len(self.names)], after=0.01)


NO_FAULTS = Plan()
