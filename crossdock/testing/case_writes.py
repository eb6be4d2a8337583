"""Writing: once, whatever happens; one verdict for each; and the delivery class is true."""

from __future__ import annotations

from collections.abc import Sequence

from crossdock.connector import Outcome, Parcel, Writes
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.testing.cases import Fault, Lacking, case, expect
from crossdock.testing.driving import ask_again, deliver, targets
from crossdock.testing.stand import Stand

LOSSES = ("commit_then_reset", "commit_then_500", "truncated", "200_html")
"""Faults after which the effect may or may not have happened."""


def _count(stand: Stand, stream: Writes, parcel: Parcel) -> int:
    return list(stand.effects(stream.name)).count(parcel.reference)


def _settled(stand: Stand, stream: Writes, parcels: Sequence[Parcel]) -> dict[str, Outcome]:
    """Deliver, and ask again about what was accepted until it is final."""
    made = stand.open()
    outcomes = deliver(stand, stream, parcels, connector=made)
    for _ in range(5):
        if all(outcome.verdict != "accepted" for outcome in outcomes.values()):
            break
        stand.post(stream.name)
        outcomes = ask_again(stand, made, stream, parcels, outcomes)
    return outcomes


@case()
def a_document_arrives_once(stand: Stand) -> None:
    """A good document is delivered, has an id there, and stands there once."""
    for stream in targets(stand):
        parcel = stand.parcel(stream.name, 1)
        outcome = _settled(stand, stream, [parcel])[parcel.reference]
        expect(outcome.verdict == "delivered",
               f"{stream.name}: {outcome.verdict}: {outcome.message}")  # fmt: skip
        expect(bool(outcome.their_id), f"{stream.name}: it was delivered and has no id")
        count = _count(stand, stream, parcel)
        expect(count == 1, f"{stream.name}: it was delivered and stands there {count} times")


@case()
def the_same_document_twice_is_there_once(stand: Stand) -> None:
    """Sent again by another worker, as its class allows, it stands there once."""
    tried = 0
    for stream in targets(stand):
        if stream.delivery == "none":
            continue
        parcel = stand.parcel(stream.name, 2)
        for _ in range(3):
            outcome = _settled(stand, stream, [parcel])[parcel.reference]
            expect(outcome.verdict == "delivered",
                   f"{stream.name}: sent again: {outcome.verdict}: {outcome.message}")  # fmt: skip
        count = _count(stand, stream, parcel)
        expect(count == 1, f"{stream.name} ({stream.delivery}): sent three times, it stands there "
                           f"{count} times")  # fmt: skip
        tried += 1
    if not tried:
        raise Lacking("nothing makes a repeated write harmless there; the engine never repeats")


@case()
def an_answer_that_is_lost_makes_no_double(stand: Stand) -> None:
    """The effect happened and the answer was lost: the declared class keeps it single."""
    number = 10
    for stream in targets(stand):
        for loss in LOSSES:
            for position in (1, 2, 3):
                number += 1
                parcel = stand.parcel(stream.name, number)
                stand.fail(loss, at=position)
                try:
                    outcome = _settled(stand, stream, [parcel])[parcel.reference]
                except Misconfigured as error:
                    raise Fault(f"{stream.name}, {loss}: it stopped the flow: {error}") from None
                finally:
                    stand.heal()
                _expect_true(stand, stream, parcel, outcome, f"{loss} at request {position}")


def _expect_true(stand: Stand, stream: Writes, parcel: Parcel, outcome: Outcome, when: str) -> None:
    """Raise Fault where what is said is not what happened."""
    count, said = _count(stand, stream, parcel), outcome.verdict
    name = f"{stream.name} ({stream.delivery}), {when}"
    expect(count <= 1, f"{name}: it stands there {count} times")
    expect(said != "delivered" or count == 1, f"{name}: delivered, and it is not there")
    expect(said != "refused" or count == 0, f"{name}: refused, and it is there")
    expect(said not in {"try_later", "refused"} or count == 0 or stream.delivery != "none",
           f"{name}: it says {said}, and it is there: the engine would send it again")  # fmt: skip
    if stream.delivery != "none":
        expect(said == "delivered", f"{name}: after all tries it is {said}: {outcome.message}")


