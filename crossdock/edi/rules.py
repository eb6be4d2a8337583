"""Rules of a guide that reach over segments: what must be there, counts, sums, dates.

A rule is data: ``{present: SG2/NAD+BY}``, ``{values: {at: SG2/NAD, of: BY SU DP}}``,
``{count: {says: CNT+2, of: SG25/LIN}}``, ``{sum: {of: SG25/SG26/MOA+203, is: SG48/MOA+79}}`` and
``{rate: {rate: SG50/TAX, taxable: SG50/MOA+125, tax: SG50/MOA+124}}``. A place is the path of a
segment and, behind ``+``, the qualifier in its first component.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from crossdock.edi.finding import Finding
from crossdock.edi.separators import Element, Separators, part
from crossdock.edi.structure import Node

_COUNTING = frozenset({"present", "has", "of_count"})

CENT = Decimal("0.01")
DATES = {"102": "%Y%m%d", "203": "%Y%m%d%H%M", "204": "%Y%m%d%H%M%S", "101": "%y%m%d"}
"""Formats of 2379 that name a day or a moment, as strptime reads them."""


@dataclass
class _Tax:
    """One TAX group: its rate and the amounts in it."""

    position: int
    rate: Decimal | None
    taxable: Decimal | None = None
    tax: Decimal | None = None


@dataclass
class _Tally:
    """What one rule has seen so far."""

    rule: Mapping[str, Any]
    seen: int = 0
    total: Decimal = Decimal(0)
    said: Decimal | None = None
    position: int = 0
    groups: list[_Tax] = field(default_factory=list)


_At = tuple[list[tuple[str, _Tally]], list[tuple[str, _Tally]], list[tuple[str, _Tally, str]]]
"""What rules ask of one place: groups that begin there, what is counted, what is looked into."""


class Rules:
    """The rules of one guide at work on one message; ``watched`` names the tags they look at."""

    value_at = "1:2"

    def __init__(
        self, rules: Sequence[Mapping[str, Any]], separators: Separators, name: str, *, strict: bool
    ) -> None:
        self._separators = separators
        self._name = name
        self._strict = strict
        self._allowances = False
        self._tallies = [_Tally(rule) for rule in rules]
        self._at: dict[str, _At] = {}
        tags = {"DTM"} if strict else set()
        for tally in self._tallies:
            for role, place in _places(tally.rule):
                path, _, qualifier = place.partition("+")
                begun, counted, places = self._at.setdefault(path, ([], [], []))
                if role == "begins":
                    begun.append((qualifier, tally))
                elif role in _COUNTING:
                    counted.append((qualifier, tally))
                else:
                    places.append((qualifier, tally, role))
                tags.add(place.rpartition("/")[2].partition("+")[0])
        if any(key in rule for rule in rules for key in ("sum", "rate")):
            tags.add("ALC")
        self.watched = frozenset(tags)

    def see(self, tag: str, raw: str, position: int, node: Node) -> Sequence[Finding]:
        """Take one watched segment; gives what is wrong with it by itself."""
        at = self._at.get(node.path)
        if at is None:
            if tag == "DTM" or tag == "ALC":
                return list(self._look(tag, self._separators.parse(raw), position, node.path, ()))
            return ()
        begun, counted, places = at
        found: list[Finding] = []
        for qualifier, tally in begun:
            if tally.position and not tally.seen:
                found.append(self._lacks(tally))
            meant = not qualifier or self._qualified(raw, qualifier)
            tally.position, tally.seen = (position, 0) if meant else (0, 0)
        for qualifier, tally in counted:
            if not qualifier or self._qualified(raw, qualifier):
                tally.seen += 1
        if places or tag == "DTM" or tag == "ALC":
            elements = self._separators.parse(raw)
            found += self._look(tag, elements, position, node.path, places)
        return found

    def value(self, elements: list[Element]) -> str:
        """The number that a segment of CNT or MOA says."""
        return part(elements, 1, 1)

    def _qualified(self, raw: str, qualifier: str) -> bool:
        """Whether the first component of a segment is ``qualifier``; qualifiers need no release."""
        end = 4 + len(qualifier)
        marks = ("", self._separators.component, self._separators.element)
        return raw[4:end] == qualifier and raw[end : end + 1] in marks

    def _look(
        self,
        tag: str,
        elements: list[Element],
        position: int,
        path: str,
        places: Sequence[tuple[str, _Tally, str]],
    ) -> Iterator[Finding]:
        if tag == "DTM" and self._strict:
            yield from self._date(elements, position, path)
        elif tag == "ALC":
            self._allowances = True
        for qualifier, tally, role in places:
            if qualifier in ("", part(elements, 1)):
                yield from self._note(tally, role, elements, position, path)

    def _lacks(self, tally: _Tally) -> Finding:
        """A group is over, and the segment that each of its kind must have did not come."""
        rule = tally.rule["each"]
        return Finding(
            "structure",
            f"{rule['has']} is missing in the group of {rule['of']}; "
            f"{self._name} makes it mandatory",
            "13",
            segment=tally.position,
            path=str(rule["has"]).partition("+")[0],
            expected=str(rule["has"]),
        )

    def _note(
        self, tally: _Tally, role: str, elements: list[Element], position: int, path: str
    ) -> Iterator[Finding]:
        if role == "values":
            allowed = str(tally.rule["values"]["of"]).split()
            if part(elements, 1) not in allowed:
                yield Finding(
                    "code",
                    f"{path} {part(elements, 1)!r} is not used in {self._name}",
                    "12",
                    segment=position,
                    path=path,
                    at="1",
                    expected=" ".join(allowed),
                    actual=part(elements, 1),
                )
        elif role == "rate":
            tally.groups.append(_Tax(position, self._amount(part(elements, 5, 3))))
        else:
            self._money(tally, role, self._amount(self.value(elements)), position)

    @staticmethod
    def _money(tally: _Tally, role: str, amount: Decimal | None, position: int) -> None:
        if amount is None:
            return
        if role == "says":
            tally.said, tally.position = amount, position
        elif role == "of_sum":
            tally.total += amount
            tally.seen += 1
        elif tally.groups and role == "taxable":
            tally.groups[-1].taxable = amount
        elif tally.groups:
            tally.groups[-1].tax = amount

    def _amount(self, text: str) -> Decimal | None:
        try:
            return Decimal(text.replace(",", ".")) if text.isascii() else None
        except InvalidOperation:
            return None

    def _date(self, elements: list[Element], position: int, path: str) -> Iterator[Finding]:
        value, form = part(elements, 1, 1), part(elements, 1, 2)
        pattern = DATES.get(form)
        if not value or pattern is None:
            return
        good = value.isascii() and value.isdigit() and len(value) == _LENGTHS[form]
        if good:
            try:
                datetime.strptime(value, pattern)  # noqa: DTZ007 - only whether the day exists
            except ValueError:
                good = False
        if not good:
            yield Finding(
                "element",
                f"DTM.C507/2380 {value!r} is no date of format {form} ({_SHAPES[form]})",
                "12",
                segment=position,
                path=path,
                element="C507/2380",
                at="1:2",
                expected=_SHAPES[form],
                actual=value,
            )

    # -- at the end of the message ----------------------------------------------------------
    def end(self, position: int) -> Iterator[Finding]:
        """Say what the whole message lacks or does not add up to; ``position`` is that of UNT."""
        for tally in self._tallies:
            rule = tally.rule
            if "present" in rule and not tally.seen:
                place = str(rule["present"])
                yield Finding(
                    "structure",
                    f"{place} is missing; {self._name} makes it mandatory",
                    "13",
                    segment=position,
                    path=place.partition("+")[0],
                    expected=place,
                )
            elif "each" in rule:
                if tally.position and not tally.seen:
                    yield self._lacks(tally)
            elif "count" in rule and tally.said is not None and tally.said != tally.seen:
                yield self._differs(
                    tally,
                    f"{rule['count']['says']} says {tally.said}, there are {tally.seen} lines",
                    str(tally.seen),
                    str(tally.said),
                    str(rule["count"]["says"]),
                )
            elif ("sum" in rule or "rate" in rule) and (self._strict or not self._allowances):
                yield from self._adds_up(tally)

    def _adds_up(self, tally: _Tally) -> Iterator[Finding]:
        if "sum" in tally.rule:
            rule = tally.rule["sum"]
            if tally.said is not None and tally.seen and abs(tally.total - tally.said) > CENT:
                yield self._differs(
                    tally,
                    f"{rule['is']} is {tally.said}, the sum of {rule['of']} is {tally.total}",
                    str(tally.total),
                    str(tally.said),
                    str(rule["is"]),
                )
            return
        rule = tally.rule["rate"]
        for group in tally.groups:
            if group.rate is None or group.taxable is None or group.tax is None:
                continue
            share = f"{group.rate} % of {group.taxable}"
            expected = (group.taxable * group.rate / 100).quantize(CENT)
            if abs(expected - group.tax) > CENT:
                tally.position = group.position
                yield self._differs(
                    tally,
                    f"{rule['tax']} is {group.tax}, but {share} is {expected}",
                    str(expected),
                    str(group.tax),
                    str(rule["tax"]),
                )

    def _differs(self, tally: _Tally, text: str, expected: str, actual: str, place: str) -> Finding:
        path = place.partition("+")[0]
        at = self.value_at
        return Finding("element", text, "12", "", tally.position, path, "", at, expected, actual)


_LENGTHS = {"102": 8, "203": 12, "204": 14, "101": 6}
_SHAPES = {"102": "YYYYMMDD", "203": "YYYYMMDDHHMM", "204": "YYYYMMDDHHMMSS", "101": "YYMMDD"}


def _places(rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "present" in rule:
        yield "present", str(rule["present"])
    if "values" in rule:
        yield "values", str(rule["values"]["at"])
    if "count" in rule:
        yield "says", str(rule["count"]["says"])
        yield "of_count", str(rule["count"]["of"])
    if "each" in rule:
        yield "begins", str(rule["each"]["of"])
        yield "has", str(rule["each"]["has"])
    if "sum" in rule:
        yield "says", str(rule["sum"]["is"])
        yield "of_sum", str(rule["sum"]["of"])
    if "rate" in rule:
        for role in ("rate", "taxable", "tax"):
            yield role, str(rule["rate"][role])
