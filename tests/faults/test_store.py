"""The hub's own database: full, locked, away, in a deadlock, silent after a commit."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import sqlalchemy as sa

from crossdock import quarantine
from crossdock.errors import CrossdockError, Misconfigured, TryLater
from crossdock.store import engine as opening
from crossdock.store import schema
from crossdock.store.engine import guard
from tests.engine.conftest import Databases, forget
from tests.engine.project import Project, order
from tests.faults.catalogue import fault
from tests.postgres import Given
from tests.wire.conftest import Clock

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def pg(make: Callable[..., Project], server: Given) -> Iterator[Project]:
    """The project with a hub on PostgreSQL, and a target that knows keys."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    url = server.database(name, "blank")
    yield make(Databases("postgresql", url, url), delivery="idempotency_key")
    forget()
    server.drop(name)


def ended_well(project: Project, numbers: int) -> None:
    """All is delivered once, every run is closed and balanced, no lease is held."""
    effects = [line["body"]["order_no"] for line in project.effects()]
    assert sorted(effects) == sorted(str(n) for n in range(1, numbers + 1))
    runs = project.rows(sa.select(schema.run.c.id, schema.run.c.state))
    assert {row.state for row in runs} == {"closed"}
    assert all(project.books(row.id)["balanced"] for row in runs)
    assert not project.rows(sa.select(schema.lease.c.name).where(schema.lease.c.holder != ""))


