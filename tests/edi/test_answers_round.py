"""Answers in a flow: once for each interchange, matched to what was sent, missed when they fail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from connectors.edifact import Edifact
from crossdock import audit, quarantine
from crossdock.edi import writer
from crossdock.edi.agreed import Agreed
from crossdock.edi.contrl_reader import statements
from crossdock.edi.interchange import Message
from crossdock.edi.reader import read
from crossdock.edi.writer import Address, Envelope, Layout
from crossdock.errors import Misconfigured, TryLater
from crossdock.flow import Books
from crossdock.store import edi_tables, schema
from tests.edi.office import NOW, ORDERS, THEM, US, WISH, Office
from tests.faults.catalogue import fault


def first(data: bytes) -> Message:
    message = next(iter(read(data)))
    assert isinstance(message, Message)
    return message


def state(office: Office, table: sa.Table, name: str) -> list[str]:
    with office.store.reading() as connection:
        return list(connection.execute(sa.select(table.c[name])).scalars())


# -- what we answer -------------------------------------------------------------------------
def test_each_interchange_is_answered_once(office: Office) -> None:
    office.put(ORDERS)
    books = office.run()
    assert (books.balanced, books.exit_status) == (True, 0)
    (answer,) = office.got("CONTRL")
    assert first(answer).segments[1] == f"UCI+00000000000041+{THEM}:14+{US}:14+7"
    assert office.run().exit_status == 0
    office.put(ORDERS, "again.edi")
    office.run()
    assert office.got("CONTRL") == [answer]


def test_a_bad_message_is_named_in_the_answer_and_held(office: Office) -> None:
    office.put(ORDERS.replace(b"QTY+21:120'", b"QTY+21:many'"))
    assert office.run().exit_status == 3
    (answer,) = office.got("CONTRL")
    said = first(answer).segments[1:-1]
    assert said[0].endswith("+7")
    assert said[1:] == ["UCM+1+ORDERS:D:96A:UN:EAN008+4", "UCS+12", "UCD+37+2:2"]
    assert office.depot() == ["4500012346"]


@pytest.mark.parametrize(
    ("wish", "clean", "faulty"),
    [("never", "", ""), ("on_error", "", "fa"), ("asked", "a", "fa"), ("always", "ca", "fa")],
)
def test_a_partner_says_when_he_wants_an_answer(wish, clean, faulty) -> None:
    agreed = Agreed(contrl=wish)
    said = [agreed.answered(clean=True, asked=asked) for asked in (False, True)]
    assert said == ["c" in clean, "a" in clean]
    said = [agreed.answered(clean=False, asked=asked) for asked in (False, True)]
    assert said == ["f" in faulty, "a" in faulty]


def test_unb_may_ask_for_an_answer(office: Office) -> None:
    office.change("edi/partners/north.yaml", "contrl: always", "contrl: asked")
    other = ORDERS.replace(b"00000000000041", b"00000000000042")
    office.put(other)
    office.put(ORDERS.replace(b"++ORDERS'", b"++ORDERS++1'"), "b.edi")
    office.run()
    assert [first(one).segments[1][4:18] for one in office.got("CONTRL")] == ["00000000000041"]


@fault("E02")
def test_a_reference_with_other_content_is_rejected_as_received_before(office: Office) -> None:
    office.put(ORDERS)
    office.run()
    office.put(ORDERS.replace(b"QTY+21:120'", b"QTY+21:121'"), "b.edi")
    assert office.run().exit_status == 3
    assert [first(one).segments[1].split(":14+")[2] for one in office.got("CONTRL")] == [
        "7",
        "4+26+UNB+6",
    ]


class _Dying:
    """A partner's inbox that takes the file, and the process dies before it hears so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, before: bool) -> None:
        self.dead = False
        post = Edifact.post

        def dying(connector, message, key, make):
            if not before:
                post(connector, message, key, make)
            if not self.dead:
                self.dead = True
                raise TryLater("the line is dead")
            return post(connector, message, key, make)

        monkeypatch.setattr(Edifact, "post", dying)


