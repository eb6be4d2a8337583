"""A walk over one JSON document of any length, a record at a time.

Only the record at hand is in memory. The whole document is read to its end, so that one that was
cut off, or holds anything after its end, is never taken for complete.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from crossdock.errors import Unreadable
from crossdock.formats.decoding import codec
from crossdock.formats.header import near
from crossdock.json import EXACT, Fault

LONGEST_RECORD = 256 << 20
_CHUNK = 1 << 20
_SPACE = " \t\r\n"
_LENIENT = json.JSONDecoder(parse_int=str, parse_float=str)


def why(error: Exception) -> str:
    """Say why a record was refused, in words that do not quote it."""
    if isinstance(error, Fault):
        return str(error)
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return "a number has too many digits"


class Document:
    """Walks over a JSON document of any length and decodes one record at a time."""

    def __init__(self, file: BinaryIO, encoding: str, where: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(codec(encoding))()
        self._where = where
        self._text = ""
        self._at = 0
        self._ended = False
        self._line = 1

    def records(self, path: str) -> Iterator[tuple[Any, str, str]]:
        """Yield (value, raw text, fault) of each record under the dotted ``path``."""
        names = [name for name in path.split(".") if name]
        if self._peek() == "\ufeff":
            self._at += 1
        for name in names:
            self._find(name)
        if self._peek() == "[":
            yield from self._elements()
        elif self._peek() == "n" and names:
            self._value()
        else:
            yield self._record()
        for name in reversed(names):
            self._close(name)
        if self._peek():
            raise self._wrong("there is text after the end of the document")

    def _elements(self) -> Iterator[tuple[Any, str, str]]:
        self._expect("[")
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield self._record()
            mark = self._peek()
            self._expect("]" if mark == "]" else ",")
            if mark == "]":
                return

    def _find(self, name: str) -> None:
        """Go into the object that follows, up to the value of ``name``."""
        if self._peek() != "{":
            raise self._wrong(f"there is no {name!r}: no object stands here")
        self._expect("{")
        seen: list[str] = []
        while self._peek() != "}":
            if seen:
                self._expect(",")
            key = self._key()
            if key == name:
                return
            seen.append(key)
            self._value()
        raise Unreadable(
            f"there is no {name!r} in the document",
            where=f"{self._where}:{self._line_now()}",
            fix=near([name], seen),
        )

    def _close(self, name: str) -> None:
        """Read what follows in the object that holds ``name``, up to its end."""
        while self._peek() == ",":
            self._at += 1
            if self._key() == name:
                raise self._wrong(f"the name {name!r} stands twice")
            self._value()
        self._expect("}")

    def _key(self) -> str:
        if self._peek() != '"':
            raise self._wrong("a name is expected")
        key = self._value()[0]
        self._expect(":")
        return str(key)

    def _record(self) -> tuple[Any, str, str]:
        try:
            value, raw = self._value()
        except (Fault, ValueError) as error:
            if isinstance(error, json.JSONDecodeError):
                raise
            _, raw = self._value(_LENIENT)
            return None, raw, why(error)
        except RecursionError:
            raise self._wrong("a record is nested too deeply") from None
        return value, raw, ""

    def _value(self, decoder: json.JSONDecoder = EXACT) -> tuple[Any, str]:
        """Decode the next value; more text is read until it is complete."""
        self._peek()
        while True:
            try:
                value, end = decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._ended or _is_beyond_repair(error, len(self._text)):
                    cut = error.msg.startswith("Unterminated") or error.pos >= len(self._text)
                    what = "the document is cut off" if cut else f"this is not JSON: {error.msg}"
                    raise self._wrong(what) from None
            else:
                if end < len(self._text) or self._ended:
                    raw = self._text[self._at : end]
                    self._at = end
                    return value, raw
            self._more()

    def _peek(self) -> str:
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._more()

    def _expect(self, mark: str) -> None:
        found = self._peek()
        if found != mark:
            raise self._wrong(f"{mark!r} is expected" if found else "the document is cut off")
        self._at += 1

    def _more(self) -> None:
        self._line = self._line_now()
        self._text = self._text[self._at :]
        self._at = 0
        if len(self._text) > LONGEST_RECORD:
            raise self._wrong("a value is longer than 256 MB")
        raw = self._file.read(max(_CHUNK, len(self._text)))
        self._ended = not raw
        try:
            self._text += self._decoder.decode(raw, self._ended)
        except UnicodeDecodeError as error:
            raise self._wrong(f"the bytes do not decode: {error.reason}") from None

    def _line_now(self) -> int:
        return self._line + self._text.count("\n", 0, self._at)

    def _wrong(self, what: str) -> Unreadable:
        if self._ended and self._at >= len(self._text):
            what = "the document is cut off"
        return Unreadable(what, where=f"{self._where}:{self._line_now()}")


def _is_beyond_repair(error: json.JSONDecodeError, length: int) -> bool:
    """True when more text cannot help: the fault lies well before the end of what was read."""
    return not error.msg.startswith("Unterminated") and length - error.pos > 1000
