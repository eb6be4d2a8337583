"""The edifact connector with the sandbox partner over real SFTP, breaking where it hurts."""

import json
from pathlib import Path

import pytest

from connectors.edifact import Edifact
from crossdock.connector import Parcel, World
from crossdock.errors import Misconfigured, TryLater
from crossdock.sandbox.faults import Plan
from crossdock.sandbox.partner import Partner
from tests.faults.catalogue import fault

PROJECT = Path(__file__).parents[2]
ORDERS = (PROJECT / "edi" / "samples" / "orders_d96a.edi").read_bytes()
ORDER = {
    "number": "PO-7",
    "date": "2026-09-01T08:26",
    "currency": "EUR",
    "lines": [{"line": 1, "item": "A", "quantity": 3, "price": "1.50", "amount": "4.50"}],
}


@pytest.fixture
def partner(tmp_path):
    with Partner(tmp_path / "partner") as running:
        yield running


@pytest.fixture
def connector(partner, tmp_path):
    (tmp_path / "scratch").mkdir()
    made = Edifact(
        partner="demo_retailer",
        host=partner.host,
        port=partner.port,
        user=partner.user,
        password=partner.password,
        host_key=partner.host_key,
        references=str(tmp_path / "references.tsv"),
    )
    world = World(PROJECT, tmp_path / "scratch", sleep=lambda seconds: None)
    made.bind("partner", world, {})
    vars(made)["allow_private"] = True
    yield made
    made.close()


def test_orders_come_and_go(connector, partner, tmp_path):
    partner.drop("a.edi", ORDERS)
    partner.drop("half.edi", ORDERS, half=True)
    stream = connector.reads()["orders"]
    (page,) = connector.read(stream, None)
    (table,) = connector.tables(stream, page.media, page.body)
    assert [json.loads(text)["number"] for text in table["json"].to_pylist()] == [
        "4500012345",
        "4500012346",
    ]
    connector.landed(stream, page)
    assert [path.name for path in (partner.root / "archive").iterdir()] == ["a.edi"]
    assert all(one.ok for one in connector.check())


@fault("F08")
@pytest.mark.parametrize(
    "fault",
    [
        {"at": 1, "endpoint": "open /in", "fault": "half_file"},
        {"at": 1, "endpoint": "rename /in", "fault": "reset_file"},
        {"at": 1, "endpoint": "rename /in", "fault": "commit_then_reset"},
    ],
    ids=lambda fault: f"{fault['endpoint']} {fault['fault']}",
)
def test_a_broken_send_lands_once(connector, partner, fault):
    partner.plan = Plan([fault])
    stream = connector.writes()["orders_out"]
    parcels = [Parcel("r", "key-1", "create", ORDER)]
    for _ in range(3):
        try:
            (outcome,) = connector.write(stream, parcels)
            break
        except TryLater:
            continue
    assert outcome.verdict == "delivered"
    again = connector.write(stream, parcels)[0]
    assert again.their_id == outcome.their_id
    ((name, data),) = partner.received().items()
    assert name == outcome.their_id
    assert data.endswith(b"UNZ+1+00000000000001'\n")
    assert connector.lookup(stream, parcels)["r"].their_id == name


@fault("F15")
def test_another_host_key_stops_the_flow(connector, partner):
    connector.host_key = (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJvcnJvd2VkIGtleSB0aGF0IG5vYm9keSBoYXM="
    )
    with pytest.raises(Misconfigured):
        list(connector.read(connector.reads()["orders"], None))
