"""What must be true when a world is quiet, told by the world and not by the hub.

A record is where its target's own journal or table says it is. Of the hub's tables only the
quarantine is asked what it holds; its books are then compared with what was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.rig.worlds import Wanted, World

_HOLDS = "SELECT key, subject, target FROM hold WHERE state = 'open'"
_LEASES = "SELECT name, holder FROM lease WHERE holder <> ''"
_NEWEST = """
SELECT v.key, l.target, l.state FROM ledger l JOIN record_version v ON v.id = l.version_id
WHERE v.latest = 1"""
_SOUND = {
    "a run did not end": "SELECT id, state FROM run WHERE state <> 'closed'",
    "a run's books do not balance": "SELECT id FROM run WHERE balanced = 0",
    "something is still being sent": """
        SELECT target, document_key, state FROM outbox
        WHERE state IN ('pending', 'sending', 'accepted')""",
    "a batch was not resolved": "SELECT id, state FROM batch WHERE state <> 'resolved'",
    "a record names bytes that were never kept": """
        SELECT v.key, v.object_id FROM record_version v
        WHERE v.object_id NOT IN (SELECT id FROM object)""",
    "a record version stands in no ledger row": """
        SELECT v.key FROM record_version v
        WHERE v.id NOT IN (SELECT version_id FROM ledger)""",
    "a hold has no verdict": """
        SELECT h.key FROM hold h
        WHERE h.subject <> 'object' AND h.id NOT IN (SELECT hold_id FROM verdict)""",
    "a record is pending": """
        SELECT key, reason FROM record_version WHERE state = 'pending'""",
    "a key has not one newest version": """
        SELECT system, stream, key FROM record_version
        GROUP BY system, stream, key HAVING sum(latest) <> 1""",
}


def problems(world: World, clean: dict[str, Any] | None = None) -> list[str]:
    """Say in words everything that is wrong; ``clean`` is what lies there in a quiet life."""
    wanted = world.wanted()
    held = _held(world, wanted)
    found = [*_each_once(world, wanted, held), *_money(world, wanted, held), *_books(world)]
    for words, statement in _SOUND.items():
        found += [f"{words}: {row}" for row in world.rows("hub.db", statement)]
    found += [
        f"a lease is still held: {name} by {holder}"
        for name, holder in world.rows("hub.db", _LEASES)
        if Path("/proc", holder.split(":")[1]).exists()  # what the dead hold, anybody may take
    ]
    if clean is not None and world.content() != clean:
        found.append(f"the targets differ from an undisturbed run: {_difference(world, clean)}")
    left = [path.name for path in (world.folder / "state" / "scratch").glob("pull-*")]
    return found + [f"a temporary folder is left: {name}" for name in left]


def _held(world: World, wanted: dict[str, Wanted]) -> dict[str, set[str]]:
    """Give target -> numbers that the quarantine holds back from it."""
    held: dict[str, set[str]] = {target: set() for target in world.arrived()}
    number_of = {one.key: number for number, one in wanted.items()}
    for key, subject, target in world.rows("hub.db", _HOLDS):
        for name in [target] if subject == "delivery" else held:
            held[name].add(number_of.get(key, f"unknown key {key}"))
    return held


def _each_once(world: World, wanted: dict[str, Wanted], held: dict[str, set[str]]) -> Iterator[str]:
    for target, there in world.arrived().items():
        for number in sorted(set(there) - set(wanted)):
            yield f"{target} has {number}, which no source showed"
        for number in wanted:
            times = len(there.get(number, []))
            if times > 1:
                yield f"{target} has {number} {times} times"
            if times == 0 and number not in held[target]:
                yield f"{number} is lost: it is neither at {target} nor in the quarantine"
            if times and number in held[target]:
                yield f"{number} is at {target} and in the quarantine"


def _money(world: World, wanted: dict[str, Wanted], held: dict[str, set[str]]) -> Iterator[str]:
    for target, there in world.arrived().items():
        sums: dict[str, Decimal] = {}
        for number, one in wanted.items():
            arrived = sum(there.get(number, []), Decimal(0))
            back = one.amount if number in held[target] else Decimal(0)
            sums[one.currency] = sums.get(one.currency, Decimal(0)) + one.amount - arrived - back
        for currency, rest in sums.items():
            if rest:
                yield f"{target}: {rest} {currency} of the source are nowhere"


def _books(world: World) -> Iterator[str]:
    """Compare the ledger with what is there: delivered means arrived, and the reverse."""
    numbers = {one.key: number for number, one in world.wanted().items()}
    arrived = world.arrived()
    said = {
        (numbers.get(key, key), target)
        for key, target, state in world.rows("hub.db", _NEWEST)
        if state == "delivered"
    }
    true = {(number, target) for target, there in arrived.items() for number in there}
    for number, target in sorted(said - true):
        yield f"the ledger says that {number} was delivered to {target}; it is not there"
    for number, target in sorted(true - said):
        yield f"{number} is at {target}; the ledger does not say so"


def _difference(world: World, clean: dict[str, Any]) -> str:
    now = world.content()
    parts = []
    for name, rows in clean.items():
        gone, new = set(rows) - set(now[name]), set(now[name]) - set(rows)
        if gone or new:
            parts.append(f"{name[:40]}: less {sorted(gone)[:2]}, more {sorted(new)[:2]}")
    return "; ".join(parts) or "some rows are there twice"
