"""Elements of an X12 segment: what every element must be, and the conditions between them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crossdock.edi.elements import Elements
from crossdock.edi.facts import Directory
from crossdock.edi.finding import Finding
from crossdock.edi.separators import Element, Separators

_NOTE = re.compile("([PRECL])((?:[0-9]{2}){2,})")


class X12Elements(Elements):
    """Checks the segments of one version, written with one set of separators."""

    def __init__(self, directory: Directory, separators: Separators) -> None:
        super().__init__(directory, separators)
        self._notes = {
            tag: [_note(text) for text in notes] for tag, notes in directory.conditions.items()
        }

    def right(self, tag: str, raw: str) -> bool:
        """Say quickly whether nothing is wrong; False means that ``findings`` must look."""
        if not super().right(tag, raw):
            return False
        notes = self._notes.get(tag)
        if notes and next(_broken(notes, self._separators.parse(raw)), None):
            self.seen.discard(raw)
            return False
        return True

    def findings(self, tag: str, raw: str, position: int, path: str) -> list[Finding]:
        """Take the segment apart and give every fault in it."""
        found = super().findings(tag, raw, position, path)
        notes = self._notes.get(tag, [])
        facts = self._directory.segments.get(tag, ())
        for kind, places, at in _broken(notes, self._separators.parse(raw)):
            name = facts[at - 1].id if at <= len(facts) else ""
            text = f"{tag}{at:02d}: {_WORDS[kind].format(_names(tag, places))}"
            code = "10" if kind == "E" else "48"
            found.append(Finding("element", text, code, "", position, path, name, str(at)))
        if found:
            self.seen.discard(raw)
        return found


_WORDS = {
    "P": "{} stand together or not at all",
    "R": "at least one of {} must be there",
    "E": "at most one of {} may be there",
    "C": "{}: the first asks for the others",
    "L": "{}: the first asks for at least one of the others",
}

_Note = tuple[str, tuple[int, ...]]


def _note(text: str) -> _Note:
    found = _NOTE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not such as P0304")
    return found[1], tuple(int(found[2][at : at + 2]) for at in range(0, len(found[2]), 2))


def _names(tag: str, places: tuple[int, ...]) -> str:
    return ", ".join(f"{tag}{place:02d}" for place in places)


def _broken(
    notes: list[_Note], elements: list[Element]
) -> Iterator[tuple[str, tuple[int, ...], int]]:
    """Give each broken condition with the element that is missing, or one too many."""
    filled = [any(element) for element in elements]

    def there(place: int) -> bool:
        return place < len(filled) and filled[place]

    for kind, places in notes:
        having = [place for place in places if there(place)]
        lacking = [place for place in places if place not in having]
        if kind == "P":
            wrong = bool(having and lacking)
        elif kind == "R":
            wrong = not having
        elif kind == "E":
            wrong = len(having) > 1
        else:
            wrong = there(places[0]) and (bool(lacking) if kind == "C" else len(having) == 1)
        if wrong:
            yield kind, places, having[1] if kind == "E" else lacking[0]
