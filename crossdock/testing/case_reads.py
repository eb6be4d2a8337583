"""Reading: all of it, twice the same, from every cursor, with pages of any size."""

from __future__ import annotations

from dataclasses import replace

from crossdock.connector import Reads
from crossdock.errors import CrossdockError, Misconfigured, TryLater
from crossdock.testing.cases import Fault, Lacking, case, expect
from crossdock.testing.driving import Landed, complete, contents, keys, lists, read, rows_of
from crossdock.testing.stand import Stand

MOST_CURSORS = 8
ODD = {
    "emoji": "👩‍🚀🧾",
    "nul": "a\u0000b",
    "long": "x" * 10_000,
    "minus_zero": "-0",
    "leap_second": "2016-12-31T23:59:60Z",
    "number": "1,234.50",
    "right_to_left": "\u202eABC",
    "line_ends": "a\r\nb\u2028c",
    "formula": "=1+1",
    "markup": "<script>&amp;</script>",
}


@case(live=True)
def a_read_brings_everything(stand: Stand) -> None:
    """A read from the beginning brings each record that is there, and none is faulty."""
    for stream in lists(stand):
        landed = read(stand, stream)
        faults = [row for one in landed for row in one.rows if row.fault]
        expect(not faults, f"{stream.name}: {faults[0].fault if faults else ''}")
        complete(stand, stream, landed, "a whole read")


@case(live=True)
def two_reads_are_equal(stand: Stand) -> None:
    """Two reads from the beginning bring the same records with the same content."""
    for stream in lists(stand):
        first, second = (contents(read(stand, stream)) for _ in range(2))
        other = sorted(key for key in first | second if first.get(key) != second.get(key))
        expect(not other, f"{stream.name}: another content for {', '.join(other[:5])}")


