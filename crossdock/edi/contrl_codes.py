"""Codes of a CONTRL: what each error code (0085) says, and which editions of CONTRL have it.

Source: code lists 0083 and 0085 of ISO 9735 versions 3 and 4, in our own words.
"""

from __future__ import annotations

from collections.abc import Iterator

REJECTED, ACKNOWLEDGED, RECEIVED = "4", "7", "8"
"""Values of 0083: this level and all below are rejected; acknowledged; the bytes are there."""

WORDS = {
    "1": "unspecified error",
    "2": "this version of the syntax is not supported",
    "7": "this recipient is not the one meant",
    "12": "a value that is not allowed here",
    "13": "something mandatory is missing",
    "14": "a value is not supported here",
    "15": "not supported in this place",
    "16": "too many elements or components",
    "17": "no agreement for this",
    "18": "an error that has no code of its own",
    "19": "invalid decimal sign",
    "20": "a character that cannot be a service character",
    "21": "a character that the character set does not have",
    "22": "an invalid service character",
    "23": "the sender is not known",
    "24": "too old",
    "25": "the test indicator is not supported",
    "26": "received before",
    "27": "a reference does not fit the function",
    "28": "the references at the beginning and at the end differ",
    "29": "the count does not fit what was received",
    "30": "groups and messages are mixed",
    "31": "more than one kind of message in a group",
    "32": "nothing is in it",
    "33": "something stands outside a message, group or interchange",
    "34": "a group without the addresses that it needs",
    "35": "too many repeats",
    "36": "too many repeats of a segment group",
    "37": "wrong kind of characters",
    "38": "a number without the digits that it needs",
    "39": "too long",
    "40": "too short",
    "41": "a permanent error of the transport",
    "42": "a passing error of the transport",
    "43": "the recipient is not known to the network",
    "45": "a separator too many at the end",
    "46": "this character set is not supported",
    "47": "this function of the envelope is not supported",
    "48": "a dependency between values is not kept",
}
"""What a code of 0085 says."""


def _codes(text: str) -> Iterator[str]:
    for word in text.split():
        first, _, last = word.partition("-")
        yield from (str(number) for number in range(int(first), int(last or first) + 1))


CODES = {
    "3": frozenset(_codes("2 7 12-43")),
    "4": frozenset(_codes("2 7 12-18 20-26 28-30 32 33 35-37 39 40 45-48")),
}
"""Codes of 0085 by the syntax version of the CONTRL; versions 1 and 2 are answered as 3."""

_INSTEAD = {
    "1": "18", "19": "18", "27": "18", "31": "18", "34": "18", "38": "12", "41": "18", "42": "18",
    "43": "18", "45": "16", "46": "21", "47": "18", "48": "12",
}  # fmt: skip


def code_for(code: str, version: str) -> str:
    """Give ``code`` as the CONTRL of a syntax version may say it; 18 where nothing fits.

    >>> code_for("38", "3"), code_for("38", "4"), code_for("46", "3")
    ('38', '12', '21')
    """
    allowed = CODES["4" if version.startswith("4") else "3"]
    if code in allowed:
        return code
    other = _INSTEAD.get(code, "18")
    return other if other in allowed else "18"
