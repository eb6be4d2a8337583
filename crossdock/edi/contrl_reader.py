"""Read a partner's CONTRL and APERAK: what it says about something that we sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from crossdock.edi.contrl_codes import ACKNOWLEDGED, RECEIVED, REJECTED, WORDS
from crossdock.edi.interchange import Message
from crossdock.edi.separators import Element, part

VERDICTS = {REJECTED: "refused", ACKNOWLEDGED: "accepted", RECEIVED: "received"}
_NOT_ACCEPTED = frozenset({"27", "10", "NA"})
_ACCEPTED = frozenset({"29", "34", "44", "6", "AP"})
_DOCUMENTS = ("ON", "DQ", "AAK", "IV", "AAU", "VN", "ACE", "ACW", "DM", "CD", "PL", "POR", "TN")
"""RFF qualifiers of an APERAK that name a document, the likely ones first."""


@dataclass(frozen=True)
class Statement:
    """What a message says: ``about`` is a control reference (CONTRL) or a document's number.

    ``verdict`` is ``accepted``, ``received`` (the bytes are there, no more) or ``refused``;
    ``words`` are for people, with the places that the partner names.
    """

    kind: str
    verdict: str
    about: str
    words: str = ""


def statements(message: Message) -> Iterator[Statement]:
    """Give what a CONTRL or APERAK says; nothing for a message of another type."""
    if message.type == "CONTRL":
        yield _contrl(message)
    elif message.type == "APERAK":
        yield from _aperak(message)


def _contrl(message: Message) -> Statement:
    """One CONTRL answers one interchange; a rejected message in it is a refusal as well."""
    about, verdict = "", "refused"
    words: list[str] = []
    segment = ""
    for elements in message.parsed:
        tag = part(elements, 0)
        if tag == "UCI":
            about = part(elements, 1)
            verdict = VERDICTS.get(part(elements, 4), "refused")
            words += _said("the interchange", elements, 5)
        elif tag in {"UCM", "UCF"}:
            at = 3 if tag == "UCM" else 4
            what = f"{'message' if tag == 'UCM' else 'group'} {part(elements, 1)}"
            if VERDICTS.get(part(elements, at)) == "refused":
                verdict = "refused"
                words.append(f"{what} is rejected")
            words += _said(what, elements, at + 1)
        elif tag == "UCS":
            segment = f"segment {part(elements, 1)}"
            words += _said(segment, elements, 2)
        elif tag == "UCD":
            place = ":".join(filter(None, (part(elements, 2), part(elements, 2, 1))))
            words += _said(f"{segment}, element {place}", elements, 1)
    return Statement("CONTRL", verdict, about, "; ".join(words))


def _said(what: str, elements: list[Element], at: int) -> list[str]:
    code = part(elements, at)
    return [f"{what}: {WORDS.get(code, 'error')} [{code}]"] if code else []


def _aperak(message: Message) -> Iterator[Statement]:
    """An APERAK with an error, or whose BGM says *not accepted*, refuses what it refers to."""
    response = ""
    errors: list[str] = []
    references: dict[str, str] = {}
    for elements in message.parsed:
        tag = part(elements, 0)
        if tag == "BGM":
            response = part(elements, 3) or part(elements, 4)
        elif tag == "RFF":
            references.setdefault(part(elements, 1), part(elements, 1, 1))
            if errors and part(elements, 1, 2):
                errors[-1] += f" (line {part(elements, 1, 2)})"
        elif tag == "ERC":
            errors.append(f"error {part(elements, 1)}")
        elif tag == "FTX" and (text := _text(elements)):
            if errors:
                errors[-1] += f": {text}"
            elif response in _NOT_ACCEPTED:
                errors.append(text)
    about = next((references[name] for name in _DOCUMENTS if name in references), "")
    refused = response in _NOT_ACCEPTED or (bool(errors) and response not in _ACCEPTED)
    words = "; ".join(errors)
    yield Statement("APERAK", "refused" if refused else "accepted", about, words)


def _text(elements: list[Element]) -> str:
    literal = elements[4] if len(elements) > 4 else []
    return " ".join(text for text in literal if isinstance(text, str) and text)
