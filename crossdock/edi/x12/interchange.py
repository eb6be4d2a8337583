"""What an X12 interchange, a functional group and a transaction set are, with their numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from crossdock.edi.finding import Finding
from crossdock.edi.interchange import Group, Interchange, Message
from crossdock.edi.separators import part
from crossdock.edi.x12 import codes
from crossdock.edi.x12.shapes import MEANS


@dataclass
class X12Interchange(Interchange):
    """One ISA to IEA. ``ta1`` holds what stood in it as interchange acknowledgments."""

    ta1: list[list[str]] = field(default_factory=list)

    @property
    def sender(self) -> str:
        """Interchange sender (ISA06), without the blanks that fill it."""
        return self.header(6).rstrip()

    @property
    def receiver(self) -> str:
        """Interchange receiver (ISA08)."""
        return self.header(8).rstrip()

    @property
    def reference(self) -> str:
        """Interchange control number (ISA13)."""
        return self.header(13)

    @property
    def prepared(self) -> str:
        """Date and time as they stand in ISA09 and ISA10."""
        return f"{self.header(9)} {self.header(10)}"

    @property
    def test(self) -> bool:
        """Whether ISA15 says that this is a test."""
        return self.header(15) == "T"

    @property
    def asks_answer(self) -> bool:
        """Whether ISA14 asks for a TA1."""
        return self.header(14) == "1"


@dataclass
class X12Group(Group):
    """One functional group, GS to GE; ``said`` is what GE01 says, ``findings`` are its own."""

    findings: list[Finding] = field(default_factory=list)
    said: str = ""

    @property
    def reference(self) -> str:
        """Group control number (GS06)."""
        return part(self.elements, 6)

    @property
    def identifier(self) -> str:
        """Functional identifier code (GS01), such as PO."""
        return part(self.elements, 1)

    @property
    def version(self) -> str:
        """Version, release and industry identifier (GS08), such as 004010VICS."""
        return part(self.elements, 8)


@dataclass
class X12Message(Message):
    """One transaction set, ST to SE; its directory is the version that GS08 names."""

    @property
    def reference(self) -> str:
        """Transaction set control number (ST02)."""
        return part(self.header, 2)

    @property
    def type(self) -> str:
        """Transaction set identifier (ST01), such as 850."""
        return part(self.header, 1)

    @property
    def means(self) -> str:
        """The EDIFACT message that says the same, such as ORDERS for 850; else itself."""
        return MEANS.get(self.type, self.type)

    @property
    def directory(self) -> str:
        """Version and release in GS08, such as 004010."""
        return self._version[:6]

    @property
    def association(self) -> str:
        """What follows the version in GS08, such as VICS."""
        return self._version[6:]

    @property
    def _version(self) -> str:
        return self.group.version if isinstance(self.group, X12Group) else ""

    @property
    def tags(self) -> list[str]:
        """The tag of every segment; X12 has tags of two and of three characters."""
        mark = self.interchange.separators.element
        return [segment.partition(mark)[0] for segment in self.segments]

    def coded(self, finding: Finding) -> Finding:
        """Give ``finding`` the code that a 997 has for it."""
        return codes.in_x12(finding)
