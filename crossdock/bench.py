"""``crossdock bench``: a whole run beside what only loads, on the same file and PostgreSQL.

Measured are whole processes, from start to exit. Crossdock lands the bytes, maps, checks, resolves,
delivers and closes its books; dlt and COPY put the same lines into a table and nothing else. The
hub's own store and the warehouse are two databases of that server.
"""

from __future__ import annotations

import compileall
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossdock import processes
from crossdock.bench_input import lines_of, real_or_generated, shuffled
from crossdock.commands import screen
from crossdock.errors import Misconfigured
from crossdock.home import Home

FLOW = "online_retail_warehouse"
LIMIT = 1800.0
LOOK_SECONDS = 1.0  # between looks at memory; each look holds the process up
SETTINGS = ("fsync=off", "full_page_writes=off", "wal_init_zero=off")
LOADERS = {"dlt, Arrow": "dlt_arrow", "dlt, rows": "dlt_rows", "COPY, raw": "copy"}


@dataclass(frozen=True)
class Taken:
    """What a process took: wall seconds, most bytes of memory at once, and its last words."""

    seconds: float
    peak: int
    words: str = ""


@dataclass(frozen=True)
class Ours:
    """One run of Crossdock: the process, its steps, its books."""

    taken: Taken
    steps: dict[str, float]
    books: dict[str, Any]


def measure(*, times: int = 1, again: bool = False) -> int:
    """Measure and print a table; the last line is JSON for a program. Gives 0, or 1 on failure.

    ``times`` measures so many times the input as well; ``again`` the same bytes and shuffled rows.
    """
    from crossdock.sandbox.postgres import Postgres

    home = Home.find()
    for package in (Path(__file__).parent, home.project / "connectors"):
        compileall.compile_dir(package, quiet=2)  # as an installed package is, and as dlt is
    folder = home.state / "bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    with ExitStack() as running:
        server = running.enter_context(Postgres(SETTINGS))
        file = real_or_generated(folder / "lines.csv", 1)
        rig = _Rig(home.project, folder, server, running)
        rig.load("copy", file, "warm")  # whoever came first would pay for files of the server
        result = rig.compare(file)
        if times > 1:
            result["times"] = rig.larger(real_or_generated(folder / f"x{times}.csv", times), times)
        if again:
            result["again"] = rig.again(file, shuffled(file, folder / "shuffled.csv"))
    shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(json.dumps(result) + "\n")
    return 0 if result["balanced"] else 1


