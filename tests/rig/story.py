"""Play one story: kill, heal, recover, check, and see that one more run changes nothing."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.rig import checker, worlds
from tests.rig.attempts import ROOT, Attempt, Engine
from tests.rig.worlds import World

MAKERS: dict[str, Callable[..., AbstractContextManager[World]]] = {
    "shop": worlds.shop_world,
    "till": worlds.till_world,
}
QUIET = 3  # recoveries after the last fault within which a world must be quiet
WAIT = 400.0  # virtual seconds between two runs: longer than any target asks for
FAULTS = ("503", "429", "500", "502_html", "200_html", "empty", "reset", "reset_midway",
          "truncated", "truncated_gzip", "commit_then_500", "commit_then_reset", "server_fault",
          "expired_token", "duplicate_page")  # fmt: skip
RATE = 0.06


@dataclass
class Story:
    """What happened: where each attempt was killed, and what was wrong in the end."""

    world: str
    kills: Sequence[int]
    seed: int | None = None
    attempts: list[Attempt] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        how = f"seed {self.seed}, " if self.seed is not None else ""
        lines = [f"world {self.world}, {how}kills at {list(self.kills)}"]
        for attempt in self.attempts:
            around = " | ".join(attempt.names[-4:])
            end = f"killed at {len(attempt.names)}: {around}" if attempt.killed else (
                f"status {attempt.status} {attempt.error or attempt.later}")  # fmt: skip
            lines.append(f"  {end}")
        return "\n".join([*lines, *(f"  WRONG {problem}" for problem in self.problems)])


class Rig:
    """A warm engine with its project, fresh worlds on demand, and what is normal in each."""

    def __init__(self, code: Path = ROOT) -> None:
        memory = Path("/dev/shm")  # processes are killed here, not machines
        self.folder = Path(
            tempfile.mkdtemp(prefix="crossdock-rig-", dir=memory if memory.is_dir() else None)
        )
        self.engine = Engine(worlds.project(self.folder / "project"), code)
        self._count = 0
        self._clean: dict[str, tuple[int, dict[str, Any]]] = {}
        self.template = self.folder / "template"
        self.template.mkdir()
        self.empty = self.folder / "empty"
        self.empty.mkdir()
        opened = self.engine.attempt(
            {"CROSSDOCK_HOME": str(self.template),
             "CROSSDOCK_DATABASE_URL": f"sqlite:///{self.template / 'hub.db'}"},
            None, restart=True,
        )  # fmt: skip
        assert opened.status == 0, opened.error
        self.first_start = len(opened.names)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.engine.__exit__(kind, error, trace)
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def world(self, name: str, *, fresh: bool = False) -> Iterator[World]:
        """Make a world, and remove it afterwards; ``fresh`` is before the hub's first start."""
        self._count += 1
        folder = self.folder / f"world-{self._count}"
        folder.mkdir()
        try:
            with MAKERS[name](folder, self.empty if fresh else self.template) as made:
                yield made
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def clean(self, name: str) -> tuple[int, dict[str, Any]]:
        """How many boundaries an undisturbed run has, and what then lies at the targets."""
        if name not in self._clean:
            with self.world(name) as world:
                first = self.engine.attempt(world.variables, world.flow, restart=True, learn=True)
                assert first.status in {0, 3}, first.error
                wrong = checker.problems(world)
                world.go_on()
                second = self.engine.attempt(world.variables, world.flow, wait=WAIT)
                assert second.status in {0, 3}, (second, checker.problems(world))
                wrong += checker.problems(world)
                assert not wrong, wrong
                self._clean[name] = len(first.names), world.content()
        return self._clean[name]

    def play(
        self, name: str, kills: Sequence[int], seed: int | None = None, *, fresh: bool = False
    ) -> Story:
        """Kill an attempt at each of ``kills`` in turn, then recover and check.

        With a ``seed`` a share of all requests fails until the world is healed.
        """
        _, normal = self.clean(name)
        story = Story(name, kills, seed)
        with self.world(name, fresh=fresh) as world:
            if seed is not None:
                world.break_by(seed, RATE, FAULTS)
            for number, kill_at in enumerate(kills):
                story.attempts.append(
                    self.engine.attempt(world.variables, world.flow, kill_at, restart=number == 0)
                )
                if number == 0:
                    world.go_on()
            world.heal()
            self._recover(world, story)
            story.attempts.append(self.engine.attempt(world.variables, world.flow, wait=WAIT))
            story.problems += checker.problems(world, normal)
            before = world.effects()
            story.attempts.append(self.engine.attempt(world.variables, world.flow, wait=WAIT))
            if world.effects() != before:
                story.problems.append("one more run had effects at a target")
            story.problems += [
                wrong for wrong in checker.problems(world, normal) if wrong not in story.problems
            ]
        return story

    def _recover(self, world: World, story: Story) -> None:
        for _ in range(QUIET):
            last = self.engine.attempt(
                world.variables, world.flow, wait=WAIT if not story.attempts[-1].killed else 0.0
            )
            story.attempts.append(last)
            if last.status in {0, 3} and not last.later:
                return
        story.problems.append(f"not quiet after {QUIET} runs: {last.error or last.later}")


def drawn(seed: int, boundaries: int) -> list[int]:
    """Draw where the one to three kills of a seed happen, at most one beyond the last boundary."""
    source = random.Random(seed)  # noqa: S311
    return [source.randrange(1, boundaries + 2) for _ in range(source.randrange(1, 4))]


def spread(boundaries: int, most: int) -> list[int]:
    """Choose up to ``most`` boundaries: all of them, else both ends and evenly in between."""
    if boundaries <= most:
        return list(range(1, boundaries + 1))
    step = (boundaries - 1) / max(1, most - 1)
    return sorted({1 + round(step * number) for number in range(most)})
