"""Message guides: structure, element facts, code lists and rules, loaded from ``edi/guides``.

A guide is found by message type and directory; an edition (the association code in UNH, such as
EAN008) and a partner may each state differences. A message without a guide is *unchecked*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from crossdock import yaml
from crossdock.edi import facts
from crossdock.edi.elements import Elements
from crossdock.edi.facts import Directory
from crossdock.edi.rules import Rules
from crossdock.edi.separators import Separators
from crossdock.edi.structure import Node, Structure, parse
from crossdock.edi.x12 import versions
from crossdock.edi.x12.elements import X12Elements
from crossdock.edi.x12.rules import X12Rules
from crossdock.errors import Misconfigured

_KEYS = {
    "guide",
    "directory",
    "about",
    "structure",
    "rules",
    "codes",
    "editions",
    "changes",
    "dates",
}


@dataclass
class Guide:
    """One message in one directory and edition, ready to check with."""

    message: str
    directory: str
    edition: str
    about: str
    structure: Structure
    facts: Directory
    rules: list[Mapping[str, Any]]
    source: yaml.Document
    strict: bool = False
    _elements: dict[Separators, Elements] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How findings call it: ``ORDERS D.96A EAN008``."""
        return " ".join(part for part in (self.message, self.directory, self.edition) if part)

    def elements(self, separators: Separators) -> Elements:
        """Give the element check for messages with these separators."""
        known = self._elements.get(separators)
        if known is None:
            if len(self._elements) > 20:
                self._elements.clear()
            made = X12Elements if self.facts.standard == "x12" else Elements
            known = self._elements[separators] = made(self.facts, separators)
        return known

    def rules_for(self, separators: Separators) -> Rules:
        """Give the rules, fresh for one message."""
        made = X12Rules if self.facts.standard == "x12" else Rules
        return made(self.rules, separators, self.name, strict=self.strict)


class Guides:
    """All guides below one folder; each is read when a message first needs it.

    ``differences`` are those of one partner, by message; ``strict`` also asks for what many
    partners get wrong without harm: dates that fit their format, sums in spite of allowances.
    """

    def __init__(
        self,
        folder: Path,
        differences: Mapping[str, Any] | None = None,
        *,
        strict: bool = False,
    ) -> None:
        self.folder = folder
        self.strict = strict
        self._differences = differences or {}
        self._known: dict[tuple[str, str, str], Guide | None] = {}
        self._directories: dict[str, Directory] = {}
        if not (folder / "service").is_dir():
            raise Misconfigured(
                f"there are no message guides in {folder}", fix="run this inside a project"
            )

    def find(self, message: str, directory: str, association: str = "") -> Guide | None:
        """Give the guide for a message as its UNH names it; None where there is none."""
        key = (message, directory, association)
        if key not in self._known:
            if len(self._known) > 1000:  # names come from outside
                self._known.clear()
            self._known[key] = self._load(*key)
        return self._known[key]

    def names(self) -> list[tuple[str, str]]:
        """List message and directory of every guide."""
        return sorted(
            (path.stem, "" if path.parent.name == "service" else path.parent.name)
            for path in self.folder.glob("*/*.yaml")
            if path.stem.isupper() or path.stem.isdigit()
        )

    def _load(self, message: str, directory: str, association: str) -> Guide | None:
        page = self._page(message, directory)
        if page is None:
            return None
        data = page.data
        if not isinstance(data, dict) or not isinstance(data.get("structure"), str):
            raise page.wrong("a guide needs a structure")
        for key in data:
            if key not in _KEYS:
                raise page.wrong(f"unknown key {key!r}", key, fix=", ".join(sorted(_KEYS)))
        try:
            root = parse(data["structure"])
        except ValueError as error:
            raise page.wrong(str(error), "structure") from None
        place = page.path.parent.name
        known = self._directory("service" if place == "service" else directory, place)
        rules = list(data.get("rules") or [])
        edition, strict = "", self.strict
        layers = [("editions", association), ("partner", message)]
        for kind, name in layers:
            source = (data.get("editions") or {}) if kind == "editions" else self._differences
            layer = source.get(name)
            if not layer:
                continue
            edition = association if kind == "editions" else edition
            strict = strict or layer.get("strict") is True
            known = _more_codes(known, layer.get("codes") or {})
            rules += layer.get("rules") or []
            for line in layer.get("changes") or []:
                _change(root, str(line), page)
        known = _more_codes(known, data.get("codes") or {})
        return Guide(
            message,
            directory,
            edition,
            str(data.get("about") or ""),
            Structure(root),
            known,
            rules,
            page,
            strict=strict,
        )

    def _page(self, message: str, directory: str) -> yaml.Document | None:
        if not message.isalnum() or not directory.replace(".", "").isalnum():
            return None
        path = self.folder / directory / f"{message}.yaml"
        if path.is_file():
            return yaml.load(path)
        for place in ("service", "x12"):
            path = self.folder / place / f"{message}.yaml"
            if path.is_file():
                page = yaml.load(path)
                listed = page.data.get("directory")
                if directory in (listed if isinstance(listed, list) else [listed]):
                    return page
        return None

    def _directory(self, name: str, place: str) -> Directory:
        if name not in self._directories:
            load = versions.load if place == "x12" else facts.load
            self._directories[name] = load(self.folder, name)
        return self._directories[name]


def _more_codes(known: Directory, more: Mapping[str, Any]) -> Directory:
    """Add codes of an edition; a list that begins with ``only`` takes the place of the old one."""
    if not more:
        return known
    codes = dict(known.codes)
    for element, text in more.items():
        words = list(facts.values(str(text)))
        if words and words[0] == "only":
            codes[str(element)] = frozenset(words[1:])
        elif words == ["any"]:
            codes.pop(str(element), None)
        else:
            codes[str(element)] = codes.get(str(element), frozenset()) | set(words)
    return replace(known, codes=codes)


def _change(root: Node, line: str, page: yaml.Document) -> None:
    """Change status and repeats of one node: ``SG2/SG3/RFF R 1``."""
    words = line.split()
    node = _at(root, words[0]) if words else None
    if node is None or len(words) not in (2, 3) or words[1] not in "MCRDOAN":
        raise page.wrong(f"change {line!r} is not such as 'SG2/RFF R 1', or names no segment")
    node.status = words[1]
    node.most = int(words[2]) if len(words) == 3 else node.most


def _at(root: Node, path: str) -> Node | None:
    node: Node | None = root
    for name in path.split("/"):
        node = (
            next((child for child in node.children if child.name == name), None) if node else None
        )
    return node
