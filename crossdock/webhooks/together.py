"""Write calls down together: whoever comes while a transaction commits goes into the next one.

A thousand calls at once are then a handful of transactions, and each is answered when it is
durable and not before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from crossdock.errors import CrossdockError, TryLater
from crossdock.webhooks.inbox import Call

log = logging.getLogger(__name__)

MOST_TOGETHER = 250
MOST_WAITING = 5_000
PATIENCE = 5.0
"""Seconds: vendors hang up after five, and a call that nobody waits for comes again anyway."""

Keep = Callable[[Sequence[Call]], Any]
_Waiting = tuple[Call, "asyncio.Future[CrossdockError | None]"]


class Together:
    """Collects calls for ``keep``, which makes them durable or raises."""

    def __init__(self, keep: Keep, patience: float = PATIENCE) -> None:
        self._keep = keep
        self._patience = patience
        self._waiting: list[_Waiting] = []
        self._woken = asyncio.Event()

    async def add(self, call: Call) -> None:
        """Wait until ``call`` is durable; raises TryLater when that takes too long, or fails."""
        if len(self._waiting) >= MOST_WAITING:
            raise TryLater("too many calls are waiting to be written down")
        future: asyncio.Future[CrossdockError | None]
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((call, future))
        self._woken.set()
        try:
            error = await asyncio.wait_for(asyncio.shield(future), self._patience)
        except TimeoutError:
            raise TryLater("the inbox takes too long") from None
        if error is not None:
            raise error

    async def work(self) -> None:
        """Write down what comes, until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._waiting:
                some, self._waiting = (
                    self._waiting[:MOST_TOGETHER],
                    self._waiting[MOST_TOGETHER:],
                )
                error = await asyncio.to_thread(self._write, [call for call, _ in some])
                for _, future in some:
                    if not future.done():
                        future.set_result(error)

    def _write(self, calls: Sequence[Call]) -> CrossdockError | None:
        try:
            self._keep(calls)
        except CrossdockError as error:
            log.error("the inbox is closed: %s", error)
            return error
        except Exception as error:  # noqa: BLE001 - a full disk, a lost database: nothing is kept
            log.error("the inbox is closed: %s", type(error).__name__)
            return TryLater("the inbox cannot be written")
        return None
