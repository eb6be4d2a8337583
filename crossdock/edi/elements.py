"""Elements of a segment: presence, kind, length and code values.

What is right is seen by one regular expression a segment; only where that says no, the segment
is taken apart to say what is wrong and where.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from crossdock.edi import formats
from crossdock.edi.facts import Component, Directory, ElementFact
from crossdock.edi.finding import Finding
from crossdock.edi.separators import Element, Separators

_NUMBER = re.compile(r"-?(?:\d+(?:[.,]\d+)?|[.,]\d+)", re.ASCII)
_SEEN = 50_000

_Groups = tuple[str | None, ...]
_Match = Callable[[str], re.Match[str] | None]


class Elements:
    """Checks the segments of one directory, written with one set of separators."""

    def __init__(self, directory: Directory, separators: Separators) -> None:
        self._directory = directory
        self._separators = separators
        self._release = separators.release or "\0"  # a segment that holds this is taken apart
        self._checks: dict[str, tuple[_Match, set[_Groups], list[frozenset[str]]]] = {}
        self._blind = re.compile(re.escape(separators.release or "\0") + ".", re.DOTALL)
        self.seen: set[str] = set()
        """Segments that were right before; asked first, since most of a message repeats."""

    def right(self, tag: str, raw: str) -> bool:
        """Say quickly whether nothing is wrong; False means that ``findings`` must look."""
        check = self._checks.get(tag)
        if check is None:
            facts = self._directory.segments.get(tag)
            if facts is None:
                return False
            check = self._compile(tag, facts)
        match, good, coded = check
        found = match(raw if self._release not in raw else self._blind.sub("\x01", raw))
        if found is None:
            return False
        groups = found.groups()
        if groups not in good:
            for value, codes in zip(groups, coded, strict=True):
                if value and value not in codes:
                    return False
            if len(good) < _SEEN:
                good.add(groups)
        seen = self.seen
        if len(seen) < _SEEN:
            seen.add(raw)
        return True

    def findings(self, tag: str, raw: str, position: int, path: str) -> list[Finding]:
        """Take the segment apart and give every fault in it."""
        facts = self._directory.segments.get(tag)
        if facts is None:
            return []
        elements = self._separators.parse(raw)
        found = [
            Finding(kind, text, code, "", position, path, name, at, expected, actual)  # type: ignore[arg-type]
            for kind, text, code, name, at, expected, actual in _faults(
                tag, facts, elements, self._directory.codes
            )
        ]
        if not found and len(self.seen) < _SEEN:
            self.seen.add(raw)
        return found

    def _compile(
        self, tag: str, facts: tuple[ElementFact, ...]
    ) -> tuple[_Match, set[_Groups], list[frozenset[str]]]:
        marks = self._separators
        coded: list[frozenset[str]] = []
        parts = [
            re.escape(marks.element) + _element(fact, marks, self._directory.codes, coded)
            for fact in facts
        ]
        text = ""
        for fact, part in zip(reversed(facts), reversed(parts), strict=True):
            text = part + text if fact.mandatory else f"(?:{part}{text})?"
        check = re.compile(tag + text).fullmatch, set[_Groups](), coded
        self._checks[tag] = check
        return check


def _element(
    fact: ElementFact,
    marks: Separators,
    codes: Mapping[str, frozenset[str]],
    coded: list[frozenset[str]],
) -> str:
    values = [_value(component, marks, codes, coded) for component in fact.components]
    if fact.simple:
        return values[0] if fact.mandatory else f"(?:{values[0]})?"
    text = ""
    pairs = list(zip(fact.components, values, strict=True))
    for component, value in reversed(pairs[1:]):
        part = re.escape(marks.component) + (value if component.mandatory else f"(?:{value})?")
        text = part + text if component.mandatory else f"(?:{part}{text})?"
    first, value = pairs[0]
    text = (value if first.mandatory else f"(?:{value})?") + text
    return text if fact.mandatory else f"(?:{text})?"


def _value(
    component: Component,
    marks: Separators,
    codes: Mapping[str, frozenset[str]],
    coded: list[frozenset[str]],
) -> str:
    low, high = component.shortest, component.longest
    if component.kind == "n":
        digits = rf"-?[0-9]{{{low},{high}}}"
        broken = rf"-?(?=[0-9.,]{{2,{high + 1}}}(?![0-9.,]))[0-9]*[.,][0-9]+"
        text = rf"(?:{digits}(?![.,])|{broken})"
    elif component.kind in formats.SAYS:
        text = formats.pattern(component.kind, low, high)
    else:
        barred = re.escape(marks.element + marks.component + marks.repetition)
        barred += "0-9" if component.kind == "a" else ""
        text = f"[^{barred}]{{{low},{high}}}"
    if component.id in codes:
        coded.append(codes[component.id])
        return f"({text})"
    return text


_Fault = tuple[str, str, str, str, str, str, str]


def _faults(
    tag: str,
    facts: tuple[ElementFact, ...],
    elements: list[Element],
    codes: Mapping[str, frozenset[str]],
) -> Iterator[_Fault]:
    for number, fact in enumerate(facts, 1):
        element: Element = elements[number] if number < len(elements) else [""]
        occurrences = element if element and isinstance(element[0], list) else [element]
        name = f"{tag}.{fact.id}"
        if len(occurrences) > fact.repeats:
            yield (
                "element",
                f"{name} comes {len(occurrences)} times, {fact.repeats} are allowed",
                "35",
                fact.id,
                str(number),
                str(fact.repeats),
                str(len(occurrences)),
            )
        for values in occurrences:
            yield from _composite(name, fact, list(values), codes, number)
    if len(elements) - 1 > len(facts) and any(any(one) for one in elements[len(facts) + 1 :]):
        yield (
            "element",
            f"{tag} has {len(elements) - 1} elements, {len(facts)} are allowed",
            "16",
            "",
            str(len(facts) + 1),
            str(len(facts)),
            str(len(elements) - 1),
        )


def _composite(
    name: str,
    fact: ElementFact,
    values: list[str | list[str]],
    codes: Mapping[str, frozenset[str]],
    number: int,
) -> Iterator[_Fault]:
    texts = [value for value in values if isinstance(value, str)]
    if not any(texts):
        if fact.mandatory:
            yield (
                "element",
                f"{name} is missing, it is mandatory",
                "13",
                fact.id,
                str(number),
                "a value",
                "",
            )
        return
    if len(texts) > len(fact.components) and any(texts[len(fact.components) :]):
        yield (
            "element",
            f"{name} has {len(texts)} components, {len(fact.components)} are allowed",
            "16",
            fact.id,
            f"{number}:{len(fact.components) + 1}",
            str(len(fact.components)),
            str(len(texts)),
        )
    if _other_agency(fact, texts):
        codes = {}
    for place, component in enumerate(fact.components, 1):
        value = texts[place - 1] if place <= len(texts) else ""
        at = str(number) if fact.simple else f"{number}:{place}"
        element = component.id if fact.simple else f"{fact.id}/{component.id}"
        label = name if fact.simple else f"{name}/{component.id}"
        for fault in _single(label, component, value, codes):
            yield fault[0], fault[1], fault[2], element, at, fault[3], fault[4]


def _other_agency(fact: ElementFact, texts: list[str]) -> bool:
    """Say whether the composite names its own code list (1131) or another agency (3055).

    What such a list holds, only that agency knows; 6 is UN/ECE itself.
    """
    for component, text in zip(fact.components, texts, strict=False):
        if (component.id == "1131" and text) or (component.id == "3055" and text not in {"", "6"}):
            return True
    return False


def _single(
    label: str, component: Component, value: str, codes: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, str, str, str, str]]:
    if not value:
        if component.mandatory:
            yield "element", f"{label} is missing, it is mandatory", "13", "a value", ""
        return
    length = len(value)
    if component.kind == "n":
        if not _NUMBER.fullmatch(value):
            yield "element", f"{label} {value!r} is no number", "37", "a number", value
            return
        length = sum(character.isdigit() for character in value)
    elif component.kind in formats.SAYS:
        said = formats.SAYS[component.kind]
        if not formats.right(component.kind, value):
            yield "element", f"{label} {value!r} is not {said}", "37", said, value
            return
        length = formats.length(component.kind, value)
    elif component.kind == "a" and any(character.isdigit() for character in value):
        yield "element", f"{label} {value!r} may hold letters only", "37", "letters", value
    if length > component.longest:
        yield (
            "element",
            f"{label} {value!r} has {length} characters, {component.longest} may be",
            "39",
            f"at most {component.longest}",
            str(length),
        )
    elif length < component.shortest:
        yield (
            "element",
            f"{label} {value!r} has {length} characters, {component.shortest} must be",
            "40",
            f"at least {component.shortest}",
            str(length),
        )
    if component.id in codes and value not in codes[component.id]:
        yield (
            "code",
            f"{label} {value!r} is not in the code list of {component.id}",
            "12",
            f"a code of {component.id}",
            value,
        )
