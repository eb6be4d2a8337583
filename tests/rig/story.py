"""Play one story: kill, heal, recover, check, and see that one more run changes nothing."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.rig import calls, checker, files, shops, worlds
from tests.rig.attempts import ROOT, Attempt, Engine
from tests.rig.board import Boundary
from tests.rig.worlds import World

_KINDS: tuple[type[World], ...] = (
    shops.Keys, shops.Lookup, files.Edi, calls.Hook, shops.Both, files.Till, shops.Blind,
)  # fmt: skip
WORLDS = {kind.flow: kind for kind in _KINDS}
SWEPT = ("keys", "lookup", "edi", "hook")
"""The four flows that are killed at every boundary."""

OURS = {"", "TryLater", "Refused", "Misconfigured", "Unreadable"}
VARIANTS = 4  # worlds with another bad record in each, of which seeds draw one
QUIET = 3  # recoveries after the last fault within which a world must be quiet
WAIT = 400.0  # virtual seconds between two runs: longer than any target asks for
_PACE = re.compile(r'"seconds": \{[^}]*\}|[\w.-]+:\d+:\d+|127\.0\.0\.1:\d+')
LEASE = 500.0  # virtual seconds after which any lease has ended


@dataclass
class Story:
    """What happened: where each attempt was killed, and what was wrong in the end."""

    world: str
    kills: Sequence[int]
    seed: int | None = None
    variant: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        how = f"seed {self.seed}, " if self.seed is not None else ""
        head = f"world {self.world}.{self.variant}, {how}kills at {list(self.kills)}"
        told = [f"  {attempt}" for attempt in self.attempts]
        return "\n".join([head, *told, *(f"  WRONG {words}" for words in self.problems)])


@dataclass(frozen=True)
class Clean:
    """An undisturbed life: the boundaries of its first run, and the targets after each part."""

    boundaries: list[Boundary]
    first: checker.Content
    second: checker.Content


class Rig:
    """A warm engine with its project, fresh worlds on demand, and what is normal in each."""

    def __init__(
        self,
        code: Path = ROOT,
        *,
        changes: worlds.Changes | None = None,
        database: Any = None,
    ) -> None:
        memory = Path("/dev/shm")  # processes are killed here, not machines
        self.folder = Path(
            tempfile.mkdtemp(prefix="crossdock-rig-", dir=memory if memory.is_dir() else None)
        )
        self.database = database
        self.disk: Path | None = None
        self.engine = Engine(self.folder, worlds.project(self.folder / "project", changes), code)
        self.board = self.engine.board
        self._clean: dict[tuple[str, int], Clean] = {}
        self._learned: set[str] = set()
        self.template = self.folder / "template"
        self.template.mkdir()
        self.empty = self.folder / "empty"
        self.empty.mkdir()
        url = f"sqlite:///{self.template / 'hub.db'}"
        if database is not None:
            url = database.database("hub_template")
        opened = self.engine.attempt(
            {"CROSSDOCK_HOME": str(self.template), "CROSSDOCK_DATABASE_URL": url}, None
        )
        assert opened.status == 0, opened.error
        self.first_start = opened.boundaries

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
    def world(
        self, name: str, variant: int = 0, *, fresh: bool = False, bare: bool = False
    ) -> Iterator[World]:
        """Make a world, and remove it afterwards.

        ``fresh`` is before the hub's first start, ``bare`` before anything else happened.

        All worlds have one place, one after the other, so that the warm engine knows its address.
        """
        folder = self.folder / "world"
        folder.mkdir()
        lived = self.folder / f"lived-{name}-{variant}"  # where something happened before
        template = lived if lived.exists() and not bare else self.template
        state = (self.disk or folder) / "state"
        shutil.copytree(self.empty if fresh else template, state)
        self.board.restart()
        self.engine.count = 0
        url = ""
        if self.database is not None:
            url = self.database.database("hub", "hub_template")
        try:
            with WORLDS[name](
                folder, self.board, variant, url, self.receiver, self.disk
            ) as made:
                if template is self.template and not fresh and not bare:
                    made.prelude()
                    if made.lived:
                        shutil.copytree(made.state, lived)
                yield made
        finally:
            shutil.rmtree(state, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)
            if self.database is not None:
                self.database.drop("hub")

    @contextmanager
    def receiver(self, world: World) -> Iterator[str]:
        """Take webhooks for a while; gives the address, and kills the receiver at the end."""
        running = self.engine.receive(world.variables)
        assert running is not None, self.engine.words()
        try:
            yield f"http://127.0.0.1:{self.engine.port}/webhooks"
        finally:
            self.engine.end(running)

    def run(self, world: World, kill_at: int | None = None, **how: Any) -> Attempt:
        """Run the world's flow once."""
        return self.engine.attempt(world.variables, world.flow, kill_at, **how)

    def clean(self, name: str, variant: int = 0) -> Clean:
        """Give the undisturbed life of a world; its first one also makes the engine warm."""
        if name not in self._learned:
            self._learn(name)
        if (name, variant) not in self._clean:
            with self.world(name, variant) as world:
                first = self._quietly(world)
                before = world.content()
                world.go_on()
                self.board.wait(WAIT)
                self._quietly(world)
                self._clean[name, variant] = Clean(first.boundaries, before, world.content())
        return self._clean[name, variant]

    def _learn(self, name: str) -> None:
        with self.world(name) as world:
            self.engine.learn(world.variables, world.flow)
            world.go_on()
            self.board.wait(WAIT)
            self.engine.learn(world.variables, world.flow)
            if hasattr(world, "warehouse"):
                world.warehouse.write_down()
        self._learned.add(name)

    def _quietly(self, world: World) -> Attempt:
        ended = self.run(world)
        wrong = checker.problems(world)
        assert ended.quiet, (str(ended), wrong)
        assert not wrong, wrong
        return ended

    # -- stories ------------------------------------------------------------------------------
    def play(
        self,
        name: str,
        kills: Sequence[int],
        seed: int | None = None,
        *,
        variant: int = 0,
        fresh: bool = False,
        goes_on: bool = True,
        workers: int = 1,
    ) -> Story:
        """Kill an attempt at each of ``kills`` in turn, then recover and check.

        With a ``seed`` a share of all requests fails until the world is healed; with ``goes_on``
        the source's own people work on after the first kill.
        """
        clean = self.clean(name, variant)
        story = Story(name, kills, seed, variant)
        with self.world(name, variant, fresh=fresh) as world:
            if seed is not None:
                world.break_by(seed)
            for number, kill_at in enumerate(kills):
                story.attempts.append(self.run(world, kill_at, seed=f"{seed}", workers=workers))
                if number == 0 and goes_on:
                    world.go_on()
            world.heal()
            self.finish(world, story, clean.second if goes_on else clean.first)
        return story

    def seeded(self, seed: int, names: Sequence[str] = tuple(WORLDS)) -> Story:
        """Play the story of a seed: one to four kills, faults on 6 % of all requests, bad records.

        Every fifth one works with two processes.
        """
        name = names[seed % len(names)]
        variant = 1 + seed // len(names) % VARIANTS
        kills = drawn(seed, len(self.clean(name, variant).boundaries))
        workers = 2 if seed % 5 == 4 else 1
        return self.play(name, kills, seed, variant=variant, workers=workers)

    def left_behind(self, name: str, kill_at: int) -> dict[str, str]:
        """Kill at one place; gives what then lies in the state folder, file by file.

        But for the scratch folder: whoever comes next clears it.
        """
        self.clean(name)
        with self.world(name) as world:
            assert self.run(world, kill_at).killed
            return {
                str(path.relative_to(world.state)): _read(path)
                for path in sorted(world.state.rglob("*"))
                if path.is_file() and path.suffix not in {".db-wal", ".db-shm"}
                and "scratch" not in path.parts
            }

    def finish(self, world: World, story: Story, normal: checker.Content) -> None:
        """Recover until it is quiet, check, run once more without any effect, check again."""
        ended = [attempt for attempt in story.attempts if attempt.quiet]
        for _ in range(QUIET + 1):
            if not story.attempts or not story.attempts[-1].killed:
                self.board.wait(WAIT)
            last = self.run(world, seed=f"{story.seed}")
            story.attempts.append(last)
            ended += [last] * last.quiet
            if last.quiet and (world.content() == normal or (world.unsure and len(ended) > 2)):
                break
        else:
            story.problems.append(f"I6: not quiet after {QUIET} runs: {last}")
        for attempt in story.attempts:
            if attempt.kind not in OURS:
                story.problems.append(f"an error that is not ours escaped: {attempt}")
        said = "\n".join([*(attempt.error for attempt in story.attempts), self.engine.words()])
        story.problems += checker.problems(world, normal, said)
        before = {target: list(effects) for target, effects in world.effects().items()}
        self.board.wait(WAIT)
        story.attempts.append(self.run(world, seed=f"{story.seed}"))
        if world.effects() != before:
            story.problems.append("I2: one more run had effects at a target")
        for wrong in checker.problems(world, normal, said):
            if wrong not in story.problems:
                story.problems.append(wrong)


