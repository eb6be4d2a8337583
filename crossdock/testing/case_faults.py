"""Reading while the wire and the server fail: whole, or said; never short."""

from __future__ import annotations

import contextlib

from crossdock.errors import CrossdockError, Misconfigured, TryLater
from crossdock.testing.cases import Fault, Lacking, case, expect
from crossdock.testing.driving import complete, lists, read
from crossdock.testing.stand import Stand

POSITIONS = (1, 2, 4)
AFTER = 3.0


def _survives(stand: Stand, fault: str, *, must: bool, times: int = 1) -> None:
    """Break one request at several positions; a read is whole, or says TryLater.

    With ``must`` it has to be whole: a single fault is no reason to give up.
    """
    for stream in lists(stand):
        for position in POSITIONS:
            stand.fail(fault, at=position, times=times)
            where = f"{fault} at request {position}"
            try:
                landed = read(stand, stream)
            except TryLater as error:
                expect(not must, f"{stream.name}, {where}: it gave up: {error}")
                continue
            except Misconfigured as error:
                raise Fault(f"{stream.name}, {where}: a passing fault stopped the flow: "
                            f"{error}") from None  # fmt: skip
            finally:
                stand.heal()
            complete(stand, stream, landed, where)


@case()
def a_token_that_dies_is_renewed(stand: Stand) -> None:
    """A token that ends in the middle of a read is renewed, and the read goes on."""
    stand.server.forget_counts()
    if not any(secret for secret in _tokens(stand)):
        raise Lacking("its credentials do not end")
    _survives(stand, "expired_token", must=True)


def _tokens(stand: Stand) -> list[bool]:
    """Whether the connector has credentials that it can renew."""
    from crossdock.auth import Fixed

    made = stand.open()
    session = getattr(made, "http", None)
    auth = getattr(session, "auth", None)
    return [auth is not None and not isinstance(auth, Fixed)]


@case()
def it_waits_as_long_as_it_is_told(stand: Stand) -> None:
    """Told to wait, it waits at least so long before the next request, or says so."""
    server = stand.server
    for form in stand.throttles:
        for stream in lists(stand)[:1]:
            made = stand.open()
            read(stand, stream, connector=made)  # log-ins have their own server
            stand.fail(form, at=1, after=AFTER)
            before = stand.clock.slept
            try:
                landed = read(stand, stream, connector=made)
            except TryLater as error:
                expect(error.after is not None and error.after >= AFTER,
                       f"{form}: it says to come back after {error.after} s")  # fmt: skip
                continue
            except Misconfigured as error:
                raise Fault(f"{form}: it stopped the flow: {error}") from None
            finally:
                stand.heal()
            waited = stand.clock.slept - before
            expect(server.requests >= 2, f"{form}: it took the refusal for an answer")
            expect(waited >= AFTER - 0.01, f"{form}: it was told to wait {AFTER} s and waited "
                                           f"{waited:.1f} s")  # fmt: skip
            complete(stand, stream, landed, form)


@case()
def others_wait_too(stand: Stand) -> None:
    """What one connector is told about the budget, another of the same account obeys."""
    form = stand.throttles[0]
    stream = lists(stand)[0]
    first, second = stand.open(), stand.open()
    stand.fail(form, at=1, times=50, after=AFTER)
    with contextlib.suppress(CrossdockError):  # it was told often enough
        read(stand, stream, connector=first)
    stand.heal()
    before = stand.clock.slept
    read(stand, stream, connector=second)
    waited = stand.clock.slept - before
    expect(waited > 0, "another worker with the same credential did not wait")


@case()
def a_server_error_passes(stand: Stand) -> None:
    """500, 502 with a page, and 503 in the middle of a read are tried again."""
    for fault in ("500", "502_html", "503"):
        _survives(stand, fault, must=True)


@case()
def a_server_that_stays_broken_is_said(stand: Stand) -> None:
    """When nothing but errors comes, it says TryLater and never gives an empty list."""
    for stream in lists(stand):
        stand.fail("503", at=1, times=1_000_000)
        try:
            landed = read(stand, stream)
        except TryLater:
            continue
        finally:
            stand.heal()
        raise Fault(f"{stream.name}: the server was down, and {len(landed)} pages came")


@case()
def a_connection_that_breaks_is_made_again(stand: Stand) -> None:
    """A reset before or in the middle of an answer is tried again."""
    for fault in ("reset", "reset_midway"):
        _survives(stand, fault, must=True)


@case()
def a_cut_answer_is_never_whole(stand: Stand) -> None:
    """A body that ends early, plain or compressed, or not at all there, is no answer."""
    for fault in ("truncated", "truncated_gzip", "empty"):
        _survives(stand, fault, must=True)


@case()
def a_page_of_html_is_no_data(stand: Stand) -> None:
    """A log-in page or a captcha with status 200 is no list."""
    _survives(stand, "200_html", must=True)
