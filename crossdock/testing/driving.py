"""Drive a connector as the engine does: land and parse pages, deliver parcels by their class."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crossdock.connector import Connector, Outcome, Page, Parcel, Reads, Writes
from crossdock.errors import TryLater
from crossdock.testing.cases import Fault, Lacking, expect
from crossdock.testing.stand import Stand

TRIES = 5
FINAL = {"delivered", "refused"}


@dataclass(frozen=True)
class Row:
    """A record as the engine keeps it: its key, the hash of its content, what is wrong with it."""

    key: str
    content: str
    deleted: bool = False
    fault: str | None = None


@dataclass(frozen=True)
class Landed:
    """A page with its rows, and the cursor that is stored with it."""

    page: Page
    rows: tuple[Row, ...]
    cursor: str | None


def rows_of(connector: Connector, stream: Reads, page: Page) -> tuple[Row, ...]:
    """Parse the bytes of a page by the connector's own ``tables``."""
    import pyarrow as pa

    from crossdock.landing import _tabular
    from crossdock.nested import records_of

    path = page.body
    if isinstance(path, bytes):
        made = connector.world.scratch / f"kit-{uuid.uuid4().hex}"
        made.write_bytes(path)
        path = made
    found: list[Row] = []
    for table in connector.tables(stream, page.media, Path(path)):
        if "json" in table.column_names:
            raw = records_of(table, stream)
        else:
            raw = _tabular(table, stream)
            text = pa.array([str(row) for row in raw.drop_columns(["position"]).to_pylist()])
            raw = raw.append_column("hash", text)
        names = [name for name in ("key", "hash", "deleted", "fault") if name in raw.column_names]
        for record in raw.select(names).to_pylist():
            content = record["hash"]
            found.append(
                Row(
                    record["key"],
                    content.hex() if isinstance(content, bytes) else content,
                    bool(record.get("deleted")),
                    record.get("fault"),
                )
            )
    return tuple(found)


def read(
    stand: Stand,
    stream: Reads,
    cursor: str | None = None,
    *,
    connector: Connector | None = None,
    most: int = 2_000,
) -> list[Landed]:
    """Read a stream to its end as ``pull`` does; raises Fault where it does not end."""
    connector = connector or stand.open()
    landed: list[Landed] = []
    known = cursor
    for page in connector.read(stream, cursor):
        expect(len(landed) < most, f"{stream.name} gave {most} pages and goes on")
        expect(bool(page.name) and bool(page.media), "a page has no name or no media")
        known = page.cursor if page.cursor is not None else known
        landed.append(Landed(page, rows_of(connector, stream, page), known))
    return landed


def contents(landed: Sequence[Landed]) -> dict[str, str]:
    """Give the newest content of each key."""
    return {row.key: row.content for one in landed for row in one.rows}


def keys(landed: Sequence[Landed]) -> set[str]:
    """Give the keys of what came and is not gone."""
    last = {row.key: row for one in landed for row in one.rows}
    return {key for key, row in last.items() if not row.deleted}


def complete(stand: Stand, stream: Reads, landed: Sequence[Landed], when: str) -> None:
    """Raise Fault unless everything that is there came."""
    there = stand.there(stream.name)
    came = keys(landed)
    missing, foreign = sorted(there - came)[:5], sorted(came - there)[:5]
    expect(not missing, f"{stream.name}, {when}: {len(there - came)} records are missing: "
                        f"{', '.join(missing)}")  # fmt: skip
    expect(not foreign, f"{stream.name}, {when}: records that are not there: {', '.join(foreign)}")


def lists(stand: Stand) -> list[Reads]:
    """Give the streams that are read; raises Lacking where there is none."""
    found = stand.open().reads()
    names = [name for name in stand.lists() if name in found]
    if not names:
        raise Lacking("it reads nothing")
    return [found[name] for name in names]


def targets(stand: Stand) -> list[Writes]:
    """Give the streams that are written; raises Lacking where there is none."""
    found = stand.open().writes()
    names = [name for name in stand.targets() if name in found]
    if not names:
        raise Lacking("it writes nothing")
    return [found[name] for name in names]


def deliver(
    stand: Stand,
    stream: Writes,
    parcels: Sequence[Parcel],
    *,
    connector: Connector | None = None,
) -> dict[str, Outcome]:
    """Deliver parcels as ``push`` does: look up where the class says so, try again, ask again.

    Gives the last outcome of each; what is not final after a few tries stays as it was.
    """
    connector = connector or stand.open()
    left = {parcel.reference: parcel for parcel in parcels}
    outcomes: dict[str, Outcome] = {}
    for _ in range(TRIES):
        open_ = [left[ref] for ref in left if _is_open(outcomes.get(ref), stream)]
        if not open_:
            break
        try:
            outcomes |= _one_try(stand, connector, stream, open_)
        except TryLater as error:
            stand.clock.sleep(error.after or 1.0)
            for parcel in open_:
                outcomes[parcel.reference] = Outcome(
                    parcel.reference, "try_later", message=error.what
                )
        stand.clock.sleep(30.0)
    return outcomes


def _one_try(
    stand: Stand, connector: Connector, stream: Writes, parcels: Sequence[Parcel]
) -> dict[str, Outcome]:
    there: dict[str, Outcome] = {}
    if stream.delivery == "lookup_before_create":
        for ref, found in connector.lookup(stream, parcels).items():
            if found is not None:
                there[ref] = Outcome(ref, "delivered", found.their_id, "was there already")
    missing = [parcel for parcel in parcels if parcel.reference not in there]
    for start in range(0, len(missing), max(1, stream.batch)):
        part = missing[start : start + max(1, stream.batch)]
        made = stand.send(connector, stream, part)
        names = sorted(outcome.reference for outcome in made)
        if names != sorted(parcel.reference for parcel in part):
            raise Fault(f"{stream.name}: {len(part)} parcels were sent, and the outcomes are of "
                        f"{', '.join(names)}")  # fmt: skip
        there |= {outcome.reference: outcome for outcome in made}
    return there


def _is_open(outcome: Outcome | None, stream: Writes) -> bool:
    """Whether the engine would try again."""
    if outcome is None or outcome.verdict == "try_later":
        return True
    return outcome.verdict == "uncertain" and stream.delivery != "none"


def ask_again(
    stand: Stand, connector: Connector, stream: Writes, parcels: Sequence[Parcel],
    outcomes: dict[str, Outcome],
) -> dict[str, Outcome]:  # fmt: skip
    """Ask about what was accepted, once."""
    waiting = [
        replace(parcel, their_id=outcomes[parcel.reference].their_id)
        for parcel in parcels
        if outcomes[parcel.reference].verdict == "accepted"
    ]
    try:
        made = connector.follow(stream, waiting) if waiting else []
    except TryLater as error:
        stand.clock.sleep(error.after or 30.0)
        made = []
    return outcomes | {outcome.reference: outcome for outcome in made}