class _Rig:
    def __init__(self, project: Path, folder: Path, server: Any, running: ExitStack) -> None:
        from crossdock.bundled import sandbox

        self.project, self.folder, self.server = project, folder, server
        self.variables = running.enter_context(sandbox(folder / "sandbox"))
        self.first: Taken | None = None

    def compare(self, file: Path) -> dict[str, Any]:
        """Run Crossdock and the loaders on ``file``, one after the other."""
        lines = lines_of(file)
        screen.say(f"{screen.count(lines)} lines, {file.stat().st_size / 1e6:.0f} MB")
        ours = self.ours("first", file)
        self.first = ours.taken
        theirs = {name: self.load(key, file) for name, key in LOADERS.items()}
        rows = [["Crossdock, all of it", *_row(lines, ours.taken)]]
        rows += [[name, *_row(lines, taken)] for name, taken in theirs.items()]
        screen.table(["", "seconds", "lines/s", "MB"], rows, right="seconds lines/s MB")
        return {
            "lines": lines,
            "seconds": ours.steps,
            "total_s": round(ours.taken.seconds, 2),
            "lines_per_s": round(lines / ours.taken.seconds),
            "peak_rss_mb": round(ours.taken.peak / 1e6),
            "ratios": {
                key: round(ours.taken.seconds / theirs[name].seconds, 2)
                for name, key in LOADERS.items()
            },
            "balanced": ours.books["balanced"],
        }

    def larger(self, file: Path, times: int) -> dict[str, Any]:
        """Run a larger input, and say how time and memory grew."""
        ours = self.ours("larger", file)
        lines = lines_of(file)
        screen.table(
            [f"{times} times the input", "seconds", "lines/s", "MB"],
            [["Crossdock, all of it", *_row(lines, ours.taken)]],
            right="seconds lines/s MB",
        )
        assert self.first is not None  # noqa: S101 - compare comes first
        return {
            "lines": lines,
            "total_s": round(ours.taken.seconds, 2),
            "peak_rss_mb": round(ours.taken.peak / 1e6),
            "time_growth": round(ours.taken.seconds / self.first.seconds, 2),
            "rss_growth": round(ours.taken.peak / max(1, self.first.peak), 2),
        }

    def again(self, same: Path, mixed: Path) -> dict[str, Any]:
        """Run the same bytes again, then the same rows in another order; nothing is new."""
        result = {}
        for name, file in (("same_bytes", same), ("shuffled_rows", mixed)):
            ours = self.ours("first", file)
            counts = ours.books["records"]
            result[name] = {
                "total_s": round(ours.taken.seconds, 2),
                "unchanged": counts["unchanged"],
                "new": counts["read"] - counts["unchanged"],
            }
        screen.table(
            ["again", "seconds", "unchanged", "new"],
            [
                [name, item["total_s"], screen.count(item["unchanged"]), screen.count(item["new"])]
                for name, item in result.items()
            ],
            right="seconds unchanged new",
        )
        return result

    def ours(self, name: str, file: Path) -> Ours:
        """Run the flow on ``file``; the same ``name`` means the same hub and warehouse."""
        state = self.folder / name
        if not state.exists():
            state.mkdir()
            self.server.database(f"hub_{name}")
            self.server.database(f"warehouse_{name}")
        # one path for every input, so that a file that comes again is the same file to the hub
        here = state / "online_retail.csv"
        here.unlink(missing_ok=True)
        here.hardlink_to(file)
        environment = {
            **os.environ,
            **self.variables,
            "CROSSDOCK_PROJECT": str(self.project),
            "CROSSDOCK_HOME": str(state),
            "CROSSDOCK_DATABASE_URL": self._url(f"hub_{name}"),
            "WAREHOUSE_URL": self._url(f"warehouse_{name}"),
            "ONLINE_RETAIL": str(here),
        }
        command = [sys.executable, "-m", "crossdock.cli", "run", FLOW, "--json"]
        with screen.console(stderr=True).status("Crossdock"):
            taken = _process(command, environment, self.folder / f"{name}.log", good=(0, 3))
        books = json.loads(taken.words)
        return Ours(taken, _steps(environment, books["run"]), books)

    def load(self, key: str, file: Path, name: str = "") -> Taken:
        """Load ``file`` into a database of its own by one of the loaders."""
        name = name or key
        url = self.server.database(name)
        scripts = self.project / "scripts"
        if key == "copy":
            command = [sys.executable, str(scripts / "bench_copy.py"), str(file), url]
        else:
            mode = key.removeprefix("dlt_")
            folder = self.folder / key
            folder.mkdir()
            python = self.project / ".venv-bench" / "bin" / "python"
            if not python.exists():
                raise Misconfigured("dlt is not installed here", fix="make bench")
            script = str(scripts / "bench_dlt.py")
            command = [str(python), script, mode, str(file), url, str(folder)]
        with screen.console(stderr=True).status(key):
            return _process(command, dict(os.environ), self.folder / f"{name}.log")

    def _url(self, name: str) -> str:
        return f"postgresql://hub@127.0.0.1:{self.server.port}/{name}"


def _row(lines: int, taken: Taken) -> list[str]:
    speed = screen.count(round(lines / taken.seconds))
    return [f"{taken.seconds:.1f}", speed, f"{taken.peak / 1e6:.0f}"]


def _process(
    command: Sequence[str], environment: dict[str, str], log: Path, good: tuple[int, ...] = (0,)
) -> Taken:
    """Run a process to its end; its memory is looked at once a second, with all children.

    Raises Misconfigured when it fails or takes longer than half an hour.
    """
    peak = 0
    os.sync()  # what was written before is not this process's to wait for
    start = time.monotonic()
    with log.open("wb") as errors, log.with_suffix(".out").open("w+b") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=errors
        )
        while True:
            try:
                process.wait(LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                peak = max(peak, processes.resident(process.pid))
                if time.monotonic() - start > LIMIT:
                    process.kill()
        seconds = time.monotonic() - start
        output.seek(0)
        words = output.read().decode("utf-8", "replace")
    if process.returncode not in good:
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
        raise Misconfigured(f"{command[1]} failed with {process.returncode}: {' '.join(last)}")
    return Taken(seconds, peak, words)


def _steps(environment: dict[str, str], run: str) -> dict[str, float]:
    """Read what each step took, added up over batches and workers."""
    from crossdock import run_report
    from crossdock.store import open_store

    home = Home(
        project=Path(environment["CROSSDOCK_PROJECT"]),
        state=Path(environment["CROSSDOCK_HOME"]),
        database_url=environment["CROSSDOCK_DATABASE_URL"],
        objects_url=f"file://{environment['CROSSDOCK_HOME']}/objects",
    )
    store = open_store(home)
    try:
        seconds = run_report.read(store, run).seconds
    finally:
        store.engine.dispose()
    return {step: round(float(value), 2) for step, value in seconds.items()}
