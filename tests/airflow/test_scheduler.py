"""The same flow through a real scheduler: parallel tasks, assets, no database under the tasks."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crossdock import ledger, processes
from crossdock.errors import Misconfigured
from crossdock.home import Home
from crossdock.scheduler import LocalAirflow, settings
from crossdock.store import open_store
from tests import tiny

ORDERS = tiny.FILES["config/flows/orders.yaml"].replace("every: 15 minutes", "every: null")
FOLLOWER = ORDERS.replace("every: null", "after: [sales_order]")


@pytest.mark.slow
def test_a_flow_and_its_follower_run_under_the_scheduler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tiny.project(tmp_path / "project")
    (project / "config/flows/orders.yaml").write_text(ORDERS, encoding="utf-8")
    (project / "config/flows/follower.yaml").write_text(FOLLOWER, encoding="utf-8")
    variables = tiny.variables(project)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with LocalAirflow(project, project / "state", extra=variables) as airflow:
        family = processes.family(os.getpid())
        airflow.wait(["orders", "follower"])
        airflow.unpause("follower")
        run = airflow.trigger("orders")
        states = [state for state, _ in airflow.follow("orders", run, 120)]
        assert states[-1] == "success"
        assert set(airflow.tasks("orders", run).values()) == {"success"}
        deadline = time.monotonic() + 60
        while "asset_triggered" not in airflow.runs("follower"):
            assert time.monotonic() < deadline, "nobody woke the follower"
            time.sleep(0.5)
    assert tiny.delivered(project) == ["1001", "1003"]
    assert ledger.books(open_store(Home.find()), "orders")["balanced"]
    left = {member.pid for member in processes.family(os.getpid())}
    assert not left & {member.pid for member in family}, "it stops what it started"
    password_file = project / "state/airflow/passwords.json"
    assert stat.S_IMODE(password_file.stat().st_mode) == 0o600


def test_settings_name_loopback_and_one_folder(tmp_path: Path) -> None:
    airflow = LocalAirflow(tmp_path / "project", tmp_path / "state", port=8123)
    made = airflow._settings()
    assert made["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert made["AIRFLOW_HOME"].startswith(str(tmp_path))
    assert "password" not in repr(airflow)
    assert set(settings(tmp_path, tmp_path)) <= set(made)


def test_a_component_that_ends_is_said_at_once(tmp_path: Path) -> None:
    airflow = LocalAirflow(tmp_path, tmp_path)
    airflow._running["scheduler"] = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    airflow._running["scheduler"].wait(30)
    with pytest.raises(Misconfigured, match="scheduler ended with status 3"):
        airflow.wait(["orders"], 5)
