"""Codes of 997 and TA1, and what they are for a finding that bears the code of CONTRL.

Source: ASC X12 data elements 715 to 718, 720, 723 and I18, version 004010.
"""

from __future__ import annotations

from dataclasses import replace

from crossdock.edi.finding import Finding

_SEGMENT = {"13": "3", "15": "2", "35": "5", "36": "4"}
"""Element 720, by the code of 0085: what is wrong with a segment or its place."""

_ELEMENT = {"13": "1", "16": "3", "35": "3", "37": "6", "39": "5", "40": "4", "12": "7", "48": "2"}
"""Element 723, by the code of 0085: what is wrong with an element."""

DATE, TIME = "a date", "a time"
"""What an element check says that it expected; 723 has codes of its own for the two."""

IN_ERROR = "8"
"""720: the segment is the right one, and elements in it are wrong."""

SEGMENTS_IN_ERROR = "5"
"""718: one or more segments are in error."""


def in_x12(finding: Finding) -> Finding:
    """Give ``finding`` its code of 720 (structure) or 723 (elements and codes)."""
    if finding.kind in {"syntax", "envelope"}:
        return finding
    if not finding.at:
        code = _SEGMENT.get(finding.code, "2")
        if finding.code == "15" and "does not belong" in finding.text:
            code = "6"
        return replace(finding, code=code)
    if finding.expected == DATE:
        return replace(finding, code="8")
    if finding.expected == TIME:
        return replace(finding, code="9")
    if finding.code == "10":
        return finding
    return replace(finding, code=_ELEMENT.get(finding.code, "7"))
