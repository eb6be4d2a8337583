"""``crossdock demo``: the main job, seen through a real Airflow scheduler on sandbox systems.

Everything it starts listens on free loopback ports and is stopped at the end; everything it writes
lies under the state folder (``.crossdock``), which it makes afresh each time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crossdock.commands import screen
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.home import Home
from crossdock.scheduler import FINISHED, USER, LocalAirflow

FLOWS = ("online_retail", "shop_orders", "partner_orders", "till_receipts", "erp_stock")
"""The flows that the demo runs, in this order."""

ORDERS = 600
MARK = "demo"
STEPS = ("pull", "map", "check", "gate", "resolve", "push", "books")
RUN_SECONDS = 150.0


def play(*, keep: bool = False, flows: tuple[str, ...] = FLOWS) -> int:
    """Run the demo; gives 0 when every run's books balanced, 1 when anything failed.

    ``keep`` leaves Airflow and the sandbox systems up until Ctrl-C.
    """
    start = time.monotonic()
    home = Home.find()
    fresh(home)
    screen.say("Crossdock demo: a shop, an ERP and an EDI partner on this machine,")
    screen.say("their orders through a real Airflow scheduler, and the books at the end.")
    screen.say()
    signal.signal(signal.SIGTERM, as_interrupt)
    with contextlib.ExitStack() as running:
        variables = stage("Sandbox systems and sample data", lambda: _systems(home, running))
        os.environ.update(variables)
        # the clock stays out of it: each flow runs once, when it is triggered
        extra = {**variables, "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}
        airflow = LocalAirflow(home.project, home.state, extra=extra)
        with spinner("Airflow: scheduler, API server, DAG processor") as said:
            running.enter_context(airflow)
            airflow.wait(list(flows))
            said("up")
        failed = watch(airflow, flows)
        status = show(home, flows, failed)
        screen.say(f"Took {screen.seconds_since(start)}.")
        links(home, airflow, keep)
        if keep:
            wait_for_interrupt()
    return status


def fresh(home: Home) -> None:
    """Empty the state folder of an earlier demo; never touch one that is not a demo's."""
    mark = home.state / MARK
    if home.state.exists() and any(home.state.iterdir()):
        if not mark.exists():
            raise Misconfigured(
                "there is a hub of your own already, and the demo does not touch it",
                where=str(home.state),
                fix="run the demo beside it: CROSSDOCK_HOME=/tmp/crossdock-demo make demo",
            )
        shutil.rmtree(home.state)
    home.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    mark.write_text("`crossdock demo` empties this folder each time it starts.\n", encoding="utf-8")
    home.make_key()


# -- what it starts -----------------------------------------------------------------------------


def _systems(home: Home, running: contextlib.ExitStack) -> dict[str, str]:
    """Make sample data, start the sandbox, and give the variables that reach both."""
    from crossdock.bundled import sandbox
    from crossdock.sample_data import online_retail, write_csv

    folder = home.state / "sandbox"
    folder.mkdir(exist_ok=True, mode=0o700)
    file = folder / "online_retail.csv"
    write_csv(online_retail(ORDERS), file)
    letters = folder / "partner" / "out"
    letters.mkdir(parents=True, exist_ok=True)
    for message in sorted((home.project / "edi" / "samples").glob("orders_*.edi")):
        shutil.copyfile(message, letters / message.name)
    return {
        **running.enter_context(sandbox(folder)),
        "ONLINE_RETAIL": str(file),
    }


def as_interrupt(*_: object) -> None:
    """End as Ctrl-C does, so that everything that was started is stopped."""
    raise KeyboardInterrupt


# -- what it shows ------------------------------------------------------------------------------


def stage(name: str, work: Any) -> Any:
    """Do ``work`` under a spinner; gives its result."""
    with spinner(name) as said:
        result = work()
        said("up")
    return result


@contextlib.contextmanager
def spinner(name: str) -> Iterator[Any]:
    """Show ``name`` with a spinner on a terminal; at the end a line with how long it took."""
    start = time.monotonic()
    terminal = screen.console()
    words: list[str] = []
    with terminal.status(f"{name} ..."):

        def said(word: str) -> None:
            words.append(word)

        yield said
    done = words[-1] if words else "stopped"
    screen.say(f"  {name:<48} {done:<18} {screen.seconds_since(start)}")


