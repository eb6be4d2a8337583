"""Requests per window of a credential, shared by all that use it.

The rule is the generic cell rate algorithm: one number a credential, the instant at which the
bucket would be full again. It needs one row in a store and no clean-up. What answers say about
the budget (``crossdock.streams.Signals``) moves that number, or pauses the credential.
"""

from __future__ import annotations

import dataclasses
import threading
from datetime import UTC, datetime
from typing import Any, Protocol

from crossdock.connector import World
from crossdock.errors import TryLater
from crossdock.exchange import Answer, heard_of
from crossdock.streams import Budget, Signals
from crossdock.verdict import Heard, at, wait_of, wait_until

LONGEST_WAIT = 900.0
SLACK = 0.07
MOST_SLACK = 0.6
"""Share of a window, and most seconds of it, by which it is taken for longer than it is: requests
that arrive late, and make those behind them look early, then do no harm."""
_SECONDS = {"milliseconds": 0.001, "seconds": 1.0, "minutes": 60.0}


class BudgetStore(Protocol):
    """Where the budgets of all credentials are kept; ``now`` is seconds since 1970."""

    def take(self, credential: str, cost: float, now: float, budget: Budget) -> float:
        """Take ``cost`` requests; gives the seconds to wait before sending, 0 for none.

        A negative cost gives back what an answer says was not used.
        """

    def pause(self, credential: str, until: float) -> None:
        """Let nothing of ``credential`` go before ``until``: the other side said so."""


def next_full(full: float, cost: float, now: float, budget: Budget) -> tuple[float, float]:
    """Reserve ``cost`` requests: gives (when the bucket is full again, seconds to wait).

    A few requests may go at once, the others are spread, so that no window of ``seconds`` sees
    more than ``requests`` wherever it begins, with a little slack for what is late on the way.

    >>> limits = Budget(requests=2, seconds=10)
    >>> next_full(0.0, 1, 100.0, limits)
    (105.3, 0.0)
    >>> next_full(105.3, 1, 100.0, limits)[1]
    5.3
    """
    if budget.requests <= 0:
        return full, 0.0
    burst = max(1.0, budget.burst or budget.requests // 25)
    window = budget.seconds + min(budget.seconds * SLACK, MOST_SLACK)
    apart = window / max(1.0, budget.requests - burst + 1)
    filled = max(full, now) + cost * apart
    return round(filled, 6), round(max(0.0, filled - burst * apart - now), 6)


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
        for _ in range(_ROUNDS):
            if wait <= 0:
                return
            self._world.sleep(wait)  # meanwhile another worker may have been told to wait
            wait = self._store.take(self._credential, 0, self._now(), _UNLIMITED)

    def slow_down(self, seconds: float) -> None:
        """Note that the other side wants no request for ``seconds``."""
        self._store.pause(self._credential, self._now() + seconds)

    def learn(self, cost: float, answer: Answer) -> None:
        """Take from an answer what it says about the budget; ``cost`` was reserved for it."""
        status = str(answer.status)
        more = self._budget.costs.get(status, self._budget.costs.get(f"{status[0]}xx", 0.0))
        signals = self._budget.signals
        if signals != Signals():
            heard = heard_of(answer)
            told = _number(heard, signals.cost)
            more += 0.0 if told is None else told - cost
            self._heed(signals, heard, cost)
        if more:
            self._store.take(self._credential, more, self._now(), self._budget)

    def _heed(self, signals: Signals, heard: Heard, cost: float) -> None:
        rate = _number(heard, signals.rate)
        if rate and rate > 0:  # requests a second; the bucket in the store stays the same
            seconds = max(1.0, 1.0 / rate)
            self._budget = dataclasses.replace(
                self._budget, requests=max(1.0, rate * seconds), seconds=seconds
            )
        left = _number(heard, signals.remaining)
        if left is None or left >= cost:
            return
        restore = _number(heard, signals.restore)
        wait = (cost - left) / restore if restore else _until(heard, signals, self._now())
        if wait:
            self.slow_down(wait)

    def _now(self) -> float:
        return self._world.now().timestamp()


_UNLIMITED = Budget()
_ROUNDS = 5


def _said(heard: Heard, path: str) -> Any:
    if not path:
        return None
    kind, mark, name = path.partition(":")
    if mark and kind == "header":
        return heard.headers.get(name.strip().lower())
    return at(heard.document, path)


def _number(heard: Heard, path: str) -> float | None:
    try:
        return float(_said(heard, path))
    except (TypeError, ValueError):
        return None


def _until(heard: Heard, signals: Signals, now: float) -> float | None:
    """Seconds until the window begins anew."""
    value = _said(heard, signals.reset)
    if value is None:
        return None
    moment = datetime.fromtimestamp(now, UTC)
    if signals.unit in {"epoch", "epoch_ms"}:
        unit = 0.001 if signals.unit == "epoch_ms" else 1.0
        number = _number(heard, signals.reset)
        return number and wait_until(str(number * unit), heard.headers, moment)
    return wait_of(str(value), heard.headers, moment, _SECONDS[signals.unit])
