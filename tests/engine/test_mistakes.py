"""Mistakes in flows and systems: the file, the line, what was perhaps meant, and no secret."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from crossdock import flows, systems
from crossdock.connector import Connector, secret
from crossdock.errors import CrossdockError, Misconfigured, TryLater
from tests.engine.project import Project

FLOW = "config/flows/orders.yaml"
SYSTEM = "config/systems/till.yaml"

FLOWS = [
    (("legs:", "legz:"), 3, "unknown key 'legz'", "'legs'"),
    (("pull: till.orders", "pul: till.orders"), 4, "'pul'", "'pull'"),
    (("pull: till.orders", "pull: till"), 4, "system.stream", ""),
    (("pull: till.orders", "pull: tull.orders"), 4, "no system 'tull'", "'till'"),
    (("map: [till/order]", "map: [till/ordr]"), 5, "no mapping 'till/ordr'", "'till/order'"),
    (("{sales_order: [orders]}", "{sales_ordr: [orders]}"), 6, "sales_ordr", "'sales_order'"),
    (("{sales_order: [orders]}", "{sales_order: [ordrs]}"), 6, "no suite 'ordrs'", "'orders'"),
    (("entity: sales_order", "entity: sales_ordr"), 8, "sales_ordr", "'sales_order'"),
    (("map: erp/order}", "map: erp/ordr}"), 8, "no mapping 'erp/ordr'", "'erp/order'"),
    (("to: erp.upsert", "to: arp.upsert"), 8, "no system 'arp'", "'erp'"),
    (("shop: web", "shop: web\nbatch_lines: 0"), 3, "batch_lines", ""),
    (("shop: web", "shop: web\npartitions: many"), 3, "partitions", ""),
    (("shop: web", "shop: web\nlegs: 3"), 4, "", ""),
    (("organisation: tiny", "organisation: [tiny"), 2, "", ""),
    (("shop: web", "shop: web\nexpect_at_least: lots"), 3, "expect_at_least", ""),
]

SYSTEMS = [
    (("connector: inbox", "connector: inbux"), 2, "no connector 'inbux'", "'inbox'"),
    (("connector: inbox", "conector: inbox"), 2, "'conector'", ""),
    (("{folder:", "{foldr:"), 3, "no setting 'foldr'", "'folder'"),
    (("${TILL_FOLDER}", "${TILL_FOLDR}"), 3, "TILL_FOLDR is not set", ""),
    (("settings: {", "settings: {} # {"), 3, "'folder' is missing", ""),
]


def place(error: CrossdockError) -> int:
    """The line that an error names."""
    found = re.search(r"\.yaml:(\d+)", str(error))
    return int(found[1]) if found else 0


@pytest.mark.parametrize(("change", "line", "words", "near"), FLOWS, ids=[c[0][1] for c in FLOWS])
def test_mistakes_in_a_flow(
    lite: Project, change: tuple[str, str], line: int, words: str, near: str
) -> None:
    flows.load(lite.home, "orders")
    lite.file(FLOW, change)
    with pytest.raises(Misconfigured) as raised:
        flows.load(lite.home, "orders")
    assert place(raised.value) == line, raised.value
    assert words in raised.value.what
    assert near in raised.value.fix
    assert raised.value.fix or not near


@pytest.mark.parametrize(
    ("change", "line", "words", "near"), SYSTEMS, ids=[c[0][1] for c in SYSTEMS]
)
def test_mistakes_in_a_system(
    lite: Project, change: tuple[str, str], line: int, words: str, near: str
) -> None:
    systems.open_system(lite.home, "till")
    lite.file(SYSTEM, change)
    with pytest.raises(Misconfigured) as raised:
        systems.open_system(lite.home, "till")
    assert place(raised.value) == line, raised.value
    assert words in raised.value.what
    assert near in raised.value.fix


@pytest.mark.parametrize("text", ["", "[]", "3", "settings: 3\nconnector: inbox\n",
                                  "connector: inbox\nstreams: 3\n",
                                  "connector: inbox\nsettings: {folder: x}\nstreams: {a: 3}\n",
                                  "connector: 3\n", "connector: [inbox]\n",
                                  "connector: inbox\nsettings: {folder: x}\nstreams: [a]\n",
                                  "connector: inbox\nsettings: [folder]\n"])  # fmt: skip
def test_a_system_of_another_shape(lite: Project, text: str) -> None:
    lite.write(SYSTEM, text)
    with pytest.raises(Misconfigured, match=r"till\.yaml"):
        systems.open_system(lite.home, "till")


@pytest.mark.parametrize("text", ["", "[]", "3", "legs: {}\n", "legs: [3]\n", "legs: [{}]\n",
                                  "legs: [{pull: [a]}]\n", "legs: [{pull: till.orders, check: 3}]",
                                  "legs: [{pull: till.orders, map: {a: b}}]",
                                  "legs: [{pull: till.orders, map: [till/order]}]\npush: [3]\n",
                                  "legs: [{pull: ../../x.orders}]"])  # fmt: skip
def test_a_flow_of_another_shape(lite: Project, text: str) -> None:
    lite.write(FLOW, text)
    with pytest.raises(Misconfigured, match=r"orders\.yaml"):
        flows.load(lite.home, "orders")


def test_unknown_names_say_what_was_perhaps_meant(lite: Project) -> None:
    with pytest.raises(Misconfigured, match="did you mean 'orders'"):
        flows.load(lite.home, "ordres")
    with pytest.raises(Misconfigured, match="did you mean 'till'"):
        systems.open_system(lite.home, "tlll")
    till = systems.open_system(lite.home, "till")
    with pytest.raises(Misconfigured, match="did you mean 'orders'"):
        systems.stream_of(till, "order")


CANARY = "s3cret-canary"


class Vault(Connector):
    """A connector with a secret."""

    password: str = secret("the password")


def test_a_secret_in_the_file_is_refused_and_not_repeated(lite: Project) -> None:
    lite.file("config/systems/depot.yaml", ("{url: {env: DEPOT_URL}}", f"{{url: {CANARY}}}"))
    with pytest.raises(Misconfigured, match="stands in the file itself") as raised:
        systems.open_system(lite.home, "depot")
    assert CANARY not in str(raised.value) + repr(raised.value)
    assert place(raised.value) == 2


def test_secrets_come_from_elsewhere_and_show_nowhere(
    lite: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert CANARY not in repr(Vault(password=CANARY))
    path = tmp_path / "secret"
    path.write_text(CANARY + "\n")
    for given in (f"{{file: {path}}}", "{env: DEPOT_SECRET}"):
        monkeypatch.setenv("DEPOT_SECRET", CANARY)
        lite.write("config/systems/depot.yaml", f"connector: sql\nsettings: {{url: {given}}}\n")
        opened = systems.open_system(lite.home, "depot")
        assert opened.url == CANARY  # type: ignore[attr-defined]
        assert CANARY not in repr(opened) + str(opened)
        told = ""
        try:
            told = str(list(opened.check()))
        except CrossdockError as error:
            told = repr(error) + str(error)
        assert CANARY not in told
    monkeypatch.delenv("DEPOT_SECRET")
    with pytest.raises(Misconfigured, match="DEPOT_SECRET is not set"):
        systems.open_system(lite.home, "depot")


def test_the_hubs_own_password_shows_in_no_error(
    lite: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crossdock.home import Home
    from crossdock.store import open_store

    for url, kind in (
        (f"postgresql://hub:{CANARY}@127.0.0.1:1/hub", TryLater),
        (f"mysql://hub:{CANARY}@127.0.0.1/hub", Misconfigured),
        (f"{CANARY}", Misconfigured),
        (f"nonsense://{CANARY}", Misconfigured),
    ):
        monkeypatch.setenv("CROSSDOCK_DATABASE_URL", url)
        home = Home.find()
        with pytest.raises(kind) as raised:
            open_store(home)
        assert CANARY not in str(raised.value) + repr(raised.value)
        assert CANARY not in repr(home), "a home may stand in a log"


def test_errors_survive_the_way_between_processes() -> None:
    error = TryLater("busy", where="here", fix="wait", after=3.5)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (str(again), again.after) == (str(error), 3.5)
