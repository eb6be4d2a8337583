"""Try a call again, for seconds; Airflow tries a step again, for minutes. The door to tenacity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from crossdock.connector import World
from crossdock.errors import TryLater

Result = TypeVar("Result")


@dataclass(frozen=True)
class Patience:
    """How long to go on with one call: ``attempts``, and ``longest`` seconds of waiting in all.

    The n-th wait is drawn between zero and ``first`` * 2**n seconds (full jitter). A wait that the
    other side asks for is kept to; where it goes beyond ``longest`` the call ends at once, so
    that a worker is free meanwhile.
    """

    attempts: int = 5
    first: float = 0.5
    longest: float = 60.0


PATIENT = Patience()
ONCE = Patience(attempts=1)


def call(world: World, patience: Patience, function: Callable[[], Result]) -> Result:
    """Call ``function`` until it does not raise TryLater; the last TryLater is raised on.

    Sleeps, looks at the time and draws by ``world``. Other errors are raised at once.
    """
    start = world.monotonic()

    def wait(state: tenacity.RetryCallState) -> float:
        asked = _asked(state)
        if asked is not None:
            return asked
        return world.random.uniform(0, patience.first * 2**state.attempt_number)

    def stop(state: tenacity.RetryCallState) -> bool:
        if state.attempt_number >= patience.attempts:
            return True
        return world.monotonic() - start + (state.upcoming_sleep or 0) > patience.longest

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TryLater),
        wait=wait,
        stop=stop,
        sleep=world.sleep,
        reraise=True,
    )
    return retrying(function)


def _asked(state: tenacity.RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.after if isinstance(error, TryLater) else None
