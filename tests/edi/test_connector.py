"""The edifact connector against a partner's folders, on this machine and over SFTP."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.edifact import Edifact
from crossdock.connector import Parcel, World
from crossdock.edi.reader import envelopes, read
from crossdock.errors import Unreadable
from tests.faults.catalogue import fault

PROJECT = Path(__file__).parents[2]
ORDERS = (PROJECT / "edi" / "samples" / "orders_d96a.edi").read_bytes()
NOW = datetime(2026, 9, 1, 10, 30, tzinfo=UTC)


@pytest.fixture
def partner(tmp_path):
    (tmp_path / "scratch").mkdir()
    connector = Edifact(
        partner="demo_retailer",
        folder=str(tmp_path / "partner"),
        references=str(tmp_path / "references.tsv"),
    )
    connector.bind("retailer", World(PROJECT, tmp_path / "scratch", now=lambda: NOW), {})
    (tmp_path / "partner" / "out").mkdir(parents=True)
    yield connector
    connector.close()


def rows(connector, data: bytes, tmp_path) -> list[dict]:
    path = tmp_path / "body"
    path.write_bytes(data)
    tables = connector.tables(connector.reads()["orders"], "edifact", path)
    return pa.concat_tables(tables).to_pylist()


def test_a_file_is_read_landed_and_archived(partner, tmp_path):
    out = tmp_path / "partner" / "out"
    (out / "a.edi").write_bytes(ORDERS)
    (out / "b.edi.tmp").write_bytes(ORDERS)
    stream = partner.reads()["orders"]
    (page,) = partner.read(stream, None)
    assert (page.name, page.media) == ("a.edi", "edifact")
    assert Path(page.body).read_bytes() == ORDERS
    partner.landed(stream, page)
    assert [path.name for path in (tmp_path / "partner" / "archive").iterdir()] == ["a.edi"]
    assert list(partner.read(stream, None)) == []


def test_streams_share_a_folder(partner, tmp_path):
    out = tmp_path / "partner" / "out"
    for name in ("orders_d96a.edi", "invoic_d96a.edi", "desadv_d96a.edi"):
        (out / name).write_bytes((PROJECT / "edi" / "samples" / name).read_bytes())
    (out / "rubbish.edi").write_bytes(b"rubbish")
    streams = partner.reads()
    names = {name: [page.name for page in partner.read(streams[name], None)] for name in streams}
    taken = {name: files[:-1] for name, files in names.items() if files[:-1]}
    assert taken == {
        "orders": ["orders_d96a.edi"],
        "despatch_advices": ["desadv_d96a.edi"],
        "invoices": ["invoic_d96a.edi"],
    }
    held = {name for name, files in names.items() if files[-1:] == ["rubbish.edi"]}
    assert held == set(names) - {"catalogue_prices"}


def test_a_stream_may_be_declared():
    made = Edifact.stream("bills", {"message": "INVOIC", "folder": "invoices"})
    assert (made.name, made.key, made.options["folder"]) == (
        "bills",
        ("supplier_gln", "number"),
        "invoices",
    )
    assert Edifact.stream("prices", {"message": "PRICAT", "of": "list"}).options["of"] == "list"
    with pytest.raises(ValueError, match="message 'PARTIN' is not offered"):
        Edifact.stream("parties", {"message": "PARTIN"})
    with pytest.raises(ValueError, match="unknown key 'foldr'"):
        Edifact.stream("orders", {"foldr": "in"})


@fault("F01")
def test_a_young_torn_file_waits_and_an_old_one_is_taken(partner, tmp_path):
    import os

    path = tmp_path / "partner" / "out" / "half.edi"
    path.write_bytes(ORDERS[:500])
    stream = partner.reads()["orders"]
    os.utime(path, (NOW.timestamp() - 5, NOW.timestamp() - 5))
    assert list(partner.read(stream, None)) == []
    os.utime(path, (NOW.timestamp() - 500, NOW.timestamp() - 500))
    assert len(list(partner.read(stream, None))) == 1


def test_messages_become_documents(partner, tmp_path):
    first, second = rows(partner, ORDERS, tmp_path)
    assert first["_fault"] is None
    order = json.loads(first["json"])
    said = {key: value for key, value in order.items() if value not in ("", [])}
    lines = said.pop("lines")
    assert said == {
        "type": "220",
        "number": "4500012345",
        "function": "9",
        "date": "2026-09-01",
        "delivery_date": "2026-09-08",
        "currency": "EUR",
        "buyer_gln": "4098765000003",
        "supplier_gln": "4012345000009",
        "delivery_gln": "4098765000010",
        "total": "151.25",
        "interchange": "00000000000041",
        "message_ref": "1",
        "sender": "4098765000003",
        "receiver": "4012345000009",
        "test": False,
    }
    assert {key: value for key, value in lines[1].items() if value not in ("", [])} == {
        "line": "2",
        "gtin": "4012345678901",
        "description": "Tea 'Morning' 50 bags",
        "quantity": "24.5",
        "unit": "KGM",
        "price": "2.50",
        "amount": "61.25",
    }
    assert [row["position"] for row in (first, second)] == [1, 2]


@fault("E06")
def test_a_bad_message_never_loses_the_good_ones(partner, tmp_path):
    first, second = rows(partner, ORDERS.replace(b"UNT+22+", b"UNT+21+"), tmp_path)
    assert "UNT says 21 segments, the message has 22" in first["_fault"]
    assert first["_raw"].startswith("UNH+1+ORDERS")
    assert second["_fault"] is None


@fault("E14")
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"QTY+21:120'", b"QTY+21:many'", "segment 12 SG25/QTY C186/6060: QTY"),
        (b"UNS+S'\n", b"", "UNS is missing before CNT"),
        (b"DTM+137:20260901:102'", b"DTM+137:2026:102'", "does not have format 102"),
        (b"BGM+220+4500012345+9'", b"BGM+220++9'", "no number (BGM 1004)"),
        (b"UNH+1+ORDERS:D:96A", b"UNH+1+INVOIC:D:96A", "only ORDERS is fetched"),
        (b"UNH+1+ORDERS:D:96A", b"UNH+1+ORDERS:D:12A", "is not supported"),
    ],
)
def test_a_faulty_message_says_why(partner, tmp_path, old, new, words):
    data = ORDERS.replace(old, new, 1)
    data = data if new else data.replace(b"UNT+22+", b"UNT+21+")
    first, second = rows(partner, data, tmp_path)
    assert words in first["_fault"]
    assert second["_fault"] is None


@fault("E03")
def test_a_bad_interchange_is_unreadable_with_its_place(partner, tmp_path):
    with pytest.raises(Unreadable, match="UNZ says 9 messages, there are 2"):
        rows(partner, ORDERS.replace(b"UNZ+2", b"UNZ+9"), tmp_path)
    bad = ORDERS.replace(b"UNZ+2", b"UNZ+9")
    found = rows(partner, bad + ORDERS, tmp_path)
    assert [bool(row["_fault"]) for row in found] == [True, True, False, False]


@fault("E01", "E02")
def test_a_reference_that_comes_with_other_content_is_held(partner, tmp_path):
    assert rows(partner, ORDERS, tmp_path)[0]["_fault"] is None
    assert rows(partner, ORDERS, tmp_path)[0]["_fault"] is None
    other = ORDERS.replace(b"QTY+21:120'", b"QTY+21:121'")
    with pytest.raises(Unreadable, match="came before, on 2026-09-01, with other content"):
        rows(partner, other, tmp_path)
    vars(partner)["_world"] = World(PROJECT, tmp_path, now=lambda: NOW + timedelta(days=100))
    assert rows(partner, other, tmp_path)[0]["_fault"] is None


def test_a_partner_may_ask_for_the_envelope_only(partner, tmp_path):
    from dataclasses import replace

    vars(partner)["_partner"] = replace(partner._partner, check="envelope")
    data = ORDERS.replace(b"UNS+S'\n", b"", 1).replace(b"UNT+22+", b"UNT+21+")
    assert rows(partner, data, tmp_path)[0]["_fault"] is None


@fault("E08")
def test_a_doubtful_character_set_holds_the_messages(partner, tmp_path):
    data = ORDERS.replace(b"blue", "blåu".encode())
    assert "utf-8 would read" in rows(partner, data, tmp_path)[0]["_fault"]


ORDER = {
    "number": "PO-7",
    "date": "2026-09-01",
    "currency": "EUR",
    "buyer_gln": "4012345000009",
    "supplier_gln": "4098765000003",
    "lines": [
        {
            "line": "1",
            "gtin": "4006381333931",
            "description": "Stift 'Grün' + Block: 5?",
            "quantity": "3",
            "unit": "C62",
            "price": Decimal("1.50"),
            "amount": Decimal("4.50"),
        },
    ],
}


def parcel(key: str = "k1", **changes: object) -> Parcel:
    return Parcel(f"ref-{key}", key, "create", ORDER | changes)


def sent(tmp_path) -> dict[str, bytes]:
    files = sorted((tmp_path / "partner" / "in").iterdir())
    return {path.name: path.read_bytes() for path in files}


def test_what_is_written_is_read_as_the_same_document(partner, tmp_path):
    stream = partner.writes()["orders_out"]
    (outcome,) = partner.write(stream, [parcel()])
    assert outcome.verdict == "delivered"
    ((name, data),) = sent(tmp_path).items()
    assert outcome.their_id == name
    (interchange,) = envelopes(data)
    assert not interchange.rejected
    assert interchange.reference == "00000000000001"
    (row,) = rows(partner, data, tmp_path)
    order = json.loads(row["json"])
    line = order["lines"][0]
    assert order["number"] == "PO-7"
    assert line["description"] == "Stift 'Grün' + Block: 5?"
    assert (line["quantity"], line["price"], line["amount"]) == ("3", "1.5", "4.5")


def test_an_order_without_parties_is_between_the_sides_of_the_envelope(partner, tmp_path):
    partner.write(partner.writes()["orders_out"], [parcel(buyer_gln=None, supplier_gln=None)])
    (data,) = sent(tmp_path).values()
    assert b"NAD+BY+4012345000009::9'" in data
    assert b"NAD+SU+4098765000003::9'" in data


def test_the_same_write_twice_lands_once(partner, tmp_path):
    stream = partner.writes()["orders_out"]
    first = partner.write(stream, [parcel("a"), parcel("b", number="PO-8")])
    again = partner.write(stream, [parcel("a"), parcel("b", number="PO-8")])
    assert [one.their_id for one in first] == [one.their_id for one in again]
    assert len(sent(tmp_path)) == 2
    name = first[0].their_id
    (tmp_path / "partner" / "archive").mkdir(exist_ok=True)
    (tmp_path / "partner" / "in" / name).rename(tmp_path / "partner" / "archive" / name)
    assert partner.write(stream, [parcel("a")])[0].their_id == name
    assert len(sent(tmp_path)) == 1


def test_a_lost_answer_keeps_the_reference(partner, tmp_path):
    stream = partner.writes()["orders_out"]
    name = partner.write(stream, [parcel()])[0].their_id
    (tmp_path / "partner" / "in" / name).unlink()
    assert partner.write(stream, [parcel()])[0].their_id == name


def test_a_refused_order_draws_no_reference(partner, tmp_path):
    stream = partner.writes()["orders_out"]
    wrong = parcel("x", number="订单")
    bad, good = partner.write(stream, [wrong, parcel("y")])
    assert bad.verdict == "refused"
    assert "segment 2 BGM, element 2" in bad.message
    assert "U+8BA2" in bad.message
    assert good.their_id.startswith("ORDERS_00000000000001_")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"currency": ""}, "CUX needs currency"),
        ({"lines": []}, "ORDERS without lines"),
        ({"date": "1.9.2026"}, "is no date"),
        ({"lines": [{"gtin": "4006381333931", "quantity": 1.5}]}, "no exact number"),
        ({"lines": [{"quantity": "1"}]}, "gtin, item or buyer_item"),
        ({"lines": [{"item": "x" * 36, "quantity": "1"}]}, "has 36 characters, 35 may be"),
        (
            {"lines": [{"item": "x", "quantity": "1", "description": "y" * 71}]},
            "71 characters; the message takes 70",
        ),
        ({"buyer_gln": ""}, "SG2/NAD+BY is missing"),
    ],
)
def test_what_cannot_be_said_is_refused(partner, change, words):
    stream = partner.writes()["orders_out"]
    (outcome,) = partner.write(stream, [parcel("z", **change)])
    assert outcome.verdict == "refused"
    assert words in outcome.message


def test_lookup_finds_what_was_sent(partner):
    stream = partner.writes()["orders_out"]
    partner.write(stream, [parcel("a")])
    found = partner.lookup(stream, [parcel("a"), parcel("b")])
    assert found["ref-a"].their_id.startswith("ORDERS_")
    assert found["ref-b"] is None


def test_check_tells_what_is_there(partner):
    assert all(one.ok for one in partner.check())


def test_our_bytes_are_the_partners(partner, tmp_path):
    stream = partner.writes()["orders_out"]
    partner.write(stream, [parcel()])
    (data,) = sent(tmp_path).values()
    assert data.startswith(b"UNA:+.? '\nUNB+UNOC:3+4012345000009:14+4098765000003:14+260901:1030+")
    assert "Gr\xfcn".encode("iso8859-1") in data
    (message, _) = read(data)
    assert message.association == "EAN008"
