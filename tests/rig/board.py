"""Memory that the rig and the processes under test share; what stands there survives a kill -9."""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

SLOTS = 2
"""How many processes may be watched at the same time."""

BEGINNING = datetime(2026, 1, 10, 9, 0, tzinfo=UTC)
"""The instant at which the time of every world begins."""

TICK = 0.001  # seconds that pass at a boundary, so that no two instants are the same
_ROOM = 1 << 19
_CLOCK = struct.Struct("<dq")  # virtual seconds that were waited, boundaries of all attempts
_HEAD = struct.Struct("<qq")  # boundaries of this attempt, bytes of their names


@dataclass(frozen=True)
class Boundary:
    """A contact with the outside; ``effect`` is False where nothing lasting happens in it."""

    name: str
    effect: bool


class Board:
    """The virtual clock of a world, and for each slot the boundaries that its attempt passed."""

    def __init__(self, path: Path) -> None:
        size = _CLOCK.size + SLOTS * _ROOM
        with path.open("a+b") as file:
            os.ftruncate(file.fileno(), size)
            self._map = mmap.mmap(file.fileno(), size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._map.close()

    # -- the clock ---------------------------------------------------------------------------
    def restart(self) -> None:
        """Begin a new world: no time has passed."""
        _CLOCK.pack_into(self._map, 0, 0.0, 0)

    @property
    def passed_seconds(self) -> float:
        """How many virtual seconds have passed since the world began."""
        waited, ticks = _CLOCK.unpack_from(self._map)
        return float(waited + ticks * TICK)

    def now(self) -> datetime:
        """The virtual instant."""
        return BEGINNING + timedelta(seconds=self.passed_seconds)

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        waited, ticks = _CLOCK.unpack_from(self._map)
        _CLOCK.pack_into(self._map, 0, waited + max(0.0, seconds), ticks)

    # -- boundaries --------------------------------------------------------------------------
    def begin(self, slot: int) -> None:
        """Forget the boundaries of the slot's last attempt; the time goes on."""
        _HEAD.pack_into(self._map, _at(slot), 0, 0)

    def passed(self, slot: int, name: str, *, effect: bool) -> int:
        """Note a boundary; gives its number, from 1."""
        waited, ticks = _CLOCK.unpack_from(self._map)
        _CLOCK.pack_into(self._map, 0, waited, ticks + 1)
        count, used = _HEAD.unpack_from(self._map, _at(slot))
        line = (b"!" if effect else b" ") + name.encode(errors="replace")[:96] + b"\n"
        start = _at(slot) + _HEAD.size + used
        if used + len(line) <= _ROOM - _HEAD.size:
            self._map[start : start + len(line)] = line
            used += len(line)
        _HEAD.pack_into(self._map, _at(slot), count + 1, used)
        return int(count) + 1

    def boundaries(self, slot: int) -> list[Boundary]:
        """Give the boundaries that the slot's last attempt passed, in order."""
        _, used = _HEAD.unpack_from(self._map, _at(slot))
        start = _at(slot) + _HEAD.size
        lines = self._map[start : start + used].decode(errors="replace").splitlines()
        return [Boundary(line[1:], line[0] == "!") for line in lines]


def _at(slot: int) -> int:
    return _CLOCK.size + slot * _ROOM
