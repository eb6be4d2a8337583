"""Where quotes open and close in delimited text, so that none swallows the rest of a file.

Parsers take a quote that is never closed for one long value; rows vanish without an error. The
check here follows RFC 4180 and goes over the quotes only, most often without a Python loop.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crossdock.errors import Unreadable
from crossdock.formats.decoding import count_breaks

Codes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]

_LINE_FEED, _RETURN = 10, 13


class Quotes:
    """Follows the quotes of a text that is fed in blocks, each of whole lines.

    ``faults`` maps a line to what is wrong with it, where one row alone is hurt. ``seen`` is
    True once there was any quote.
    """

    def __init__(self, quote: str, delimiter: str, where: str) -> None:
        self.faults: dict[int, str] = {}
        self.seen = False
        self.opened = 0
        self._quote = ord(quote)
        self._delimiter = ord(delimiter)
        self._where = where

    def feed(self, block: bytes, line: int) -> None:
        """Check ``block``, which begins with ``line``; raises Unreadable for a lost quote."""
        if self._quote not in block:
            return
        self.seen = True
        codes = np.frombuffer(block, np.uint8)
        places = np.flatnonzero(codes == self._quote)
        if not self._take_regular(block, codes, places, line):
            self._follow(block, places.tolist(), line)

    def finish(self) -> None:
        """Raise Unreadable when the file ended inside of a quoted value."""
        if self.opened:
            raise self.never_closed()

    def never_closed(self) -> Unreadable:
        """Build the error that names the line where the quote opened."""
        return Unreadable(
            "a quote opens and is never closed",
            where=f"{self._where}:{self.opened}",
            fix="ask for the file again, or declare quote: false if it has no quoting",
        )

    def _take_regular(self, block: bytes, codes: Codes, places: Places, line: int) -> bool:
        """Take the block when every quote stands at the edge of a value or is doubled."""
        parity = (np.arange(len(places)) + bool(self.opened)) % 2
        opening, closing = places[parity == 0], places[parity == 1]
        before = codes[np.maximum(opening - 1, 0)]
        before[opening == 0] = _LINE_FEED
        after = codes[np.minimum(closing + 1, len(codes) - 1)]
        after[closing == len(codes) - 1] = _LINE_FEED
        if not (self._are_edges(before).all() and self._are_edges(after).all()):
            return False
        if (len(places) + bool(self.opened)) % 2 == 0:
            self.opened = 0
        else:
            starts = opening[before != self._quote]
            if len(starts):
                self.opened = line + count_breaks(block[: int(starts[-1])])
        return True

    def _are_edges(self, codes: Codes) -> npt.NDArray[np.bool_]:
        edges: npt.NDArray[np.bool_] = (codes == self._delimiter) | (codes == _LINE_FEED)
        edges |= (codes == self._quote) | (codes == _RETURN)
        return edges

    def _follow(self, block: bytes, places: list[int], line: int) -> None:
        edges = {self._delimiter, _LINE_FEED, _RETURN}
        done, counted = 0, line
        skip = -1
        for place in places:
            if place == skip:
                continue
            counted += count_breaks(block[done:place])
            done = place
            before = block[place - 1] if place else _LINE_FEED
            after = block[place + 1] if place + 1 < len(block) else _LINE_FEED
            if not self.opened:
                self.opened = counted if before in edges else 0
            elif after == self._quote:
                skip = place + 1
            else:
                if after not in edges:
                    self._broken(counted)
                self.opened = 0

    def _broken(self, line: int) -> None:
        if self.opened != line:
            raise Unreadable(
                f"the quote that opens here closes in the middle of a value in line {line}",
                where=f"{self._where}:{self.opened}",
                fix="a quote inside of a value must be doubled; ask for the file again",
            )
        self.faults[line] = "text follows the closing quote of a value"