@pytest.mark.parametrize("before", [True, False])
def test_a_crash_around_the_answer_leaves_one(office, monkeypatch, before) -> None:
    _Dying(monkeypatch, before=before)
    office.put(ORDERS)
    books = office.run()
    assert (books.exit_status, books.later) == (1, "the line is dead")
    assert state(office, edi_tables.received, "state") == ["due"]
    assert office.run().exit_status == 0
    (answer,) = office.got("CONTRL")
    assert b"+00000000000001++CONTRL'" in answer
    assert state(office, edi_tables.received, "state") == ["answered"]
    assert state(office, edi_tables.received, "control") == ["00000000000001"]


# -- APERAK ---------------------------------------------------------------------------------
def held(office: Office) -> int:
    office.change(
        "config/flows/orders_in.yaml",
        "map: [north/order]",
        "map: [north/order]\n    check: {sales_order: [most]}",
    )
    office.put(ORDERS.replace(b"LIN+1++4006381333931:EN'\nPIA", b"LIN+1'\nPIA", 1))
    assert office.run().exit_status == 3
    (hold,) = quarantine.listed(office.store)
    return int(hold["id"])


def test_what_a_steward_rejects_is_told_with_record_and_line(office: Office) -> None:
    hold = held(office)
    assert office.got("APERAK") == []
    quarantine.reject(office.store, [hold], who="ann", reason="no such quantity")
    assert office.run().exit_status == 0
    (data,) = office.got("APERAK")
    message = first(data)
    text = message.raw
    assert "RFF+ON:4500012345'" in text
    assert "RFF+ON:4500012345:1'" in text
    assert "this line names no product" in text
    (said,) = statements(message)
    assert (said.verdict, said.about) == ("refused", "4500012345")
    assert "(line 1)" in said.words
    office.run()
    assert len(office.got("APERAK")) == 1


def test_on_hold_tells_at_once_and_never_tells_nothing(office: Office) -> None:
    office.change("edi/partners/north.yaml", "aperak: on_reject", "aperak: on_hold")
    held(office)
    assert len(office.got("APERAK")) == 1


# -- strangers ------------------------------------------------------------------------------
def test_an_unknown_sender_is_held_with_suggestions_and_let_go_when_known(office: Office) -> None:
    office.put(ORDERS.replace(f"+{THEM}:14+".encode(), b"+4098765000002:14+"))
    assert office.run().exit_status == 3
    (hold,) = quarantine.listed(office.store)
    assert hold["cause"] == "unknown partner"
    assert "check digit should be 3" in hold["summary"]
    assert "near to it: north (4098765000003)" in hold["summary"]
    (answer,) = office.got("CONTRL")
    assert first(answer).segments[1].endswith("+4+23+UNB+3:1")
    assert office.run().exit_status == 0
    assert len(quarantine.listed(office.store)) == 1
    office.change("edi/partners/north.yaml", '{id: "4098765000003"', '{id: "4098765000002"')
    office.run()
    assert office.run().exit_status == 0
    assert office.depot() == ["4500012345", "4500012346"]
    assert quarantine.listed(office.store) == []
    assert first(office.got("CONTRL")[1]).segments[1].endswith("+7")


def test_an_interchange_for_somebody_else_is_rejected(office: Office) -> None:
    office.put(ORDERS.replace(f"+{US}:14+".encode(), b"+4012345000016:14+"))
    office.run()
    (answer,) = office.got("CONTRL")
    assert first(answer).segments[1].endswith("+4+7+UNB+4:1")


@fault("E13")
def test_an_unknown_location_holds_its_document_until_it_is_known(office: Office) -> None:
    office.change("edi/partners/north.yaml", "answers:", 'glns: ["4098765000010"]\nanswers:')
    other = ORDERS.replace(b"NAD+BY+4098765000003", b"NAD+BY+4098765000027", 1)
    office.put(other)
    assert office.run().exit_status == 3
    (hold,) = quarantine.listed(office.store)
    assert hold["cause"] == "unknown partner"
    assert "unknown location 4098765000027 (buyer_gln): north has no such" in hold["summary"]
    assert "near to it: north (40987650000" in hold["summary"]
    assert office.depot() == ["4500012346"]
    office.change("edi/partners/north.yaml", '0010"]', '0010", "4098765000027"]')
    office.run()
    books = office.run()
    assert (books.balanced, books.exit_status) == (True, 0)
    assert sorted(office.depot()) == ["4500012345", "4500012346"]
    assert quarantine.listed(office.store) == []


