"""Whatever bytes come, every door of the EDI part answers, or raises one of our errors."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.edi import contrl, edifact, flat
from crossdock.edi.check import check_source
from crossdock.edi.guide import Guides
from crossdock.edi.interchange import Message
from crossdock.edi.reader import read
from crossdock.edi.tree import lines
from crossdock.errors import CrossdockError
from tests.faults.catalogue import fault

PROJECT = Path(__file__).parents[2]
GUIDES = Guides(PROJECT / "edi" / "guides", strict=True)
NAMES = ("desadv_d96a.edi", "invoic_d96a.edi", "orders_*.edi", "x12_*.edi")
SAMPLES = [
    path.read_bytes()
    for name in NAMES
    for path in sorted((PROJECT / "edi" / "samples").glob(name))
]

PIECES = st.sampled_from(
    b"+ : ' ? * \n UNZ+1+1' UNH+9+ UNT+ UNB+ UNA LIN+1' \xff \xc3\xa9 \0 MOA+203:1,5' DTM+137: "
    b"TAX+7+VAT+++:::x' - 9e9".split(b" ")
)
EDIT = st.tuples(st.floats(0, 1), PIECES | st.binary(max_size=3), st.integers(0, 12))


@fault("L10")
@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SAMPLES), st.lists(EDIT, max_size=6))
def test_every_door_answers(data, edits):
    for share, new, drop in edits:
        at = int(share * len(data))
        data = data[:at] + new + data[at + drop :]
    for work in (_check, _answer, _show, _documents):
        try:
            work(data)
        except CrossdockError:
            continue


def _check(data):
    for item in check_source(data, GUIDES):
        for finding in item.findings:
            assert finding.text
            assert finding.line()
            assert finding.record()["class"]


def _answer(data):
    from datetime import UTC, datetime

    for answer in contrl.answers(data, GUIDES):
        if answer.wanted:
            written = contrl.write(answer, "1", datetime(2026, 9, 1, tzinfo=UTC))
            assert written.startswith((b"UNA", b"UNB"))


def _show(data):
    assert list(lines(data, GUIDES))


def _documents(data):
    for item in read(data):
        if isinstance(item, Message) and not item.findings:
            try:
                flat.read(item)
                edifact.segments(item)
            except CrossdockError:
                continue


@fault("E04")
def test_every_prefix_is_answered():
    for data in SAMPLES:
        for cut in range(0, len(data), 7):
            for work in (_check, _answer, _show, _documents):
                try:
                    work(data[:cut])
                except CrossdockError:
                    continue
