"""What a directory says about segments: elements, status, format and code values.

The tables are data (``edi/guides/<directory>/segments.yaml`` and ``codes.yaml``); this module
reads their notation: ``3035 M an..3 + C082 C (3039 M an..17 : 1131 C an..3)``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from crossdock import yaml

_FORMAT = re.compile(r"(an|a|n|r|i|d|t)(?:(\d*)(\.\.))?(\d+)")
_CODED = re.compile(r"(\d+)\.\.(\d+)")


@dataclass(frozen=True)
class Component:
    """One value: its element number, whether it must be there, its kind and its length.

    ``kind`` is ``a`` (letters), ``n`` (number) or ``an`` (any), or one of ``formats.SAYS``.
    """

    id: str
    mandatory: bool
    kind: str
    shortest: int
    longest: int


@dataclass(frozen=True)
class ElementFact:
    """One element of a segment; ``simple`` ones have exactly one component, themselves."""

    id: str
    mandatory: bool
    repeats: int
    components: tuple[Component, ...]
    simple: bool


@dataclass(frozen=True)
class Directory:
    """Segments and code lists of one directory, service segments among them.

    ``conditions`` between the elements of a segment are written as X12 does: ``P0304``.
    """

    name: str
    segments: Mapping[str, tuple[ElementFact, ...]]
    codes: Mapping[str, frozenset[str]]
    conditions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    standard: str = "edifact"


def load(folder: Path, name: str) -> Directory:
    """Read the tables of directory ``name`` below ``folder``, with those of ``service``."""
    segments: dict[str, tuple[ElementFact, ...]] = {}
    codes: dict[str, frozenset[str]] = {}
    for place in ("service", name):
        if place == name and not (folder / name).is_dir():
            continue
        page = yaml.load(folder / place / "segments.yaml")
        for tag, text in (page.data or {}).items():
            try:
                segments[str(tag)] = tuple(elements(str(text)))
            except ValueError as error:
                raise page.wrong(f"{tag}: {error}", tag) from None
        for table in ("codes.yaml", "codes_in_use.yaml"):
            if not (folder / place / table).is_file():
                continue
            for element, text in (yaml.load(folder / place / table).data or {}).items():
                known = codes.get(str(element), frozenset())
                codes[str(element)] = known | frozenset(values(str(text)))
    return Directory(name, segments, codes)


def values(text: str) -> Iterator[str]:
    """Spell out a list of codes.

    >>> list(values("1..3 9 ZZZ"))
    ['1', '2', '3', '9', 'ZZZ']
    """
    for word in text.split():
        span = _CODED.fullmatch(word)
        if span:
            yield from (str(number) for number in range(int(span[1]), int(span[2]) + 1))
        else:
            yield word


def elements(text: str) -> Iterator[ElementFact]:
    """Read the notation of one segment; raises ValueError for what is not of that form."""
    for part in text.split(" + "):
        head, _, inner = part.partition("(")
        words = head.split()
        repeats = 1
        status = words[1]
        if "*" in status:
            status, _, times = status.partition("*")
            repeats = int(times)
        if inner:
            components = tuple(_component(one) for one in inner.rstrip(" )").split(" : "))
            yield ElementFact(words[0], status == "M", repeats, components, simple=False)
        else:
            one = _component(f"{words[0]} {status} {words[2]}")
            yield ElementFact(words[0], status == "M", repeats, (one,), simple=True)


def _component(text: str) -> Component:
    identifier, status, form = text.split()
    found = _FORMAT.fullmatch(form)
    if found is None or status not in {"M", "C"}:
        raise ValueError(f"{text!r} is not such as '3035 M an..3'")
    longest = int(found[4])
    shortest = int(found[2]) if found[2] else 1 if found[3] else longest
    return Component(identifier, status == "M", found[1], shortest, longest)
