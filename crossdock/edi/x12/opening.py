"""The beginning of an X12 interchange: ISA, in which every place is fixed, and its separators."""

from __future__ import annotations

from crossdock.edi.separators import Element, Separators

LENGTH = 105
"""Characters of ISA before the segment terminator, where every element has its full width."""

WIDTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)
"""Characters of ISA01 to ISA16. Source: ASC X12.5."""

_LONGEST = 400
_REPEATS_SINCE = "00402"


def header(window: bytes) -> tuple[Separators, int] | None:
    """Find the separators of an ISA at the beginning of ``window``, and where ISA ends.

    The places decide; where someone stripped the blanks that fill the elements, the sixteenth
    element separator does. None where it is no ISA at all.
    """
    if len(window) < 20 or not window.startswith(b"ISA"):
        return None
    element = window[3:4]
    end = LENGTH if window[LENGTH - 2 : LENGTH - 1] == element else -1
    if end < 0 or window.count(element, 0, LENGTH) != 16:
        end = _sixteenth(window, element) + 2
    if end < 2 or end >= len(window):
        return None
    fields = window[: end - 1].decode("latin-1").split(element.decode("latin-1"))
    component, terminator = window[end - 1 : end], window[end : end + 1]
    marks = [mark.decode("latin-1") for mark in (element, component, terminator)]
    if len(set(marks)) < 3 or any(mark.isalnum() or not mark.isascii() for mark in marks):
        return None
    if terminator in window[: end - 1]:
        return None
    repetition = fields[11]
    usable = len(repetition) == 1 and not repetition.isalnum() and repetition not in [" ", *marks]
    repeats = usable and fields[12] >= _REPEATS_SINCE
    separators = Separators(
        component=marks[1],
        element=marks[0],
        release="",
        repetition=repetition if repeats else "",
        terminator=marks[2],
    )
    return separators, end


def _sixteenth(window: bytes, element: bytes) -> int:
    at = -1
    for _ in range(16):
        at = window.find(element, at + 1, _LONGEST)
        if at < 0:
            return -2
    return at


def elements(text: str, separators: Separators) -> list[Element]:
    """Take ISA apart; its separators stand in it as values, so nothing but elements is split.

    >>> elements("ISA*00*:", Separators(element="*"))
    [['ISA'], ['00'], [':']]
    """
    return [[field] for field in text.split(separators.element)]
