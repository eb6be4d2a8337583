"""AS2 as operators and the EDI connector use it: partners' files, commands, streams."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.edifact import Edifact
from crossdock.as2.postbox import Postbox
from crossdock.as2.relation import load, load_all
from crossdock.as2.serve import application
from crossdock.cli import app
from crossdock.connector import Parcel, World
from crossdock.errors import Misconfigured
from tests.as2.conftest import Served, save

PROJECT = Path(__file__).parents[2]
ORDER = {
    "number": "PO1", "date": "2026-09-01", "currency": "EUR",
    "lines": [{"line": "1", "gtin": "4006381333931", "quantity": "2", "price": "1.50"}],
}  # fmt: skip


def partner_file(project, name, us, them, url, mdn="{kind: sync}", more=""):
    ours, theirs = ("4012345000009", "4098765000003")
    if us == "them":
        ours, theirs = theirs, ours
    (project / "edi" / "partners" / f"{name}.yaml").write_text(
        f"""\
partner: {name}
us: {{id: "{ours}", qualifier: "14"}}
them: {{id: "{theirs}", qualifier: "14"}}
as2:
  us: {{name: {us.upper()}, key: keys/{us}.key, certificate: keys/{us}.pem}}
  them: {{name: {them.upper()}, certificate: [keys/{them}.pem, keys/stranger.pem], url: "{url}"}}
  mdn: {mdn}
  require: [signed, encrypted]
{more}"""
    )


@pytest.fixture
def projects(tmp_path, identities):
    """Our project and theirs, each with keys and an empty folder of partners."""
    made = {}
    for side in ("us", "them"):
        project = tmp_path / side
        (project / "edi" / "partners").mkdir(parents=True)
        (project / "edi" / "guides").symlink_to(PROJECT / "edi" / "guides")
        (project / "config" / "flows").mkdir(parents=True)
        (project / "keys").mkdir()
        (project / "boxes").mkdir()
        for name, one in identities.items():
            save(project / "keys", name, one)
        made[side] = project
    return made


def served(project, **options):
    world = World(project, project / "boxes")
    return Served(application(world, project / "boxes", allow_private=True, **options))


def waited(check, seconds=60.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to pass")


def test_the_connector_writes_and_reads_over_as2(projects):
    us, them = projects["us"], projects["them"]
    partner_file(them, "oats", "them", "us", "http://127.0.0.1:9/as2")
    theirs = served(them)
    partner_file(us, "retailer", "us", "them", theirs.url)
    ours = served(us)
    made = Edifact(partner="retailer", as2=str(us / "boxes"), references=str(us / "references.tsv"))
    made.allow_private = True
    made.bind("retailer", World(us, us / "boxes", now=lambda: datetime(2026, 9, 1, tzinfo=UTC)), {})
    try:
        stream = made.writes()["orders_out"]
        parcel = Parcel("r1", "key", "create", ORDER)
        (first,) = made.write(stream, [parcel])
        assert first.verdict == "delivered", first.message
        (again,) = made.write(stream, [parcel])
        assert (again.verdict, again.message) == ("delivered", "was there already")
        (path,) = (them / "boxes" / "oats" / "out").iterdir()
        assert b"BGM+220+PO1+9" in path.read_bytes()
        back = Edifact(partner="oats", as2=str(them / "boxes"))
        back.allow_private = True
        back.bind("oats", World(them, them / "boxes"), {})
        (page,) = back.read(back.reads()["orders"], None)
        back.landed(back.reads()["orders"], page)
        assert list(back.read(back.reads()["orders"], None)) == []
        back.close()
    finally:
        made.close()
        ours.close()
        theirs.close()


def test_an_asynchronous_receipt_leaves_it_pending_until_it_is_there(projects):
    us, them = projects["us"], projects["them"]
    partner_file(us, "retailer", "us", "them", "http://127.0.0.1:9/as2")
    ours = served(us)
    partner_file(them, "oats", "them", "us", ours.url)
    theirs = served(them)
    partner_file(us, "retailer", "us", "them", theirs.url, f'{{kind: async, url: "{ours.url}"}}')
    made = Edifact(partner="retailer", as2=str(us / "boxes"), references=str(us / "references.tsv"))
    made.allow_private = True
    made.bind("retailer", World(us, us / "boxes"), {})
    try:
        stream = made.writes()["orders_out"]
        (first,) = made.write(stream, [Parcel("r1", "key", "create", ORDER)])
        assert first.verdict == "accepted"
        parcel = Parcel("r1", "key", "create", {}, first.their_id)
        waited(lambda: made.follow(stream, [parcel])[0].verdict == "delivered")
    finally:
        made.close()
        ours.close()
        theirs.close()


def test_the_commands(projects, monkeypatch):
    us, them = projects["us"], projects["them"]
    partner_file(them, "oats", "them", "us", "http://127.0.0.1:9/as2")
    theirs = served(them)
    partner_file(us, "retailer", "us", "them", theirs.url)
    monkeypatch.setenv("CROSSDOCK_PROJECT", str(us))
    monkeypatch.chdir(us)
    file = us / "order.edi"
    file.write_bytes(b"UNB+UNOC:3'")
    boxes = ["--boxes", str(us / "boxes")]
    runner = CliRunner()
    try:
        words = ["edi", "as2", "send", "retailer", str(file), *boxes, "--allow-private"]
        sent = runner.invoke(app, words)
        assert sent.exit_code == 0, sent.output
        assert sent.output.startswith("delivered <")
        assert "retailer: delivered <" in runner.invoke(app, ["edi", "as2", "list", *boxes]).output
        partner_file(us, "retailer", "us", "stranger", theirs.url)
        file.rename(us / "other.edi")
        words[4] = str(us / "other.edi")
        assert runner.invoke(app, words).exit_code == 1
    finally:
        theirs.close()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: US,", "", "us needs the name"),
        ("keys/us.key", "keys/none.key", "cannot read keys/none.key"),
        ("keys/us.key", "keys/them.key", "does not belong"),
        ("keys/us.key", "keys/us.pem", "no private key"),
        ("keys/them.pem", "keys/them.key", "no PEM certificate"),
        ("{kind: sync}", "{kind: async}", "needs the url"),
        ("{kind: sync}", "{kind: maybe}", "kind 'maybe'"),
        ("[signed, encrypted]", "[sealed]", "require"),
        ("  require", "  encrypt: rot13\n  require", "encrypt 'rot13'"),
        ("  require", "  requires", "unknown key"),
    ],
)
def test_mistakes_in_a_partners_file_are_named(projects, old, new, words):
    us = projects["us"]
    partner_file(us, "retailer", "us", "them", "https://them.example/as2")
    path = us / "edi" / "partners" / "retailer.yaml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(Misconfigured, match=words) as caught:
        load(us, "retailer")
    assert "retailer.yaml" in caught.value.where


def test_two_partners_of_one_name_and_none_at_all(projects):
    us = projects["us"]
    with pytest.raises(Misconfigured, match="no partner's file"):
        application(World(us, us), us / "boxes")
    for name in ("one", "two"):
        partner_file(us, name, "us", "them", "https://them.example/as2")
    with pytest.raises(Misconfigured, match="another partner's already"):
        load_all(us)


def test_a_body_that_is_too_long_is_not_taken(projects):
    them = projects["them"]
    partner_file(them, "oats", "them", "us", "http://127.0.0.1:9/as2")
    theirs = served(them, most_bytes=1000)
    try:
        from crossdock.egress import Egress
        from crossdock.exchange import Request
        from crossdock.http import HttpSession

        session = HttpSession(World(them, them), Egress(allow_private=True))
        request = Request("POST", theirs.url, body=bytes(2000), again=False, judged=False)
        assert session.send(request).status == 413
        session.close()
    finally:
        theirs.close()
    assert not (them / "boxes" / "oats").exists()


def test_one_message_at_a_time_where_a_retry_overtakes(tmp_path):
    box, order = Postbox(tmp_path), []

    def work(name):
        with box.only("same"):
            order.append(f"{name} begins")
            time.sleep(0.05)
            order.append(f"{name} ends")

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [word.split()[1] for word in order] == ["begins", "ends"] * 2
