"""What a case of the acceptance kit is, and how one is run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from crossdock.testing.stand import Stand

Body = Callable[["Stand"], None]
State = Literal["passed", "failed", "skipped"]


class Lacking(Exception):  # noqa: N818 - no fault: what is asked for does not exist here
    """The connector, or its stand, does not have what a case is about; the text says why."""


class Fault(AssertionError):  # noqa: N818
    """The connector does not do what the contract says; the text says what was seen."""


@dataclass(frozen=True)
class Case:
    """One case: its name, what it wants (a sentence), and what runs it."""

    name: str
    wants: str
    body: Body
    live: bool = False


@dataclass(frozen=True)
class Result:
    """What came of a case; ``seconds`` is how long it took."""

    case: str
    state: State
    detail: str
    seconds: float


_cases: dict[str, Case] = {}


def case(*, live: bool = False) -> Callable[[Body], Body]:
    """Register a function as a case; its docstring says what it wants.

    ``live`` is True where it only reads, so that it may be run against a real account.
    """

    def register(body: Body) -> Body:
        wants = (body.__doc__ or "").strip().splitlines()[0]
        _cases[body.__name__] = Case(body.__name__, wants, body, live)
        return body

    return register


def cases() -> dict[str, Case]:
    """Give all cases by name, in the order in which they are best read."""
    from crossdock.testing import case_faults, case_reads, case_says, case_writes

    order = (case_says, case_reads, case_faults, case_writes)
    names = [module.__name__ for module in order]
    return dict(sorted(_cases.items(), key=lambda item: names.index(item[1].body.__module__)))


def expect(good: bool, words: str) -> None:
    """Raise Fault with ``words`` unless ``good``."""
    if not good:
        raise Fault(words)


def run_case(stand: Callable[[Path], Stand], one: Case) -> None:
    """Run a case on a stand of its own; raises Lacking or Fault."""
    lacks = getattr(stand, "lacks", {})
    if one.name in lacks:
        raise Lacking(lacks[one.name])
    with tempfile.TemporaryDirectory(prefix="crossdock-kit-") as folder, stand(Path(folder)) as it:
        one.body(it)


def run(stand: Callable[[Path], Stand], *, live: bool = False, only: str = "") -> Iterator[Result]:
    """Run all cases, each on a stand of its own; ``only`` is a part of their names."""
    for one in cases().values():
        if only not in one.name or (live and not one.live):
            continue
        start = time.monotonic()
        state: State = "passed"
        detail = ""
        try:
            run_case(stand, one)
        except Lacking as error:
            state, detail = "skipped", str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the connector did it
            state, detail = "failed", f"{type(error).__name__}: {error}"
        yield Result(one.name, state, detail, time.monotonic() - start)
