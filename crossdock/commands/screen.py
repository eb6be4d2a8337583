"""How the command line shows things: tables, progress, JSON and errors. Rich lives here."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from crossdock.errors import CrossdockError

Step = Callable[[str, int, int], None]
"""Called by what takes long: name of the step, how many are done, of how many."""

QUIET_SECONDS = 2.0
"""A progress bar appears only for what takes longer than this."""


def console(*, stderr: bool = False) -> Console:
    """Give the terminal; colours and width follow it, a pipe gets plain text of 120 columns."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else 120, highlight=False)


def say(text: str = "") -> None:
    """Print one line of plain text; brackets in it are no markup."""
    console().print(text, markup=False, soft_wrap=True)


def as_json(value: Any) -> None:
    """Print ``value`` as JSON for a program: amounts are strings, instants ISO 8601."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not meant for JSON")


def complain(error: CrossdockError) -> None:
    """Print what went wrong, where, and what to do next; never a traceback."""
    screen = console(stderr=True)
    screen.print(f"Error: {error.what}", style="bold red", markup=False, soft_wrap=True)
    if error.where:
        screen.print(f"Where: {error.where}", markup=False, soft_wrap=True)
    if error.fix:
        screen.print(f"Next:  {error.fix}", markup=False, soft_wrap=True)


def table(
    headings: Sequence[str], rows: Iterable[Sequence[Any]], *, right: str = ""
) -> None:
    """Print rows under headings; the columns named in ``right`` (blank-separated) align right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for heading in headings:
        numbers = heading in right.split()
        # a figure is never cut: where the terminal is narrow, words fold first
        grid.add_column(
            heading,
            justify="right" if numbers else "left",
            no_wrap=numbers,
            overflow="fold",
        )
    for row in rows:
        grid.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console().print(grid)
    say()


@contextmanager
def progress() -> Iterator[Step]:
    """Show a bar a step on the terminal, once it has taken over two seconds; else nothing."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    screen = console(stderr=True)
    bars = Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=screen,
        transient=True,
    )
    known: dict[str, Any] = {}

    def step(name: str, done: int, total: int) -> None:
        if name not in known:
            known[name] = bars.add_task(name, total=total)
        bars.update(known[name], completed=done, total=total)

    patience = threading.Timer(QUIET_SECONDS, bars.start)
    patience.daemon = True
    if screen.is_terminal:
        patience.start()
    try:
        yield step
    finally:
        patience.cancel()
        if bars.live.is_started:
            bars.stop()


def count(number: int) -> str:
    """Write a whole number with its thousands apart.

    >>> count(541909)
    '541,909'
    """
    return f"{number:,}"


def money(amount: Decimal | str) -> str:
    """Write an exact amount with at least two decimals and its thousands apart.

    >>> money(Decimal("9747747.934")), money("5")
    ('9,747,747.934', '5.00')
    """
    value = Decimal(amount)
    exponent = value.normalize().as_tuple().exponent
    places = max(2, -exponent) if isinstance(exponent, int) else 2
    return f"{value:,.{places}f}"


def seconds_since(start: float) -> str:
    """Write how long ago the monotonic instant ``start`` was."""
    return f"{time.monotonic() - start:.1f} s"


STATES = ("read", "delivered", "quarantined", "rejected", "pending", "unchanged")


def books_together(pages: Sequence[Mapping[str, Any]]) -> None:
    """Print the books of several flows in two tables: records, and money for each currency."""
    columns = " ".join([*STATES, "adjusted"])
    headings = ["flow", *STATES] + (["books"] if len(pages) > 1 else [])
    table(
        headings,
        [
            [
                page["flow"],
                *(count(page["records"].get(state, 0)) for state in STATES),
                "balanced" if page["balanced"] else "NOT BALANCED",
            ][: len(headings)]
            for page in pages
        ],
        right=columns,
    )
    lines = [line for page in pages for line in page["money"]]
    shown = [
        state
        for state in (*STATES, "adjusted")
        if state == "read" or any(Decimal(line.get(state, 0)) for line in lines)
    ]
    table(
        ["money", "", *shown],
        [
            [
                page["flow"] if number == 0 else "",
                line["currency"],
                *(money(line.get(state, 0)) for state in shown),
            ]
            for page in pages
            for number, line in enumerate(page["money"])
        ],
        right=columns,
    )


def books(page: Mapping[str, Any]) -> None:
    """Print the books of a flow: what came in, where it is, and what that is worth."""
    verdict = "balanced" if page["balanced"] else "NOT BALANCED"
    run = f", run {page['run']}" if page.get("run") else ""
    say(f"Books of {page['flow']}{run}: {verdict}")
    say()
    books_together([page])
    states = list(STATES)
    for title, part in (("by target", "by_target"), ("by entity", "by_entity")):
        _share(title, page.get(part) or {}, states)
    reasons = page.get("reasons") or {}
    if reasons:
        listed = sorted(reasons.items(), key=lambda item: (-_number(item[1]), item[0]))
        table(
            ["why", "records"],
            [[reason, count(_number(value))] for reason, value in listed],
            right="records",
        )
    findings = page.get("findings") or {}
    if findings:
        table(
            ["rule", "severity", "records", "lines"],
            [
                [rule, item["severity"], count(item["records"]), count(item["lines"])]
                for rule, item in sorted(findings.items())
            ],
            right="records lines",
        )


def _share(title: str, part: Mapping[str, Any], states: list[str]) -> None:
    if not part:
        return
    shown = [state for state in states if any(state in row for row in part.values())]
    rows = [
        [name, *(count(_number(row.get(state, 0))) for state in shown)]
        for name, row in part.items()
    ]
    table([title, *shown], rows, right=" ".join(shown))


def _number(value: Any) -> int:
    """A count may stand alone or beside an amount."""
    return int(value["records"]) if isinstance(value, Mapping) else int(value)