@case()
def a_request_that_never_arrived_is_sent_again(stand: Stand) -> None:
    """A reset before anything happened ends in one delivery, or in an uncertain one."""
    number = 40
    for stream in targets(stand):
        for fault in ("reset", "503", *stand.throttles[:1]):
            number += 1
            parcel = stand.parcel(stream.name, number)
            stand.fail(fault, at=1)
            try:
                outcome = _settled(stand, stream, [parcel])[parcel.reference]
            finally:
                stand.heal()
            _expect_true(stand, stream, parcel, outcome, fault)


@case()
def a_document_that_is_refused_is_said_so(stand: Stand) -> None:
    """What the system does not take is refused, with their words, and is not there."""
    tried, reason = 0, ""
    for stream in targets(stand):
        try:
            parcel = stand.parcel(stream.name, 60, good=False)
        except Lacking as error:
            reason = str(error)
            continue
        outcome = _settled(stand, stream, [parcel])[parcel.reference]
        expect(outcome.verdict == "refused", f"{stream.name}: a bad document was {outcome.verdict}")
        expect(bool(outcome.message), f"{stream.name}: refused without a word")
        expect(_count(stand, stream, parcel) == 0, f"{stream.name}: refused, and it is there")
        tried += 1
    if not tried:
        raise Lacking(reason)


@case()
def one_bad_document_stops_no_other(stand: Stand) -> None:
    """In a batch each document has its own verdict, also where the batch is refused whole."""
    tried, reason = 0, "every call takes one document"
    for stream in targets(stand):
        if stream.batch < 2:
            continue
        size = min(stream.batch, 8)
        try:
            parcels = [stand.parcel(stream.name, 70 + n, good=n != 2) for n in range(size)]
        except Lacking as error:
            reason = str(error)
            continue
        outcomes = _settled(stand, stream, parcels)
        for number, parcel in enumerate(parcels):
            said = outcomes[parcel.reference].verdict
            wanted = "refused" if number == 2 else "delivered"
            expect(said == wanted, f"{stream.name}: document {number} of {size} is {said}, not "
                                   f"{wanted}: {outcomes[parcel.reference].message}")  # fmt: skip
            count = _count(stand, stream, parcel)
            expect(count == int(number != 2), f"{stream.name}: document {number} stands there "
                                              f"{count} times")  # fmt: skip
        tried += 1
    if not tried:
        raise Lacking(reason)


@case()
def a_call_that_is_too_large_is_halved(stand: Stand) -> None:
    """Status 413 or 422 for a batch leads to smaller calls, and each document arrives once."""
    stand.server.forget_counts()
    tried = 0
    for stream in targets(stand):
        if stream.batch < 2:
            continue
        for fault in ("413", "422"):
            tried += 1
            parcels = [stand.parcel(stream.name, 90 + tried * 10 + n) for n in range(4)]
            stand.open()
            stand.fail(fault, at=_first_write(stand, stream))
            outcomes = _settled(stand, stream, parcels)
            stand.heal()
            for parcel in parcels:
                said = outcomes[parcel.reference]
                expect(said.verdict == "delivered", f"{stream.name}, {fault}: {said.verdict}: "
                                                    f"{said.message}")  # fmt: skip
                expect(_count(stand, stream, parcel) == 1, f"{stream.name}, {fault}: not once")
    if not tried:
        raise Lacking("every call takes one document")


def _first_write(stand: Stand, stream: Writes) -> int:
    """Find which request of a fresh connector is the write: after log-in and look-up."""
    stand.heal()
    stand.server.forget_counts()
    probe = stand.parcel(stream.name, 900 + len(list(stand.opened())))
    deliver(stand, stream, [probe])
    return stand.server.requests


