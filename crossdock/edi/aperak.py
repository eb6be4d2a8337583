"""Write APERAK: what our application says about a message that was right in its syntax.

Source: UN/EDIFACT APERAK D.96A and D.01B. What the codes of an error (ERC 9321) mean is agreed
between partners; we say the name of the rule in its place, cut to the length of the element.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from crossdock.edi.writer import Plain

NUMBERED = {
    "ORDERS": "ON", "ORDCHG": "ON", "ORDRSP": "VN", "DESADV": "AAK", "RECADV": "ALO", "INVOIC": "IV"
}  # fmt: skip
"""RFF qualifier for the number of a document, by the message that brought it."""

NOT_ACCEPTED = "27"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: the rule, in words, and the line of the document, from 1."""

    rule: str
    words: str
    line: int | None = None


@dataclass(frozen=True)
class Refusal:
    """A message that is not taken: its type, its references, its document, and why."""

    message: str
    message_reference: str
    interchange: str
    document: str
    sender: str
    receiver: str
    faults: Sequence[Fault]


def identifier(directory: str) -> list[str]:
    """Give S009 of an APERAK for a directory such as D.96A."""
    version, _, release = directory.partition(".")
    return ["APERAK", version, release, "UN"]


def body(
    refusal: Refusal, number: str, prepared: datetime, directory: str = "D.96A"
) -> Iterator[Plain]:
    """Make the segments between UNH and UNT; ``number`` is the APERAK's own."""
    yield ["BGM", "" if directory == "D.96A" else "313", number, NOT_ACCEPTED]
    yield ["DTM", ["137", prepared.strftime("%Y%m%d%H%M"), "203"]]
    if refusal.document:
        yield ["RFF", [NUMBERED.get(refusal.message, "ACE"), refusal.document[:35]]]
    if refusal.message_reference:
        yield ["RFF", ["ACW", refusal.message_reference[:35]]]
    if refusal.sender:
        yield ["NAD", "MR", [refusal.sender[:17], "", "9"]]
    if refusal.receiver:
        yield ["NAD", "MS", [refusal.receiver[:17], "", "9"]]
    for fault in refusal.faults[:999]:
        yield ["ERC", [fault.rule[:8]]]
        yield ["FTX", "AAO", "", "", _pieces(fault.words)]
        if fault.line is not None:
            kind = NUMBERED.get(refusal.message, "ACE")
            yield ["RFF", [kind, refusal.document[:35], str(fault.line)]]


def _pieces(words: str) -> list[str]:
    """Cut words into the five texts of 70 characters that an FTX has."""
    text = " ".join(words.split())
    return [text[at : at + 70] for at in range(0, min(len(text), 350), 70)] or ["-"]
