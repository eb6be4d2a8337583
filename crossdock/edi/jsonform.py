"""Interchanges as JSON and back, byte for byte.

A segment is a list: its tag, then each element as text, as a list of components, or as
``{"repeat": [...]}``. Where something does not follow the interchange's habit (another line end,
a release character that was not needed) the segment is an object with ``elements`` and, beside
them, ``gap`` or ``raw``; who changes ``elements`` takes ``raw`` away.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from crossdock.edi import charset
from crossdock.edi.separators import Element, Separators
from crossdock.edi.splitter import WHITE, Segments
from crossdock.edi.tokenizer import (
    CharsetChoice,
    Opening,
    Tokenizer,
    source_of,
)
from crossdock.errors import Unreadable

_MARKS = ("component", "element", "decimal", "release", "repetition", "terminator", "reserved")


def to_json(
    source: bytes | Path | BinaryIO, *, choose: CharsetChoice | None = None
) -> Iterator[str]:
    """Yield the JSON text of ``source`` piece by piece: memory stays constant.

    Raises Unreadable when there is no interchange.
    """
    stream = source_of(source)
    try:
        yield from _written(Tokenizer(stream, choose))
    finally:
        if isinstance(source, Path):
            stream.close()


def _written(tokens: Tokenizer) -> Iterator[str]:
    yield '{"interchanges": ['
    state: _Interchange | None = None
    count = 0
    for token in tokens:
        if isinstance(token, Opening):
            yield "\n]}" if state else ""
            state = _Interchange(token)
            yield ("," if count else "") + "\n" + state.head()
            count += 1
        elif isinstance(token, Segments) and state:
            for piece in token.pieces:
                yield state.segment(piece)
        elif not isinstance(token, Segments):
            if state is None:
                raise Unreadable("there is no interchange", fix="look whether this is EDIFACT")
            yield "\n]}], " + _text({"rest": token.data.decode("latin-1")})[1:] + "\n"


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return json.dumps(value) if charset.undecodable(text) else text


class _Interchange:
    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._gap: str | None = None
        self._separators = opening.separators

    def head(self) -> str:
        """Everything but the segments, with the bracket of ``segments`` still open."""
        opening = self._opening
        known: dict[str, Any] = {
            "separators": {name: getattr(self._separators, name) for name in _MARKS},
            "charset": opening.codec,
            "una": bool(opening.una),
        }
        if opening.outer:
            known["outer"] = opening.outer
        if opening.before:
            known["before"] = opening.before.decode("latin-1")
        if opening.lead:
            known["lead"] = opening.lead
        known["header"] = _segment(self._separators, opening.unb, None)
        return _text(known)[:-1] + ', "segments": ['

    def segment(self, piece: str) -> str:
        """One segment, behind the comma and the line end that it needs."""
        raw = piece.lstrip(WHITE)
        gap = piece[: len(piece) - len(raw)]
        comma = ","
        if self._gap is None:
            self._gap, comma = gap, ""
            return "\n" + _text(_segment(self._separators, raw, gap or None))
        return f"{comma}\n" + _text(
            _segment(self._separators, raw, None if gap == self._gap else gap)
        )


def _segment(separators: Separators, raw: str, gap: str | None) -> Any:
    elements = separators.parse(raw)
    plain = [_element(element) for element in elements]
    try:
        same = separators.segment(elements) == raw
    except ValueError:
        same = False
    if same and gap is None:
        return plain
    result: dict[str, Any] = {"elements": plain}
    if not same:
        result["raw"] = raw
    if gap is not None:
        result["gap"] = gap
    return result


def _element(element: Element) -> Any:
    if element and isinstance(element[0], list):
        return {"repeat": [_element(part) for part in element if isinstance(part, list)]}
    return element[0] if len(element) == 1 else element


# -- the other way --------------------------------------------------------------------------
def from_json(data: Any) -> bytes:
    """Write the bytes of interchanges as ``to_json`` gives them.

    The first segment's ``gap`` is the habit of its interchange. Raises Unreadable with the place
    where the JSON is not of that form, or where a character set lacks a character.
    """
    if not isinstance(data, dict) or not isinstance(data.get("interchanges"), list):
        raise Unreadable("this is no JSON of `crossdock edi to-json`", where="interchanges")
    parts = [
        _interchange(one, f"interchanges[{number}]")
        for number, one in enumerate(data["interchanges"])
    ]
    rest = str(data.get("rest", "")).encode("latin-1", "replace")
    outer = data["interchanges"][0].get("outer", "") if parts else ""
    whole = b"".join(parts) + rest
    if outer in {"utf-16-le", "utf-16-be"}:
        return whole.decode("utf-8", "replace").encode(outer)
    return whole


def _interchange(one: Any, where: str) -> bytes:
    try:
        given = one["separators"]
        separators = Separators(**{name: str(given[name]) for name in _MARKS if name in given})
        codec = charset.codec_of("", str(one["charset"]))
        header, segments = one["header"], one["segments"]
    except (TypeError, KeyError) as error:
        raise Unreadable(f"{error} is missing or wrong", where=where) from None
    end = separators.terminator
    pieces = [
        one.get("lead", "") if one.get("una") else "",
        _piece(separators, header, "", where),
        end,
    ]
    gap = segments[0].get("gap", "") if segments and isinstance(segments[0], dict) else ""
    for number, segment in enumerate(segments):
        pieces += [_piece(separators, segment, gap, f"{where}.segments[{number}]"), end]
    before = str(one.get("before", "")).encode("latin-1", "replace")
    una = separators.una.encode("latin-1", "replace") if one.get("una") else b""
    try:
        return before + una + b"".join(charset.encode(piece, codec) for piece in pieces)
    except UnicodeEncodeError as error:
        raise Unreadable(
            f"{codec} has no {error.object[error.start]!r}", where=where, fix="change the charset"
        ) from None


def _piece(separators: Separators, segment: Any, gap: str, where: str) -> str:
    if isinstance(segment, dict):
        gap = str(segment.get("gap", gap))
        if "raw" in segment:
            return gap + str(segment["raw"])
        segment = segment.get("elements")
    if not isinstance(segment, list) or not segment:
        raise Unreadable("a segment is a list of its tag and elements", where=where)
    try:
        return gap + separators.segment([_read(element) for element in segment])
    except (ValueError, TypeError) as error:
        raise Unreadable(str(error), where=where) from None


def _read(element: Any) -> Element:
    if isinstance(element, str):
        return [element]
    if isinstance(element, dict) and isinstance(element.get("repeat"), list):
        return [[str(part) for part in _read(one)] for one in element["repeat"]]
    if isinstance(element, list) and all(isinstance(part, str) for part in element):
        return element
    raise TypeError(f"{element!r} is no element")
