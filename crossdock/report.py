"""The validation report of a run: one HTML page that needs no network, no script and no server.

``RunReport`` is plain data; ``render`` makes the page. Values of people are hidden before they get
here (``crossdock.verdicts``), and everything is escaped again on the way into the page.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from crossdock.report_chart import Bar, Stack, scale, stacks, where_bar

STATES = ("delivered", "unchanged", "pending", "quarantined", "rejected")
SHOWN_AS = {
    "delivered": "delivered",
    "unchanged": "unchanged",
    "pending": "on the way",
    "quarantined": "held",
    "rejected": "rejected",
    "read": "came in",
}
_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'"
MOST_RULES = 8  # for which the page lists a command
SEVERITY_WORDS = {
    "stop_flow": "stops the flow",
    "hold_batch": "holds the batch",
    "hold_record": "holds the document",
    "note": "noted",
}


@dataclass(frozen=True)
class Sample:
    """One fault: the document's number, the line (from 1), field, value and message."""

    document: str
    field: str
    message: str
    value: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class Found:
    """What one rule found in one entity: documents, lines, and a few samples."""

    rule: str
    entity: str
    severity: str
    records: int
    lines: int
    about: str = ""
    samples: Sequence[Sample] = ()


@dataclass(frozen=True)
class Past:
    """An earlier run of the flow: when it began, and how many records stood where at its end."""

    run: str
    at: datetime
    records: Mapping[str, int]
    balanced: bool = True


@dataclass(frozen=True)
class Decided:
    """What a person decided about held records before or during this run."""

    action: str
    who: str
    records: int
    reason: str
    rule: str = ""


@dataclass(frozen=True)
class RunReport:
    """Everything that the page of one run shows.

    ``records``, ``money``, ``by_target``, ``by_entity`` and ``reasons`` have the shape that
    ``crossdock ledger --json`` prints: counts by state, money as decimal strings. ``held`` counts
    open holds by rule; ``seconds`` the time of each step; ``stopped`` says why the run ended
    early, in plain words; ``versions`` names mappings and suites with their hashes.
    """

    flow: str
    run: str
    started_at: datetime
    records: Mapping[str, int]
    ended_at: datetime | None = None
    balanced: bool = True
    money: Sequence[Mapping[str, str]] = ()
    by_target: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    by_entity: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    found: Sequence[Found] = ()
    held: Mapping[str, int] = field(default_factory=dict)
    earlier: Sequence[Past] = ()
    new_fields: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    decided: Sequence[Decided] = ()
    notes: Sequence[str] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    stopped: str = ""

    @property
    def verdict(self) -> str:
        """``red``, ``steward`` or ``balanced``: how the run ended, worst first."""
        if not self.balanced or self.stopped:
            return "red"
        return "steward" if self.records.get("quarantined", 0) else "balanced"


def render(run: RunReport) -> str:
    """Make the page of a run as one HTML text."""
    style = _asset("run.css")
    trend = _trend(run)
    seal = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page: str = _template().render(
        run=run,
        style=style,
        policy=f"{_POLICY}; style-src 'sha256-{seal}'",
        headline=headline(run),
        summary=summary(run),
        states=[state for state in STATES if run.records.get(state)],
        shown_as=SHOWN_AS,
        severity_words=SEVERITY_WORDS,
        found=sorted(run.found, key=_gravity),
        next_steps=next_steps(run),
        where=where_bar({state: run.records.get(state, 0) for state in STATES}),
        trend=trend,
        scale=scale(stack.counts for stack in trend),
        times=_times(run),
    )
    return page


def headline(run: RunReport) -> str:
    """Say in a few words how the run ended."""
    if not run.balanced:
        return "The books do not balance"
    if run.stopped:
        return "The run was stopped"
    if run.verdict == "steward":
        return "Balanced, and a steward is needed"
    return "Balanced"


