"""Bytes in a declared encoding become valid UTF-8, line by line, and nothing is lost on the way.

A line that does not decode, or holds control characters, is noted as a fault with its bytes; the
others go on. Whole blocks are checked at once, so a clean file costs about one pass over memory.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from crossdock.errors import Misconfigured, Unreadable
from crossdock.formats import plausible

BLOCK = 1 << 20  # small enough to stay in the processor's cache
LONGEST_LINE = 64 << 20
MOST_BAD = 20
_BREAKS = re.compile(rb"\r\n|\n|\r")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_STATEFUL = re.compile("iso2022|hz|utf_7|utf7")


def codec(name: str) -> str:
    """Give Python's name of a declared encoding; raises Misconfigured for an unknown one.

    >>> codec("windows-1251"), codec("UTF-8")
    ('cp1251', 'utf-8')
    """
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise Misconfigured(
            f"there is no encoding {name!r}", fix="for example utf-8, windows-1251, gb18030, utf-16"
        ) from None


def count_breaks(block: bytes) -> int:
    r"""Count the line ends: ``\n``, ``\r\n`` and a lone ``\r`` are one each.

    >>> count_breaks(b"a\r\nb\nc\rd")
    3
    """
    codes = np.frombuffer(block, np.uint8)  # faster than bytes.count where there are many
    breaks = int(np.count_nonzero(codes == 10))
    return breaks + block.count(b"\r") - block.count(b"\r\n") if b"\r" in block else breaks


def _has_control(block: bytes) -> bool:
    """True when there is an ASCII control character other than tab and line ends."""
    codes = np.frombuffer(block, np.uint8)
    known = sum(int(np.count_nonzero(codes == code)) for code in (9, 10, 13))
    return known < int(np.count_nonzero(codes < 32)) or b"\x7f" in block


def _has_late_control(utf8: bytes) -> bool:
    """True when there is a control character or noncharacter outside of ASCII."""
    codes = np.frombuffer(utf8, np.uint8)
    after = codes[1:][codes[:-1] == 0xC2]
    return bool((after < 0xA0).any()) or b"\xef\xbf\xbe" in utf8 or b"\xef\xbf\xbf" in utf8


class Text:
    """The lines of a file as blocks of valid UTF-8, each cut at the end of a line.

    ``faults`` maps a physical line number to (message, raw text or ``hex:`` and the bytes) for
    each line that could not be taken as it is; it is filled as far as ``blocks`` was read.
    """

    def __init__(self, file: BinaryIO, encoding: str, where: str) -> None:
        self.faults: dict[int, tuple[str, str]] = {}
        self.line = 1
        self._file = file
        self._where = where
        self._declared = encoding
        self._codec = codec(encoding)
        ascii_like = "\n\r\t,;|\"'0Aa".encode(self._codec) == b"\n\r\t,;|\"'0Aa"
        self._by_line = ascii_like and not _STATEFUL.search(self._codec)

    def blocks(self) -> Iterator[bytes]:
        """Yield the text; raises Unreadable where the whole file cannot be what it claims."""
        source = self._line_blocks() if self._by_line else self._decoded_blocks()
        for block in source:
            clean = self._clean(block)
            self.line += count_breaks(clean)
            yield clean

    def _line_blocks(self) -> Iterator[bytes]:
        block = self._without_mark(self._file.read(BLOCK))
        rest = b""
        while block:
            block = rest + block if rest else block
            end = block.rfind(b"\n") + 1
            if not end:
                end = block.rfind(b"\r", 0, -1) + 1  # the last one may be half of a \r\n
            if not end and len(block) > LONGEST_LINE:
                raise Unreadable("a line is longer than 64 MB", where=f"{self._where}:{self.line}")
            rest = block[end:]
            if end:
                yield block[:end] if rest else block
            block = self._file.read(BLOCK)
        if rest:
            yield rest

    def _without_mark(self, start: bytes) -> bytes:
        for mark, meaning in _MARKS:
            if start.startswith(mark):
                if not self._codec.startswith(meaning):
                    raise Unreadable(
                        f"the file begins with the mark of {meaning}, not of {self._declared}",
                        where=self._where,
                        fix=f"declare encoding: {meaning}",
                    )
                return start[len(mark) :]
        return start

    def _decoded_blocks(self) -> Iterator[bytes]:
        """Decode an encoding whose line ends are not ASCII bytes; it has no way to skip a line."""
        decoder = codecs.getincrementaldecoder(self._codec)()
        rest = ""
        final = False
        while not final:
            raw = self._file.read(BLOCK)
            final = not raw
            try:
                text = rest + decoder.decode(raw, final)
            except UnicodeDecodeError as error:
                raise Unreadable(
                    f"the bytes are not {self._declared}: {error.reason}",
                    where=f"{self._where}:{self.line} and after",
                    fix="declare the encoding that the sender uses",
                ) from None
            end = len(text) if final else text.rfind("\n") + 1
            block, rest = text[:end].removeprefix("\ufeff"), text[end:]
            if block:
                yield block.encode("utf-8", "replace")

    def _clean(self, block: bytes) -> bytes:
        odd = _has_control(block)
        if block.isascii():
            return self._by_lines(block, "ascii") if odd else block
        encoding = self._codec if self._by_line else "utf-8"
        try:
            text = block.decode(encoding)
        except UnicodeDecodeError:
            self._doubt(block.decode(encoding, "replace"), block)
            return self._by_lines(block, encoding)
        self._doubt(text, block)
        utf8 = block if encoding == "utf-8" else text.encode("utf-8", "replace")
        return self._by_lines(block, encoding) if odd or _has_late_control(utf8) else utf8

    def _doubt(self, text: str, block: bytes) -> None:
        reason = plausible.doubt(text, block, self._codec if self._by_line else "utf-8")
        if reason:
            raise Unreadable(
                f"the text does not look like {self._declared}: {reason}",
                where=f"{self._where}:{self.line} and after",
                fix="declare the encoding that the sender uses",
            )

    def _by_lines(self, block: bytes, encoding: str) -> bytes:
        """Take the lines one by one; note the bad ones and put a harmless text in their place."""
        result = []
        start = foreign = 0
        known = len(self.faults)
        number = self.line
        for found in [*_BREAKS.finditer(block), None]:
            end = found.end() if found else len(block)
            raw = block[start:end]
            result.append(self._one(raw, encoding, number))
            foreign += not raw.isascii()
            start, number = end, number + 1
        bad = len(self.faults) - known
        if bad > MOST_BAD and bad * 2 > foreign:
            raise Unreadable(
                f"most of the rows are not {self._declared}",
                where=f"{self._where}:{min(self.faults)} and after",
                fix="declare the encoding that the sender uses",
            )
        return b"".join(result)

    def _one(self, raw: bytes, encoding: str, number: int) -> bytes:
        body = raw.rstrip(b"\r\n")
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            self.faults[number] = (
                f"the row is not {self._declared}: {error.reason}",
                f"hex:{body.hex()}",
            )
            text = raw.decode(encoding, "replace")
        else:
            control = _CONTROL.search(text)
            if control:
                self.faults[number] = (
                    f"the row has the control character U+{ord(control[0]):04X}",
                    f"hex:{body.hex()}",
                )
        return _CONTROL.sub("?", text).encode("utf-8", "replace")
