"""From a new partner to a live one: the file, the test pack, the simulator, the checklist."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from crossdock import audit
from crossdock.cli import app
from crossdock.edi import onboarding, specimen
from crossdock.edi.check import check_file, check_source
from crossdock.edi.guide import Guides
from crossdock.edi.life import StoreLife
from crossdock.edi.partner import load
from crossdock.edi.strangers import suggestion
from crossdock.edi.writer import Address, Layout
from crossdock.errors import Misconfigured
from crossdock.sandbox.counterparty import FAULTS, Counterparty
from crossdock.sandbox.rehearsal import rehearse
from crossdock.store import schema
from tests.edi.office import NOW, THEM, US, WISH, Office

PROJECT = Path(__file__).parents[2]
GUIDES = Guides(PROJECT / "edi" / "guides")
OURS, THEIRS = Address(US, "14"), Address(THEM, "14")
MOMENT = datetime(2026, 9, 1, tzinfo=UTC)
NAMES = [pair for pair in GUIDES.names() if pair[1].startswith("D.")]


# -- specimens ------------------------------------------------------------------------------
@pytest.mark.parametrize(("message", "directory"), NAMES)
def test_every_guide_has_a_good_message_and_bad_ones(message: str, directory: str) -> None:
    guide = GUIDES.find(message, directory)
    assert guide is not None
    data = specimen.good(GUIDES, guide, OURS, THEIRS, MOMENT)
    assert [f for item in check_source(data, GUIDES) for f in item.findings] == []
    names = set()
    for bad in specimen.bad(data):
        found = {f.code for item in check_source(bad.data, GUIDES) for f in item.findings}
        assert bad.code in found, bad.name
        names.add(bad.name)
    assert len(names) >= 8


def test_a_specimen_follows_the_edition_and_the_partners_layout() -> None:
    guide = GUIDES.find("INVOIC", "D.96A", "EAN008")
    assert guide is not None
    layout = Layout(line="\n", identifier="UNOA")
    data = specimen.good(GUIDES, guide, OURS, THEIRS, MOMENT, layout=layout, association="EAN008")
    assert b"INVOIC:D:96A:UN:EAN008'\n" in data
    assert b"NAD+BY+" in data
    assert b"UNB+UNOA:3+4098765000003:14+4012345000009:14+" in data
    assert b"++++1'\n" in data  # a test


# -- the file -------------------------------------------------------------------------------
def run(*arguments: str, expect: int = 0) -> str:
    done = CliRunner().invoke(app, ["edi", "partner", *arguments])
    assert done.exit_code == expect, done.output
    return done.output


def begun(office: Office, them: str = "5412345000013") -> None:
    run("new", "south", "--us", US, "--them", them, "--message", "ORDERS", "--message", "ORDRSP",
        "--as", "ann")  # fmt: skip


def test_new_writes_a_file_that_loads(office: Office) -> None:
    begun(office)
    known = load(office.home.project / "edi" / "partners", "south")
    assert known.them.id == "5412345000013"
    assert set(known.messages) == {"ORDERS", "ORDRSP"}
    assert known.agreed.waits.keys() == {"CONTRL"}
    assert StoreLife(office.store).state("south") == "new"
    assert StoreLife(office.store).state("north") == "live"


@pytest.mark.parametrize(
    ("name", "them", "words"),
    [
        ("South!", "5412345000013", "is no name"),
        ("north", "5412345000013", "there is a partner north already"),
        ("south", THEM, f"{THEM} is north"),
    ],
)
def test_new_refuses_what_cannot_be(office: Office, name: str, them: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        onboarding.begin(office.home, office.store, name, US, them, [], "ann")


# -- the checklist --------------------------------------------------------------------------
ACCOUNT = 'connector: edifact\nsettings: {partner: south, folder: "${NORTH_FOLDER}"}\n'


def test_the_way_to_live(office: Office) -> None:
    begun(office)
    items = {one["item" if "item" in one else "name"]: one
             for one in json.loads(run("test", "south", "--json", expect=1))}  # fmt: skip
    assert {name: one["state"] for name, one in items.items()} == {
        "ids": "green", "guides": "green", "good": "green", "bad": "green", "account": "red",
        "rehearsal": "green", "their_test": "red",
    }  # fmt: skip
    assert "CONTRL accepted" in items["rehearsal"]["detail"]
    assert StoreLife(office.store).state("south") == "testing"
    with pytest.raises(Misconfigured, match=r"account is red .* their_test is red"):
        onboarding.go_live(office.home, office.store, "south", "ann")
    office.file("config/systems/south.yaml", ACCOUNT)
    office.change("config/flows/orders_in.yaml", "pull: north.", "pull: south.")
    office.change("mappings/north/order.yaml", "from: north.", "from: south.")
    known = load(office.home.project / "edi" / "partners", "south")
    office.put(onboarding.pack(office.home, known)["ORDERS"], "test.edi")
    office.run()
    assert "All green" in run("test", "south")
    assert "7 of 7" in run("list")
    assert "south is live" in run("go-live", "south", "--as", "ann")
    (south,) = [one for one in json.loads(run("list", "--json")) if one["partner"] == "south"]
    assert (south["state"], south["accounts"]) == ("live", ["south"])
    with office.store.reading() as connection:
        acts = connection.execute(sa.select(schema.audit.c.action)).scalars().all()
    assert acts == ["edi.partner.new", "edi.partner.testing", "edi.partner.live"]
    assert audit.broken_at(office.store) is None


def test_an_item_may_be_let_go_with_a_reason_only(office: Office) -> None:
    begun(office)
    office.file("config/systems/south.yaml", ACCOUNT)
    onboarding.examine(office.home, office.store, "south", "ann", rehearse)
    with pytest.raises(Misconfigured, match="needs a reason"):
        onboarding.go_live(office.home, office.store, "south", "ann", {"their_test": " "})
    with pytest.raises(Misconfigured, match="no item 'theirs'"):
        onboarding.go_live(office.home, office.store, "south", "ann", {"theirs": "x"})
    run("go-live", "south", "--without", "their_test=they only receive")
    assert StoreLife(office.store).state("south") == "live"


def test_a_change_of_the_file_voids_the_results(office: Office) -> None:
    begun(office)
    onboarding.examine(office.home, office.store, "south", "ann", rehearse)
    office.change("edi/partners/south.yaml", "line_end: lf", "line_end: crlf")
    states = {one.state for one in onboarding.checklist(office.home, office.store, "south")}
    assert states == {"open"}


def test_a_wrong_identification_is_red(office: Office) -> None:
    begun(office, them="5412345000014")
    items = onboarding.examine(office.home, office.store, "south", "ann", rehearse)
    assert items[0].state == "red"
    assert "5412345000014 is no GLN" in items[0].detail


def test_the_test_pack_is_written(office: Office, tmp_path: Path) -> None:
    begun(office)
    run("test", "south", "--pack", str(tmp_path / "pack"), expect=1)
    files = sorted((tmp_path / "pack").iterdir())
    assert len(files) == 20
    for path in files:
        state = check_file(path, GUIDES).state
        assert (state == "valid") == path.name.endswith("_good.edi"), path.name


def test_a_stranger_gets_suggestions(office: Office) -> None:
    folder = office.home.project / "edi" / "partners"
    assert "it is north" in suggestion(THEM, folder)
    assert "near to it: north" in suggestion("4098765000030", folder)
    assert "no partner has an id near to it" in suggestion("9999999999994", folder)


# -- the simulator --------------------------------------------------------------------------
def playing(office: Office, *faults: str) -> Counterparty:
    return Counterparty(office.partner, us=THEIRS, them=OURS, faults={"PO-7": faults}, now=NOW)


def test_the_simulated_partner_answers_as_a_supplier_does(office: Office) -> None:
    office.wish(WISH)
    office.run("orders_out")
    other = playing(office)
    assert other.work() == 1
    assert other.work() == 0
    files = sorted((office.partner / "out").iterdir())
    assert [path.name.partition("_")[0] for path in files] == [
        "CONTRL", "DESADV", "INVOIC", "ORDRSP"
    ]  # fmt: skip
    for path in files:
        verdict = check_file(path, GUIDES)
        assert verdict.state == "valid", verdict.findings
    assert "1 files: ORDERS" in run("simulate", "north", str(office.partner), "--fault", "short")
    assert len(list((office.partner / "out").iterdir())) == 4


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_of_the_simulator_changes_what_it_sends(office: Office, fault: str) -> None:
    order = specimen.good(
        GUIDES, GUIDES.find("ORDERS", "D.96A", "EAN008"), THEIRS, OURS, MOMENT,  # type: ignore[arg-type]
        association="EAN008",
    )  # fmt: skip
    order = order.replace(b"BGM+220+TEST-1", b"BGM+220+PO-7").replace(b"LIN+1+", b"LIN+1+")
    (office.partner / "in").mkdir(parents=True)
    (office.partner / "in" / "a.edi").write_bytes(order)
    right, wrong = playing(office), playing(office, fault)
    right.work()
    out = office.partner / "out"
    good = {path.name: path.read_bytes() for path in out.iterdir()}
    for path in out.iterdir():
        path.unlink()
    wrong.work()
    assert {path.name: path.read_bytes() for path in out.iterdir()} != good


def test_a_plan_with_an_unknown_fault_is_refused(office: Office) -> None:
    with pytest.raises(ValueError, match="there is no fault 'late'"):
        playing(office, "late")
