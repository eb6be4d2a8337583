"""Rules of an X12 guide that reach over segments: hierarchy, counts and the total of an invoice.

Beside the rules of ``crossdock.edi.rules`` there are ``{hierarchy: {at: HL/HL, below: {I: S O}}}``
(which level may stand below which) and ``{total: {is: TDS, of: IT1/IT1}}`` (TDS01, with two
implied decimals, is the sum of quantity times price, where nothing else adds to it).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from crossdock.edi.finding import Finding
from crossdock.edi.rules import CENT, Rules
from crossdock.edi.separators import Element, Separators, part
from crossdock.edi.structure import Node

_ADD = frozenset({"SAC", "TXI", "CTP", "PAM", "SLN", "AMT"})
"""Segments that may change what an invoice adds up to."""


class X12Rules(Rules):
    """The rules of one guide at work on one transaction set."""

    value_at = "1"

    def __init__(
        self, rules: Sequence[Mapping[str, Any]], separators: Separators, name: str, *, strict: bool
    ) -> None:
        usual = [rule for rule in rules if not {"hierarchy", "total"} & set(rule)]
        super().__init__(usual, separators, name, strict=False)
        own = {
            kind: rule[kind] for rule in rules for kind in ("hierarchy", "total") if kind in rule
        }
        self._tree: Mapping[str, Any] = own.get("hierarchy", {})
        self._total: Mapping[str, Any] = own.get("total", {})
        self._levels: dict[str, str] = {}
        self._sum, self._said, self._at_total = Decimal(0), "", 0
        self._clear = True
        tags = {
            str(place).rpartition("/")[2] for place in (self._tree.get("at"), *_of(self._total))
        }
        self.watched = (self.watched | tags | (_ADD if self._total else frozenset())) - {"None"}

    def see(self, tag: str, raw: str, position: int, node: Node) -> Sequence[Finding]:
        """Take one watched segment; gives what is wrong with it by itself."""
        found = list(super().see(tag, raw, position, node))
        if self._tree and node.path == self._tree["at"]:
            found += self._level(self._separators.parse(raw), position, node.path)
        elif self._total:
            self._add(tag, raw, position, node.path)
        return found

    def value(self, elements: list[Element]) -> str:
        """The number that CTT01 says."""
        return part(elements, 1)

    # -- the tree of a despatch advice --------------------------------------------------------
    def _level(self, elements: list[Element], position: int, path: str) -> Sequence[Finding]:
        own, above, level = (part(elements, number) for number in (1, 2, 3))
        text, at = "", ""
        if own in self._levels:
            text, at = f"HL01 {own!r} stands twice", "1"
        elif above and above not in self._levels:
            text, at = f"HL02 names {above!r}, which no level before it has", "2"
        else:
            allowed = self._tree["below"].get(level)
            over = self._levels.get(above, "")
            if allowed is not None and over not in str(allowed).split() and (over or allowed):
                over = over or "nothing"
                text, at = f"level {level} stands below {over}; it may stand below {allowed}", "3"
        self._levels.setdefault(own, level)
        if not text:
            return ()
        return (Finding("structure", text, "12", "", position, path, "", at),)

    # -- the total of an invoice --------------------------------------------------------------
    def _add(self, tag: str, raw: str, position: int, path: str) -> None:
        elements = self._separators.parse(raw)
        if tag in _ADD:
            self._clear = False
        elif path == self._total["of"]:
            quantity, price = self._amount(part(elements, 2)), self._amount(part(elements, 4))
            if quantity is None or price is None or part(elements, 5) not in _EACH:
                self._clear = False
            else:
                self._sum += (quantity * price).quantize(CENT)
        elif path == self._total["is"]:
            self._said, self._at_total = part(elements, 1), position

    def end(self, position: int) -> Iterator[Finding]:
        """Say what the whole set lacks or does not add up to."""
        yield from super().end(position)
        said = self._amount(self._said)
        if not (self._total and self._clear and self._sum) or said is None:
            return
        total = said.scaleb(-2)
        if abs(total - self._sum) > CENT:
            yield Finding(
                "element",
                f"TDS01 is {total}, quantity times price of all lines is {self._sum}",
                "12",
                segment=self._at_total,
                path=str(self._total["is"]),
                element="610",
                at="1",
                expected=str(int(self._sum.scaleb(2))),
                actual=self._said,
            )


_EACH = frozenset({"", "PE", "UM", "EA", "NT", "CA"})
"""Bases of a unit price under which quantity times price is the amount of the line."""


def _of(total: Mapping[str, Any]) -> list[str]:
    return [str(total[key]) for key in ("is", "of") if key in total]
