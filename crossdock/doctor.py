"""``crossdock doctor``: is this machine and this project fit to run? One line a question."""

from __future__ import annotations

import configparser
import contextlib
import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from crossdock.connector import Connector
from crossdock.errors import CrossdockError
from crossdock.home import Home

LEAST_FREE = 1_000_000_000
IGNORED = ("*/", "!dags/")
MANY_MACHINES = ("Celery", "Kubernetes", "Edge", "Batch")


class Line(NamedTuple):
    """One answer: ``ok``, ``note`` (works, worth knowing) or ``FAIL``, and what to do."""

    state: Literal["ok", "note", "FAIL"]
    what: str
    detail: str = ""


def examine(home: Home) -> Iterator[Line]:
    """Yield every line of the examination; what cannot be asked is a line as well."""
    for question in QUESTIONS:
        try:
            yield from question(home)
        except (CrossdockError, OSError) as error:
            name = question.__name__.strip("_").replace("_", " ")
            yield Line("FAIL", name, str(error))


def _python(_: Home) -> Iterator[Line]:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        yield Line("ok", f"Python {version}")
    else:
        yield Line("FAIL", f"Python {version}", "Crossdock is tried with 3.11, 3.12 and 3.13")


def _state_folder(home: Home) -> Iterator[Line]:
    home.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not os.access(home.state, os.W_OK):
        yield Line("FAIL", f"state in {home.state}", "this user cannot write there")
        return
    open_to_others = home.state.stat().st_mode & stat.S_IRWXO
    yield (
        Line("note", f"state in {home.state}", f"other users may look in: chmod 700 {home.state}")
        if open_to_others
        else Line("ok", f"state in {home.state}")
    )
    free = shutil.disk_usage(home.state).free
    state: Literal["ok", "FAIL"] = "ok" if free >= LEAST_FREE else "FAIL"
    yield Line(state, "disk space", f"{free / 1e9:.1f} GB free")


def _key(home: Home) -> Iterator[Line]:
    if not home.key_file.exists():
        yield Line("note", "key of the kept bytes", "none yet; `crossdock init` makes it")
        return
    _ = home.key  # reading refuses a key that others can read or that is damaged
    yield Line("ok", "key of the kept bytes", f"{home.key_file}, yours alone; is it in the backup?")


def _store(home: Home) -> Iterator[Line]:
    from crossdock.store import open_store

    if home.database_url.startswith("sqlite") and not (home.state / "hub.db").exists():
        yield Line("note", "store on SQLite", "none yet; the first run makes it")
        yield from _one_machine()
        return
    store = open_store(home)
    if store.dialect != "sqlite":
        yield Line("ok", f"store on {store.dialect}")
        return
    with store.reading() as connection:
        asked = {
            name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar())
            for name in ("journal_mode", "synchronous", "busy_timeout")
        }
    wanted = {"journal_mode": "wal", "synchronous": "2", "busy_timeout": "30000"}
    if asked == wanted:
        yield Line("ok", f"store on SQLite {sqlite3.sqlite_version}", "WAL, synchronous FULL")
    else:
        yield Line("FAIL", "store on SQLite", f"its settings are {asked}, not {wanted}")
    yield from _one_machine()


def _one_machine() -> Iterator[Line]:
    executor = airflow_setting("core", "executor")
    if any(word in executor for word in MANY_MACHINES):
        yield Line(
            "FAIL",
            f"SQLite under {executor}",
            "it is for one machine: set CROSSDOCK_DATABASE_URL to PostgreSQL",
        )


def _objects(home: Home) -> Iterator[Line]:
    executor = airflow_setting("core", "executor")
    many = any(word in executor for word in MANY_MACHINES)
    local = home.objects_url.startswith("file:")
    if many and local and not os.environ.get("CROSSDOCK_OBJECTS_URL"):
        yield Line(
            "FAIL",
            f"kept bytes in {home.objects_url} under {executor}",
            "set CROSSDOCK_OBJECTS_URL to a folder that all workers share, or to s3://",
        )
    else:
        yield Line("ok", f"kept bytes in {home.objects_url.partition('?')[0]}")


def _airflow(home: Home) -> Iterator[Line]:
    ignore = home.project / ".airflowignore"
    lines = ignore.read_text(encoding="utf-8").split() if ignore.exists() else []
    if all(line in lines for line in IGNORED):
        yield Line("ok", ".airflowignore", "Airflow reads dags/ only")
    else:
        yield Line("FAIL", ".airflowignore", f"it needs the lines {' and '.join(IGNORED)}")
    if not (home.project / "dags" / "flows.py").exists():
        yield Line("FAIL", "dags/flows.py", "without it Airflow sees no flow")
    if not os.environ.get("AIRFLOW_HOME"):
        yield Line("note", "Airflow", "AIRFLOW_HOME is not set; its settings were not looked at")
        return
    yield from _airflow_settings()


