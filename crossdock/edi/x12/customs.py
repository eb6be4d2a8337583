"""How a partner wants its X12: ``x12`` in the partner's file, in place of ``write``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crossdock import yaml
from crossdock.edi.separators import Separators
from crossdock.edi.x12.writer import USUAL

_KEYS = {"version", "separators", "line_end", "us", "them", "test"}
_LINE_ENDS = {"none": "", "lf": "\n", "crlf": "\r\n"}
_VERSIONS = ("004010", "004030", "005010")


@dataclass(frozen=True)
class Customs:
    """Version (GS08), separators, line ends, and the application codes of GS where they differ."""

    version: str = "004010"
    separators: Separators = USUAL
    line: str = ""
    us: str = ""
    them: str = ""
    test: bool = False


def of(page: yaml.Document, data: Mapping[str, Any]) -> Customs | None:
    """Read ``x12``; None where there is none. Raises Misconfigured with file and line."""
    given = data.get("x12")
    if given is None:
        return None
    if not isinstance(given, dict) or set(given) - _KEYS:
        raise page.wrong("x12 is a mapping", "x12", fix=f"known keys: {', '.join(sorted(_KEYS))}")
    version = str(given.get("version") or "004010")
    if version not in _VERSIONS:
        known = ", ".join(_VERSIONS)
        raise page.wrong(f"version {version!r}, in quotes", "x12", "version", fix=known)
    line = str(given.get("line_end") or "none")
    if line not in _LINE_ENDS:
        raise page.wrong(f"line_end {line!r}", "x12", "line_end", fix="none, lf or crlf")
    return Customs(
        version=version,
        separators=_separators(page, str(given.get("separators") or "*>~"), version),
        line=_LINE_ENDS[line],
        us=str(given.get("us") or ""),
        them=str(given.get("them") or ""),
        test=bool(given.get("test", False)),
    )


def _separators(page: yaml.Document, text: str, version: str) -> Separators:
    repeats = version[:5] >= "00402"
    marks = text + "^" if repeats and len(text) == 3 else text
    wrong = any(mark.isalnum() or not mark.isascii() or mark == " " for mark in marks)
    if len(marks) != (4 if repeats else 3) or len(set(marks)) < len(marks) or wrong:
        raise page.wrong(
            f"separators {text!r}", "x12", "separators",
            fix="element, component and terminator, such as *>~, then that of repetition",
        )  # fmt: skip
    return Separators(
        component=marks[1],
        element=marks[0],
        release="",
        repetition=marks[3] if repeats else "",
        terminator=marks[2],
    )
