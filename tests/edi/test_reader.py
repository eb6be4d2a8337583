"""Reading: separators, character sets, envelopes, and nothing but our errors."""

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.edi.interchange import Interchange, Message
from crossdock.edi.reader import envelopes, read
from crossdock.edi.separators import Separators
from crossdock.errors import CrossdockError, Unreadable
from tests.faults.catalogue import fault

SAMPLES = Path(__file__).parents[2] / "edi" / "samples"
HEAD = b"UNB+UNOA:%s+S+R+260901:0930+7'"
ORDERS = (SAMPLES / "orders_d96a.edi").read_bytes()


def messages(data: bytes) -> list[Message]:
    return [item for item in read(data) if isinstance(item, Message)]


def findings(data: bytes) -> list[tuple[str, str]]:
    return [(f.kind, f.code) for item in read(data) for f in item.findings]


def test_each_message_comes_by_itself():
    first, second = messages(ORDERS)
    assert (first.type, first.directory, first.association) == ("ORDERS", "D.96A", "EAN008")
    assert first.parsed[1] == [["BGM"], ["220"], ["4500012345"], ["9"]]
    assert first.parsed[15][3][3] == "Tea 'Morning' 50 bags"
    assert second.reference == "2"
    assert findings(ORDERS) == []


@fault("L08", "E03")
@pytest.mark.parametrize(
    ("old", "new", "kind", "code"),
    [
        (b"UNT+22+1'", b"UNT+21+1'", "envelope", "29"),
        (b"UNT+22+1'", b"UNT+22+9'", "envelope", "28"),
        (b"UNZ+2+", b"UNZ+3+", "envelope", "29"),
        (b"UNZ+2+00000000000041", b"UNZ+2+00000000000042", "envelope", "28"),
        (b"UNZ+2+00000000000041'\n", b"", "envelope", "13"),
        (b"UNT+22+1'\n", b"", "envelope", "13"),
        (b"UNH+2+ORDERS:D:96A:UN:EAN008'\n", b"", "envelope", "33"),
        (b"CNT+2:2'", b"cnt+2:2'", "syntax", "15"),
        (b"CNT+2:2'", b"''", "syntax", "15"),
    ],
)
def test_a_broken_envelope_is_found(old, new, kind, code):
    assert (kind, code) in findings(ORDERS.replace(old, new))


@fault("E06")
def test_only_the_broken_message_is_at_fault():
    first, second = messages(ORDERS.replace(b"UNT+22+1'", b"UNT+21+1'"))
    assert first.findings[0].expected == "22"
    assert first.findings[0].actual == "21"
    assert second.findings == []


def test_a_duplicate_reference_is_found_when_asked_for():
    data = ORDERS.replace(b"UNH+2+", b"UNH+1+").replace(b"UNT+13+2'", b"UNT+13+1'")
    assert findings(data) == []
    assert [f.code for item in read(data, unique=True) for f in item.findings] == ["26"]


@fault("E05", "F20")
def test_several_interchanges_and_junk_between_lines():
    data = b"\xef\xbb\xbf HEADER OF THE VAN\r\n" + ORDERS + b"\r\n" + ORDERS + b"\x1a"
    found = envelopes(data)
    assert [one.messages for one in found] == [2, 2]
    assert not any(one.rejected for one in found)


def test_groups_are_counted():
    body = b"UNH+1+ORDERS:D:96A:UN'BGM+220+1+9'UNT+3+1'"
    head = b"UNB+UNOA:1+S+R+260901:0930+7'UNG+ORDERS+S+R+260901:0930+3+UN+D:96A'"
    good = head + body + b"UNE+1+3'UNZ+1+7'"
    assert findings(good) == []
    assert ("envelope", "29") in findings(good.replace(b"UNE+1", b"UNE+2"))
    assert ("envelope", "28") in findings(good.replace(b"UNE+1+3", b"UNE+1+4"))
    assert ("envelope", "30") in findings(good.replace(b"UNZ", body + b"UNZ"))


@pytest.mark.parametrize("line", [b"\n", b"\r"])
def test_a_line_end_may_be_the_terminator(line):
    data = ORDERS[10:].replace(b"'\n", line).replace(b"?'", b"'")
    assert findings(data) == []
    assert len(messages(data)) == 2


def test_a_space_as_release_means_none():
    data = HEAD % b"1" + b"UNH+1+X:D:96A:UN'FTX+AAI+++WHO? ME?'UNT+3+1'UNZ+1+7'"
    data = b"UNA:+,  '" + data
    (message,) = messages(data)
    assert message.parsed[1][4] == ["WHO? ME?"]
    assert message.interchange.separators.decimal == ","


def test_repetition_belongs_to_syntax_four():
    data = b"UNB+UNOA:%d+S+R+20260901:0930+7'UNH+1+X:D:96A:UN'PIA+1+A:SA*B:BP'UNT+3+1'UNZ+1+7'"
    (four,) = messages(data % 4)
    assert four.parsed[1][2] == [["A", "SA"], ["B", "BP"]]
    (three,) = messages(data % 3)
    assert three.parsed[1][2] == ["A", "SA*B", "BP"]


