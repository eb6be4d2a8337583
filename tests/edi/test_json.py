"""Interchanges as JSON and back, byte for byte; and pydifact as a peer."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.edi import edifact
from crossdock.edi.interchange import Message
from crossdock.edi.jsonform import from_json, to_json
from crossdock.edi.reader import read
from crossdock.edi.separators import Separators
from crossdock.errors import CrossdockError, Unreadable

SAMPLES = Path(__file__).parents[2] / "edi" / "samples"
ORDERS = (SAMPLES / "orders_d96a.edi").read_bytes()


def again(data: bytes) -> bytes:
    return from_json(json.loads("".join(to_json(data))))


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.edi")), ids=lambda path: path.name)
def test_samples_come_back(path):
    assert again(path.read_bytes()) == path.read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"'\n", b"'\r\n"),
        lambda data: data.replace(b"'\n", b"'"),
        lambda data: data[10:],
        lambda data: b"\xef\xbb\xbf" + data + b"\r\n\x1a",
        lambda data: b"VAN HEADER 1\n" + data + b"\n\n" + data,
        lambda data: data.replace(b"BGM+220", b"\t BGM+?2?2?0"),
        lambda data: data.replace(b"CNT+2:2'", b"CNT+2:2:::+++'"),
        lambda data: data.replace(b"260901:0930", b"20260901:0930"),
        lambda data: data.replace(b"blue", b"blau \xe4\xf6"),
        lambda data: data.replace(b"UNOC", b"UNOA").replace(b"blue", b"\xff\xfe"),
        lambda data: data.replace(b"UNOC:3", b"UNOY:4").replace(b"blue", "蓝色".encode()),
        lambda data: data.replace(b"UNOC:3", b"UNOX:3").replace(b"blue", "青".encode("iso2022_jp")),
        lambda data: data.decode().encode("utf-16"),
        lambda data: data[:700],
        lambda data: data.replace(b"UNA:+.? '", b"UNA:+,  '").replace(b"?", b""),
    ],
)
def test_habits_of_the_sender_come_back(change):
    data = change(ORDERS)
    assert again(data) == data


def test_repeated_elements_come_back_as_such():
    data = b"UNB+UNOA:4+S+R+20260901:0930+7'UNH+1+X:D:96A:UN'PIA+1+A?*:SA*B:BP'UNT+3+1'UNZ+1+7'"
    tree = json.loads("".join(to_json(data)))
    assert tree["interchanges"][0]["segments"][1] == [
        "PIA",
        "1",
        {"repeat": [["A*", "SA"], ["B", "BP"]]},
    ]
    assert from_json(tree) == data


def test_a_changed_value_is_escaped_and_written():
    tree = json.loads("".join(to_json(ORDERS)))
    tree["interchanges"][0]["segments"][1][2] = "PO+1'?"
    data = from_json(tree)
    (message, *_) = read(data)
    assert message.parsed[1][2] == ["PO+1'?"]


@pytest.mark.parametrize(
    "tree",
    [
        None,
        {"interchanges": [{}]},
        {"interchanges": [{"separators": {}, "charset": "x", "header": [], "segments": []}]},
        {
            "interchanges": [
                {"separators": {}, "charset": "ascii", "header": ["UNB", 1], "segments": []}
            ]
        },
        {
            "interchanges": [
                {"separators": {}, "charset": "ascii", "header": ["UNB"], "segments": [{}]}
            ]
        },
        {"interchanges": [{"separators": {}, "charset": "ascii", "header": ["ü"], "segments": []}]},
    ],
)
def test_wrong_json_is_refused_in_words(tree):
    with pytest.raises(CrossdockError):
        from_json(tree)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40), st.integers(0, len(ORDERS)), st.integers(0, 30))
def test_whatever_is_read_comes_back(new, at, drop):
    data = ORDERS[:at] + new + ORDERS[at + drop :]
    with contextlib.suppress(Unreadable):
        assert again(data) == data


def test_pydifact_reads_what_we_write_and_we_what_it_writes():
    (message, *_) = [item for item in read(ORDERS) if isinstance(item, Message)]
    theirs = edifact.segments(message)
    assert theirs[1].tag == "BGM"
    assert theirs[1].elements == ["220", "4500012345", "9"]
    assert [edifact.elements(one) for one in theirs] == message.parsed
    text = edifact.serialise(theirs)
    assert [
        Separators().parse(one) for one in Separators().split(text, "'") if one
    ] == message.parsed
    assert [one.tag for one in edifact.accepts(ORDERS)][-1] == "UNZ"


def test_what_pydifact_cannot_hold_is_said():
    data = b"UNB+UNOA:4+S+R+20260901:0930+7'UNH+1+X:D:96A:UN'PIA+1+A:SA*B:BP'UNT+3+1'UNZ+1+7'"
    (message, _) = read(data)
    with pytest.raises(Unreadable, match="segment 2"):
        edifact.segments(message)
    with pytest.raises(Unreadable, match="pydifact says"):
        edifact.accepts(b"UNB+UNOC:3'unh+1'")
