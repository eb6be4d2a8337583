"""Run flows through Airflow's own ``dag.test()``: real tasks, real XCom, one process."""

from __future__ import annotations

import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import tiny
from tests.conftest import AIRFLOW_PROJECT


@dataclass
class Ran:
    """A DAG run that is over: its state, and (state, tries, shown name) of each task."""

    state: str
    tasks: dict[str, tuple[str, int, str | None]] = field(default_factory=dict)

    def states(self, step: str) -> list[str]:
        """Give the states of a step's tasks, one for each batch where it is mapped."""
        return [
            value[0] for name, value in sorted(self.tasks.items()) if name.partition("[")[0] == step
        ]


@pytest.fixture(scope="session")
def airflow_database() -> None:
    from airflow.utils import db

    with warnings.catch_warnings():  # what Airflow and FAB do with their own tables is theirs
        warnings.simplefilter("ignore")
        db.initdb()


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny project, where Airflow's bundle looks for it."""
    shutil.rmtree(AIRFLOW_PROJECT, ignore_errors=True)
    tiny.project(AIRFLOW_PROJECT)
    for name, value in tiny.variables(AIRFLOW_PROJECT).items():
        monkeypatch.setenv(name, value)
    state = AIRFLOW_PROJECT / f"state-{time.monotonic_ns()}"  # engines are kept by their address
    monkeypatch.setenv("CROSSDOCK_HOME", str(state))
    return AIRFLOW_PROJECT


@pytest.fixture
def run_dag(airflow_database: None, project: Path) -> Callable[[str], Ran]:
    """Parse the project's DAG file and run one of its DAGs to the end."""

    def run(name: str) -> Ran:
        from airflow.utils.cli import get_bagged_dag

        for variable in [name for name in os.environ if name.startswith("_AIRFLOW_PARSING")]:
            del os.environ[variable]  # dag.test() leaves the name of the last DAG behind
        for module in [name for name in sys.modules if name.startswith("unusual_prefix_")]:
            del sys.modules[module]
        done = get_bagged_dag(bundle_names=["crossdock"], dag_id=name).test()
        tasks = {
            one.task_id if one.map_index < 0 else f"{one.task_id}[{one.map_index}]": (
                str(one.state),
                one.try_number,
                one.rendered_map_index,
            )
            for one in done.get_task_instances()
        }
        return Ran(str(done.state), tasks)

    return run
