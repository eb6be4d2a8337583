"""The kit sees: each of these connectors has one fault, and a named case must fail for it."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from connectors.rest import Rest
from crossdock.connector import Check, Found, Outcome, Page, Parcel, Reads, Writes
from crossdock.errors import CrossdockError, TryLater
from crossdock.testing import Fault, Lacking, cases
from crossdock.testing.cases import run_case
from crossdock.testing.stands.rest import HostileStand

PLANTED: dict[str, tuple[type[Rest], str]] = {}


def sees(*names: str) -> Callable[[type[Rest]], type[Rest]]:
    def register(kind: type[Rest]) -> type[Rest]:
        for name in names:
            PLANTED[f"{kind.__name__}-{name}"] = (kind, name)
        return kind

    return register


@sees("a_read_resumes_from_every_cursor")
class CursorTooEarly(Rest):
    """The cursor is that of the page to come."""

    def read(self, stream: Reads, cursor: str | None) -> Iterator[Page]:
        pages = list(super().read(stream, cursor))
        marks = [*[page.cursor for page in pages][1:], None]
        for page, mark in zip(pages, marks, strict=True):
            yield dataclasses.replace(page, cursor=mark or page.cursor)


@sees("a_read_brings_everything", "pages_of_one_record")
class FirstPageOnly(Rest):
    """It never asks for the second page."""

    def read(self, stream: Reads, cursor: str | None) -> Iterator[Page]:
        for page in super().read(stream, cursor):
            yield page
            return


@sees("a_late_commit_is_seen")
class NoOverlap(Rest):
    """It reads from the cursor itself on."""

    @classmethod
    def list_of(cls, stream: Reads) -> Reads:
        return dataclasses.replace(stream, overlap=0.0, grain="none")


@sees("a_server_that_stays_broken_is_said", "it_waits_as_long_as_it_is_told")
class ErrorsAreEmpty(Rest):
    """An error is an empty list."""

    def read(self, stream: Reads, cursor: str | None) -> Iterator[Page]:
        try:
            yield from super().read(stream, cursor)
        except TryLater:
            return


@sees("an_answer_that_is_lost_makes_no_double")
class TriesAgainBlindly(Rest):
    """What was not answered is sent once more, whatever the class."""

    def write(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        outcomes = super().write(stream, parcels)
        if any(outcome.verdict == "uncertain" for outcome in outcomes):
            return super().write(stream, parcels)
        return outcomes


@sees("a_document_arrives_once")
class KeyOfItsOwn(Rest):
    """It writes twice, with a key that changes."""

    def write(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        if stream.name == "orders":
            super().write(stream, [dataclasses.replace(p, key=f"{p.key}x") for p in parcels])
        return super().write(stream, parcels)


@sees("the_same_document_twice_is_there_once")
class FalseClass(Rest):
    """It says that a plain create is an upsert."""

    def _all(self) -> Iterator[tuple[str, Any]]:
        for name, stream in super()._all():
            if name == "notes":
                stream = dataclasses.replace(stream, delivery="upsert")
            yield name, stream


@sees("a_document_that_is_refused_is_said_so", "a_conflict_is_no_delivery")
class StatusIsNotLookedAt(Rest):
    """Whatever comes back is a yes."""

    def write(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        super().write(stream, parcels)
        return [Outcome(parcel.reference, "delivered", "1") for parcel in parcels]


@sees("one_bad_document_stops_no_other")
class OneVerdictForAll(Rest):
    """A batch is as good as its worst document."""

    def write(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        outcomes = super().write(stream, parcels)
        bad = next((one for one in outcomes if one.verdict == "refused"), None)
        if bad is None:
            return outcomes
        return [dataclasses.replace(bad, reference=one.reference) for one in outcomes]


@sees("what_is_accepted_is_followed")
class AcceptedIsDelivered(Rest):
    """Taken is posted."""

    def write(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        return [
            dataclasses.replace(one, verdict="delivered") if one.verdict == "accepted" else one
            for one in super().write(stream, parcels)
        ]


@sees("a_lookup_finds_what_is_there_and_nothing_else")
class LooksAtTheWholeList(Rest):
    """The first that comes is taken for the one that was asked for."""

    def lookup(self, stream: Writes, parcels: Sequence[Parcel]) -> dict[str, Found | None]:
        return {parcel.reference: Found("1") for parcel in parcels}


@sees("it_never_tells_a_secret")
class Chatty(Rest):
    """It logs what it was opened with."""

    def check(self) -> Iterator[Check]:
        logging.getLogger("acme").debug("opened with %s", self.client_secret)
        yield from super().check()


@sees("its_check_finds_nobody_there", "its_check_finds_wrong_credentials")
class CheckIsKind(Rest):
    """It is content with everything."""

    def check(self) -> Iterator[Check]:
        yield Check("account", True)


@sees("its_check_names_a_missing_right")
class RightIsNotNamed(Rest):
    """It says that something is not allowed."""

    def check(self) -> Iterator[Check]:
        for line in super().check():
            yield dataclasses.replace(line, detail=line.detail.split(";")[0])


@sees("it_connects_to_declared_hosts_only")
class AsksElsewhere(Rest):
    """It calls home."""

    def check(self) -> Iterator[Check]:
        import contextlib
        import socket

        with contextlib.suppress(OSError), socket.socket() as home:
            home.settimeout(0.2)
            home.connect(("127.0.0.3", 9))
        yield from super().check()


@sees("a_queue_keeps_what_was_not_landed")
class TakesWhileReading(Rest):
    """What was read is taken out of the queue at once."""

    def read(self, stream: Reads, cursor: str | None) -> Iterator[Page]:
        for page in super().read(stream, cursor):
            if stream.name == "queue":
                self.landed(stream, page)
            yield page


@sees("a_deleted_record_is_told")
class SweepsNothing(Rest):
    """What is gone is not looked for."""

    @classmethod
    def list_of(cls, stream: Reads) -> Reads:
        return dataclasses.replace(stream, deletes="never")


@sees("every_setting_has_help")
class BareSetting(Rest):
    """A setting without a word of help."""

    extra: str = dataclasses.field(default="", metadata={})


@sees("a_token_that_dies_is_renewed")
class TokenForLife(Rest):
    """A token is fetched once."""

    def credentials(self) -> Any:
        auth = super().credentials()
        vars(auth)["renew"] = lambda sent, answer: False
        return auth


def run(kind: type[Rest], name: str) -> None:
    stand = type("Planted", (HostileStand,), {"connector": kind})
    run_case(stand, cases()[name])


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_seen(planted: str) -> None:
    kind, name = PLANTED[planted]
    with pytest.raises((Fault, CrossdockError)):
        run(kind, name)


def test_a_report_says_what_was_skipped_and_why(tmp_path: Path) -> None:
    from crossdock.testing import run as run_all
    from crossdock.testing.suite import stand_for

    class Small(HostileStand):
        lacks: Mapping[str, str] = {"its_check_says_yes": "a reason"}

    results = list(run_all(stand_for(Small, Rest), only="its_check_says_yes"))
    assert [(one.case, one.state, one.detail) for one in results] == [
        ("its_check_says_yes", "skipped", "a reason")
    ]
    with pytest.raises(Lacking, match="a reason"):
        run_case(Small, cases()["its_check_says_yes"])
