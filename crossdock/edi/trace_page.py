"""The chain of an order as one HTML page that prints: no network, no script, no server."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from crossdock.edi.trace import STEPS, Passage, Trace, Traced

_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'"
_COLOURS = {
    "delivered": "good",
    "pending": "wait",
    "sending": "wait",
    "accepted": "wait",
    "quarantined": "held",
    "uncertain": "held",
    "refused": "bad",
    "rejected": "bad",
    "superseded": "wait",
}
_WORST = ("bad", "held", "wait", "good")


def render(traces: Sequence[Trace], now: datetime) -> str:
    """Make the page of one order, or of orders that share a number."""
    style = _asset("trace.css")
    seal = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page: str = _template().render(
        traces=traces,
        steps=STEPS,
        made=now,
        style=style,
        policy=f"{_POLICY}; style-src 'sha256-{seal}'",
        colour=colour,
        colour_of=colour_of,
    )
    return page


def colour(passage: Passage) -> str:
    """Name the colour of a passage: good, wait, held or bad."""
    return _COLOURS.get(passage.state, "wait")


def colour_of(documents: Sequence[Traced]) -> str:
    """Name the colour of a step: the worst of its documents' last passages; none without any."""
    if not documents:
        return "none"
    seen = {colour(one.passages[-1]) if one.passages else "good" for one in documents}
    if any(one.misfits for one in documents):
        seen.add("bad")
    return next(word for word in _WORST if word in seen)


def count(value: Decimal | None) -> str:
    """Write a quantity, a dash where nothing says it.

    >>> count(Decimal("8.000000")), count(None), count(Decimal("1200.5"))
    ('8', '–', '1,200.5')
    """
    if value is None:
        return "–"
    return f"{value.normalize():,f}"


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _asset(name: str) -> str:
    return resources.files("crossdock").joinpath("report_template", name).read_text("utf-8")


@cache
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(_asset),
    )
    environment.filters.update(instant=_instant, count=count)
    return environment.get_template("trace.html")