class Proxy:
    """Between the hub and PostgreSQL: ends the connection when the n-th COMMIT was carried out."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._to = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._listening = socket.create_server(("127.0.0.1", 0))
        user = f"{parts.username}{f':{parts.password}' if parts.password else ''}@"
        place = f"{user}127.0.0.1:{self._listening.getsockname()[1]}"
        self.url = urlunsplit(parts._replace(netloc=place))
        self.commits = 0
        self.cut_at = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._to)
                threading.Thread(target=self._talk, args=(near, far), daemon=True).start()

    def _talk(self, near: socket.socket, far: socket.socket) -> None:
        """Carry words forth; answers come back in a thread of their own until the cut."""
        silent = threading.Event()
        back = threading.Thread(target=self._answer, args=(near, far, silent), daemon=True)
        back.start()
        with contextlib.suppress(OSError):
            while words := near.recv(1 << 16):
                if b"COMMIT\0" in words:
                    self.commits += 1
                    if self.commits == self.cut_at:
                        silent.set()
                far.sendall(words)
                if silent.is_set():
                    back.join(30)
                    break
        for sock in (near, far):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        back.join(30)
        near.close()
        far.close()

    def _answer(self, near: socket.socket, far: socket.socket, silent: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while words := far.recv(1 << 16):
                if silent.is_set():
                    return  # the server has answered, and nobody hears it
                near.sendall(words)


@pytest.fixture
def proxy(pg: Project) -> Iterator[Proxy]:
    made = Proxy(pg.hub_url)
    yield made
    forget()
    made.close()


@fault("P19", "P18")
def test_a_connection_that_ends_after_a_commit_and_before_its_answer(
    pg: Project, proxy: Proxy, still: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pg.orders([order("1")])
    monkeypatch.setenv("CROSSDOCK_DATABASE_URL", proxy.url)
    pg.run("orders")
    total = proxy.commits
    assert total > 10
    forget()
    places = (total // 3, 2 * total // 3, total - 1)
    for number, place in enumerate(places, 2):
        pg.orders([order(str(n)) for n in range(1, number + 1)])
        proxy.commits, proxy.cut_at = 0, place
        monkeypatch.setenv("CROSSDOCK_DATABASE_URL", proxy.url)
        with contextlib.suppress(CrossdockError):
            pg.run("orders")
        assert proxy.commits >= place, "the connection was not cut"
        proxy.cut_at = 0
        forget()
        with psycopg.connect(pg.hub_url, autocommit=True) as connection:  # the time passes
            connection.execute("UPDATE lease SET expires_at = now() - interval '1 second'")
        monkeypatch.setenv("CROSSDOCK_DATABASE_URL", pg.hub_url)
        pg.run("orders")
        ended_well(pg, number)


@fault("P20")
def test_a_deadlock_ends_one_of_two_and_the_other_commits(pg: Project) -> None:
    store = pg.store
    for name in "ab":
        store.numbers(name)
    first = threading.Barrier(2, timeout=30)

    def take(names: str) -> str:
        try:
            with store.writing() as connection:
                for name in names:
                    connection.execute(
                        schema.counter.update()
                        .where(schema.counter.c.name == name)
                        .values(value=schema.counter.c.value + 10)
                    )
                    if name == names[0]:
                        first.wait()
        except TryLater as error:
            return str(error)
        return "done"

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(take, ["ab", "ba"]))
    assert said[0] == "done" or said[1] == "done"
    assert any("deadlock" in words for words in said)
    values = pg.rows(sa.select(schema.counter.c.value).where(schema.counter.c.name.in_(["a", "b"])))
    assert [row.value for row in values] == [11, 11]


STATES = {
    "P17": ("53100", "could not extend file: No space left on device"),
    "P20": ("40001", "could not serialize access due to concurrent update"),
    "P18": ("57P01", "terminating connection due to administrator command"),
}


@fault("X17", "P17", "P18", "P20")
@pytest.mark.parametrize("table", ["document_version", "outbox"])
@pytest.mark.parametrize("name", STATES)
def test_what_the_server_cannot_write_is_tried_later(pg: Project, name: str, table: str) -> None:
    code, words = STATES[name]
    with psycopg.connect(pg.hub_url, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" RAISE EXCEPTION '{words}' USING ERRCODE = '{code}'; END $$"
        )
        connection.execute(
            f"CREATE TRIGGER full_disk BEFORE INSERT ON {table} EXECUTE FUNCTION full_disk()"
        )
        pg.orders([order("1"), order("2")])
        with pytest.raises(TryLater):
            pg.run("orders")
        assert not pg.effects()
        connection.execute(f"DROP TRIGGER full_disk ON {table}")
    pg.run("orders")
    ended_well(pg, 2)


@fault("P17", "P16")
def test_a_full_disk_under_sqlite(make: Callable[..., Project]) -> None:
    lite = make(delivery="idempotency_key")
    lite.orders([order("1", note="x" * 2000)])
    lite.run("orders")
    hub = lite.store.engine

    def small(connection: Any, _record: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    sa.event.listen(hub, "connect", small)
    hub.dispose()
    lite.orders([order(str(n), note="x" * 2000) for n in range(1, 60)])
    with pytest.raises(TryLater, match="full"):
        lite.run("orders")
    assert len(lite.effects()) == 1
    forget()
    lite.run("orders")
    ended_well(lite, 59)


@fault("P16")
@pytest.mark.parametrize("most", [60_000])
def test_no_room_for_kept_bytes(make: Callable[..., Project], pg: Project, most: int) -> None:
    """In a process that may write no file above a limit; the hub's database is elsewhere."""
    pg.orders([order(str(n), note="x" * 2000) for n in range(1, 60)])
    forget()
    pid = os.fork()
    if pid == 0:
        code = 9
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            code = pg.run("orders").exit_status
        except TryLater:
            code = 75
        except CrossdockError:
            code = 8
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == (75 if most < 600_000 else 0)
    pg.run("orders")
    ended_well(pg, 59)


