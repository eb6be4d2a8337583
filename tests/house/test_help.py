"""`crossdock --help` stays fast, and the DAG file stays cheap."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = [
    "airflow",
    "great_expectations",
    "numpy",
    "pandas",
    "pyarrow",
    "requests",
    "sqlalchemy",
    "zeep",
]


def ask(code: str) -> list[str]:
    script = f"""{code}
import json, sys
print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


def test_the_package_and_its_command_line_import_nothing_heavy() -> None:
    assert ask("import crossdock, crossdock.cli") == []


def test_reading_flows_imports_nothing_heavy() -> None:
    code = (
        "from pathlib import Path\n"
        "from crossdock import flows\n"
        "from crossdock.home import Home\n"
        "home = Home.find(Path.cwd())\n"
        "[flows.load(home, name) for name in flows.names(home)]"
    )
    assert set(ask(code)) <= {"numpy"}


def test_help_is_fast() -> None:
    best = 60.0
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "crossdock.cli", "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "100"},
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        best = min(best, spent)
    assert "Exit status" in done.stdout
    assert best < 0.5, "seconds of processor time, so that a busy machine does not matter"
