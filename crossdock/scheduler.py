"""A local Airflow on loopback, as processes of our own: settings, start, health, trigger, stop.

``crossdock demo`` and the tests through a real scheduler share it. It speaks to Airflow by its
command line and its public REST API only, and everything it writes lies under one state folder.
https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from crossdock import processes
from crossdock.errors import Misconfigured, TryLater

USER = "steward"
COMPONENTS = ("api-server", "scheduler", "dag-processor")
FINISHED = {"success", "failed"}
START_SECONDS = 120.0


def settings(project: Path, state: Path) -> dict[str, str]:
    """Give Airflow's environment for this project; set it before anything imports Airflow.

    ``project`` is the bundle's root (its .airflowignore leaves dags/ only); Airflow's database,
    configuration and logs lie under ``state``/airflow.
    """
    bundle = {
        "name": "crossdock",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(project), "refresh_interval": 30},
    }
    return {
        "CROSSDOCK_HOME": str(state),
        "CROSSDOCK_PROJECT": str(project),
        "AIRFLOW_HOME": str(state / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__MAX_MAP_LENGTH": "10000",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        # Airflow 3.3 calls pathspec by a name that pathspec 1.1 deprecates; not ours to cure
        "PYTHONWARNINGS": "ignore:GitWildMatchPattern:DeprecationWarning",
    }


@dataclass
class LocalAirflow:
    """API server, scheduler with LocalExecutor and DAG processor on one free loopback port.

    Use it as a context manager: entering migrates the database and starts the three processes,
    leaving stops them. ``extra`` is added to the environment of all of them.
    """

    project: Path
    state: Path
    extra: dict[str, str] = field(default_factory=dict)
    parallelism: int = 4
    port: int = 0
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, repr=False)
    _logs: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)
    _token: str = field(default="", repr=False)
    _environment: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        """The address of Airflow's UI."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def logs(self) -> Path:
        """The folder with one log a component."""
        return self.state / "airflow" / "components"

    def __enter__(self) -> LocalAirflow:
        self.port = self.port or _free_port()
        self._environment = self._settings()
        self.logs.mkdir(parents=True, exist_ok=True)
        self._write_passwords()
        try:
            self._migrate()
            for component in COMPONENTS:
                self._start(component)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _settings(self) -> dict[str, str]:
        keys = {
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(32),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__PARALLELISM": str(self.parallelism),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._passwords),
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        return {**os.environ, **settings(self.project, self.state), **keys, **self.extra}

    @property
    def _passwords(self) -> Path:
        return self.state / "airflow" / "passwords.json"

    def _write_passwords(self) -> None:
        self._passwords.unlink(missing_ok=True)
        handle = os.open(self._passwords, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({USER: self.password}, file)

    def _migrate(self) -> None:
        log = self.logs / "migrate.log"
        with log.open("wb") as output:
            done = subprocess.run(
                [sys.executable, "-m", "airflow", "db", "migrate"],
                env=self._environment, stdout=output, stderr=output, timeout=300, check=False,
            )  # fmt: skip
        if done.returncode:
            raise Misconfigured("Airflow cannot make its database", where=str(log))

    def _start(self, component: str) -> None:
        output: IO[bytes] = self._logs.enter_context((self.logs / f"{component}.log").open("wb"))
        options = ["--skip-serve-logs"] if component == "scheduler" else []
        self._running[component] = subprocess.Popen(
            [sys.executable, "-m", "airflow", component, *options],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Stop the processes and all that they started (workers open groups of their own)."""
        started = list(self._running.values())
        family = [member for process in started for member in processes.family(process.pid)]
        for process in self._running.values():
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + 10
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            _signal(process, signal.SIGKILL)
            process.wait(10)
        processes.end(family)
        self._running.clear()
        self._logs.close()

    # -- what it is asked ---------------------------------------------------------------------

    def wait(self, dags: list[str], seconds: float = START_SECONDS) -> None:
        """Wait until scheduler and DAG processor are healthy and ``dags`` are known.

        Raises TryLater when that takes longer than ``seconds``, Misconfigured when a component
        ended or a DAG file cannot be imported.
        """
        deadline = time.monotonic() + seconds
        missing = list(dags)
        while time.monotonic() < deadline:
            self._alive()
            with contextlib.suppress(OSError, TryLater):
                if self._healthy():
                    missing = [dag for dag in missing if not self._knows(dag)]
                    if not missing:
                        return
            time.sleep(0.25)
        self._import_errors()
        what = f"Airflow was not ready after {seconds:.0f} s"
        raise TryLater(what, where=str(self.logs), fix="read its logs")

    def trigger(self, dag: str) -> str:
        """Unpause ``dag``, start a run, and give the run's id."""
        self.unpause(dag)
        run = self._call("POST", f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None})
        return str(run["dag_run_id"])

    def unpause(self, dag: str) -> None:
        """Let the clock and assets start ``dag``."""
        self._call("PATCH", f"/api/v2/dags/{dag}", {"is_paused": False})

    def runs(self, dag: str) -> dict[str, str]:
        """Give the state of the newest run of each type: manual, scheduled, asset_triggered."""
        found = self._call("GET", f"/api/v2/dags/{dag}/dagRuns?order_by=run_after")["dag_runs"]
        return {str(run["run_type"]): str(run["state"]) for run in found}

    def follow(self, dag: str, run: str, seconds: float) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield (state of the run, state of each task instance) until the run is finished.

        Raises TryLater when it is not finished after ``seconds``.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state, tasks = self.look(dag, run)
            yield state, tasks
            if state in FINISHED:
                return
            time.sleep(0.3)
        raise TryLater(f"{dag} was not finished after {seconds:.0f} s", where=str(self.logs))

    def look(self, dag: str, run: str) -> tuple[str, dict[str, str]]:
        """Give the state of a run and of each of its task instances, as they are now."""
        self._alive()
        state = str(self._call("GET", f"/api/v2/dags/{dag}/dagRuns/{run}")["state"])
        return state, self.tasks(dag, run)

    def tasks(self, dag: str, run: str) -> dict[str, str]:
        """Give the state of each task instance, by ``task`` or ``task[index]``."""
        page = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances?limit=1000"
        instances = self._call("GET", page)["task_instances"]
        return {_task_name(item): str(item["state"] or "waiting") for item in instances}

    def _healthy(self) -> bool:
        health = self._call("GET", "/api/v2/monitor/health", login=False)
        return all(
            (health.get(part) or {}).get("status") == "healthy"
            for part in ("metadatabase", "scheduler", "dag_processor")
        )

    def _knows(self, dag: str) -> bool:
        try:
            return bool(self._call("GET", f"/api/v2/dags/{dag}"))
        except Misconfigured:
            return False

    def _import_errors(self) -> None:
        with contextlib.suppress(OSError, TryLater):
            for error in self._call("GET", "/api/v2/importErrors")["import_errors"]:
                lines = str(error["stack_trace"]).strip().splitlines()
                raise Misconfigured(lines[-1], where=str(error["filename"]))

    def _alive(self) -> None:
        for component, process in self._running.items():
            if process.poll() is not None:
                raise Misconfigured(
                    f"Airflow's {component} ended with status {process.returncode}",
                    where=str(self.logs / f"{component}.log"),
                )

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, login: bool = True
    ) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if login:
            headers["Authorization"] = f"Bearer {self._log_in()}"
        return _ask(self.port, method, path, body, headers)

    def _log_in(self) -> str:
        if not self._token:
            body = {"username": USER, "password": self.password}
            headers = {"Content-Type": "application/json"}
            self._token = str(_ask(self.port, "POST", "/auth/token", body, headers)["access_token"])
        return self._token


def _task_name(instance: dict[str, Any]) -> str:
    name, index = instance["task_id"], instance["map_index"]
    return f"{name}[{index}]" if index >= 0 else str(name)


def _ask(
    port: int, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
) -> dict[str, Any]:
    """Call the API on loopback; no proxy, no redirect. Raises TryLater or Misconfigured."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
    except http.client.HTTPException as error:
        raise TryLater(f"Airflow did not answer: {error!r}") from None
    finally:
        connection.close()
    if answer.status >= 500:
        raise TryLater(f"Airflow answered {answer.status}", where=path)
    if answer.status >= 400:
        raise Misconfigured(f"Airflow answered {answer.status}: {text[:200]}", where=path)
    result: dict[str, Any] = json.loads(text)
    return result


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