def watch(airflow: LocalAirflow, flows: tuple[str, ...]) -> list[str]:
    """Trigger the flows and show their steps until all are through; gives those that failed."""
    from rich.live import Live

    start = time.monotonic()
    runs = {flow: airflow.trigger(flow) for flow in flows}
    lines = dict.fromkeys(flows, "")
    failed: list[str] = []
    terminal = screen.console()
    with Live(console=terminal, transient=True, refresh_per_second=4) as live:
        while runs and time.monotonic() - start < RUN_SECONDS:
            for flow, run in list(runs.items()):
                state, tasks = airflow.look(flow, run)
                lines[flow] = _steps_so_far(tasks)
                if state in FINISHED:
                    del runs[flow]
                    lines[flow] = "failed" if state == "failed" else "through"
                    failed += [flow] if state == "failed" else []
                    took = screen.seconds_since(start)
                    live.console.print(f"  Flow {flow:<43} {lines[flow]:<18} {took}", markup=False)
            live.update("\n".join(f"  Flow {flow:<20} {lines[flow]}" for flow in runs))
            time.sleep(0.4)
    for flow in runs:
        screen.say(f"  Flow {flow:<43} not finished after {RUN_SECONDS:.0f} s")
    return [*failed, *runs]


def _steps_so_far(tasks: dict[str, str]) -> str:
    """Say how many tasks of each step are through.

    >>> _steps_so_far({"pull": "success", "map[0]": "success", "map[1]": "running"})
    'pull 1/1  map 1/2'
    """
    total: Counter[str] = Counter()
    through: Counter[str] = Counter()
    for name, state in tasks.items():
        step = name.partition("[")[0]
        total[step] += 1
        through[step] += state in {"success", "skipped"}
    shown = [step for step in STEPS if any(tasks[name] != "waiting" for name in tasks
                                           if name.partition("[")[0] == step)]  # fmt: skip
    return "  ".join(f"{step} {through[step]}/{total[step]}" for step in shown)


def show(home: Home, flows: tuple[str, ...], failed: list[str]) -> int:
    """Show the books of all flows and one hold; gives the exit status."""
    from crossdock import ledger
    from crossdock.store import open_store

    store = open_store(home)
    pages: list[dict[str, Any]] = []
    for flow in flows:
        try:
            pages.append(ledger.books(store, flow))
        except CrossdockError as error:
            screen.complain(error)
    screen.say()
    screen.books_together(pages)
    _one_hold(store)
    for flow in failed:
        screen.say(f"Flow {flow} failed: its log is in {home.state / 'airflow' / 'logs'}")
    through = len(pages) == len(flows) and all(page["balanced"] for page in pages)
    return 0 if through and not failed else 1


def _one_hold(store: Any) -> None:
    from crossdock import quarantine

    held = quarantine.listed(store)
    if not held:
        return
    hold = next((row for row in held if row["cause"] == "check"), held[0])
    command = _command()
    screen.say(f"{screen.count(len(held))} holds wait for a steward. One of them:")
    screen.say(f"  hold {hold['id']}: {hold['entity']} {hold['key']}: {hold['summary']}")
    screen.say("Look at it, and let it pass with the flow's next run:")
    screen.say(f"  {command} quarantine show {hold['id']}")
    screen.say(f"  {command} quarantine release {hold['id']} --reason 'agreed with the customer'")
    screen.say()


def _command() -> str:
    """How to call crossdock from where the person stands."""
    if shutil.which("crossdock"):
        return "crossdock"
    beside = Path(sys.executable).with_name("crossdock")
    with contextlib.suppress(ValueError):
        return str(beside.relative_to(Path.cwd()))
    return str(beside)


def links(home: Home, airflow: LocalAirflow, keep: bool) -> None:
    """Say where report and Airflow are."""
    from crossdock import run_report
    from crossdock.store import open_store

    path = run_report.write(open_store(home))
    screen.say(f"Report:  {path.resolve().as_uri()}")
    if keep:
        screen.say(f"Airflow: {airflow.url}  (user {USER}, password {airflow.password})")
        screen.say("Ctrl-C stops all of it.")
    else:
        screen.say(f"Airflow: was at {airflow.url}; make demo KEEP=1 leaves it up")


def wait_for_interrupt() -> None:
    """Leave everything up until Ctrl-C."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()
