"""Requests per window of a credential, shared by all that use it.

The rule is the generic cell rate algorithm: one number a credential, the instant at which the
bucket would be full again. It needs one row in a store and no clean-up.
"""

from __future__ import annotations

import threading
from typing import Protocol

from crossdock.connector import Budget, World
from crossdock.errors import TryLater

LONGEST_WAIT = 900.0


class BudgetStore(Protocol):
    """Where the budgets of all credentials are kept; ``now`` is seconds since 1970."""

    def take(self, credential: str, cost: float, now: float, budget: Budget) -> float:
        """Take ``cost`` requests; gives the seconds to wait before sending, 0 for none."""

    def pause(self, credential: str, until: float) -> None:
        """Let nothing of ``credential`` go before ``until``: the other side said so."""


def next_full(full: float, cost: float, now: float, budget: Budget) -> tuple[float, float]:
    """Reserve ``cost`` requests: gives (when the bucket is full again, seconds to wait).

    A quarter of the requests may go at once, the others are spread, so that no window of
    ``seconds`` sees more than ``requests`` wherever it begins.

    >>> limits = Budget(requests=2, seconds=10)
    >>> next_full(0.0, 1, 100.0, limits)
    (105.0, 0.0)
    >>> next_full(105.0, 1, 100.0, limits)
    (110.0, 5.0)
    """
    if budget.requests <= 0:
        return now, 0.0
    burst = max(1, budget.requests // 4)
    apart = budget.seconds / (budget.requests - burst + 1)
    filled = max(full, now) + cost * apart
    return filled, max(0.0, filled - burst * apart - now)


class InProcess:
    """Budgets of this process only, for tests and for a single worker."""

    def __init__(self) -> None:
        self._full: dict[str, float] = {}
        self._paused: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, credential: str, cost: float, now: float, budget: Budget) -> float:
        """Take ``cost`` requests; gives the seconds to wait before sending."""
        with self._lock:
            full = self._full.get(credential, 0.0)
            self._full[credential], wait = next_full(full, cost, now, budget)
            return max(wait, self._paused.get(credential, 0.0) - now)

    def pause(self, credential: str, until: float) -> None:
        """Let nothing of ``credential`` go before ``until``."""
        with self._lock:
            self._paused[credential] = max(until, self._paused.get(credential, 0.0))


class Allowance:
    """The budget of one credential, as a caller sees it."""

    def __init__(self, world: World, store: BudgetStore, credential: str, budget: Budget) -> None:
        self._world = world
        self._store = store
        self._credential = credential
        self._budget = budget

    def take(self, cost: float = 1.0) -> None:
        """Wait until ``cost`` requests may go; raises TryLater instead of waiting very long."""
        wait = self._store.take(self._credential, cost, self._now(), self._budget)
        if wait > LONGEST_WAIT:
            raise TryLater("the budget of requests is used up", after=wait)
        if wait > 0:
            self._world.sleep(wait)

    def slow_down(self, seconds: float) -> None:
        """Note that the other side wants no request for ``seconds``."""
        self._store.pause(self._credential, self._now() + seconds)

    def _now(self) -> float:
        return self._world.now().timestamp()