@fault("L09", "E08")
@pytest.mark.parametrize(
    ("identifier", "codec", "text"),
    [
        ("UNOC", "iso8859-1", "Küche Straße"),
        ("UNOD", "iso8859-2", "Łódź"),
        ("UNOE", "iso8859-5", "Привет Мир"),
        ("UNOF", "iso8859-7", "Αθήνα"),
        ("UNOI", "iso8859-6", "القاهرة"),
        ("UNOJ", "iso8859-8", "ירושלים"),
        ("UNOK", "iso8859-9", "İstanbul ığ"),
        ("UNOW", "utf-8", "深圳 Straße"),
        ("UNOY", "utf-8", "深圳"),
        ("UNOX", "iso2022_jp_2", "東京の注文"),
        ("KECA", "cp949", "서울"),
    ],
)
def test_character_sets(identifier, codec, text):
    head = f"UNB+{identifier}:4+S+R+20260901:0930+7'UNH+1+X:D:96A:UN'"
    data = f"{head}FTX+AAI+++{text}'UNT+3+1'UNZ+1+7'".encode(codec)
    (message,) = messages(data)
    assert message.parsed[1][4] == [text]
    assert message.interchange.doubt == ""
    assert findings(data) == []


@fault("E09")
@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read(codec):
    assert len(messages(ORDERS.decode().encode(codec))) == 2


@fault("E08")
def test_wrong_character_set_raises_a_doubt_with_both_readings():
    wire = "UNB+UNOE:3+S+R+260901:0930+7'UNH+1+X:D:96A:UN'FTX+AAI+++Привет Мир'UNT+3+1'UNZ+1+7'"
    (interchange,) = envelopes(wire.encode("cp1251"))
    assert "cp1251 would read" in interchange.doubt
    assert "Привет Мир" in interchange.doubt
    assert findings(wire.replace("UNOE", "UNOA").encode("cp1251")) == [("syntax", "21")]


@fault("L09")
def test_an_override_names_the_character_set():
    wire = "UNB+UNOC:3+S+R+260901:0930+7'UNH+1+X:D:96A:UN'FTX+AAI+++10 €'UNT+3+1'UNZ+1+7'"
    (message, _) = read(wire.encode("cp1252"), choose=lambda unb: "cp1252")
    assert message.parsed[1][4] == ["10 €"]


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"UNB", b"UNA:+.? '", b"UNA:+.? 'UNH+1'", b"\0" * 99]
)
def test_no_interchange_is_unreadable(data):
    with pytest.raises(Unreadable):
        list(read(data))


@fault("E04")
def test_every_prefix_is_torn_or_whole():
    end = len(ORDERS.rstrip())
    for cut in range(end):
        try:
            found = envelopes(ORDERS[:cut])
        except Unreadable:
            continue
        assert found[-1].rejected, cut
    assert not envelopes(ORDERS[:end])[0].rejected


def test_block_borders_change_nothing(monkeypatch):
    whole = [item.segments for item in messages(ORDERS * 3)]
    for size in (1, 2, 3, 7, 64):
        monkeypatch.setattr("crossdock.edi.tokenizer.BLOCK", size)
        assert [item.segments for item in messages(ORDERS * 3)] == whole


EDITS = st.tuples(st.integers(0, len(ORDERS)), st.binary(max_size=4), st.integers(0, 5))


@fault("L10")
@settings(max_examples=150, deadline=None)
@given(st.lists(EDITS, max_size=4))
def test_only_our_errors_escape(edits):
    data = ORDERS
    for at, new, drop in edits:
        data = data[:at] + new + data[at + drop :]
    try:
        for item in read(BytesIO(data)):
            if isinstance(item, Message):
                item.parsed  # noqa: B018
            else:
                assert isinstance(item, Interchange)
    except CrossdockError:
        pass


MARKS = st.permutations(list(":+?'*,.;|~^@#")).map(lambda m: Separators.from_una("".join(m[:6])))


VALUES = st.lists(st.text(":+?'*ab ü", max_size=5), min_size=1, max_size=3)


@fault("E07")
@given(MARKS, st.lists(VALUES, min_size=1, max_size=5))
def test_what_is_written_is_read_again(marks, elements):
    assert marks.parse(marks.segment(elements)) == elements


def test_a_message_that_is_too_long_is_counted_not_kept(monkeypatch):
    monkeypatch.setattr("crossdock.edi.envelope.LONGEST_MESSAGE", 10)
    first, second = messages(ORDERS)
    assert len(first.segments) <= 11
    assert "more than 10 segments" in first.findings[0].text
    assert [f.code for f in first.findings] == ["35"]
    assert second.findings[0].code == "35"


def test_rubbish_does_not_fill_the_memory():
    data = b"UNB+UNOA:1+S+R+260901:0930+7'" + b"X'" * 5000 + b"UNZ+0+7'"
    (interchange,) = envelopes(data)
    assert len(interchange.findings) == 200
