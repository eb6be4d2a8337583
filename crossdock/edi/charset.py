"""Character sets of S001: which codec reads them, what they allow, what looks wrong."""

from __future__ import annotations

import re
import unicodedata

from crossdock.errors import Misconfigured, Refused

CODECS = {
    "UNOA": "ascii",
    "UNOB": "ascii",
    "UNOC": "iso8859-1",
    "UNOD": "iso8859-2",
    "UNOE": "iso8859-5",
    "UNOF": "iso8859-7",
    "UNOG": "iso8859-3",
    "UNOH": "iso8859-4",
    "UNOI": "iso8859-6",
    "UNOJ": "iso8859-8",
    "UNOK": "iso8859-9",
    "UNOX": "iso2022_jp_2",
    "UNOY": "utf-8",
    "UNOW": "utf-8",
    "KECA": "cp949",
}
"""Syntax identifier (element 0001) to the codec that reads it. Source: ISO 9735-1, code list 0001.

UNOY and UNOW both travel as UTF-8 today; UNOX stands for any ISO 2022 set, which a partner's file
narrows down; KECA is the Korean one of the code list.
"""

_UNOA = re.compile(r"[^A-Z0-9 .,\-()/=!\"%&*;<>'+:?]")
_UNOB = re.compile(r"[^A-Za-z0-9 .,\-()/=!\"%&*;<>'+:?]")
REPERTOIRE = {"UNOA": _UNOA, "UNOB": _UNOB}
"""Characters that the two small sets do not have. Source: ISO 9735:1988, 5.1 and 5.2."""

STATEFUL = ("iso2022", "hz")
"""Prefixes of codecs in which a service character may be half of another character."""

_C1 = re.compile("[\x80-\x9f]")
_ODD_CYRILLIC = re.compile("[№§ђѓєѕіїјљњћќўџЂЃЄЅІЇЈЉЊЋЌ]")


def codec_of(identifier: str, override: str = "") -> str:
    """Name the Python codec for a syntax identifier, or for the partner's ``override``.

    An identifier that is in no list (IATB, ANSI and other bilateral ones) is read as ISO 8859-1,
    which loses no byte. Raises Misconfigured when the override is no codec.
    """
    name = override or CODECS.get(identifier.upper(), "iso8859-1")
    try:
        "".encode(name)
    except LookupError:
        raise Misconfigured(
            f"there is no character set {name!r}",
            where="partner charset",
            fix="use a name that Python knows, such as cp1252, utf-8 or iso8859-15",
        ) from None
    return name


def decode(data: bytes, codec: str) -> tuple[str, bool]:
    """Decode ``data``; where a byte does not fit keep it as a lone surrogate and answer False."""
    try:
        return data.decode(codec), True
    except UnicodeDecodeError:
        if codec.startswith(STATEFUL):
            return data.decode("ascii", "surrogateescape"), False
        return data.decode(codec, "surrogateescape"), False


def encode(text: str, codec: str) -> bytes:
    """Write back what ``decode`` gave, byte for byte."""
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        if codec.startswith(STATEFUL):
            return text.encode("ascii", "surrogateescape")
        return text.encode(codec, "surrogateescape")


def undecodable(text: str) -> bool:
    """Say whether ``decode`` met bytes here that the character set does not have."""
    return any("\udc80" <= character <= "\udcff" for character in text)


def suspicion(text: str, codec: str) -> str:
    """Say in words why ``text`` was hardly written in ``codec``; empty when nothing looks odd.

    Shows both readings, since a person has to decide. Never changes the text.

    >>> suspicion("MÃ¼ller", "iso8859-1")
    "iso8859-1 reads 'MÃ¼ller', utf-8 would read 'Müller'"
    """
    if text.isascii():
        return ""
    if undecodable(text):
        return f"bytes that {codec} does not have: {_shown(encode(text, codec))}"
    if not codec.startswith("iso8859"):
        return ""
    data = text.encode(codec, "replace")
    letters = [character for character in text if not character.isascii()]
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return _two(text, data, "utf-8", codec)
    odd = len(_ODD_CYRILLIC.findall(text)) if codec == "iso8859-5" else 0
    if _C1.search(text) or (len(letters) >= 4 and odd * 4 > len(letters)):
        return _two(text, data, "cp1251" if codec == "iso8859-5" else "cp1252", codec)
    return ""


def _two(text: str, data: bytes, other: str, codec: str) -> str:
    try:
        reading = data.decode(other)
    except UnicodeDecodeError:
        return f"control characters that no one types: {_shown(data)}"
    return f"{codec} reads {text[:40]!r}, {other} would read {reading[:40]!r}"


def _shown(data: bytes) -> str:
    odd = [byte for byte in data if byte >= 0x80][:8]
    return " ".join(f"0x{byte:02X}" for byte in odd)


def fit(text: str, identifier: str, codec: str, *, transliterate: bool, where: str) -> str:
    """Give ``text`` as the partner's character set can carry it.

    Raises Refused with the place where a character does not fit, unless ``transliterate``, which
    takes accents away, writes Ä as AE and upper case where only that exists.
    """
    if _fits(text, identifier, codec):
        return text
    if transliterate:
        plain = _plain(text, identifier, codec)
        if _fits(plain, identifier, codec):
            return plain
        text = plain
    at, wrong = next(
        (number, character)
        for number, character in enumerate(text, 1)
        if not _fits(character, identifier, codec)
    )
    raise Refused(
        f"character {at} of {where}, U+{ord(wrong):04X} "
        f"({unicodedata.name(wrong, 'no name')}), does not exist in {identifier or codec}",
        where=where,
        fix="change the text, agree on UNOC or UNOW with the partner, or set transliterate: true",
    )


def _fits(text: str, identifier: str, codec: str) -> bool:
    forbidden = REPERTOIRE.get(identifier)
    if forbidden is not None and forbidden.search(text):
        return False
    if any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in text):
        return False
    try:
        return text.encode(codec).decode(codec) == text
    except UnicodeError:
        return False


_SPELT = str.maketrans(
    {
        "Ä": "AE", "Ö": "OE", "Ü": "UE", "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Æ": "AE",
        "æ": "ae", "Ø": "OE", "ø": "oe", "Å": "AA", "å": "aa", "Ł": "L", "ł": "l", "Đ": "D",
        "đ": "d", "’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...",
        "€": "EUR", "\n": " ", "\r": " ", "\t": " ", "\u00a0": " ",
    }
)  # fmt: skip


def _plain(text: str, identifier: str, codec: str) -> str:
    """Spell every character that does not fit with those that do, as far as there is a way."""
    out = []
    for character in unicodedata.normalize("NFC", text):
        if not _fits(character, identifier, codec):
            spelt = character.translate(_SPELT)
            if spelt == character:
                bare = unicodedata.normalize("NFKD", character)
                spelt = "".join(part for part in bare if not unicodedata.combining(part))
            character = spelt.upper() if identifier == "UNOA" else spelt
        out.append(character)
    return "".join(out)
