"""The names of the columns: what the file says against what the stream declares."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence

from crossdock.connector import Reads
from crossdock.errors import Unreadable
from crossdock.formats.rows import OURS

_OWN_NAMES = "give the columns your own names: header: [..] with skip: 1"


def verify(names: Sequence[str], stream: Reads, where: str) -> None:
    """Raise Unreadable when the columns ``names`` cannot be those of ``stream``.

    Columns in another order and new columns are fine; a missing, doubled or nameless one is not.
    """
    doubled = [name for name, count in Counter(names).items() if count > 1 and name]
    if doubled:
        raise Unreadable(f"the column {doubled[0]!r} stands twice", where=where, fix=_OWN_NAMES)
    if "" in names:
        number = list(names).index("") + 1
        raise Unreadable(f"column {number} has no name", where=where, fix=_OWN_NAMES)
    taken = [name for name in names if name in OURS]
    if taken:
        raise Unreadable(f"{taken[0]!r} is a name of ours", where=where, fix=_OWN_NAMES)
    declared = [str(name) for name in stream.options.get("columns") or ()]
    missing = [name for name in dict.fromkeys([*declared, *stream.key]) if name not in names]
    if missing:
        extra = [name for name in names if name not in declared]
        verb = "is" if len(missing) == 1 else "are"
        new = f"; not declared: {_listed(extra)}" if extra else ""
        raise Unreadable(
            f"{_listed(missing)} {verb} missing in the header{new}",
            where=where,
            fix=near(missing, extra),
        )


def near(missing: Sequence[str], extra: Sequence[str]) -> str:
    """Say which of the new names may be a missing one, written in another way.

    >>> near(["CustomerID"], ["customer id", "Land"])
    "'CustomerID' may now be called 'customer id'"
    """
    plain = {_plain(name): name for name in extra}
    hints = []
    for name in missing:
        close = difflib.get_close_matches(_plain(name), plain, n=1)
        if close:
            hints.append(f"{name!r} may now be called {plain[close[0]]!r}")
    return "; ".join(hints) or "correct columns: in the stream, or ask the sender"


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:20])
