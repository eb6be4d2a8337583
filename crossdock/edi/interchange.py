"""What an interchange, a functional group and a message are, with their references."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from crossdock.edi.finding import Finding
from crossdock.edi.separators import Element, Separators, part
from crossdock.edi.tokenizer import Opening


@dataclass
class Interchange:
    """One UNB to UNZ. ``findings`` are complete once the reader has handed the interchange on.

    ``number`` counts interchanges of the source from 1, ``messages`` those read so far. ``doubt``
    says why the text was hardly written in the character set that UNB declares, with both
    readings; it is no fault of syntax, but no one should act on such a text unasked.
    """

    opening: Opening
    number: int
    findings: list[Finding] = field(default_factory=list)
    messages: int = 0
    groups: int = 0
    closed: bool = False
    doubt: str = ""

    @property
    def separators(self) -> Separators:
        """The service characters of this interchange."""
        return self.opening.separators

    def header(self, element: int, component: int = 0) -> str:
        """Give one component of UNB."""
        return part(self.opening.elements, element, component)

    @property
    def sender(self) -> str:
        """Identification of the sender (0004)."""
        return self.header(2)

    @property
    def receiver(self) -> str:
        """Identification of the recipient (0010)."""
        return self.header(3)

    @property
    def reference(self) -> str:
        """Interchange control reference (0020)."""
        return self.header(5)

    @property
    def prepared(self) -> str:
        """Date and time as they stand in UNB (0017, 0019)."""
        return f"{self.header(4)} {self.header(4, 1)}"

    @property
    def test(self) -> bool:
        """Whether UNB says that this is a test (0035)."""
        return self.header(11) not in {"", "0"}

    @property
    def asks_answer(self) -> bool:
        """Whether UNB asks for a CONTRL (0031)."""
        return self.header(9) == "1"

    @property
    def rejected(self) -> bool:
        """Whether a fault of the envelope forbids to process any message of it."""
        return bool(self.findings)


@dataclass
class Group:
    """One functional group, UNG to UNE, known by its elements."""

    elements: list[Element]
    messages: int = 0

    @property
    def reference(self) -> str:
        """Functional group reference (0048)."""
        return part(self.elements, 5)


@dataclass
class Message:
    """One message from UNH to UNT as it came, ``segments`` without terminators and line ends.

    ``number`` counts in the interchange, ``first`` is the place of UNH in it (segments, from 1),
    ``lost`` how many segments were too many to keep; ``findings`` hold what
    the envelope check found in this very message.
    """

    interchange: Interchange
    group: Group | None
    header: list[Element]
    segments: list[str]
    number: int
    first: int = 0
    lost: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def reference(self) -> str:
        """Message reference number (0062)."""
        return part(self.header, 1)

    @property
    def type(self) -> str:
        """Message type (0065), such as ORDERS."""
        return part(self.header, 2)

    @property
    def means(self) -> str:
        """The EDIFACT message that says the same: itself."""
        return self.type

    @property
    def directory(self) -> str:
        """Version and release (0052, 0054), such as D.96A."""
        return f"{part(self.header, 2, 1)}.{part(self.header, 2, 2)}"

    @property
    def association(self) -> str:
        """Association assigned code (0057), such as EAN008."""
        return part(self.header, 2, 4)

    @property
    def tags(self) -> list[str]:
        """The tag of every segment."""
        return [segment[:3] for segment in self.segments]

    def coded(self, finding: Finding) -> Finding:
        """Give ``finding`` the code that its answer has for it; CONTRL takes it as it is."""
        return finding

    @cached_property
    def parsed(self) -> list[list[Element]]:
        """All segments as elements and components, release characters taken out."""
        marks = self.interchange.separators
        parse = marks.parse
        if marks.repetition or not marks.release:
            return [parse(segment) for segment in self.segments]
        element, component, release = marks.element, marks.component, marks.release
        return [
            parse(segment)
            if release in segment
            else [part.split(component) for part in segment.split(element)]
            for segment in self.segments
        ]

    @property
    def raw(self) -> str:
        """The text of the message, one segment a line."""
        mark = self.interchange.separators.terminator
        return "".join(f"{segment}{mark}\n" for segment in self.segments)
