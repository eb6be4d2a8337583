"""Write interchanges: segments to bytes, with the partner's characters and character set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from crossdock.edi import charset
from crossdock.edi.separators import Separators
from crossdock.errors import Refused

Plain = Sequence[str | Sequence[str]]
"""A segment to write: the tag, then elements as text or as a sequence of components."""


@dataclass(frozen=True)
class Layout:
    """How a partner wants its interchanges: characters, character set, line ends.

    ``line`` is what follows each terminator, ``una`` whether the service string is written (it
    is in any case when the characters are not the usual ones).
    """

    identifier: str = "UNOC"
    version: str = "3"
    codec: str = ""
    separators: Separators = field(default_factory=Separators)
    una: bool = True
    line: str = ""
    transliterate: bool = False

    @property
    def python_codec(self) -> str:
        """The codec that makes the bytes."""
        return charset.codec_of(self.identifier, self.codec)


@dataclass(frozen=True)
class Address:
    """One side of UNB: identification, its qualifier and the internal address behind it."""

    id: str
    qualifier: str = ""
    internal: str = ""

    @property
    def components(self) -> list[str]:
        """Components of S002 or S003, without empty ones at the end."""
        return trimmed([self.id, self.qualifier, self.internal])


@dataclass(frozen=True)
class Envelope:
    """What UNB says. ``reference`` is 0020, ``prepared`` gives date and time as they stand."""

    sender: Address
    receiver: Address
    reference: str
    prepared: datetime
    application: str = ""
    acknowledge: bool = False
    agreement: str = ""
    test: bool = False


def trimmed(parts: Sequence[str]) -> list[str]:
    """Drop empty texts at the end.

    >>> trimmed(["a", "", ""])
    ['a']
    """
    kept = list(parts)
    while len(kept) > 1 and not kept[-1]:
        kept.pop()
    return kept


def segment(layout: Layout, parts: Plain, where: str) -> str:
    """Write one segment without terminator; empty elements at the end are left out.

    Raises Refused with the place (``UNH 1, segment 4 NAD, element 4``) for what the character
    set does not have, and for a service character that cannot be released.
    """
    written: list[str] = []
    for number, part in enumerate(parts):
        components = [part] if isinstance(part, str) else trimmed(part)
        place = f"{where}, element {number}"
        try:
            written.append(
                layout.separators.component.join(
                    layout.separators.escape(_fit(layout, component, place))
                    for component in components
                )
            )
        except ValueError as error:
            raise Refused(
                str(error), where=place, fix="give the partner a release character"
            ) from None
    return layout.separators.element.join(trimmed(written))


def _fit(layout: Layout, text: str, place: str) -> str:
    if text.isascii() and text.isprintable() and layout.identifier not in charset.REPERTOIRE:
        return text
    return charset.fit(
        text,
        layout.identifier,
        layout.python_codec,
        transliterate=layout.transliterate,
        where=place,
    )


def message(
    layout: Layout, reference: str, identifier: Sequence[str], body: Iterable[Plain]
) -> list[str]:
    """Write the segments of one message from UNH to UNT.

    ``identifier`` is S009: type, version, release, agency and, where there is one, association.
    """
    head = segment(layout, ["UNH", reference, identifier], f"UNH {reference}")
    out = [head]
    for number, parts in enumerate(body, 2):
        out.append(segment(layout, parts, f"UNH {reference}, segment {number} {parts[0]}"))
    out.append(segment(layout, ["UNT", str(len(out) + 1), reference], f"UNH {reference}"))
    return out


def interchange(layout: Layout, envelope: Envelope, messages: Sequence[Sequence[str]]) -> bytes:
    """Write UNA, UNB, the ready ``messages`` and UNZ as bytes."""
    marks = layout.separators
    prepared = envelope.prepared
    date = prepared.strftime("%Y%m%d" if layout.version.startswith("4") else "%y%m%d")
    head: Plain = [
        "UNB",
        [layout.identifier, layout.version],
        envelope.sender.components,
        envelope.receiver.components,
        [date, prepared.strftime("%H%M")],
        envelope.reference,
        "",
        envelope.application,
        "",
        "1" if envelope.acknowledge else "",
        envelope.agreement,
        "1" if envelope.test else "",
    ]
    lines = [segment(layout, head, "UNB")]
    for one in messages:
        lines.extend(one)
    lines.append(segment(layout, ["UNZ", str(len(messages)), envelope.reference], "UNZ"))
    usual = marks == Separators(repetition=marks.repetition, reserved=marks.reserved)
    una = marks.una + layout.line if layout.una or not usual else ""
    end = marks.terminator + layout.line
    return charset.encode(una + end.join(lines) + end, layout.python_codec)