@case(live=True)
def a_read_resumes_from_every_cursor(stand: Stand) -> None:
    """After a crash behind any page, the read that follows leaves nothing out."""
    tried = 0
    for stream in lists(stand):
        whole = read(stand, stream)
        wanted = contents(whole)
        marks = [number for number, one in enumerate(whole, 1) if one.page.cursor is not None]
        for number in marks[:: max(1, len(marks) // MOST_CURSORS)]:
            cursor = whole[number - 1].cursor
            rest = read(stand, stream, cursor)
            got = {**contents(whole[:number]), **contents(rest)}
            gap = sorted(key for key in wanted if got.get(key) != wanted[key])
            expect(not gap, f"{stream.name}, resumed after page {number}: missing "
                            f"{', '.join(gap[:5])}")  # fmt: skip
            _expect_progress(stream, whole[:number], rest)
            tried += 1
    if not tried:
        raise Lacking("it has no cursor: what is new is told by content")


def _expect_progress(stream: Reads, before: list[Landed], rest: list[Landed]) -> None:
    """Raise Fault where a cursor does not spare anything, or goes back."""
    if stream.shape != "log":
        return
    twice = keys(before) & keys(rest)
    expect(not twice, f"{stream.name}: a log gave {', '.join(sorted(twice)[:5])} twice")


@case()
def nothing_new_is_little_read(stand: Stand) -> None:
    """A read from the last cursor brings no more than the overlap, and keeps the cursor."""
    tried = 0
    for stream in lists(stand):
        whole = read(stand, stream)
        if not whole or whole[-1].cursor is None or stream.shape == "queue":
            continue
        again = read(stand, stream, whole[-1].cursor)
        brought = sum(len(one.rows) for one in again)
        everything = sum(len(one.rows) for one in whole)
        small = len(whole) < 3 or stream.overlap > 0
        expect(small or brought < everything,
               f"{stream.name}: with nothing new all {everything} records came again")  # fmt: skip
        wrong = [row.key for one in again for row in one.rows
                 if contents(whole).get(row.key) != row.content]  # fmt: skip
        expect(not wrong, f"{stream.name}: came with other content: {', '.join(wrong[:5])}")
        tried += 1
    if not tried:
        raise Lacking("it has no cursor: what is new is told by content")


@case()
def a_late_commit_is_seen(stand: Stand) -> None:
    """A record committed late, with a time before the cursor, comes within the overlap."""
    tried, reason = 0, "it has no cursor: what is new is told by content"
    for stream in lists(stand):
        if stream.shape not in {"changes", "window"}:
            continue
        whole = read(stand, stream)
        if not whole or whole[-1].cursor is None:
            continue
        try:
            late = stand.commit_late(stream.name)
        except Lacking as error:
            reason = str(error)
            continue
        after = read(stand, stream, whole[-1].cursor)
        expect(late in keys(after), f"{stream.name}: {late} was committed late and never came")
        tried += 1
    if not tried:
        raise Lacking(reason)


def _with_size(stand: Stand, size: int) -> None:
    tried, reason = 0, ""
    for stream in lists(stand):
        try:
            other = stand.sized(stream, size)
        except Lacking as error:
            reason = str(error)
            continue
        complete(stand, other, read(stand, other), f"pages of {size}")
        tried += 1
    if not tried:
        raise Lacking(reason)


@case()
def pages_of_one_record(stand: Stand) -> None:
    """With one record a page, nothing is lost and it ends."""
    _with_size(stand, 1)


@case()
def pages_of_the_largest_size(stand: Stand) -> None:
    """With the largest pages that the system gives, nothing is lost."""
    _with_size(stand, stand.most)


@case()
def pages_that_shift_lose_nothing(stand: Stand) -> None:
    """Records that change during the read are there after the next read at the latest."""
    tried, reason = 0, ""
    for stream in lists(stand):
        try:
            stand.while_reading(stream.name)
        except Lacking as error:
            reason = str(error)
            continue
        landed: list[Landed] = []
        try:
            landed = read(stand, stream)
        except TryLater:
            reason = "it said that the pages shift"  # nothing was taken for whole
        finally:
            stand.calm()
        stand.clock.sleep(1_000.0)  # until what is new can be read
        cursor = landed[-1].cursor if landed else None
        complete(stand, stream, [*landed, *read(stand, stream, cursor)], "pages that shift")
        tried += 1
    if not tried:
        raise Lacking(reason)


@case()
def a_page_that_comes_twice_does_no_harm(stand: Stand) -> None:
    """A page that begins with the records of the page before it hides none."""
    for stream in lists(stand):
        for position in (2, 3):
            stand.fail("duplicate_page", at=position)
            try:
                landed = read(stand, stream)
            except (TryLater, Misconfigured):
                continue  # it was seen and said
            finally:
                stand.heal()
            complete(stand, stream, landed, f"request {position} repeats a page")


@case()
def a_list_that_goes_round_ends(stand: Stand) -> None:
    """A next page that is this very page is found, and does not go on for ever."""
    for stream in lists(stand):
        stand.fail("loop", at=1, times=1_000_000)
        try:
            landed = read(stand, stream, most=500)
        except Fault:
            raise Fault(f"{stream.name} goes round for ever") from None
        except CrossdockError:
            continue
        finally:
            stand.heal()
        complete(stand, stream, landed, "a list that goes round")


@case()
def a_next_page_elsewhere_is_not_followed(stand: Stand) -> None:
    """A next page at another host is refused: our credentials would go there."""
    from crossdock.testing.watching import connections

    for stream in lists(stand):
        made = stand.open()
        stand.fail("elsewhere", at=1, times=1_000_000)
        with connections() as seen:
            try:
                for page in made.read(stream, None):
                    rows_of(made, stream, page)
            except CrossdockError:
                continue
            finally:
                stand.heal()
        away = {host for host in seen if host.startswith("127.0.0.") and host != "127.0.0.1"}
        expect(not away, f"{stream.name} followed an address to {', '.join(away)}")


@case()
def odd_values_come_whole_or_are_named(stand: Stand) -> None:
    """Odd texts pass, or are faults of their record alone."""
    tried, reason = 0, ""
    for stream in lists(stand):
        try:
            odd = stand.plant(stream.name, ODD)
        except Lacking as error:
            reason = str(error)
            continue
        landed = read(stand, stream)
        rows = [row for one in landed for row in one.rows]
        good = {row.key for row in rows if not row.fault}
        expect(stand.there(stream.name) - {odd} <= good,
               f"{stream.name}: one odd record hides others")  # fmt: skip
        expect(odd in good or any(row.fault for row in rows),
               f"{stream.name}: the odd record has gone without a word")  # fmt: skip
        tried += 1
    if not tried:
        raise Lacking(reason)


@case()
def a_code_that_is_not_known_comes_as_it_is(stand: Stand) -> None:
    """A new code and a new field of theirs are no reason to lose the record."""
    tried, reason = 0, ""
    for stream in lists(stand):
        try:
            key = stand.strange(stream.name)
        except Lacking as error:
            reason = str(error)
            continue
        expect(key in keys(read(stand, stream)), f"{stream.name}: {key} did not come")
        tried += 1
    if not tried:
        raise Lacking(reason)


@case()
def a_deleted_record_is_told(stand: Stand) -> None:
    """A stream that declares how deletions are told tells them, and no others."""
    tried, reason = 0, "no stream declares deletions"
    for stream in lists(stand):
        if stream.deletes == "never":
            continue
        whole = read(stand, stream)
        try:
            gone = stand.remove(stream.name)
        except Lacking as error:
            reason = str(error)
            continue
        known = {key: tuple(_parts(key)) for key in keys(whole)}
        knowing = stand.open(known=lambda system, name, known=known: iter(known.values()))
        cursor = whole[-1].cursor if whole and stream.deletes == "tombstone" else None
        after = read(stand, stream, cursor, connector=knowing)
        told = {row.key for one in after for row in one.rows if row.deleted}
        told &= set(known)  # others may have been deleted before
        expect(told == {gone}, f"{stream.name}: {gone} was deleted, and it told {sorted(told)}")
        tried += 1
    if not tried:
        raise Lacking(reason)


def _parts(key: str) -> tuple[str, ...]:
    from crossdock.store.shared import parted

    return parted(key)


@case()
def a_queue_keeps_what_was_not_landed(stand: Stand) -> None:
    """A queue gives a record until it is landed, and then no more."""
    tried = 0
    for stream in lists(stand):
        if stream.shape != "queue":
            continue
        made = stand.open()
        first = read(stand, stream, connector=made)
        again = read(stand, stream, connector=made)
        expect(contents(first) == contents(again), f"{stream.name}: reading took records away")
        for one in first:
            made.landed(stream, replace(one.page))
        left = keys(read(stand, stream, connector=made))
        expect(not left, f"{stream.name}: landed and still there: {', '.join(sorted(left)[:5])}")
        tried += 1
    if not tried:
        raise Lacking("it reads no queue")
