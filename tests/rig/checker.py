"""What must be true when a world is quiet, told by the world and not by the hub: I1 to I9.

A record is where its target's own journal says that it is. Of the hub's tables only the
quarantine is asked what it holds; its books are then compared with what was found. (I10, that
pages, batches and workers change nothing, compares whole worlds: ``test_metamorphic``.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from tests.rig.worlds import Effect, Wanted, World

Content = dict[str, list[str]]

_HOLDS = "SELECT key, subject, target FROM hold WHERE state = 'open'"
_LEASES = "SELECT name, holder FROM lease WHERE holder <> ''"
_NEWEST = """
SELECT v.key, l.target, l.state, l.amount FROM ledger l JOIN record_version v ON v.id = l.version_id
WHERE v.latest"""
_CONSERVED = {
    "a run's books do not balance": "SELECT id FROM run WHERE NOT balanced",
    "a record version stands in no ledger row": """
        SELECT v.key FROM record_version v
        WHERE v.id NOT IN (SELECT version_id FROM ledger)""",
    "a record version is in no state of the law": """
        SELECT version_id, state FROM ledger
        WHERE state NOT IN ('delivered', 'quarantined', 'rejected', 'pending')""",
    "a key has not one newest version": """
        SELECT system, stream, key FROM record_version
        GROUP BY system, stream, key HAVING sum(CASE WHEN latest THEN 1 ELSE 0 END) <> 1""",
}
_ALIVE = {
    "a run did not end": "SELECT id, state FROM run WHERE state <> 'closed'",
    "something is still being sent": """
        SELECT target, document_key, state FROM outbox
        WHERE state IN ('pending', 'sending', 'accepted')""",
    "a batch was not resolved": "SELECT id, state FROM batch WHERE state <> 'resolved'",
    "a record is pending": "SELECT key, reason FROM record_version WHERE state = 'pending'",
    "the ledger has a record pending": "SELECT version_id FROM ledger WHERE state = 'pending'",
}
_EXPLAINED = {
    "a hold has no verdict": """
        SELECT h.key FROM hold h WHERE h.id NOT IN (SELECT hold_id FROM verdict)""",
    "a hold has no rule, no run or no bytes": """
        SELECT id FROM hold WHERE rule = '' OR summary = ''
        OR run_id NOT IN (SELECT id FROM run) OR object_id NOT IN (SELECT id FROM object)""",
    "a hold does not say which version it holds": """
        SELECT id FROM hold WHERE subject <> 'object' AND version_id IS NULL""",
    "a delivery left nothing that we agreed on": """
        SELECT o.target, o.document_key FROM outbox o LEFT JOIN binding b
        ON b.system || '.' || b.stream = o.target AND b.entity = o.entity
        AND b.document_id = o.document_id
        WHERE o.state = 'delivered' AND (b.base_version IS NULL
        OR b.base_version < o.document_version)""",
    "a rejected record has no reason": """
        SELECT version_id FROM ledger WHERE state IN ('rejected', 'quarantined') AND reason = ''""",
    "a record names bytes that were never kept": """
        SELECT v.key, v.object_id FROM record_version v
        WHERE v.object_id NOT IN (SELECT id FROM object)""",
    "a delivery has no receipt": """
        SELECT l.version_id, o.state FROM ledger l JOIN outbox o ON o.id = l.outbox_id
        WHERE l.state = 'delivered' AND (o.state <> 'delivered' OR o.receipt_at IS NULL)""",
    "a delivery has no document": """
        SELECT o.document_key FROM outbox o LEFT JOIN document_version d
        ON d.entity = o.entity AND d.document_id = o.document_id AND d.version = o.document_version
        WHERE d.version IS NULL""",
    "what the target agreed on is no version of ours": """
        SELECT b.system, b.their_id FROM binding b LEFT JOIN document_version d
        ON d.entity = b.entity AND d.document_id = b.document_id AND d.version = b.base_version
        WHERE d.version IS NULL""",
}
_TRAIL = "SELECT id, previous, hash FROM audit ORDER BY id"
_TALKATIVE = ("SELECT detail FROM run", "SELECT books FROM run", "SELECT message FROM outbox",
              "SELECT summary FROM hold", "SELECT reason FROM ledger",
              "SELECT name FROM object")  # fmt: skip
CANARIES = ("sandbox-secret", "Ada Okafor", "Ada King", "@example.com")
"""A secret, and what is personal: in no log, no error and no summary."""


def problems(world: World, clean: Content | None = None, said: str = "") -> list[str]:
    """Say in words everything that is wrong, each with the number of its invariant.

    ``clean`` is what lies at the targets in an undisturbed life, ``said`` whatever the processes
    wrote or raised.
    """
    found = []
    with world.reading():
        for number, invariant in INVARIANTS.items():
            found += [f"{number}: {words}" for words in invariant(world)]
    if clean is not None and not world.unsure and world.content() != clean:
        words = difference(world.content(), clean)
        found.append(f"I4: the targets differ from an undisturbed run: {words}")
    found += [f"I9: {word!r} was said aloud" for word in CANARIES if word in said]
    return found


def conserved(world: World) -> Iterator[str]:
    """I1: each record version is delivered, quarantined, rejected or pending; one of these."""
    wanted, held = world.wanted(), _held(world)
    for target, there in world.arrived().items():
        for number in wanted:
            if number not in there and number not in held[target]:
                yield f"{number} is lost: it is neither at {target} nor in the quarantine"
            if number in there and number in held[target] and not world.unsure:
                yield f"{number} is at {target} and in the quarantine"
    yield from _asked(world, _CONSERVED)
    yield from _books(world, wanted)


def once(world: World) -> Iterator[str]:
    """I2: nothing is doubled, and nothing comes from nowhere."""
    wanted = world.wanted()
    for target, there in world.arrived().items():
        for number, amounts in there.items():
            if number not in wanted:
                yield f"{target} has {number}, which no source showed"
            if len(amounts) > 1:
                yield f"{target} has {number} {len(amounts)} times"


def money(world: World) -> Iterator[str]:
    """I3: for each currency, what the source showed arrived or is held, to the last unit."""
    held = _held(world)
    for target, there in world.arrived().items():
        sums: dict[str, Decimal] = {}
        for number, one in world.wanted().items():
            arrived = sum(there.get(number, []), Decimal(0))
            doubted = number in there and world.unsure
            back = one.amount if number in held[target] and not doubted else Decimal(0)
            sums[one.currency] = sums.get(one.currency, Decimal(0)) + one.amount - arrived - back
        for currency, rest in sums.items():
            if rest:
                yield f"{target}: {rest} {currency} of the source are nowhere"
    yield from _accounts(world)


def _accounts(world: World) -> Iterator[str]:
    """Compare the money that the ledger calls delivered with what the targets took."""
    booked: dict[str, Decimal] = {}
    for _, target, state, amount in world.rows("hub", _NEWEST):
        if state == "delivered":
            booked[target] = booked.get(target, Decimal(0)) + world.exact(amount)
    for target, there in world.arrived().items():
        taken = sum((sum(amounts) for amounts in there.values()), Decimal(0))
        if world.unsure:  # what is in doubt is not booked
            continue
        if taken != booked.get(target, Decimal(0)):
            yield f"{target} took {taken}, the ledger says {booked.get(target, 0)}"


def ordered(world: World) -> Iterator[str]:
    """I5: at a target no record goes back to an older version, and the last one is the newest."""
    held = _held(world)
    for target, effects in world.effects().items():
        for number, one in world.wanted().items():
            taken = [effect for effect in effects if effect.number == number]
            yield from _forwards(target, one, taken, waits=number in held[target])


def _forwards(target: str, one: Wanted, taken: Sequence[Effect], *, waits: bool) -> Iterator[str]:
    at = 0
    for effect in taken:
        later = [n for n in range(at, len(one.versions)) if one.versions[n] == effect.version]
        if not later:
            yield f"{target} took {one.number} as {effect.version!r}, which is old or unknown"
            return
        at = later[0]
    if taken and not waits and taken[-1].version != one.versions[-1]:
        yield f"{target} has an old version of {one.number}: {taken[-1].version!r}"


def alive(world: World) -> Iterator[str]:
    """I6: nothing waits, no living process holds a lease, nothing half-made lies about."""
    yield from _asked(world, _ALIVE)
    for name, holder in world.rows("hub", _LEASES):
        if Path("/proc", holder.split(":")[1]).exists():  # what the dead hold, anybody may take
            yield f"a lease is still held: {name} by {holder}"
    for path in (world.state / "scratch").glob("pull-*"):
        yield f"a temporary folder is left: {path.name}"
    for name in world.half_made():
        yield f"a half-made file is left: {name}"


def explained(world: World) -> Iterator[str]:
    """I7: every hold has a reason, bytes and a run; every delivery a document and a receipt."""
    yield from _asked(world, _EXPLAINED)


def audited(world: World) -> Iterator[str]:
    """I8: the acts of people are a whole chain, and each decision stands in it."""
    before, expected = "", 1
    for number, previous, own in world.rows("hub", _TRAIL):
        if number != expected or previous != before:
            yield f"the audit trail is broken at {expected}"
            return
        before, expected = own, number + 1
    decisions = len(world.rows("hub", "SELECT id FROM decision"))
    if decisions > expected - 1:
        yield f"{decisions} decisions, {expected - 1} acts in the audit trail"


def discreet(world: World) -> Iterator[str]:
    """I9: no secret and nothing personal stands where operators read."""
    for statement in _TALKATIVE:
        for (text,) in world.rows("hub", statement):
            for word in CANARIES:
                if word in str(text):
                    yield f"{word!r} stands in {statement.removeprefix('SELECT ')}"


INVARIANTS: dict[str, Callable[[World], Iterator[str]]] = {
    "I1": conserved,
    "I2": once,
    "I3": money,
    "I5": ordered,
    "I6": alive,
    "I7": explained,
    "I8": audited,
    "I9": discreet,
}


def _asked(world: World, questions: dict[str, str]) -> Iterator[str]:
    for words, statement in questions.items():
        yield from (f"{words}: {row}" for row in world.rows("hub", statement))


def _held(world: World) -> dict[str, set[str]]:
    """Give target -> numbers that the quarantine holds back from it."""
    held: dict[str, set[str]] = {target: set() for target in world.arrived()}
    number_of = {one.key: number for number, one in world.wanted().items()}
    for key, subject, target in world.rows("hub", _HOLDS):
        numbers = world.inside(key) if subject == "object" else [number_of.get(key, f"key {key}")]
        for name in [target] if subject == "delivery" else held:
            held[name].update(numbers)
    return held


def _books(world: World, wanted: dict[str, Wanted]) -> Iterator[str]:
    """Compare the ledger with what is there: delivered means arrived, and the reverse."""
    numbers = {one.key: number for number, one in wanted.items()}
    arrived = world.arrived()
    said = {
        (numbers.get(key, key), target)
        for key, target, state, _ in world.rows("hub", _NEWEST)
        if state == "delivered"
    }
    true = {(number, target) for target, there in arrived.items() for number in there}
    for number, target in sorted(said - true):
        yield f"the ledger says that {number} was delivered to {target}; it is not there"
    held = _held(world) if world.unsure else {}
    for number, target in sorted(true - said):
        if number in held.get(target, ()):
            continue
        yield f"{number} is at {target}; the ledger does not say so"


def difference(now: Content, clean: Content) -> str:
    """Say briefly in what two contents differ."""
    parts = []
    for name, rows in clean.items():
        gone, new = set(rows) - set(now[name]), set(now[name]) - set(rows)
        if gone or new:
            parts.append(f"{name[:40]}: less {sorted(gone)[:2]}, more {sorted(new)[:2]}")
    return "; ".join(parts) or "some rows are there twice"
