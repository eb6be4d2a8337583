"""Shapes of the report's charts: numbers for inline SVG, so that the page needs no script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

PLOT_LEFT = 64.0
PLOT_WIDTH = 656.0
PLOT_HEIGHT = 140.0
PLOT_TOP = 12.0


@dataclass(frozen=True)
class Part:
    """A coloured piece of a bar: its state, count, and place in the drawing."""

    state: str
    count: int
    start: float
    size: float


@dataclass(frozen=True)
class Bar:
    """A bar with a name and a label; ``size`` is in percent."""

    name: str
    label: str
    size: float


@dataclass(frozen=True)
class Stack:
    """One run in the trend: ``left`` and ``width`` of its bar, and its parts from the bottom up."""

    name: str
    left: float
    width: float
    parts: tuple[Part, ...]
    counts: Mapping[str, int]
    balanced: bool


def where_bar(counts: Mapping[str, int], width: float = 1000.0) -> list[Part]:
    """Lay counts side by side over ``width``; what is there stays visible, however small it is.

    >>> [(part.state, part.start, part.size) for part in where_bar({"a": 3, "b": 1}, 100.0)]
    [('a', 0.0, 75.0), ('b', 75.0, 25.0)]
    """
    there = {state: count for state, count in counts.items() if count}
    total = sum(there.values())
    least = width / 200
    sizes = {state: max(count / total * width, least) for state, count in there.items()}
    scale = width / sum(sizes.values()) if sizes else 1
    parts: list[Part] = []
    at = 0.0
    for state, size in sizes.items():
        parts.append(Part(state, there[state], round(at, 2), round(size * scale, 2)))
        at += size * scale
    return parts


def stacks(
    runs: Sequence[tuple[str, Mapping[str, int], bool]], states: Sequence[str]
) -> list[Stack]:
    """Draw runs as stacked bars; ``runs`` are (name, counts by state, balanced), oldest first."""
    highest = _highest(counts for _, counts, _ in runs)
    step = PLOT_WIDTH / max(len(runs), 8)
    made = []
    for number, (name, counts, balanced) in enumerate(runs):
        parts: list[Part] = []
        top = PLOT_TOP + PLOT_HEIGHT
        for state in states:
            count = counts.get(state, 0)
            if count:
                size = max(count / highest * PLOT_HEIGHT, 1.0)
                top -= size
                parts.append(Part(state, count, round(top, 2), round(size, 2)))
        made.append(
            Stack(
                name,
                round(PLOT_LEFT + step * (number + 0.15), 2),
                round(step * 0.7, 2),
                tuple(parts),
                counts,
                balanced,
            )
        )
    return made


def scale(runs: Iterable[Mapping[str, int]]) -> list[tuple[float, int]]:
    """Choose the lines of the scale: (height in the drawing, number of records), from the top."""
    highest = _highest(runs)
    return [(PLOT_TOP, highest), (PLOT_TOP + PLOT_HEIGHT / 2, highest // 2)] if highest > 1 else []


def _highest(runs: Iterable[Mapping[str, int]]) -> int:
    return max((sum(counts[key] for key in counts if key != "read") for counts in runs), default=0)
