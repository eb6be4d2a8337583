"""An independent counterpart (mock-edi): it reads what we write, and we read what it says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crossdock.edi import contrl, specimen
from crossdock.edi.check import check_source
from crossdock.edi.contrl_reader import Statement, statements
from crossdock.edi.guide import Guides
from crossdock.edi.interchange import Message
from crossdock.edi.reader import read
from crossdock.edi.writer import Address

testing = pytest.importorskip("mockedi.testing")

PROJECT = Path(__file__).parents[2]
GUIDES = Guides(PROJECT / "edi" / "guides")
MOMENT = datetime(2026, 9, 1, 12, tzinfo=UTC)
SAMPLE = (PROJECT / "edi" / "samples" / "orders_d96a.edi").read_bytes()
ONE = SAMPLE[: SAMPLE.index(b"UNH+2+")] + b"UNZ+1+00000000000041'\n"
ORDER = ONE.replace(b"4098765000003:14", b"EURODIS:14").replace(b"4012345000009:14", b"MOCKEDI:14")


@pytest.fixture(scope="module")
def mock() -> Iterator[Any]:
    with testing.Mock.start() as running:
        yield running


def said(payload: str) -> list[Statement]:
    data = payload.encode("latin-1")
    assert [f for item in check_source(data, GUIDES) for f in item.findings] == []
    found = [item for item in read(data) if isinstance(item, Message)]
    return [one for message in found for one in statements(message)]


def test_our_order_is_taken_and_its_answers_are_understood(mock: Any) -> None:
    assert mock.findings(ORDER.decode("latin-1")) == ["ORDERS/1: accepted"]
    assert mock.send(ORDER.decode("latin-1"))["accepted"]
    (answer,) = said(mock.document(partner="EURODIS", kind="acknowledgment").payload)
    assert (answer.verdict, answer.about) == ("accepted", "00000000000041")


def test_its_refusal_is_read_with_the_place_that_it_names(mock: Any) -> None:
    bad = ORDER.replace(b"QTY+21:120'", b"QTY+21:many'").replace(b"00000000000041", b"42")
    assert not mock.send(bad.decode("latin-1"))["accepted"]
    found = [one for item in mock.mailbox(partner="EURODIS", kind="acknowledgment")
             for one in said(item["payload"])]  # fmt: skip
    (refusal,) = [one for one in found if one.about == "42"]
    assert refusal.verdict == "refused"
    assert "segment 12, element 2:2: wrong kind of characters [37]" in refusal.words
    (ours,) = contrl.answers(bad, GUIDES)
    (same,) = said(contrl.write(ours, "1", MOMENT).decode("latin-1"))
    assert "segment 12, element 2:2: wrong kind of characters [37]" in same.words


def test_it_takes_our_answers_to_its_own_messages(mock: Any) -> None:
    """Its ORDRSP and INVOIC put segments where D.96A does not have them; we say so in CONTRL."""
    mock.advance(everything=True)
    kinds = {}
    for item in mock.mailbox(partner="EURODIS"):
        data = item["payload"].encode("latin-1")
        for answer in contrl.answers(data, GUIDES):
            if not answer.wanted:
                assert item["code"] == "CONTRL"
                continue
            written = contrl.write(answer, "77", MOMENT).decode("latin-1")
            assert mock.findings(written) == ["CONTRL/1: accepted"]
            kinds[item["code"]] = answer.clean
    assert kinds.pop("ORDRSP") is False
    assert kinds.get("DESADV", True)


@pytest.mark.parametrize("message", ["ORDERS", "ORDRSP", "DESADV", "INVOIC"])
def test_it_reads_the_messages_of_our_test_pack(mock: Any, message: str) -> None:
    association = {"ORDERS": "EAN008", "INVOIC": "EAN008"}.get(message, "")
    guide = GUIDES.find(message, "D.96A", association)
    assert guide is not None
    data = specimen.good(
        GUIDES, guide, Address("MOCKEDI", "ZZ"), Address("EURODIS", "14"), MOMENT,
        association=association,
    )  # fmt: skip
    parsed = testing.Document(data.decode("latin-1"))
    (segments,) = [one.segments for group in parsed.groups for one in group.messages]
    ours = next(item for item in read(data) if isinstance(item, Message))
    assert [one.tag for one in segments] == [raw[:3] for raw in ours.segments]
