"""Writing: characters, character sets and envelopes as each partner wants them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.edi import writer
from crossdock.edi.charset import fit
from crossdock.edi.interchange import Interchange, Message
from crossdock.edi.reader import read
from crossdock.edi.separators import Separators
from crossdock.edi.writer import Address, Envelope, Layout
from crossdock.errors import Refused

MOMENT = datetime(2026, 9, 1, 10, 30, tzinfo=UTC)
ENVELOPE = Envelope(Address("S", "14"), Address("R", "14", "X"), "7", MOMENT, "ORDERS", test=True)


def written(layout: Layout, *segments) -> tuple[bytes, Message, Interchange]:
    body = writer.message(layout, "1", ["ORDERS", "D", "96A", "UN"], segments)
    data = writer.interchange(layout, ENVELOPE, [body])
    message, interchange = read(data, choose=lambda unb: layout.codec)
    assert isinstance(message, Message)
    assert isinstance(interchange, Interchange)
    assert message.findings == []
    assert interchange.findings == []
    return data, message, interchange


def test_the_envelope_says_what_is_asked():
    data, message, interchange = written(Layout(), ["BGM", "220", "A"])
    assert data == (
        b"UNA:+.? 'UNB+UNOC:3+S:14+R:14:X+260901:1030+7++ORDERS++++1'"
        b"UNH+1+ORDERS:D:96A:UN'BGM+220+A'UNT+3+1'UNZ+1+7'"
    )
    assert interchange.test
    assert message.parsed[1] == [["BGM"], ["220"], ["A"]]


def test_una_is_left_out_only_where_the_usual_characters_are_used():
    plain, _, _ = written(Layout(una=False), ["BGM", "220"])
    assert plain.startswith(b"UNB+")
    marks = Separators.from_una("^*,! ~")
    custom, message, _ = written(Layout(una=False, separators=marks), ["FTX", "a*b^c~d!e"])
    assert custom.startswith(b"UNA^*,! ~UNB*")
    assert message.parsed[1][1] == ["a*b^c~d!e"]


def test_syntax_four_has_long_dates_and_releases_the_repetition_mark():
    layout = Layout("UNOW", "4", separators=Separators().for_syntax("4", una=False))
    data, message, _ = written(layout, ["FTX", "a*b 深圳"])
    assert b"+20260901:1030+" in data
    assert message.parsed[1][1] == ["a*b 深圳"]


@pytest.mark.parametrize(
    ("layout", "text", "place", "mark"),
    [
        (Layout("UNOA"), "abc", "character 1", "U+0061"),
        (Layout("UNOB"), "Café", "character 4", "U+00E9"),
        (Layout("UNOC"), "10 €", "character 4", "U+20AC"),
        (Layout("UNOC"), "a\nb", "character 2", "U+000A"),
        (Layout("UNOE"), "ü", "character 1", "U+00FC"),
    ],
)
def test_what_the_set_lacks_is_refused_with_its_place(layout, text, place, mark):
    with pytest.raises(Refused) as refusal:
        writer.message(layout, "1", ["ORDERS"], [["BGM", "220"], ["FTX", "AAI", ["", text]]])
    said = str(refusal.value)
    assert f"{place} of UNH 1, segment 3 FTX, element 2" in said
    assert mark in said


@pytest.mark.parametrize(
    ("identifier", "codec", "text", "plain"),
    [
        ("UNOA", "ascii", "Köln, Straße 5 “x”", 'KOELN, STRASSE 5 "X"'),
        ("UNOC", "iso8859-1", "10 € – Łódź", "10 EUR - Lódz"),
        ("UNOB", "ascii", "crème\nbrûlée", "creme brulee"),
    ],
)
def test_transliteration_changes_only_what_must_be(identifier, codec, text, plain):
    assert fit(text, identifier, codec, transliterate=True, where="x") == plain


def test_what_has_no_spelling_is_still_refused():
    with pytest.raises(Refused, match=r"U\+6DF1"):
        fit("深", "UNOC", "iso8859-1", transliterate=True, where="x")


def test_a_codec_of_the_partner_is_used():
    data, message, _ = written(Layout(codec="cp1252"), ["FTX", "10 €"])
    assert b"10 \x80" in data
    assert message.parsed[1][1] == ["10 €"]


def test_without_release_character_a_separator_in_the_data_is_refused():
    layout = Layout(separators=Separators.from_una(":+.  '"))
    with pytest.raises(Refused, match="no release character"):
        writer.message(layout, "1", ["ORDERS"], [["FTX", "it's"]])


VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)


@given(st.lists(st.lists(VALUES, min_size=1, max_size=4), min_size=1, max_size=6))
def test_every_value_comes_back(elements):
    _, message, _ = written(Layout(line="\r\n"), ["FTX", *elements])
    trimmed = [writer.trimmed(element) for element in elements]
    while trimmed and not any(trimmed[-1]):
        trimmed.pop()
    assert message.parsed[1] == [["FTX"], *trimmed]
