"""Does decoded text look like text? Wrong encodings often decode without an error.

Single-byte encodings accept nearly any bytes: windows-1251 reads as ISO-8859-1 and as KOI8-R
without complaint. The tests here look at words that hold letters outside ASCII, and doubt a text
only when many of them have a form that no language writes.
"""

from __future__ import annotations

import re

SAMPLE = 50_000
FEWEST_WORDS = 12
RARE = 1000  # less than one letter outside of ASCII in so many bytes is not worth a look

_WORD = re.compile(r"[^\W\d_]*[^\x00-\x7f\W\d_][^\W\d_]*")
_TWO_SCRIPTS = re.compile(r"[A-Za-z][\u0370-\u04ff]|[\u0370-\u04ff][A-Za-z]")
_ACCENTS = re.compile("[\u00c0-\u024f]{4}")
_CASE_TURNED = re.compile("[\u0430-\u045f][\u0410-\u042f\u0400-\u040f]")
_SYMBOL_INSIDE = re.compile(
    "[\u0400-\u04ff][\u2116\u00a7\u00ab-\u00bf\u2500-\u259f][\u0400-\u04ff]"
)
_ALPHABETS = tuple(re.compile(f"[{letters}]") for letters in ("ђљњћџ", "ѓќѕ", "єіїў"))
_TESTS = (  # a text is doubted when more than one word in so many has this form
    (_TWO_SCRIPTS, 2, "many words mix two alphabets"),
    (_ACCENTS, 2, "many words are runs of accented letters"),
    (_CASE_TURNED, 20, "many words turn from small to capital letters inside"),
)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_NOT_ASCII_RUN = re.compile(rb"[\x80-\xff]+")


def doubt(text: str, raw: bytes, encoding: str) -> str:
    """Say why ``text`` was hardly written in ``encoding``; an empty string when it may have been.

    >>> russian = "Товар склад город Москва улица дом цена заказ клиент оплата доставка сумма итог"
    >>> doubt(russian, b"", "cp1251")
    ''
    >>> raw = russian.encode("windows-1251")
    >>> doubt(raw.decode("latin-1"), raw, "latin-1")
    'many words are runs of accented letters'
    """
    if encoding == "utf-8" and (len(raw) - len(text)) * RARE < len(raw):
        return ""
    if encoding != "utf-8" and _is_utf8(raw[:SAMPLE]):
        return "the bytes are valid UTF-8"
    first = _NOT_ASCII.search(text)
    sample = text[first.start() : first.start() + SAMPLE] if first else ""
    words = _WORD.findall(sample)
    if len(words) < FEWEST_WORDS:
        return ""
    for pattern, share, reason in _TESTS:
        if sum(1 for word in words if pattern.search(word)) * share > len(words):
            return reason
    alphabets = [sum(1 for word in words if own.search(word)) for own in _ALPHABETS]
    if sum(1 for count in alphabets if count * 10 > len(words)) > 1:
        return "the words hold letters of several Cyrillic alphabets"
    if len(_SYMBOL_INSIDE.findall(sample)) * 5 > len(words):
        return "symbols stand inside of words"
    return ""


def _is_utf8(raw: bytes) -> bool:
    """True when the bytes outside ASCII are many and each run of them is UTF-8."""
    runs = _NOT_ASCII_RUN.findall(raw)
    if len(runs) < 3:
        return False
    for run in runs[:2000]:
        try:
            run.decode("utf-8")
        except UnicodeDecodeError:
            return False
    return True