def _read(path: Path) -> str:
    """Read a file; of a database, all rows, without the numbers of processes and their pace."""
    if path.suffix != ".db":
        return path.read_bytes().hex()
    session = sqlite3.connect(path)
    try:
        return _PACE.sub("...", "\n".join(session.iterdump()))
    finally:
        session.close()


def drawn(seed: int, boundaries: int) -> list[int]:
    """Draw where the one to four kills of a seed happen, at most one beyond the last boundary."""
    source = random.Random(seed)  # noqa: S311
    return [source.randrange(1, boundaries + 2) for _ in range(source.randrange(1, 5))]


def effects(boundaries: Sequence[Boundary]) -> list[int]:
    """The numbers of the boundaries that lie on both sides of each effect.

    After one effect and before the next one is the same place, so it is named once; but for a file
    that was opened, into which something may have been written meanwhile.
    """
    found = [number for number, one in enumerate(boundaries, 1) if one.effect]
    return [
        number
        for number in found
        if number == found[-1] or not boundaries[number - 1].name.startswith("after ")
        or boundaries[number - 1].name.startswith("after open")
    ]  # fmt: skip


def spread(numbers: Sequence[int], most: int) -> list[int]:
    """Choose up to ``most`` of them: all, else both ends and evenly in between."""
    if len(numbers) <= most:
        return list(numbers)
    step = (len(numbers) - 1) / max(1, most - 1)
    return sorted({numbers[round(step * place)] for place in range(most)})
