"""Killed at any moment, two at once, outrun: the next run ends it, with even books."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock import quarantine
from crossdock.errors import TryLater
from crossdock.store import schema
from crossdock.store.engine import guard
from crossdock.worker import process_name
from tests.engine import project as small
from tests.engine.conftest import forget
from tests.engine.project import PARTS, VOLATILE, Project, order
from tests.faults.catalogue import fault

DYING = Path(__file__).parent / "dying.py"
POINTS = 8

TWO_STREAMS = """\
organisation: tiny
shop: web
legs:
  - pull: till.catalogue
    map: [till/ware]
  - pull: till.orders
    map: [till/order]
    check: {sales_order: [orders]}
push:
  - {to: depot.products, entity: product, map: depot/product}
  - {to: erp.upsert, entity: sales_order, map: erp/order}
"""


class Dying:
    """Processes that run flows and die where they are told to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._server = subprocess.Popen(
            [sys.executable, str(DYING), str(PARTS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *jobs: tuple[Project, str, int]) -> list[tuple[int, str]]:
        """Run flows at the same time; gives exit code and words of each."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        outs = [self._folder / f"out-{self._count + n}" for n in range(len(jobs))]
        self._count += len(jobs)
        request = [
            {"flow": flow, "last": last, "env": project.variables, "out": str(out)}
            for (project, flow, last), out in zip(jobs, outs, strict=True)
        ]
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        codes = json.loads(self._server.stdout.readline())
        return [(code, out.read_text("utf-8")) for code, out in zip(codes, outs, strict=True)]

    def close(self) -> None:
        """End the server."""
        self._server.communicate()


@pytest.fixture(scope="module")
def dying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dying]:
    found = Dying(tmp_path_factory.mktemp("dying"))
    yield found
    found.close()


def orders(project: Project) -> None:
    """Two files: good orders, one to hold, one torn."""
    project.orders([order(str(n)) for n in range(1, 8)], "a.ndjson")
    project.orders([order("8", "99.00"), order("9")], "b.ndjson")
    with (project.folder / "inbox/orders/b.ndjson").open("a") as file:
        file.write('{"number": \n')


def ended_well(project: Project, said: str) -> None:
    """All is delivered once, the held is held once, and nothing is left to do."""
    last = project.run("orders")
    assert last.balanced, (said, last.data)
    assert last.data["records"]["read"] == last.data["records"]["unchanged"] == 10, said
    every = project.rows(sa.select(schema.run.c.id, schema.run.c.state, schema.run.c.balanced))
    assert {(row.state, row.balanced) for row in every} == {("closed", True)}, (said, every)
    for row in every:
        assert project.books(row.id)["balanced"], said
    effects = [line["body"]["order_no"] for line in project.effects()]
    wanted = ["1", "2", "3", "4", "5", "6", "7", "9"]
    if "erp.upsert" in (project.folder / "config/flows/orders.yaml").read_text("utf-8"):
        assert max(effects.count(number) for number in wanted) <= 2, said  # the same, once more
        effects = list(set(effects))
    assert sorted(effects) == wanted, (said, effects)
    held = project.rows(
        sa.select(schema.hold.c.key).where(schema.hold.c.state == "open").order_by("key")
    )
    assert [row.key[:1] for row in held] == ["8", "?"], (said, held)
    versions = schema.record_version
    states = project.rows(
        sa.select(versions.c.state, sa.func.count()).group_by(versions.c.state).order_by("state")
    )
    assert [tuple(row) for row in states] == [("delivered", 8), ("quarantined", 2)], said
    known = {row.id for row in project.rows(sa.select(schema.kept_object.c.id))}
    named = {row.object_id for row in project.rows(sa.select(versions.c.object_id))}
    assert named <= known, f"{said}: a version names bytes that the hub does not know"
    leases = project.rows(sa.select(schema.lease.c.name).where(schema.lease.c.holder != ""))
    assert not leases, said
    scratch = project.folder / "state" / "scratch"
    assert not scratch.exists() or not list(scratch.iterdir()), said


@fault("P01", "P02", "P03", "P04", "P05", "P06", "P07", "P08", "P09", "P10", "P11", "P12")
@pytest.mark.parametrize("delivery", ["upsert", "lookup_before_create"])
def test_killed_anywhere_and_run_again(
    tmp_path: Path,
    make: Any,
    monkeypatch: pytest.MonkeyPatch,
    dying: Dying,
    delivery: str,
) -> None:
    whole = make(delivery=delivery)
    orders(whole)
    ((code, said),) = dying.run((whole, "orders", 0))
    assert code == 3, said
    total = int(said.split("words ")[1].split()[0])
    for place in sorted({1 + n * total // POINTS for n in range(POINTS)} | {total}):
        folder = tmp_path / str(place)
        folder.mkdir()
        one = small.make(
            folder / "project", f"sqlite:///{folder}/hub.db", f"sqlite:///{folder}/depot.db",
            delivery,
        )  # fmt: skip
        orders(one)
        ((code, said),) = dying.run((one, "orders", place))
        assert code == -9, said
        for name, value in one.variables.items():
            monkeypatch.setenv(name, value)
        books = one.run("orders")
        assert books.balanced, (said, books.data)
        ended_well(one, said)
        forget()


@fault("P34")
def test_killed_while_it_takes_up_what_stewards_decided(lite: Project, dying: Dying) -> None:
    orders(lite)
    lite.run("orders")
    (hold,) = quarantine.listed(lite.store, flow="orders", cause="check")
    quarantine.release(lite.store, [hold["id"]], who="test", reason="agreed")
    told = []
    for place in (14, 24, 34, 44, 54):
        ((code, said),) = dying.run((lite, "orders", place))
        assert code == -9, said
        told.append(said)
    books = lite.run("orders")
    assert books.balanced, (told, books.data)
    effects = [line["body"]["order_no"] for line in lite.effects()]
    assert effects.count("8") == 1, told


def test_killed_between_two_streams_of_a_pull(lite: Project, dying: Dying) -> None:
    """What the dead attempt had not read yet is read by the next one."""
    lite.write("config/flows/orders.yaml", TWO_STREAMS)
    orders(lite)
    lite.write("inbox/catalogue/wares.csv", "sku,name,text,brand\nMUG,Mug,,\nTEA,Tea,,\n")
    for place in range(20, 80, 4):
        ((code, said),) = dying.run((lite, "orders", place))
        assert code == -9, said
        if lite.rows(sa.select(schema.intake.c.leg)):
            break
    assert [row.leg for row in lite.rows(sa.select(schema.intake.c.leg))] == [0], "too late"
    books = lite.run("orders")
    assert books.balanced
    assert books.data["by_entity"]["product"]["delivered"] == 2
    assert books.data["records"]["read"] == 12


@fault("P03", "P05")
def test_bytes_that_change_between_a_crash_and_the_next_start(lite: Project, dying: Dying) -> None:
    """What the dead attempt read must not mix with what the next one reads."""
    orders(lite)
    lite.run("orders")
    lite.orders([order("10", note="first reading")], "c.ndjson")
    for place in range(28, 90, 2):
        ((code, said),) = dying.run((lite, "orders", place))
        assert code == -9, said
        if len(list((lite.folder / "state/objects/batches").rglob("pull*"))) > 1:
            break
    waiting = lite.rows(sa.select(schema.batch.c.id).where(schema.batch.c.state == "pulled"))
    assert not waiting, "the batch was committed already: the test must kill it earlier"
    lite.orders([order("10", note="second"), order("11", note="more")], "c.ndjson")
    books = lite.run("orders")
    assert books.balanced, books.data
    assert books.data["records"]["delivered"] == 2
    notes = {line["body"]["order_no"]: line["body"].get("note") for line in lite.effects()}
    assert (notes["10"], notes["11"]) == ("second", "more")


@fault("P23", "F19")
def test_two_at_once_are_one(project: Project, dying: Dying) -> None:
    project.orders([order(str(n)) for n in range(1, 8)])
    ended = dying.run((project, "orders", 0), (project, "orders", 0))
    codes = [code for code, _ in ended]
    assert 0 in codes, ended
    assert set(codes) <= {0, 75}, ended
    for code, said in ended:
        assert code == 0 or "running already" in said
    effects = [line["body"]["order_no"] for line in project.effects()]
    assert sorted(effects) == [str(n) for n in range(1, 8)]


@fault("P23")
def test_many_take_one_new_lease_and_one_gets_it(project: Project) -> None:
    store = project.store

    def take(number: int) -> int | None:
        return store.acquire("flow/new", f"elsewhere:{number}", 30.0)

    with ThreadPoolExecutor(6) as pool:
        fences = list(pool.map(take, range(6)))
    assert sorted(fence for fence in fences if fence is not None) == [1]


@fault("P24")
def test_an_outrun_worker_commits_nothing(project: Project) -> None:
    store = project.store
    old = store.acquire("flow/x", "elsewhere:1", 0.2)
    time.sleep(0.25)
    new = store.acquire("flow/x", "elsewhere:2", 30.0)
    assert old is not None
    assert new == old + 1
    with pytest.raises(TryLater, match="gone to another"), store.writing() as connection:  # noqa: PT012
        connection.execute(schema.counter.insert().values(name="never", value=1))
        guard(connection, "flow/x", old)
    assert not project.rows(sa.select(schema.counter).where(schema.counter.c.name == "never"))
    with store.writing() as connection:
        guard(connection, "flow/x", new)
    store.release("flow/x", "elsewhere:1")
    assert store.holder("flow/x") is not None, "a stranger's release changes nothing"
    store.release("flow/x", "elsewhere:2")
    with pytest.raises(TryLater), store.writing() as connection:
        guard(connection, "flow/x", new)


def test_a_living_holder_is_not_robbed_and_a_dead_one_is_at_once(lite: Project) -> None:
    store = lite.store
    assert store.acquire("a", process_name(), 60.0) == 1
    assert store.acquire("a", "elsewhere:1", 60.0) is None
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = os.uname().nodename
    assert store.acquire("b", f"{host}:{dead.pid}:123", 60.0) == 1
    assert store.acquire("b", "elsewhere:1", 60.0) == 2
    reused = f"{host}:{os.getpid()}:1"  # our number, but another's start
    assert store.acquire("c", reused, 60.0) == 1
    assert store.acquire("c", "elsewhere:1", 60.0) == 2


def test_helpers_do_not_outlive_a_killed_run(lite: Project, tmp_path: Path) -> None:
    lite.file("config/flows/orders.yaml", ("shop: web", "shop: web\nbatch_lines: 1"))
    orders(lite)
    script = (
        "import os, sys, connectors; connectors.__path__.append(os.environ['TEST_PARTS'])\n"
        "from crossdock.crew import Crew\n"
        "import time\n"
        "with Crew(3) as crew:\n"
        "    print(*[p.pid for p in crew._pool._processes.values()], flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, **lite.variables, "TEST_PARTS": str(PARTS)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    helpers = [int(pid) for pid in process.stdout.readline().split()]
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 15
    left = helpers
    while left and time.monotonic() < deadline:
        time.sleep(0.2)
        left = [pid for pid in helpers if _runs(pid)]
    for pid in left:
        os.kill(pid, 9)
    assert not left, "helpers live on without their run"


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


def test_volatile_tables_are_named() -> None:
    assert set(schema.metadata.tables) | {"crossdock_version"} >= VOLATILE
