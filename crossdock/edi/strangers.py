"""Interchanges of a sender that an account does not know, or that is not live yet.

Each gives a finding of the envelope, so that nothing of the interchange is acted on, with what a
person needs to go on: whose identification is near, and what a GLN's check digit should be.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from crossdock.edi.finding import Finding
from crossdock.edi.interchange import Interchange
from crossdock.edi.partner import Partner, load
from crossdock.errors import Misconfigured, Refused

LIVE = "live"
CAUSE = "unknown partner"
LOCATION = "unknown location"
"""How the words begin about a document with a GLN that nobody knows."""

CODES = {"7": "0010", "17": "0035", "23": "0004"}
"""Codes of 0085 that mean: this is no partner of this account, or not yet."""


class PartnerLife(Protocol):
    """Says how far partners are."""

    def state(self, partner: str) -> str:
        """Give ``new``, ``testing`` or ``live``; ``live`` for one that was never set up here."""
        ...


def findings(
    interchange: Interchange, partner: Partner, folder: Path, life: str = LIVE
) -> Iterator[Finding]:
    """Say why ``interchange`` is not one that ``partner`` may send us now; nothing when it is.

    ``folder`` holds the partners' files. An echo of our own interchange is no stranger's.
    """
    sides = {partner.us.id, partner.them.id}
    if interchange.sender not in sides:
        words = f"the sender {interchange.sender!r} is not {partner.name} ({partner.them.id})"
        hint = suggestion(interchange.sender, folder)
        yield _finding(f"{words}: {hint}", "23", "S002/0004")
    elif interchange.receiver not in sides:
        words = f"it is for {interchange.receiver!r}, we are {partner.us.id} to {partner.name}"
        yield _finding(words, "7", "S003/0010")
    elif life != LIVE and not interchange.test:
        words = f"{partner.name} is not live yet, and this interchange has no test indicator"
        fix = f"finish `crossdock edi partner test {partner.name}`, then `go-live`"
        yield _finding(f"{words}; {fix}", "17", "0035")


def known_parties(document: Mapping[str, object], partner: Partner) -> None:
    """Let a document pass whose buyer and supplier belong to the two sides.

    Raises Refused with suggestions for another GLN, where the partner gave a list (``glns``).
    """
    if not partner.glns:
        return
    sides = {"us": {partner.us.id}, partner.name: {partner.them.id, *partner.glns}}
    for name in ("buyer_gln", "supplier_gln"):
        value = str(document.get(name) or "")
        if value and not any(value in ids for ids in sides.values()):
            near = nearest(value, sides)
            hint = f"near to it: {', '.join(near)}" if near else "nothing is near to it"
            raise Refused(
                f"{LOCATION} {value} ({name}): {partner.name} has no such location; {hint}",
                fix=f"add it to glns in edi/partners/{partner.name}.yaml",
            )


def _finding(text: str, code: str, element: str) -> Finding:
    return Finding("envelope", text, code, segment=1, element=element)


def suggestion(identification: str, folder: Path) -> str:
    """Say who an identification may be: a partner by that very id, or the nearest ones."""
    known = partners(folder)
    mine = [name for name, ids in known.items() if identification in ids]
    if mine:
        return f"it is {mine[0]}, who has another account"
    near = nearest(identification, known)
    words = f"near to it: {', '.join(near)}" if near else "no partner has an id near to it"
    digit = _check_digit(identification)
    if digit is not None and digit != identification[-1]:
        words = f"its check digit should be {digit}; {words}"
    return f"{words}; if it is a new partner: crossdock edi partner new NAME"


def partners(folder: Path) -> dict[str, set[str]]:
    """Give the identifications of every partner that has a file in ``folder``."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            known = load(folder, path.stem)
        except Misconfigured:
            continue  # a broken file is told where it is used
        found[path.stem] = {known.them.id, *known.glns}
    return found


def nearest(identification: str, known: dict[str, set[str]], most: int = 3) -> list[str]:
    """Name the partners whose ids differ least, as ``name (id)``."""
    names = {one: name for name, ids in known.items() for one in ids}
    close = difflib.get_close_matches(identification, names, n=most, cutoff=0.75)
    return [f"{names[one]} ({one})" for one in close]


def _check_digit(text: str) -> str | None:
    """Give the GS1 check digit that a number of 13 digits should have."""
    if len(text) != 13 or not (text.isascii() and text.isdigit()):
        return None
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(text[:12]))
    return str(-total % 10)