def _airflow_settings() -> Iterator[Line]:
    executor = airflow_setting("core", "executor") or "LocalExecutor"
    manager = airflow_setting("core", "auth_manager")
    simple = "simple" in (manager or "simple").lower()
    if simple and any(word in executor for word in MANY_MACHINES):
        yield Line("FAIL", "Airflow's logins", "SimpleAuthManager is not for production: take FAB")
    if airflow_setting("core", "load_examples").lower() in {"", "true", "t", "1"}:
        yield Line("note", "Airflow's examples", "set AIRFLOW__CORE__LOAD_EXAMPLES=False")
    longest = airflow_setting("core", "max_map_length") or "1024"
    if int(longest) < 10_000:
        yield Line(
            "note",
            f"at most {longest} batches a run",
            "set AIRFLOW__CORE__MAX_MAP_LENGTH=10000 for large first loads",
        )
    yield Line("ok", f"Airflow with {executor}")
    if airflow_setting("api", "expose_config").lower() in {"true", "t", "1"}:
        yield Line("FAIL", "Airflow's settings", "set AIRFLOW__API__EXPOSE_CONFIG=False")
    host = airflow_setting("api", "host")
    if simple and host not in {"127.0.0.1", "localhost", "::1"}:
        yield Line(
            "note", "Airflow's API", "with simple logins set AIRFLOW__API__HOST=127.0.0.1"
        )


def _flows(home: Home) -> Iterator[Line]:
    from crossdock import flows

    for name in flows.names(home):
        try:
            flows.load(home, name)
            yield Line("ok", f"flow {name}")
        except CrossdockError as error:
            yield Line("FAIL", f"flow {name}", str(error))


def _systems(home: Home) -> Iterator[Line]:
    """Build each account without contacting it: settings, secrets that are no literals, streams."""
    from crossdock import systems

    clocked = _used_by_the_clock(home)
    for name in systems.names(home):
        data = systems.document(home, name).data or {}
        if data.get("sandbox"):
            yield Line("note", f"system {name}", "a sandbox system; the first run starts it")
            continue
        try:
            connector = systems.open_system(home, name)
        except CrossdockError as error:
            unset = "environment variable" in error.what and name not in clocked
            state: Literal["note", "FAIL"] = "note" if unset else "FAIL"
            yield Line(state, f"system {name}", str(error))
            continue
        if _speaks_ssh(connector) and not vars(connector).get("host_key"):
            yield Line("FAIL", f"system {name}", "settings: host_key is missing; pin the key")
        else:
            yield Line("ok", f"system {name}")


def _used_by_the_clock(home: Home) -> set[str]:
    """Name the systems of flows that run by themselves; others wait for whoever starts them."""
    from crossdock import flows

    found: set[str] = set()
    for name in flows.names(home):
        with contextlib.suppress(CrossdockError):
            flow = flows.load(home, name)
            if flow.every or flow.after:
                found |= {leg.system for leg in flow.legs} | {route.system for route in flow.routes}
    return found


def _speaks_ssh(connector: Connector) -> bool:
    settings = vars(connector)
    named = settings.get("host") or "sftp://" in str(settings.get("path", ""))
    return "host_key" in settings and bool(named)


def _webhooks(home: Home) -> Iterator[Line]:
    """Open the secret of every address that systems call; the receiver would not start without."""
    from crossdock import systems
    from crossdock.webhooks import endpoint

    for name in systems.names(home):
        page = systems.document(home, name)
        for stream, one in systems.webhooks(name, page).items():
            at = ("streams", stream, "webhooks", "secrets")
            try:
                endpoint.opened(one, lambda v, p=page, a=at: systems.secret_value(p, v, *a))  # type: ignore[misc]
            except CrossdockError as error:
                yield Line("FAIL", f"webhooks {one.path}", str(error))
            else:
                often = "" if one.reconcile is not None else f"never polled: {one.because}"
                yield Line("ok", f"webhooks {one.path}", often)


def _defaults(home: Home) -> Iterator[Line]:
    """Try every security default out; docs/reference/security.md says what each is for."""
    from crossdock import defaults

    for name, why in defaults.tried(home):
        yield Line("FAIL" if why else "ok", f"default: {name}", why)


def _database(home: Home) -> Iterator[Line]:
    """Ask PostgreSQL whether a statement that hangs would end, and whether we are its owner."""
    if not home.database_url.startswith("postgresql"):
        return
    from crossdock.store import open_store

    with open_store(home).reading() as connection:
        row = connection.exec_driver_sql(
            "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        ).one()
    if row.rolsuper or row.rolcreaterole:
        yield Line("note", "role in PostgreSQL", "a superuser: give the hub a role of its own")
    else:
        yield Line("ok", "role in PostgreSQL", "no superuser")


QUESTIONS: tuple[Callable[[Home], Iterator[Line]], ...] = (
    _python,
    _state_folder,
    _key,
    _store,
    _database,
    _objects,
    _airflow,
    _flows,
    _systems,
    _webhooks,
    _defaults,
)


def airflow_setting(section: str, key: str) -> str:
    """Read a setting of Airflow as Airflow would, without importing it; "" when it is not set."""
    named = os.environ.get(f"AIRFLOW__{section.upper()}__{key.upper()}")
    if named is not None:
        return named
    path = Path(os.environ.get("AIRFLOW_HOME", "")) / "airflow.cfg"
    if not os.environ.get("AIRFLOW_HOME") or not path.exists():
        return ""
    page = configparser.ConfigParser(interpolation=None, strict=False)
    page.read(path, encoding="utf-8")
    return page.get(section, key, fallback="")
