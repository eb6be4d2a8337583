"""Suites: which rules judge the documents of an entity, as YAML, and how they are read.

``load("validation/sales_order.yaml")`` reads one, with those that it extends. Every mistake is
Misconfigured with file and line. docs/howto/suite.md shows how to write one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crossdock import yaml
from crossdock.errors import Misconfigured
from crossdock.model import ENTITIES, Entity
from crossdock.model.fields import near
from crossdock.rule import OFF, Rule, version_of
from crossdock.rule_reader import Entry, read_rule

_KEYS = ("suite", "about", "entity", "extends", "rules", "examples")


@dataclass(frozen=True, eq=False)
class Suite:
    """The rules for one entity. ``hash`` names their content; ``examples`` are files to test with.

    ``examples`` maps ``passes`` and ``holds`` to paths.
    """

    name: str
    entity: Entity
    rules: tuple[Rule, ...]
    hash: str
    path: Path
    about: str
    examples: Mapping[str, Path]

    def rule(self, name: str) -> Rule:
        """Find a rule by name; raises Misconfigured with the nearest name when there is none."""
        for rule in self.rules:
            if rule.name == name:
                return rule
        raise Misconfigured(
            f"suite {self.name} has no rule {name!r}",
            where=str(self.path),
            fix=near(name, [rule.name for rule in self.rules]),
        )


def load(path: Path) -> Suite:
    """Read the suite in the file ``path``, and those that it extends.

    Raises Misconfigured with ``file:line`` for every mistake.
    """
    document, entity, entries = _gather(Path(path), ())
    rules = [read_rule(entry, entity) for entry in entries.values() if not entry.is_off]
    content = {"entity": entity.name, "rules": [rule.version for rule in rules]}
    return Suite(
        name=str(document.data["suite"]),
        entity=entity,
        rules=tuple(rules),
        hash=version_of(content),
        path=document.path,
        about=str(document.data.get("about") or ""),
        examples=_examples(document),
    )


def combine(suites: Sequence[Suite]) -> tuple[Rule, ...]:
    """Put suites of one entity together; a rule takes the place of an earlier one of its name.

    Raises Misconfigured when the suites are for different entities.
    """
    rules: dict[str, Rule] = {}
    for suite in suites:
        if suite.entity is not suites[0].entity:
            raise Misconfigured(
                f"suite {suite.name} is for {suite.entity.name}, not for {suites[0].entity.name}",
                where=str(suite.path),
                fix="list suites of one entity together",
            )
        rules.update({rule.name: rule for rule in suite.rules})
    return tuple(rules.values())


def _gather(path: Path, above: tuple[Path, ...]) -> tuple[yaml.Document, Entity, dict[str, Entry]]:
    """Read a file and what it extends: the entries by name, altered by those that come later."""
    document = yaml.load(path)
    data = _checked(document)
    entity = _entity(document)
    entries: dict[str, Entry] = {}
    for number, name in enumerate(_names(document, data.get("extends") or [])):
        entries.update(_inherited(document, entity, number, name, (*above, path.resolve())))
    own: set[str] = set()
    for number, spec in enumerate(data["rules"]):
        entry = Entry.read(document, number, spec, entries)
        if entry.name in own:
            raise document.wrong(
                f"the rule {entry.name!r} stands twice",
                "rules",
                number,
                fix="give one of them another name:",
            )
        own.add(entry.name)
        entries[entry.name] = entry
    return document, entity, entries


def _inherited(
    document: yaml.Document, entity: Entity, number: int, name: str, above: tuple[Path, ...]
) -> dict[str, Entry]:
    """Read the entries of a suite that ``document`` extends; ``above`` are the files on the way."""
    other = document.path.parent / f"{name}.yaml"
    at = ("extends", number)
    if other.resolve() in above:
        raise document.wrong(f"suite {name!r} extends itself", *at)
    if not other.exists():
        raise document.wrong(
            f"there is no suite {name!r} to extend", *at, fix=f"create {other} or correct the name"
        )
    _, their_entity, entries = _gather(other, above)
    if their_entity is not entity:
        raise document.wrong(
            f"suite {name!r} is for {their_entity.name}",
            *at,
            fix=f"extend suites for {entity.name} only",
        )
    return entries


def _checked(document: yaml.Document) -> dict[str, Any]:
    data = document.data
    if not isinstance(data, dict):
        raise document.wrong("a suite is a mapping", fix="begin with suite: and entity:")
    for key in data:
        if key not in _KEYS:
            raise document.wrong(f"a suite has no {key!r}", key, fix=near(str(key), list(_KEYS)))
    if data.get("suite") != document.path.stem:
        raise document.wrong(
            f"the suite in this file must be called {document.path.stem!r}",
            "suite",
            fix=f"write suite: {document.path.stem}",
        )
    if not isinstance(data.get("rules"), list):
        raise document.wrong("a suite needs a list of rules", "rules")
    return data


def _entity(document: yaml.Document) -> Entity:
    name = document.data.get("entity")
    if name not in ENTITIES:
        raise document.wrong(
            f"there is no entity {name!r}", "entity", fix=near(str(name), list(ENTITIES))
        )
    return ENTITIES[str(name)]


def _names(document: yaml.Document, names: Any) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise document.wrong("extends: is a list of suites", "extends")
    for number, name in enumerate(names):
        if "/" in name or name.startswith("."):
            raise document.wrong(f"{name!r} is no suite of this folder", "extends", number)
    return names


def _examples(document: yaml.Document) -> dict[str, Path]:
    """Find the files of examples; a suite without one that fails proves nothing."""
    named = document.data.get("examples")
    if not isinstance(named, dict) or set(named) != {"passes", "holds"}:
        raise document.wrong(
            "a suite needs examples that pass and examples that fail",
            "examples",
            fix="write examples: {passes: <file>, holds: <file>}",
        )
    found = {str(key): document.path.parent / str(name) for key, name in named.items()}
    for key, path in found.items():
        if not path.is_file():
            raise document.wrong(f"there is no file {path}", "examples", key)
    return found


__all__ = ["OFF", "Rule", "Suite", "combine", "load", "replace"]