def summary(run: RunReport) -> str:
    """Say in one sentence what that means."""
    records = run.records
    came = _things(records.get("read", 0), "record")
    if not run.balanced:
        counted = sum(records.get(state, 0) for state in STATES)
        return (
            f"{came} came in, but {grouped(counted)} are accounted for. Do not trust what this "
            "run delivered until the difference is found."
        )
    if run.stopped:
        return run.stopped[0].upper() + run.stopped[1:].rstrip(".") + "."
    parts = [
        f"{grouped(records[state])} {SHOWN_AS[state]}" for state in STATES if records.get(state)
    ]
    where = f": {', '.join(parts)}" if parts else ""
    return f"{came} came in, and every one of them is accounted for{where}."


def next_steps(run: RunReport) -> list[tuple[str, list[str]]]:
    """List what a person should do now: words, and the commands that do it."""
    steps = _urgent(run)
    for rule, count in sorted(run.held.items(), key=lambda item: -item[1])[:MOST_RULES]:
        words = (
            f"{_things(count, 'record')} held by {rule}: look, then resubmit, release or reject."
        )
        steps.append((words, [f"crossdock quarantine list --rule {rule}"]))
    if run.records.get("quarantined") and not run.held:
        words = "Look at what is held."
        steps.append((words, [f"crossdock quarantine list --flow {run.flow}"]))
    if run.new_fields:
        fields = _things(len(run.new_fields), "field")
        words = f"The source sends {fields} that no mapping names: map, or put under ignore."
        steps.append((words, []))
    if run.records.get("pending"):
        waiting = _things(run.records["pending"], "record")
        words = f"{waiting} on the way: the next run sends them, or asks the target again."
        steps.append((words, [f"crossdock run {run.flow}"]))
    return steps


def _urgent(run: RunReport) -> list[tuple[str, list[str]]]:
    steps = []
    if not run.balanced:
        words = "Find the difference before anything else."
        steps.append((words, [f"crossdock ledger {run.flow} --run {run.run}"]))
    if run.stopped:
        words = (
            "Remove the cause, then run the flow again: it takes up the same batches, and nothing "
            "is delivered twice."
        )
        steps.append((words, [f"crossdock run {run.flow}"]))
    return steps


def grouped(number: int | str | Decimal) -> str:
    """Write a number with commas between thousands, with the decimals that it has.

    >>> grouped(25900), grouped("9747747.934"), grouped("-0.5")
    ('25,900', '9,747,747.934', '-0.5')
    """
    return f"{Decimal(str(number)):,f}"


def money(amount: str | Decimal) -> str:
    """Write an amount with at least two decimals.

    >>> money("9747747.934"), money("12.5"), money("0")
    ('9,747,747.934', '12.50', '0.00')
    """
    value = Decimal(str(amount))
    exponent = value.as_tuple().exponent
    return grouped(value if isinstance(exponent, int) and exponent <= -2 else round(value, 2))


def duration(seconds: float) -> str:
    """Write a time span for people.

    >>> duration(0.04), duration(7.25), duration(190)
    ('0.04 s', '7.2 s', '3 min 10 s')
    """
    if seconds >= 60:
        return f"{int(seconds) // 60} min {int(seconds) % 60} s"
    return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"


def _things(count: int, thing: str) -> str:
    return f"{grouped(count)} {thing}{'' if count == 1 else 's'}"


def _gravity(found: Found) -> tuple[int, int, str]:
    return (list(SEVERITY_WORDS).index(found.severity), -found.records, found.rule)


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _trend(run: RunReport) -> list[Stack]:
    """Draw this run beside the latest earlier ones, oldest first."""
    past = [(_instant(item.at), item.records, item.balanced) for item in run.earlier][-23:]
    if not past:
        return []
    return stacks([*past, ("this run", run.records, run.balanced)], STATES)


def _times(run: RunReport) -> list[Bar]:
    longest = max(run.seconds.values(), default=0) or 1
    return [
        Bar(step, duration(spent), round(spent / longest * 100, 2))
        for step, spent in run.seconds.items()
    ]


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
    environment.filters.update(grouped=grouped, money=money, duration=duration, instant=_instant)
    return environment.get_template("run.html")
