"""CONTRL: what is answered, with which code and place, and what is never answered."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crossdock.edi import contrl
from crossdock.edi.check import check_source
from crossdock.edi.guide import Guides
from crossdock.edi.interchange import Message
from crossdock.edi.reader import read
from tests.faults.catalogue import fault

PROJECT = Path(__file__).parents[2]
GUIDES = Guides(PROJECT / "edi" / "guides")
ORDERS = (PROJECT / "edi" / "samples" / "orders_d96a.edi").read_bytes()
MOMENT = datetime(2026, 9, 1, 12, tzinfo=UTC)


def answered(data: bytes) -> list[str]:
    (answer,) = contrl.answers(data, GUIDES)
    assert answer.wanted
    written = contrl.write(answer, "77", MOMENT)
    assert [f for item in check_source(written, GUIDES) for f in item.findings] == []
    (message, interchange) = read(written)
    assert isinstance(message, Message)
    assert (interchange.sender, interchange.receiver) == ("4012345000009", "4098765000003")
    return message.segments[1:-1]


UCI = "UCI+00000000000041+4098765000003:14+4012345000009:14"


def test_a_good_interchange_is_acknowledged():
    assert answered(ORDERS) == [f"{UCI}+7"]


@fault("E06")
def test_a_bad_message_is_rejected_and_the_other_is_not():
    data = ORDERS.replace(b"QTY+21:120'", b"QTY+21:1x0:PCEE'").replace(b"UNS+S'\n", b"", 1)
    assert answered(data.replace(b"UNT+22", b"UNT+21")) == [
        f"{UCI}+7",
        "UCM+1+ORDERS:D:96A:UN:EAN008+4",
        "UCS+12",
        "UCD+37+2:2",
        "UCD+39+2:3",
        "UCS+20+13",
    ]


@fault("E03")
@pytest.mark.parametrize(
    ("old", "new", "head", "rest"),
    [
        (b"UNT+22+1'", b"UNT+21+1'", "7", ["UCM+1+ORDERS:D:96A:UN:EAN008+4+29+UNT+2"]),
        (b"UNT+22+1'", b"UNT+22+8'", "7", ["UCM+1+ORDERS:D:96A:UN:EAN008+4+28+UNT+3"]),
        (b"UNZ+2+", b"UNZ+3+", "4+29+UNZ+2", []),
        (b"UNZ+2+00000000000041'\n", b"", "4+13+UNZ", []),
    ],
)
def test_envelope_faults_have_their_code(old, new, head, rest):
    assert answered(ORDERS.replace(old, new)) == [f"{UCI}+{head}", *rest]


def test_groups_are_named():
    body = b"UNH+1+ORDERS:D:96A:UN'BGM+220+1+9'UNT+3+1'"
    head = b"UNB+UNOA:1+S+R+260901:0930+7'UNG+ORDERS+GS+GR+260901:0930+3+UN+D:96A'"
    (answer,) = contrl.answers(head + body + b"UNE+1+3'UNZ+1+7'", GUIDES)
    text = contrl.write(answer, "1", MOMENT).decode()
    assert "UCF+3+GS+GR+7'\nUCM+1+ORDERS:D:96A:UN+4'\nUCS+3+13'" in text


def test_syntax_four_is_answered_in_syntax_four():
    data = (PROJECT / "edi" / "samples" / "orders_d01b.edi").read_bytes()
    (answer,) = contrl.answers(data, GUIDES)
    text = contrl.write(answer, "1", MOMENT).decode()
    assert "CONTRL:4:1:UN" in text
    assert "+20260901:1200+1" in text


def test_a_contrl_is_never_answered():
    (answer,) = contrl.answers(ORDERS, GUIDES)
    written = contrl.write(answer, "77", MOMENT)
    (again,) = contrl.answers(written, GUIDES)
    assert not again.wanted
