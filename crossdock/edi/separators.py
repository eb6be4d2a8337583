"""The six service characters of an interchange, and what UNA says about them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property

from crossdock.errors import Unreadable

Element = list[str] | list[list[str]]
"""Components of one element; where it repeats (syntax 4) a list of such lists."""


@dataclass(frozen=True)
class Separators:
    """Service characters; an empty ``release`` or ``repetition`` means that there is none.

    ``reserved`` is the fifth character of UNA as it stood, so that it is written back.
    Source: ISO 9735-1, 7 and annex on UNA.

    >>> Separators().una
    "UNA:+.? '"
    >>> Separators().parse("LIN+1++4000862141404:EN")
    [['LIN'], ['1'], [''], ['4000862141404', 'EN']]
    """

    component: str = ":"
    element: str = "+"
    decimal: str = "."
    release: str = "?"
    repetition: str = ""
    terminator: str = "'"
    reserved: str = " "

    @classmethod
    def from_una(cls, text: str) -> Separators:
        """Read the six characters after ``UNA``; raises Unreadable when they cannot work."""
        if len(text) < 6:
            raise Unreadable(
                "the service string UNA is cut off", where="UNA", fix="ask the partner to resend"
            )
        component, element, decimal, release, reserved, terminator = tuple(text[:6])
        wanted = [component, element, terminator]
        if release != " ":
            wanted.append(release)
        if len(set(wanted)) < len(wanted) or any(
            mark.isalnum() or not mark.isascii() for mark in wanted
        ):
            raise Unreadable(
                f"UNA {text[:6]!r} uses one character for two purposes, or a letter or digit",
                where="UNA",
                fix="ask the partner for six different service characters",
            )
        return cls(
            component, element, decimal, release.strip(" "), "", terminator, reserved=reserved
        )

    @property
    def una(self) -> str:
        """The service string with these characters."""
        return (
            f"UNA{self.component}{self.element}{self.decimal}{self.release or ' '}"
            f"{self.reserved}{self.terminator}"
        )

    def for_syntax(self, version: str, *, una: bool) -> Separators:
        """Switch repetition on for syntax 4: ``*``, or what UNA gives in its fifth place.

        Older syntaxes keep that place for later use, so whatever stands there is no separator.
        """
        if not version.startswith("4"):
            return replace(self, repetition="")
        mark = self.reserved if una else "*"
        taken = {self.component, self.element, self.release, self.terminator, " "}
        return replace(self, repetition="" if mark in taken or mark.isalnum() else mark)

    @cached_property
    def _specials(self) -> re.Pattern[str]:
        marks = {self.component, self.element, self.release, self.repetition, self.terminator}
        return re.compile("[" + "".join(re.escape(mark) for mark in sorted(marks - {""})) + "]")

    def escape(self, value: str) -> str:
        """Put the release character before every service character of ``value``.

        Raises ValueError where a service character cannot be released because there is no
        release character.
        """
        if not self._specials.search(value):
            return value
        if not self.release:
            raise ValueError("a service character in the data, and no release character")
        release = self.release
        return self._specials.sub(lambda found: release + found.group(), value)

    def parse(self, raw: str) -> list[Element]:
        """Split the text of a segment into elements and components; the first is the tag."""
        if not self.repetition and (not self.release or self.release not in raw):
            component = self.component
            return [element.split(component) for element in raw.split(self.element)]
        if not self.repetition and raw.isascii():
            return self._parse_released(raw)
        return [self._element(element) for element in self.split(raw, self.element)]

    def _parse_released(self, raw: str) -> list[Element]:
        """Split ASCII text with release characters: what they protect is moved out of the way."""
        component = self.component
        hidden = self._protected.sub(_hide, raw)
        return [
            element.split(component)
            if element.isascii()
            else [_HIDDEN.sub(_show, part) for part in element.split(component)]
            for element in hidden.split(self.element)
        ]

    @cached_property
    def _protected(self) -> re.Pattern[str]:
        return re.compile(re.escape(self.release) + "(.)", re.DOTALL)

    def _element(self, text: str) -> Element:
        if self.repetition and self.repetition in text:
            occurrences = self.split(text, self.repetition)
            if len(occurrences) > 1:
                return [self._components(part) for part in occurrences]
            text = occurrences[0]
        return self._components(text)

    def _components(self, text: str) -> list[str]:
        if not self.release or self.release not in text:
            return text.split(self.component)
        return [self.unescape(part) for part in self.split(text, self.component)]

    def split(self, text: str, mark: str) -> list[str]:
        """Split at ``mark`` where it is not released; release characters stay in the parts.

        >>> Separators().split("A?+B+C", "+")
        ['A?+B', 'C']
        """
        parts = text.split(mark)
        if not self.release or self.release not in text:
            return parts
        whole: list[str] = []
        pending = ""
        for part in parts:
            part = pending + part
            if released(part, self.release):
                pending = part + mark
            else:
                whole.append(part)
                pending = ""
        if pending:  # the text ends in a released mark
            whole.append(pending[: -len(mark)])
        return whole

    def unescape(self, text: str) -> str:
        """Take the release characters out.

        >>> Separators().unescape("don?'t ask??")
        "don't ask?"
        """
        if not self.release or self.release not in text:
            return text
        out: list[str] = []
        position, end = 0, len(text)
        while position < end:
            if text[position] == self.release and position + 1 < end:
                position += 1
            out.append(text[position])
            position += 1
        return "".join(out)

    def segment(self, elements: list[Element]) -> str:
        """Write a segment: the inverse of ``parse``, without its terminator.

        Empty elements and components at an end are written as they are given.
        """
        return self.element.join(self._write(element) for element in elements)

    def _write(self, element: Element) -> str:
        if element and isinstance(element[0], list):
            return self.repetition.join(
                self._write(part) for part in element if isinstance(part, list)
            )
        return self.component.join(self.escape(part) for part in element if isinstance(part, str))


def part(elements: list[Element], element: int, component: int = 0) -> str:
    """Give one component of a parsed segment, empty where it is not there.

    >>> part([["DTM"], ["137", "20260901", "102"]], 1, 2)
    '102'
    """
    if element >= len(elements):
        return ""
    value = elements[element]
    first = value[0] if value else ""
    if isinstance(first, list):
        value = first
    found = value[component] if component < len(value) else ""
    return found if isinstance(found, str) else ""


_PLANE = 0xF0000
_HIDDEN = re.compile("[\U000f0000-\U000f007f]")


def _hide(found: re.Match[str]) -> str:
    return chr(_PLANE + ord(found[1]))


def _show(found: re.Match[str]) -> str:
    return chr(ord(found[0]) - _PLANE)


def released(part: str, release: str) -> bool:
    """Say whether ``part`` ends in an odd number of release characters.

    >>> released("A?", "?"), released("A??", "?")
    (True, False)
    """
    return (len(part) - len(part.rstrip(release))) % 2 == 1