def test_before_go_live_only_tests_are_taken(office: Office) -> None:
    from crossdock.edi.life import StoreLife

    life = StoreLife(office.store)
    life.move("north", "testing", "ann", {})
    office.put(ORDERS)
    office.run()
    (hold,) = quarantine.listed(office.store)
    assert "is not live yet" in hold["summary"]
    (answer,) = office.got("CONTRL")
    assert first(answer).segments[1].endswith("+4+17+UNB+12")
    life.move("north", "live", "ann", {})
    office.run()
    office.run()
    assert office.depot() == ["4500012345", "4500012346"]
    assert audit.broken_at(office.store) is None


# -- what partners say of what we sent ------------------------------------------------------
def contrl(reference: str, *rest: str, action: str = "7") -> bytes:
    """The partner's CONTRL about an interchange of ours."""
    body = [["UCI", reference, [US, "14"], [THEM, "14"], action]]
    layout = Layout(line="\n")
    segments = writer.message(layout, "1", ["CONTRL", "D", "3", "UN"], body)
    segments[2:2] = rest
    segments[-1] = f"UNT+{len(segments)}+1"
    envelope = Envelope(Address(THEM, "14"), Address(US, "14"), f"R{reference}", NOW)
    return writer.interchange(layout, envelope, [segments])


def aperak(*segments: str) -> bytes:
    """The partner's APERAK."""
    body = ["UNH+1+APERAK:D:96A:UN", *segments, f"UNT+{len(segments) + 2}+1"]
    envelope = Envelope(Address(THEM, "14"), Address(US, "14"), "A1", NOW)
    return writer.interchange(Layout(), envelope, [body])


def bound(office: Office) -> list[str]:
    """What the partner calls our documents, as far as we agreed."""
    table = schema.binding
    with office.store.reading() as connection:
        found = connection.execute(sa.select(table.c.their_id).where(table.c.system == "north"))
        return [name[:22] for name in found.scalars()]


def sent(office: Office, waits: str = "{}") -> Books:
    """Send one order of ours; ``waits`` is what we wait for."""
    office.change("edi/partners/north.yaml", "answers:", f"await: {waits}\nanswers:")
    office.wish(WISH)
    books = office.run("orders_out")
    assert books.balanced
    assert len(office.got("ORDERS")) == 1
    return books


@fault("E11")
def test_an_order_is_pending_until_the_partner_acknowledges_it(office: Office) -> None:
    assert sent(office, "{CONTRL: 4 hours}").data["records"]["pending"] == 1
    office.put(contrl("00000000000001"), "c.edi")
    books = office.run("orders_out")
    assert books.balanced
    assert state(office, schema.outbox, "state") == ["delivered"]
    assert state(office, schema.ledger, "state") == ["delivered"]
    assert state(office, edi_tables.reply, "verdict") == ["accepted"]
    assert state(office, edi_tables.awaited, "state") == ["met"]
    assert bound(office) == ["ORDERS_00000000000001_"]
    assert [path.name for path in (office.partner / "archive").iterdir()] == ["c.edi"]
    assert office.got("CONTRL") == []


def test_a_refused_order_is_held_with_the_partners_words_and_sent_anew(office: Office) -> None:
    sent(office)
    assert state(office, schema.outbox, "state") == ["delivered"]
    words = ["UCM+1+ORDERS:D:96A:UN:EAN008+4'", "UCS+9'", "UCD+37+2:2'"]
    office.put(contrl("00000000000001", *(one.rstrip("'") for one in words)), "c.edi")
    assert office.run("orders_out").exit_status == 3
    (hold,) = quarantine.listed(office.store)
    assert (hold["cause"], hold["subject"]) == ("refused", "delivery")
    assert hold["summary"] == (
        "north refuses it (CONTRL): message 1 is rejected; segment 9, element 2:2: "
        "wrong kind of characters [37]"
    )
    assert state(office, schema.ledger, "state") == ["quarantined"]
    assert bound(office) == []
    quarantine.resubmit(office.store, [hold["id"]], who="ann")
    office.run("orders_out")
    first_try, second = office.got("ORDERS")
    assert b"+00000000000001+" in first_try
    assert b"+00000000000002+" in second
    assert state(office, schema.outbox, "state") == ["delivered"]


