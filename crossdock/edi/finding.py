"""What a check found: one finding, with its place, its code for CONTRL and its sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Kind = Literal["syntax", "envelope", "structure", "element", "code"]
ORDER: tuple[Kind, ...] = ("syntax", "envelope", "structure", "element", "code")
"""From the gravest to the least; the state of a file is the gravest class found in it."""


@dataclass(frozen=True)
class Finding:
    """One fault of an interchange.

    ``segment`` counts from UNH = 1 (from UNB = 1 outside a message), ``path`` names the groups
    (``SG25/SG28/PRI``), ``element`` the data element (``C507/2380``) and ``at`` its position
    (``1:2``, element and component, from 1), ``code`` the value of 0085 for CONTRL, ``message``
    the reference in UNH. ``expected`` and ``actual`` are filled where the two can be told.
    """

    kind: Kind
    text: str
    code: str = ""
    message: str = ""
    segment: int = 0
    path: str = ""
    element: str = ""
    at: str = ""
    expected: str = ""
    actual: str = ""

    def record(self) -> dict[str, str | int]:
        """Give the finding as the flat object that ``crossdock edi check --json`` prints."""
        record = asdict(self)
        record["class"] = record.pop("kind")
        first = ("class", "message", "segment", "path", "element", "code", "text")
        return {key: record[key] for key in (*first, *sorted(set(record) - set(first)))}

    def line(self) -> str:
        """Give the finding as one line for people."""
        place = f"segment {self.segment}" if self.segment else "interchange"
        where = f"{self.message} {place}".strip()
        detail = " ".join(part for part in (self.path, self.element) if part)
        code = f" [{self.code}]" if self.code else ""
        return f"{self.kind}{code} {where}{' ' + detail if detail else ''}: {self.text}"


def gravest(findings: list[Finding]) -> Kind | None:
    """Give the gravest class among ``findings``; None when there is none."""
    kinds = {finding.kind for finding in findings}
    return next((kind for kind in ORDER if kind in kinds), None)
