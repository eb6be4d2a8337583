"""One budget a credential: two workers use it up and never exceed it; the system counts."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crossdock.budget import Allowance, InProcess
from crossdock.connector import World
from crossdock.exchange import Answer
from crossdock.streams import Budget, Signals
from crossdock.testing.hostile import Hostile
from crossdock.testing.stand import Clock
from tests.faults.catalogue import fault

RATE = (100, 20.0)


def books(folder: Path) -> Any:
    """Open the store that both workers share."""
    from crossdock.home import Home
    from crossdock.store.engine import open_store

    return open_store(Home(folder, folder, f"sqlite:///{folder}/hub.db", f"file://{folder}/o"))


def work(url: str, folder: str, until: float, started: Any) -> None:
    """One worker: opens the store and asks as fast as the budget lets it."""
    from connectors.rest import Rest
    from crossdock.errors import TryLater
    from crossdock.exchange import Request
    from crossdock.store.shared import StoreBudgets

    store = books(Path(folder))
    world = World(project=Path(folder), scratch=Path(folder), budgets=StoreBudgets(store))
    rest = Rest(
        url=url, auth="oauth2", token_url=f"{url}/token", client_id="crossdock",
        client_secret="hostile-secret", requests=RATE[0], seconds=str(RATE[1]),
    )  # fmt: skip
    rest.bind("kit", world, {})
    vars(rest)["allow_private"] = True
    rest.http.try_login(url)
    started.wait()
    while time.time() < until:
        try:
            rest.http.send(Request("GET", f"{url}/queue"))
        except TryLater:
            continue
    rest.close()


@fault("N40")
@pytest.mark.slow
def test_two_workers_share_one_credential(tmp_path: Path) -> None:
    """At least 90 % of what is permitted is used in the middle of the run, and never more."""
    books(tmp_path)
    context = multiprocessing.get_context("spawn")
    with Hostile(count=1, rate=RATE) as system:
        started = context.Barrier(3)
        until = time.time() + 90.0
        workers = [
            context.Process(target=work, args=(system.url, str(tmp_path), until, started))
            for _ in range(2)
        ]
        for worker in workers:
            worker.start()
        started.wait()
        time.sleep(22.0)
        first, since = system.counted, time.monotonic()
        time.sleep(24.0)
        used = (system.counted - first) / (time.monotonic() - since)
        for worker in workers:
            worker.terminate()
            worker.join()
        assert system.over == 0
        assert used >= 0.9 * RATE[0] / RATE[1], f"{used:.2f} a second"


def allowance(clock: Clock, budget: Budget, store: InProcess | None = None) -> Allowance:
    world = World(
        project=Path(), scratch=Path(), now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep
    )
    return Allowance(world, store or InProcess(), "account", budget)


def answer(body: bytes = b"{}", status: int = 200, **headers: str) -> Answer:
    lower = {name.lower().replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, lower, body, 0.0, True)


def waited(clock: Clock, act: Callable[[], None]) -> float:
    before = clock.slept
    act()
    return clock.slept - before


@pytest.mark.parametrize(
    ("signals", "said", "least"),
    [
        (Signals("header:X-Left", "header:X-Reset"), {"X_Left": "0", "X_Reset": "7"}, 7.0),
        (
            Signals("header:X-Left", "header:X-Reset", "milliseconds"),
            {"X_Left": "0", "X_Reset": "4500"},
            4.5,
        ),
        (
            Signals("header:X-Left", "header:X-Reset", "minutes"),
            {"X_Left": "0", "X_Reset": "2"},
            120.0,
        ),
        (Signals("header:X-Left", "header:X-Reset"), {"X_Left": "3", "X_Reset": "7"}, 0.0),
        (Signals("header:X-Left", "header:X-Reset"), {}, 0.0),
    ],
)  # fmt: skip
def test_what_is_left_is_heeded(signals: Signals, said: dict[str, str], least: float) -> None:
    clock = Clock()
    account = allowance(clock, Budget(1000, 1.0, signals=signals))
    account.take()
    account.learn(1.0, answer(**said))
    slept = waited(clock, account.take)
    assert least - 0.05 <= slept <= least + 0.2


def test_a_point_in_time_is_compared_with_their_clock() -> None:
    clock = Clock()
    signals = Signals("header:X-Left", "header:X-Reset", "epoch")
    account = allowance(clock, Budget(signals=signals))
    theirs = datetime(2031, 5, 1, 12, 0, tzinfo=UTC)
    headers = {"X_Left": "0", "X_Reset": str(int(theirs.timestamp()) + 9),
               "Date": "Thu, 01 May 2031 12:00:00 GMT"}  # fmt: skip
    account.learn(1.0, answer(**headers))
    assert 8.9 <= waited(clock, account.take) <= 9.1


def test_a_bucket_in_the_body_fills_again() -> None:
    clock = Clock()
    signals = Signals(remaining="cost.available", restore="cost.restore", cost="cost.actual")
    account = allowance(clock, Budget(100, 1.0, burst=1000, signals=signals))
    account.take(50)
    body = b'{"cost": {"available": 10, "restore": 20, "actual": 30}}'
    account.learn(50, answer(body))
    assert 1.9 <= waited(clock, lambda: account.take(50)) <= 2.2  # 40 points at 20 a second


def test_a_rate_in_a_header_replaces_what_was_declared() -> None:
    clock = Clock()
    account = allowance(clock, Budget(1000, 1.0, signals=Signals(rate="header:X-Rate-Limit")))
    account.take()
    account.learn(1.0, answer(X_Rate_Limit="0.5"))
    account.take()
    assert 2.0 <= waited(clock, account.take) <= 2.2


def test_a_failed_request_may_cost_more() -> None:
    clock = Clock()
    account = allowance(clock, Budget(10, 10.0, costs={"4xx": 9}))
    account.take()
    account.learn(1.0, answer(status=404))
    assert 9.0 <= waited(clock, account.take) <= 11.0


def test_others_see_what_one_was_told() -> None:
    clock, store = Clock(), InProcess()
    one, two = (allowance(clock, Budget(), store) for _ in range(2))
    one.slow_down(5.0)
    assert 4.9 <= waited(clock, two.take) <= 5.1