@fault("E11")
def test_an_aperak_finds_the_document_by_its_number(office: Office) -> None:
    sent(office)
    office.put(
        aperak("BGM++77+27", "RFF+ON:PO-7", "ERC+42", "FTX+AAO+++no such article", "RFF+ON:PO-7:1")
    )
    office.run("orders_out")
    (hold,) = quarantine.listed(office.store)
    assert hold["cause"] == "refused"
    assert "error 42: no such article (line 1)" in hold["summary"]


def test_the_same_answer_acts_once(office: Office) -> None:
    sent(office)
    for name in ("a.edi", "b.edi"):
        office.put(contrl("00000000000001", action="4"), name)
        office.run("orders_out")
    assert len(quarantine.listed(office.store)) == 1
    assert len(state(office, edi_tables.reply, "id")) == 1


@fault("E11")
def test_an_answer_about_nothing_of_ours_is_kept_and_harms_nothing(office: Office) -> None:
    sent(office)
    office.put(contrl("99", action="4"))
    office.put(contrl("abc"), "b.edi")
    assert office.run("orders_out").exit_status == 0
    assert state(office, edi_tables.reply, "outbox_id") == [None, None]
    assert quarantine.listed(office.store) == []


@fault("E11")
def test_what_is_not_answered_in_time_becomes_a_task(office: Office) -> None:
    sent(office, "{ORDRSP: 2 days}")
    start = datetime.now(UTC)
    assert office.attend("orders_out", start + timedelta(days=1)).overdue == 0
    assert office.attend("orders_out", start + timedelta(days=3)).overdue == 1
    assert office.attend("orders_out", start + timedelta(days=4)).overdue == 0
    (hold,) = quarantine.listed(office.store)
    assert (hold["subject"], hold["cause"]) == ("task", "unanswered")
    assert "north owes a ORDRSP for purchase_order PO-7" in hold["summary"]
    assert quarantine.show(office.store, hold["id"])["actions"] == ["release", "reject"]
    with pytest.raises(Misconfigured, match="cannot be resubmitted"):
        quarantine.resubmit(office.store, [hold["id"]], who="ann")
    quarantine.release(office.store, [hold["id"]], who="ann", reason="they called")
    assert quarantine.listed(office.store) == []
    assert audit.broken_at(office.store) is None


@fault("E11")
def test_a_late_answer_closes_the_task(office: Office) -> None:
    sent(office, "{ORDRSP: 2 days}")
    late = datetime.now(UTC) + timedelta(days=3)
    assert office.attend("orders_out", late).overdue == 1
    head = schema.typed["order_response"][0]
    with office.store.writing() as connection:
        connection.execute(
            head.insert().values(
                document_id=9,
                document_key="demo|edi|R1",
                version=1,
                hash=b"",
                changed_by="",
                id="R1",
                order_id="PO-7",
            )
        )
    office.attend("orders_out", late)
    assert quarantine.listed(office.store) == []
    assert state(office, edi_tables.awaited, "state") == ["met"]


def test_a_missing_contrl_leaves_the_delivery_uncertain_until_it_comes(office: Office) -> None:
    sent(office, "{CONTRL: 4 hours}")
    assert office.attend("orders_out", datetime.now(UTC) + timedelta(hours=5)).overdue == 1
    (hold,) = quarantine.listed(office.store)
    assert (hold["cause"], hold["subject"], hold["rule"]) == ("uncertain", "delivery", "unanswered")
    office.put(contrl("00000000000001"))
    office.run("orders_out")
    assert quarantine.listed(office.store) == []
    assert state(office, schema.outbox, "state") == ["delivered"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("answers: {contrl: sometimes}", "answers has no contrl: sometimes"),
        ("answers: {mdn: always}", "answers has no mdn"),
        ("await: {PRICAT: 2 days}", "PRICAT cannot be waited for"),
        ("await: {CONTRL: soon}", "no length of time"),
        ("await: [CONTRL]", "await is a mapping"),
        ("glns: 4", "glns is a list"),
    ],
)
def test_a_wrong_agreement_says_where(tmp_path: Path, text: str, words: str) -> None:
    from crossdock.edi.partner import load

    (tmp_path / "x.yaml").write_text(f"us: {{id: '1'}}\nthem: {{id: '2'}}\n{text}\n")
    with pytest.raises(Misconfigured, match=words):
        load(tmp_path, "x")
