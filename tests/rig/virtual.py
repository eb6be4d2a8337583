"""Time and chance of a process under test: the board's clock, and a seed.

Waiting costs no time, leases and deadlines run by the same clock, and what is drawn at random is
drawn from the seed: the same seed is the same run.
"""

from __future__ import annotations

import datetime as real
import functools
import random
import secrets
import sys
import time
import types
import uuid
from typing import Any

from tests.rig.board import Board

OURS = ("crossdock", "connectors")


def rule(board: Board) -> None:
    """Give this process, and those forked from it, the board's clock in place of the machine's."""
    from crossdock import connector, crew
    from crossdock.store import shared

    clock = functools.partial(board.now)
    inner = connector.World

    def world(**given: Any) -> Any:
        given.setdefault("random", random.Random(secrets.randbits(32)))  # noqa: S311
        return inner(now=clock, monotonic=lambda: board.passed_seconds, sleep=board.wait, **given)

    shared.World = world  # type: ignore[misc,assignment]
    crew.time = types.SimpleNamespace(sleep=time.sleep)  # type: ignore[assignment]  # a real watch
    time.sleep = board.wait
    spread(board)


def spread(board: Board) -> None:
    """Do the same to the modules that were imported since."""
    stand_in = _datetime(board)
    for name, module in list(sys.modules.items()):
        ours = name.split(".")[0] in OURS and ".sandbox" not in name
        if ours and vars(module).get("datetime") is real.datetime:
            vars(module)["datetime"] = stand_in


def _datetime(board: Board) -> Any:
    class Kind(type):
        def __instancecheck__(cls, thing: object) -> bool:
            return isinstance(thing, real.datetime)

        def __call__(cls, *given: Any, **named: Any) -> real.datetime:
            return real.datetime(*given, **named)  # noqa: DTZ001 - as the caller has it

    class Datetime(real.datetime, metaclass=Kind):
        @classmethod
        def now(cls, tz: real.tzinfo | None = None) -> Any:
            return board.now().astimezone(tz)

    return Datetime


def draw_from(seed: str) -> None:
    """Draw everything that this process draws at random from ``seed``."""
    source = random.Random(seed)  # noqa: S311 - a rig wants the same keys twice
    secrets.token_bytes = lambda size=32: source.randbytes(size)  # type: ignore[assignment]
    secrets.token_hex = lambda size=32: source.randbytes(size).hex()  # type: ignore[assignment]
    secrets.randbits = source.getrandbits
    uuid.uuid4 = lambda: uuid.UUID(int=source.getrandbits(128), version=4)
