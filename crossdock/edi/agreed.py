"""What is agreed with a partner: what we answer, and what we wait for and how long.

In the partner's file::

    answers: {contrl: always, aperak: on_reject}
    await: {CONTRL: 4 hours, ORDRSP: 2 days, RECADV: 5 days}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from crossdock import yaml

CONTRL = ("always", "asked", "on_error", "never")
APERAK = ("never", "on_reject", "on_hold")

ANSWERS_TO = {
    "CONTRL": frozenset({"*"}),
    "ORDRSP": frozenset({"ORDERS", "ORDCHG"}),
    "DESADV": frozenset({"ORDERS"}),
    "INVOIC": frozenset({"ORDERS"}),
    "RECADV": frozenset({"DESADV"}),
    "REMADV": frozenset({"INVOIC"}),
}
"""What may be waited for, and which of our messages it answers; ``*`` is all of them."""

_SPAN = re.compile(r"(\d+) ?(minutes?|hours?|days?|weeks?)")


@dataclass(frozen=True)
class Agreed:
    """``contrl`` and ``aperak`` say when we send them; ``waits`` how long we wait for what."""

    contrl: str = "always"
    aperak: str = "never"
    waits: Mapping[str, timedelta] = field(default_factory=dict)

    @classmethod
    def of(cls, page: yaml.Document, data: Mapping[str, Any]) -> Agreed:
        """Read ``answers`` and ``await`` of a partner's file; raises Misconfigured."""
        answers, awaited = data.get("answers") or {}, data.get("await") or {}
        for key, value in (("answers", answers), ("await", awaited)):
            if not isinstance(value, dict):
                raise page.wrong(f"{key} is a mapping", key, fix="answers: {contrl: always}")
        values = {"contrl": CONTRL, "aperak": APERAK}
        for name, value in answers.items():
            if name not in values or value not in values[name]:
                known = "; ".join(f"{one}: {', '.join(words)}" for one, words in values.items())
                raise page.wrong(f"answers has no {name}: {value}", "answers", name, fix=known)
        return cls(waits={name: _wait(page, name, text) for name, text in awaited.items()},
                   **answers)  # fmt: skip

    def answered(self, *, clean: bool, asked: bool) -> bool:
        """Say whether an interchange gets a CONTRL.

        >>> Agreed(contrl="on_error").answered(clean=True, asked=True)
        False
        """
        wanted = {"always": True, "never": False, "asked": asked or not clean}
        return wanted.get(self.contrl, not clean)

    def owed(self, message: str) -> dict[str, timedelta]:
        """Say what the partner owes us for a ``message`` of ours, and how soon."""
        return {
            name: span
            for name, span in self.waits.items()
            if ANSWERS_TO[name] & {"*", message} and message not in {"CONTRL", "APERAK"}
        }


def span(text: str) -> timedelta:
    """Read a length of time in words; raises ValueError for anything else.

    >>> span("4 hours"), span("2 days")
    (datetime.timedelta(seconds=14400), datetime.timedelta(days=2))
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no length of time such as 4 hours")
    return timedelta(**{found[2].rstrip("s") + "s": int(found[1])})


def _wait(page: yaml.Document, name: str, text: Any) -> timedelta:
    if name not in ANSWERS_TO:
        known = ", ".join(ANSWERS_TO)
        raise page.wrong(f"{name} cannot be waited for", "await", name, fix=f"known: {known}")
    try:
        return span(str(text))
    except ValueError as error:
        raise page.wrong(str(error), "await", name, fix="30 minutes, 4 hours, 2 days") from None
