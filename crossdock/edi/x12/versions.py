"""Facts of one X12 version: the tables of 004010 with what the version has in another form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from crossdock import yaml
from crossdock.edi import facts
from crossdock.edi.facts import Component, Directory, ElementFact


def load(folder: Path, version: str) -> Directory:
    """Read ``folder/x12`` for a version such as 005010.

    Raises Misconfigured with file and line for a table that is not of the notation.
    """
    place = folder / "x12"
    segments: dict[str, tuple[ElementFact, ...]] = {}
    conditions: dict[str, tuple[str, ...]] = {}
    page = yaml.load(place / "segments.yaml")
    own = yaml.load(place / "versions.yaml")
    changed = (own.data or {}).get(version) or {}
    for source, tables in ((page, page.data), (own, changed.get("segments") or {})):
        for tag, text in tables.items():
            notation, _, needed = str(text).partition(" | ")
            try:
                segments[str(tag)] = tuple(facts.elements(notation))
            except (ValueError, IndexError) as error:
                raise source.wrong(f"{tag}: {error}", tag) from None
            conditions[str(tag)] = tuple(needed.split())
    other = _widths(changed.get("elements") or {})
    if other:
        segments = {tag: tuple(_widened(fact, other) for fact in segments[tag]) for tag in segments}
    codes = {
        str(element): frozenset(facts.values(str(text)))
        for element, text in (yaml.load(place / "codes.yaml").data or {}).items()
    }
    needed_by = {tag: needs for tag, needs in conditions.items() if needs}
    return Directory(version, segments, codes, needed_by, standard="x12")


def _widths(table: Mapping[str, str]) -> dict[str, Component]:
    made: dict[str, Component] = {}
    for element, form in table.items():
        (fact,) = facts.elements(f"{element} C {form}")
        made[str(element)] = fact.components[0]
    return made


def _widened(fact: ElementFact, other: Mapping[str, Component]) -> ElementFact:
    if not any(component.id in other for component in fact.components):
        return fact
    return replace(fact, components=tuple(_each(fact.components, other)))


def _each(components: Iterable[Component], other: Mapping[str, Component]) -> Iterable[Component]:
    for one in components:
        wide = other.get(one.id)
        yield replace(one, shortest=wide.shortest, longest=wide.longest) if wide else one
