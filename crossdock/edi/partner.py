"""Partners: what one trading partner does differently, from ``edi/partners/<name>.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from crossdock import yaml
from crossdock.edi import charset
from crossdock.edi.agreed import Agreed
from crossdock.edi.separators import Element, Separators
from crossdock.edi.writer import Address, Layout
from crossdock.edi.x12 import customs
from crossdock.errors import Misconfigured, Unreadable

_LINE_ENDS = {"none": "", "lf": "\n", "crlf": "\r\n"}
_KEYS = {
    "partner",
    "about",
    "us",
    "them",
    "charset",
    "syntax",
    "write",
    "messages",
    "window_days",
    "check",
    "guides",
    "answers",
    "await",
    "glns",
    "family",
    "as2",
    "x12",
}
_WRITE_KEYS = {
    "syntax", "version", "una", "line_end", "separators", "transliterate", "acknowledge", "test",
    "agreement", "application", "charset",
}  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """Which edition of a message a partner gets: directory and EANCOM association code."""

    directory: str
    association: str = ""


@dataclass(frozen=True)
class Partner:
    """One trading partner; every field has the default that most partners want.

    ``charset`` is the codec that their bytes really are in, when UNB does not say so; ``guides``
    holds the differences from the message guides, as they stand in the file; ``window_days`` is
    how long an interchange reference may not come again; ``check`` says what holds a message:
    any finding of its ``guide``, or faults of the ``envelope`` only. ``agreed`` says what we answer
    and what we wait for; ``glns`` are the further locations that may speak for them, where the
    partner gave a list; ``family`` are severities of checks that differ for them. ``x12`` is there
    for a partner who takes X12 and no EDIFACT.
    """

    name: str
    us: Address
    them: Address
    charset: str = ""
    layout: Layout = field(default_factory=Layout)
    messages: Mapping[str, Shape] = field(default_factory=dict)
    guides: Mapping[str, Any] = field(default_factory=dict)
    window_days: int = 90
    check: str = "guide"
    acknowledge: bool = False
    test: bool = False
    agreement: str = ""
    application: str = ""
    agreed: Agreed = field(default_factory=Agreed)
    glns: frozenset[str] = frozenset()
    family: Mapping[str, str] = field(default_factory=dict)
    x12: customs.Customs | None = None
    source: yaml.Document | None = None

    def choose(self, elements: list[Element]) -> str:
        """Name the codec for an interchange of this partner; empty leaves it to UNB."""
        return self.charset

    def shape(self, message: str) -> Shape:
        """Give the edition of ``message`` that this partner takes; D.96A unless it says else."""
        return self.messages.get(message, Shape("D.96A"))


def load(folder: Path, name: str) -> Partner:
    """Read ``<folder>/<name>.yaml``; raises Misconfigured with file and line."""
    page = yaml.load(folder / f"{name}.yaml")
    data = page.data
    if not isinstance(data, dict):
        raise page.wrong("a partner is a mapping with us and them")
    _known(page, data, _KEYS)
    write = data.get("write") or {}
    _known(page, write, _WRITE_KEYS, "write")
    return Partner(
        name=str(data.get("partner") or name),
        us=_address(page, data, "us"),
        them=_address(page, data, "them"),
        charset=_codec(page, data),
        layout=_layout(page, write),
        messages=_messages(page, data.get("messages") or {}),
        guides=data.get("guides") or {},
        window_days=_whole(page, data),
        check=_checked(page, data),
        acknowledge=bool(write.get("acknowledge", False)),
        test=bool(write.get("test", False)),
        agreement=str(write.get("agreement") or ""),
        application=str(write.get("application") or ""),
        agreed=Agreed.of(page, data),
        glns=_glns(page, data),
        family={str(name): str(word) for name, word in (data.get("family") or {}).items()},
        x12=customs.of(page, data),
        source=page,
    )


def _known(page: yaml.Document, data: Mapping[str, Any], keys: set[str], *at: str) -> None:
    for key in data:
        if key not in keys:
            raise page.wrong(
                f"unknown key {key!r}", *at, key, fix=f"known: {', '.join(sorted(keys))}"
            )


def _address(page: yaml.Document, data: Mapping[str, Any], key: str) -> Address:
    value = data.get(key)
    if not isinstance(value, dict) or not value.get("id"):
        raise page.wrong(
            f"{key} needs an id as it stands in UNB",
            key,
            fix=f"write {key}: {{id: ..., qualifier: 14}}",
        )
    return Address(
        str(value["id"]), str(value.get("qualifier") or ""), str(value.get("internal") or "")
    )


def _glns(page: yaml.Document, data: Mapping[str, Any]) -> frozenset[str]:
    value = data.get("glns") or []
    if not isinstance(value, list):
        raise page.wrong("glns is a list of numbers", "glns", fix='glns: ["4098765000010"]')
    return frozenset(str(one) for one in value)


def _codec(page: yaml.Document, data: Mapping[str, Any], *at: str) -> str:
    name = str(data.get("charset") or "")
    try:
        return charset.codec_of("", name) if name else ""
    except Misconfigured as error:
        raise page.wrong(error.what, *at, "charset", fix=error.fix) from None


def _whole(page: yaml.Document, data: Mapping[str, Any]) -> int:
    value = data.get("window_days", 90)
    if not isinstance(value, int) or value < 0:
        raise page.wrong("window_days is a whole number of days", "window_days")
    return value


def _checked(page: yaml.Document, data: Mapping[str, Any]) -> str:
    value = str(data.get("check") or "guide")
    if value not in {"guide", "envelope"}:
        raise page.wrong(f"check {value!r}", "check", fix="guide or envelope")
    return value


def _layout(page: yaml.Document, write: Mapping[str, Any]) -> Layout:
    line = str(write.get("line_end") or "none")
    if line not in _LINE_ENDS:
        raise page.wrong(f"line_end {line!r}", "write", "line_end", fix="none, lf or crlf")
    identifier = str(write.get("syntax") or "UNOC").upper()
    if identifier not in charset.CODECS:
        known = ", ".join(charset.CODECS)
        raise page.wrong(
            f"syntax {identifier!r} has no character set", "write", "syntax", fix=known
        )
    marks = Separators()
    if write.get("separators"):
        try:
            marks = Separators.from_una(str(write["separators"]))
        except Unreadable as error:
            raise page.wrong(error.what, "write", "separators", fix=error.fix) from None
    layout = Layout(
        identifier=identifier,
        codec=_codec(page, write, "write"),
        version=str(write.get("version") or "3"),
        separators=marks,
        una=bool(write.get("una", True)),
        line=_LINE_ENDS[line],
        transliterate=bool(write.get("transliterate", False)),
    )
    custom = bool(write.get("separators"))
    return replace(layout, separators=marks.for_syntax(layout.version, una=custom))


def _messages(page: yaml.Document, data: Mapping[str, Any]) -> dict[str, Shape]:
    shapes = {}
    for name, value in data.items():
        if not isinstance(value, dict) or not value.get("directory"):
            raise page.wrong(
                f"{name} needs a directory", "messages", name, fix="write directory: D.96A"
            )
        shapes[str(name)] = Shape(str(value["directory"]), str(value.get("association") or ""))
    return shapes