@fault("P21")
def test_a_lock_that_somebody_keeps_is_not_waited_for_for_ever(
    pg: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "LOCK_SECONDS", 0.3)
    forget()
    pg.orders([order("1")])
    with psycopg.connect(pg.hub_url) as somebody:
        somebody.execute("LOCK TABLE object IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TryLater, match="lock timeout"):
            pg.run("orders")
        somebody.rollback()
    pg.run("orders")
    ended_well(pg, 1)


@fault("P21")
def test_a_writer_who_does_not_end_under_sqlite(
    make: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "LOCK_SECONDS", 0.2)
    lite = make(delivery="idempotency_key")
    lite.orders([order("1")])
    other = sa.create_engine(lite.hub_url)
    with other.connect() as somebody:
        somebody.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(TryLater, match="locked"):
            lite.run("orders")
        somebody.exec_driver_sql("ROLLBACK")
    other.dispose()
    lite.run("orders")
    ended_well(lite, 1)


@fault("P22")
def test_a_database_that_takes_no_more_connections(
    pg: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"role_{uuid.uuid4().hex[:8]}"
    parts = urlsplit(pg.hub_url)
    with psycopg.connect(pg.hub_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 0")
        url = urlunsplit(parts._replace(netloc=f"{role}:x@{parts.hostname}:{parts.port}"))
        monkeypatch.setenv("CROSSDOCK_DATABASE_URL", url)
        pg.orders([order("1")])
        with pytest.raises(TryLater, match="too many connections") as caught:
            pg.run("orders")
        assert ":x@" not in str(caught.value)
        connection.execute(f"DROP ROLE {role}")
    monkeypatch.setenv("CROSSDOCK_DATABASE_URL", pg.hub_url)
    pg.run("orders")
    ended_well(pg, 1)


class _Shifted(datetime):
    """The clock of a machine that somebody sets."""

    by = timedelta()

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + cls.by


@fault("N33", "P24")
def test_a_clock_that_jumps_back_gives_no_lease_away(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "datetime", _Shifted)
    monkeypatch.setattr(_Shifted, "by", timedelta())
    store = project.store
    mine = store.acquire("flow/x", "elsewhere:1", 60.0)
    assert mine == 1
    for hours in (-1, -24, 0):
        monkeypatch.setattr(_Shifted, "by", timedelta(hours=hours))
        assert store.acquire("flow/x", "elsewhere:2", 60.0) is None
        with store.writing() as connection:
            guard(connection, "flow/x", mine)
    monkeypatch.setattr(_Shifted, "by", timedelta(hours=1))
    assert store.acquire("flow/x", "elsewhere:2", 60.0) == 2
    monkeypatch.setattr(_Shifted, "by", timedelta(hours=-1))
    with pytest.raises(TryLater), store.writing() as connection:
        guard(connection, "flow/x", mine)
    assert store.acquire("flow/x", "elsewhere:1", 60.0) is None, "the newer holder keeps it"


@fault("P34", "P32")
def test_two_stewards_at_once_decide_once(project: Project) -> None:
    project.orders([order("1", "30.00")])
    first = project.run("orders")
    (hold,) = quarantine.listed(project.store)
    start = threading.Barrier(2, timeout=30)

    def act(decide: Callable[..., None]) -> str:
        start.wait()
        try:
            decide(project.store, [hold["id"]], who="ann", reason="agreed")
        except Misconfigured:
            return "too late"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(act, [quarantine.reject, quarantine.release]))
    assert said in (["done", "too late"], ["done", "done"])  # a release first may be replaced
    project.run("orders")
    books = project.books(first.run)
    assert books["balanced"]
    assert books["records"]["rejected"] == 1 or len(project.effects()) == 1
    assert len(project.effects()) == books["records"]["delivered"]


@fault("P32")
def test_a_decision_waits_for_the_flow_that_changes_the_same_hold(pg: Project) -> None:
    pg.orders([order("1", "30.00")])
    pg.run("orders")
    (hold,) = quarantine.listed(pg.store)
    said: list[str] = []

    def decide() -> None:
        try:
            quarantine.release(pg.store, [hold["id"]], who="ann", reason="agreed")
        except Misconfigured as error:
            said.append(str(error))

    with psycopg.connect(pg.hub_url) as flow:
        flow.execute("UPDATE hold SET state = 'superseded' WHERE id = %s", [hold["id"]])
        thread = threading.Thread(target=decide)
        thread.start()
        thread.join(0.3)
        assert not said
        flow.commit()
    thread.join(30)
    assert "superseded already" in said[0]


@fault("P33")
def test_a_log_that_cannot_be_written_stops_nothing(
    make: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    lite = make(delivery="idempotency_key")
    monkeypatch.setattr(logging, "raiseExceptions", False)
    file = open("/dev/full", "w")  # noqa: SIM115, PTH123 - a device
    handler = logging.StreamHandler(file)
    failed: list[int] = []
    monkeypatch.setattr(handler, "handleError", lambda record: failed.append(1))
    root = logging.getLogger()
    root.addHandler(handler)
    before = root.level
    sql = logging.getLogger("sqlalchemy.engine")
    try:
        root.setLevel(logging.DEBUG)
        sql.setLevel(logging.INFO)
        lite.orders([order("1"), order("2")])
        lite.run("orders")
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        sql.setLevel(logging.NOTSET)
        with contextlib.suppress(OSError):
            file.close()
    assert failed, "nothing was logged at all"
    ended_well(lite, 2)