@case()
def a_conflict_is_no_delivery(stand: Stand) -> None:
    """409 and 412 are neither a yes nor a reason to stop everything."""
    number = 120
    for stream in targets(stand):
        made = stand.open()
        for fault in ("409", "412"):
            number += 2
            parcel = stand.parcel(stream.name, number)
            deliver(stand, stream, [stand.parcel(stream.name, number + 1)], connector=made)
            stand.fail(fault, at=1, times=1_000)
            try:
                outcome = deliver(stand, stream, [parcel], connector=made)[parcel.reference]
            except CrossdockError:
                continue  # the look-up met it, and said so
            finally:
                stand.heal()
            expect(outcome.verdict in {"refused", "try_later", "uncertain"},
                   f"{stream.name}: status {fault} was taken for {outcome.verdict}")  # fmt: skip
            expect(_count(stand, stream, parcel) == 0, f"{stream.name}, {fault}: it is there")


@case()
def a_lookup_finds_what_is_there_and_nothing_else(stand: Stand) -> None:
    """A look-up finds a delivered document by its id, and nothing for one that is not there."""
    tried = 0
    for stream in targets(stand):
        made = stand.open()
        sent, other = stand.parcel(stream.name, 140), stand.parcel(stream.name, 141)
        try:
            made.lookup(stream, [other])
        except (NotImplementedError, Misconfigured) as error:
            if stream.delivery == "lookup_before_create":
                raise Fault(f"{stream.name}: {error}") from None
            continue
        outcome = _settled(stand, stream, [sent])[sent.reference]
        found = made.lookup(stream, [sent, other])
        expect(set(found) == {sent.reference, other.reference},
               f"{stream.name}: the look-up leaves out what was asked for")  # fmt: skip
        here, nowhere = found[sent.reference], found[other.reference]
        expect(here is not None, f"{stream.name}: what was delivered is not found")
        expect(here is None or here.their_id == outcome.their_id or not outcome.their_id,
               f"{stream.name}: found {here.their_id if here else ''!r}, delivered as "
               f"{outcome.their_id!r}")  # fmt: skip
        expect(nowhere is None, f"{stream.name}: something was found that is not there")
        tried += 1
    if not tried:
        raise Lacking("it has no look-up")


@case()
def what_is_accepted_is_followed(stand: Stand) -> None:
    """What is accepted stays pending until the system has posted it, and then has an id."""
    tried = 0
    for stream in targets(stand):
        if not stream.accepts:
            continue
        made = stand.open()
        parcels = [stand.parcel(stream.name, 150 + n) for n in range(min(stream.batch, 3))]
        outcomes = deliver(stand, stream, parcels, connector=made)
        for outcome in outcomes.values():
            expect(outcome.verdict == "accepted", f"{stream.name}: {outcome.verdict} at once")
            expect(bool(outcome.their_id), f"{stream.name}: accepted without a handle")
        early = ask_again(stand, made, stream, parcels, outcomes)
        expect({one.verdict for one in early.values()} == {"accepted"},
               f"{stream.name}: final before it was posted")  # fmt: skip
        late = _settled_later(stand, stream, parcels, early)
        for parcel in parcels:
            said = late[parcel.reference]
            expect(said.verdict == "delivered", f"{stream.name}: posted, and it is {said.verdict}")
            expect(_count(stand, stream, parcel) == 1, f"{stream.name}: it is not there once")
        tried += 1
    if not tried:
        raise Lacking("it accepts nothing that it has not posted")


def _settled_later(
    stand: Stand, stream: Writes, parcels: Sequence[Parcel], outcomes: dict[str, Outcome]
) -> dict[str, Outcome]:
    """Post, and ask with a connector that did not send it: the handle says all."""
    made = stand.open()
    for _ in range(5):
        stand.post(stream.name)
        outcomes = ask_again(stand, made, stream, parcels, outcomes)
    return outcomes
