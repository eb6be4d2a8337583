"""The five steps of a flow in their order, and nothing else.

``run`` does all of them in this process and its helpers; Airflow calls the same steps as tasks
(``crossdock.airflow``). Between two steps travels the id of a batch; what a step made lies in
the batch's files, and what is decided for good is in the store.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from crossdock import flows
from crossdock.errors import CrossdockError, TryLater
from crossdock.home import Home

Progress = Callable[[str, int, int], None]

load = flows.load


@dataclass(frozen=True)
class Books:
    """How a run ended: ``exit_status`` 0 balanced, 1 failed, 3 ran but needs a steward."""

    run: str
    flow: str
    balanced: bool
    exit_status: int
    data: dict[str, Any] = field(default_factory=dict)
    later: str = ""

    def summary(self) -> str:
        """Say in one line how the run ended."""
        counts = self.data["records"]
        shown = [name for name in counts if counts[name] or name == "read"]
        told = ", ".join(f"{counts[name]} {name}" for name in shown)
        word = "balanced" if self.balanced else "NOT BALANCED"
        return f"{self.flow}: {word}: {told}" + (f"; {self.later}" if self.later else "")


def pull(flow_name: str, run_key: str = "", *, holder: str = "") -> list[str]:
    """Begin or take up a run and pull; gives the ids of its batches.

    ``run_key`` names the caller's run (Airflow's), so that a repeated task finds its own.
    """
    return _pulled(flow_name, run_key, holder)[1]


def _pulled(
    flow_name: str,
    run_key: str = "",
    holder: str = "",
    news: Callable[[], None] = lambda: None,
) -> tuple[str, list[str]]:
    """Pull, and give the id of the run with those of its batches; ``news`` as in the step."""
    from crossdock import pull as step
    from crossdock.runs import begin, holding
    from crossdock.store.engine import guard
    from crossdock.worker import process_name

    home, store = _home_and_store()
    flow = flows.load(home, flow_name)
    holder = holder or (airflow_name(run_key) if run_key else process_name())
    run = begin(store, flow_name, holder, run_key)
    with holding(store, run), _timed(store, run.id, "pull"):
        try:
            with _room():
                return run.id, step.pull(home, store, flow, run, news)
        except FileNotFoundError:  # a successor has cleared our scratch away, and says so here
            with store.reading() as connection:
                guard(connection, run.lease, run.fence)
            raise


def airflow_name(run_key: str) -> str:
    """Name the holder that all tasks of one Airflow run are."""
    return f"airflow/{run_key}"


def work_as(run_key: str) -> None:
    """Say that this process is a task of the Airflow run ``run_key``."""
    from crossdock.worker import identify

    identify(airflow_name(run_key))


def run_of(batch_id: str) -> str:
    """Give the run that a batch belongs to.

    >>> run_of("orders-20261121-101500-abc/0-3")
    'orders-20261121-101500-abc'
    """
    return batch_id.rsplit("/", 1)[0]


def map(batch_id: str) -> None:  # noqa: A001 - the step's own verb
    """Map a batch's raw records to canonical documents."""
    from crossdock.steps import Steps

    with _room():
        Steps.of(batch_id).map()


def check(batch_id: str) -> None:
    """Check a batch's documents by the suites of its leg."""
    from crossdock.steps import Steps

    with _room():
        Steps.of(batch_id).check()


def gate(run_id: str) -> None:
    """Look at the whole run before anything of it is decided.

    Raises Refused when a rule stops the flow; the run then waits, and its next start maps and
    checks the same batches again.
    """
    from crossdock.steps import gate_run

    home, store = _home_and_store()
    with _room():
        gate_run(home, store, run_id)


def resolve(batch_id: str) -> None:
    """Commit a batch: versions, holds, outbox."""
    from crossdock.steps import Steps

    Steps.of(batch_id).resolve()


def push(batch_id: str) -> None:
    """Send what waits in the outbox of a batch; raises TryLater when a target asked for time."""
    from crossdock.steps import Steps

    later = Steps.of(batch_id).push()
    if later is not None:
        raise later


def close(run_id: str) -> Books:
    """Sweep what still waits, close the books of the run and give the lease back."""
    from crossdock.closing import close_run

    home, store = _home_and_store()
    return close_run(home, store, run_id)


def run(
    home: Home, flow_name: str, workers: int = 2, progress: Progress | None = None
) -> Books:
    """Run a flow from pull to closed books, with ``workers`` processes.

    ``progress(step, done, total)`` is called after each batch of a step. Raises TryLater when
    the flow runs elsewhere, Misconfigured when a person must change something.
    """
    from crossdock.crew import Crew
    from crossdock.worker import identify, process_name

    identify(process_name())  # before the helpers are forked: they work in this process's name
    flow = flows.load(home, flow_name)
    tell = progress or (lambda step, done, total: None)
    with Crew(workers) as crew:
        tell("pull", 0, 1)
        run_id, batches = _pulled(flow.name, news=crew.warm)
        tell("pull", 1, 1)
        from crossdock.runs import find, holding

        _, store = _home_and_store()
        try:
            with holding(store, find(store, run_id)):
                crew.pipeline(batches, map, check, tell)
                gate(run_id)
                for leg in _by_leg(batches):
                    crew.each(leg, resolve_and_push, tell, "resolve")
        except CrossdockError as error:
            from crossdock.closing import interrupted

            interrupted(store, run_id, error)
            raise
        books = close(run_id)
        tell("books", 1, 1)
        return books


def resolve_and_push(batch_id: str) -> None:
    """Do the last two steps of one batch; what a target postpones is swept at the end."""
    from crossdock.steps import Steps

    steps = Steps.of(batch_id)  # one for both: they read the same files
    steps.resolve()
    with suppress(TryLater):  # it is pending in the outbox; close() tries it again and says so
        steps.push()


def _by_leg(batches: list[str]) -> Iterator[list[str]]:
    """Split batches by leg, so that masters are delivered before what refers to them."""
    legs: dict[str, list[str]] = {}
    for batch_id in batches:
        legs.setdefault(batch_id.rsplit("/", 1)[1].split("-")[0], []).append(batch_id)
    for number in sorted(legs, key=int):
        yield legs[number]


def open_run(flow_name: str) -> str:
    """Give the id of the flow's run that is under way; raises Misconfigured when there is none."""
    from crossdock import runs

    _, store = _home_and_store()
    return runs.open_run(store, flow_name)


def _home_and_store() -> tuple[Home, Any]:
    from crossdock.store import open_store

    home = Home.find()
    return home, open_store(home)


@contextmanager
def _room() -> Iterator[None]:
    """Tell a full disk of the hub as what it is: nothing of the step was decided."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        raise TryLater(
            f"the hub has no room for its files: {error.strerror}",
            fix="make room where CROSSDOCK_HOME is; nothing is lost",
            after=60.0,
        ) from error


@contextmanager
def _timed(store: Any, run_id: str, step: str) -> Iterator[None]:
    from crossdock.runs import find, remember

    start = time.perf_counter()
    yield
    remember(store, find(store, run_id), seconds={step: round(time.perf_counter() - start, 3)})
