"""The one door to pydifact: our segments as its ``Segment`` objects, and back.

pydifact is the model that other Python programs speak. Its tokenizer is slow, drops what it does
not know and checks no envelope, so bytes are read by ours and handed over in its types; what it
writes is read by ours again.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from crossdock.edi.interchange import Message
from crossdock.edi.separators import Element, Separators
from crossdock.errors import Unreadable

if TYPE_CHECKING:
    from pydifact.segments import Segment


def segments(message: Message) -> list[Segment]:
    """Give the segments of ``message`` as pydifact's; elements are texts or lists of texts.

    Raises Unreadable with the place for a segment that pydifact cannot hold: a tag that is none,
    or an element that repeats (syntax 4).
    """
    from pydifact.segments import Segment

    made = []
    for position, elements in enumerate(message.parsed, 1):
        values = [_value(element, message, position) for element in elements[1:]]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it warns of segments without elements
                made.append(Segment(message.segments[position - 1][:3], *values))
        except ValueError as error:
            raise Unreadable(str(error), where=_place(message, position)) from None
    return made


def _value(element: Element, message: Message, position: int) -> str | list[str]:
    if element and isinstance(element[0], list):
        raise Unreadable("pydifact has no element that repeats", where=_place(message, position))
    texts = [part for part in element if isinstance(part, str)]
    return texts[0] if len(texts) == 1 else texts


def _place(message: Message, position: int) -> str:
    return f"message {message.reference}, segment {position}"


def elements(segment: Segment) -> list[Element]:
    """Give one of pydifact's segments as ours: the tag, then each element as its components."""
    out: list[Element] = [[segment.tag]]
    for value in segment.elements:
        out.append(
            [value or ""] if isinstance(value, str | None) else [part or "" for part in value]
        )
    return out


def serialise(given: Iterable[Segment], separators: Separators | None = None) -> str:
    """Write segments with pydifact's own serialiser, in our separators; no UNA before them.

    Raises Unreadable for separators that it does not know: no release character, or repetition.
    """
    from pydifact.control.characters import Characters
    from pydifact.serializer import Serializer

    marks = separators or Separators()
    if not marks.release or marks.repetition:
        raise Unreadable("pydifact needs a release character and knows no repetition")
    characters = Characters.from_str(marks.una)
    return str(Serializer(characters).serialize(list(given), with_una_header=False))


def accepts(data: bytes, codec: str = "iso8859-1") -> Sequence[Segment]:
    """Read ``data`` with pydifact's own parser, as a peer would; gives all its segments.

    Raises Unreadable with its words when it does not take what we wrote.
    """
    from pydifact.parser import Parser

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns that it has no directory
            return list(Parser().parse(data.decode(codec)))
    except Exception as error:  # noqa: BLE001 - it raises whatever comes up
        raise Unreadable(f"pydifact says: {error}", where="pydifact") from None


def whole(text: str) -> object:
    """Read an interchange with pydifact's own ``Interchange.from_str``, as a peer would."""
    from pydifact.segmentcollection import Interchange

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that it has no directory
        return Interchange.from_str(text)
