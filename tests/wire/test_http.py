"""What the one HTTP session promises: no cut-off body, no hang, no redirect, no secret told."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Callable, Iterator
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from crossdock.auth import basic, header_key
from crossdock.budget import InProcess
from crossdock.connector import Budget, World
from crossdock.egress import Egress
from crossdock.errors import CrossdockError, Misconfigured, Refused, TryLater
from crossdock.exchange import NoAnswer, Request
from crossdock.http import HttpSession
from crossdock.retry import ONCE, Patience
from crossdock.verdict import Rule
from tests.faults.catalogue import fault

from .conftest import START, Clock, Heard, answer

Serve = Callable[..., Any]
ROWS = json.dumps([{"id": number} for number in range(5000)]).encode()


@pytest.fixture
def session(world: World) -> Iterator[HttpSession]:
    session = HttpSession(world, Egress(allow_private=True), patience=ONCE)
    yield session
    session.close()


def get(session: HttpSession, server: Any, path: str = "/x", **given: Any) -> Any:
    return session.send(Request("GET", server.url + path, **given))


def test_a_good_answer(session: HttpSession, serve: Serve) -> None:
    server = serve(lambda heard: answer(ROWS, Content_Type="application/json"))
    got = get(session, server, query={"page": "1 2"})
    assert (got.status, got.body, got.whole) == (200, ROWS, True)
    assert got.headers["content-type"] == "application/json"
    assert server.heard[0].target == "/x?page=1+2"
    assert server.heard[0].headers["user-agent"].startswith("crossdock/")
    get(session, server)
    assert len({id(heard.socket) for heard in server.heard}) == 1


@fault("L01", "N04")
def test_an_end_that_nobody_marked_is_said(session: HttpSession, serve: Serve) -> None:
    server = serve(lambda heard: answer(ROWS[:1000], length=False))
    assert get(session, server).whole is False
    with pytest.raises(TryLater, match="not JSON"):
        get(session, server).document()


CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@fault("L02", "N03", "N05", "N06")
@pytest.mark.parametrize(
    "data",
    [
        answer(ROWS)[:-1000],
        CHUNKS + b"5\r\nhello\r\n",
        CHUNKS + b"5\r\nhel",
        CHUNKS + b"5\r\nhello\r\nzz\r\n",
        answer(gzip.compress(ROWS)[:-2000], length=False, Content_Encoding="gzip"),
        answer(gzip.compress(ROWS)[:-8], length=False, Content_Encoding="gzip"),
        answer(gzip.compress(ROWS)[:-1], length=False, Content_Encoding="gzip"),
        answer(gzip.compress(ROWS)[:-5] + b"xxxxx", length=False, Content_Encoding="gzip"),
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"junk\r\n\r\n",
        b"",
    ],
    ids=range(11),
)
def test_no_body_that_was_cut_off_passes(session: HttpSession, serve: Serve, data: bytes) -> None:
    def handler(heard: Heard) -> None:
        heard.send(data)

    with pytest.raises(NoAnswer):
        get(session, serve(handler))


def test_gzip_and_chunks_that_are_whole(session: HttpSession, serve: Serve) -> None:
    packed = gzip.compress(ROWS)
    server = serve(lambda heard: answer(packed, length=False, Content_Encoding="gzip"))
    assert get(session, server).body == ROWS
    assert get(session, server).whole
    server = serve(lambda heard: CHUNKS + b"5\r\nhello\r\n0\r\n\r\n")
    got = get(session, server)
    assert (got.body, got.whole) == (b"hello", True)
    server = serve(lambda heard: answer(b"", 204, Content_Encoding="gzip"))
    assert get(session, server).body == b""


def test_bombs_and_giants_are_stopped(session: HttpSession, serve: Serve) -> None:
    bomb = gzip.compress(b"0" * (100 << 20))
    server = serve(lambda heard: answer(bomb, Content_Encoding="gzip"))
    with pytest.raises(NoAnswer, match="too much"):
        get(session, server)
    server = serve(lambda heard: answer(b"x" * 3000))
    with pytest.raises(Misconfigured, match="larger"):
        get(session, server, most_bytes=2000)
    server = serve(lambda heard: answer(b"x", Content_Encoding="br"))
    with pytest.raises(Misconfigured, match="not asked for"):
        get(session, server)
    many = "\r\n".join(f"X-{number}: 1" for number in range(5000))
    server = serve(lambda heard: f"HTTP/1.1 200 OK\r\n{many}\r\n\r\n".encode())
    with pytest.raises(CrossdockError):
        get(session, server)


@fault("L03", "N13")
@pytest.mark.parametrize("where", ["body", "head", "silence"])
def test_a_deadline_counts_from_the_start_however_it_drips(
    session: HttpSession, serve: Serve, where: str
) -> None:
    def drip(heard: Heard) -> None:
        if where == "body":
            heard.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(200):
            time.sleep(0.02)
            if where != "silence":
                heard.send(b"H")

    start = time.monotonic()
    with pytest.raises(NoAnswer, match="within"):
        get(session, serve(drip), deadline=0.25)
    assert time.monotonic() - start < 3.5  # it drips for four seconds


def test_silence_is_no_answer_whichever_clock_ends_it(session: HttpSession, serve: Serve) -> None:
    """The limit of silence and the deadline may end together; the request may have been taken."""
    server = serve(lambda heard: time.sleep(0.4))
    for _ in range(25):
        with pytest.raises(NoAnswer, match="within"):
            get(session, server, deadline=0.03)


@fault("N01")
def test_nothing_listens(session: HttpSession) -> None:
    with pytest.raises(TryLater, match="cannot be reached") as caught:
        session.send(Request("GET", "http://127.0.0.1:9/"))
    assert not isinstance(caught.value, NoAnswer)


@fault("N12")
def test_a_reset_leaves_the_effect_open(session: HttpSession, serve: Serve) -> None:
    server = serve(lambda heard: heard.reset())
    with pytest.raises(NoAnswer):
        session.send(Request("POST", server.url, body=b"{}", again=False))
    assert len(server.heard) == 1


@fault("N25")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(session: HttpSession, serve: Serve, status: int) -> None:
    other = serve(lambda heard: answer())
    server = serve(lambda heard: answer(b"", status, Location=other.url + "/?key=secret"))
    with pytest.raises(Misconfigured, match=f"status {status}"):
        session.send(Request("POST", server.url, body=b"secret", again=False))
    assert not other.heard


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Refused),
        (401, Misconfigured),
        (403, Misconfigured),
        (404, Misconfigured),
        (408, TryLater),
        (409, Refused),
        (412, Refused),
        (413, Refused),
        (422, Refused),
        (429, TryLater),
        (500, TryLater),
        (503, TryLater),
    ],
)
def test_each_status_has_its_class(
    session: HttpSession, serve: Serve, status: int, error: type[CrossdockError]
) -> None:
    server = serve(lambda heard: answer('{"message": "no such thing"}', status))
    with pytest.raises(error, match="no such thing"):
        get(session, server)
    assert get(session, server, judged=False).status == status


@fault("N15")
@pytest.mark.parametrize(
    "page",
    [
        answer("<!DOCTYPE html><p>", Content_Type="text/plain"),
        answer("x", Content_Type="text/html; charset=utf-8"),
    ],
)
def test_an_html_page_with_status_200_is_no_data(
    session: HttpSession, serve: Serve, page: bytes
) -> None:
    with pytest.raises(TryLater, match="HTML"):
        get(session, serve(lambda heard: page))


def date(seconds: float) -> str:
    from datetime import timedelta

    return format_datetime(START + timedelta(seconds=seconds), usegmt=True)


@fault("L04", "N08")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        (date(30), 30.0),
        (date(-30), 0.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("1000000000", 86_400.0),
        (None, None),
    ],
)
def test_retry_after(
    session: HttpSession, serve: Serve, value: str | None, expected: float | None
) -> None:
    headers = {"Retry_After": value} if value is not None else {}
    server = serve(lambda heard: answer("{}", 429, **headers))
    with pytest.raises(TryLater) as caught:
        get(session, server)
    assert caught.value.after == expected


@fault("N08", "N32")
def test_a_wrong_clock_here_does_not_spoil_their_date(session: HttpSession, serve: Serve) -> None:
    server = serve(lambda heard: answer("{}", 503, Retry_After=date(4000), Date=date(3990)))
    with pytest.raises(TryLater) as caught:
        get(session, server)
    assert caught.value.after == 10.0


@fault("N07", "N10")
def test_calls_are_tried_again_and_waits_are_kept(world: World, clock: Clock, serve: Serve) -> None:
    answers = [answer("{}", 503), answer("{}", 429, Retry_After="9"), answer("<html>"), answer()]
    server = serve(lambda heard: answers[len(server.heard) - 1])
    session = HttpSession(world, Egress(allow_private=True))
    assert get(session, server).status == 200
    assert len(server.heard) == 4
    assert clock.sleeps[1] == 9.0
    assert all(0 <= pause < 8 for pause in (clock.sleeps[0], clock.sleeps[2]))
    session.close()


@fault("L04", "N08", "N09")
def test_patience_ends(world: World, clock: Clock, serve: Serve) -> None:
    server = serve(lambda heard: answer("{}", 503))
    session = HttpSession(world, Egress(allow_private=True), patience=Patience(attempts=3))
    with pytest.raises(TryLater):
        get(session, server)
    assert len(server.heard) == 3
    server = serve(lambda heard: answer("{}", 429, Retry_After="3600"))
    with pytest.raises(TryLater) as caught:
        get(session, server)
    assert caught.value.after == 3600
    assert len(server.heard) == 1  # a worker does not sleep for an hour
    session.close()


@fault("N10", "N11")
def test_a_write_that_is_not_safe_is_sent_once(world: World, serve: Serve) -> None:
    server = serve(lambda heard: answer("{}", 500))
    session = HttpSession(world, Egress(allow_private=True))
    with pytest.raises(TryLater):
        session.send(Request("POST", server.url, body=b"{}", again=False))
    assert len(server.heard) == 1
    session.close()


@fault("N39")
def test_the_environment_has_no_say(
    world: World, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setitem(os.environ, "NETRC", str(tmp_path / "netrc"))
    monkeypatch.setitem(os.environ, "http_proxy", "http://127.0.0.1:9")
    session = HttpSession(world, Egress(allow_private=True))
    server = serve(lambda heard: answer("{}", Set_Cookie="a=b"))
    get(session, server)
    get(session, server)
    assert "authorization" not in server.heard[0].headers
    assert "cookie" not in server.heard[1].headers
    session.close()


def test_no_secret_is_told(world: World, serve: Serve) -> None:
    def echo(heard: Heard) -> bytes:
        return answer(json.dumps({"message": f"you sent {heard.headers}"}), 400)

    server = serve(echo)
    for auth in (basic("hub", "S3cret!pass"), header_key("X-Api-Key", "S3cret!pass")):
        session = HttpSession(world, Egress(allow_private=True), auth=auth)
        with pytest.raises(Refused) as caught:
            session.send(Request("GET", server.url, query={"key": "S3cret!query"}))
        text = str(caught.value)
        assert "S3cret" not in text
        assert "you sent" in text
        assert not any(secret in text for secret in auth.secrets)
        session.close()


@fault("N16")
def test_rules_decide_before_the_defaults(session: HttpSession, serve: Serve) -> None:
    rules = [
        Rule.of({"status": 420, "is": "try_later", "after": {"header": "X-Until"}}),
        Rule.of(
            {
                "status": "2xx",
                "field": "error.code",
                "one_of": ["busy"],
                "is": "try_later",
                "after": {"field": "error.minutes", "unit": "minutes"},
                "message": "error.text",
            }
        ),
        Rule.of({"field": "error", "is": "misconfigured", "message": "error.text"}),
        Rule.of(
            {
                "field": "sub",
                "contains": "ban will last",
                "is": "try_later",
                "after": {"seconds": 5},
            }
        ),
        Rule.of({"header": "X-Failed", "equals": "true", "is": "refused"}),
        Rule.of({"field": "ok", "present": False, "status": 207, "is": "refused"}),
    ]
    cases: list[tuple[bytes, type[CrossdockError], float | None]] = [
        (answer("{}", 420, X_Until=date(60)), TryLater, 60.0),
        (answer('{"error": {"code": "busy", "minutes": 2}}'), TryLater, 120.0),
        (answer('{"error": {"code": "gone", "text": "closed"}}'), Misconfigured, None),
        (answer('{"sub": "this ban will last for 5 more"}'), TryLater, 5.0),
        (answer("{}", X_Failed="true"), Refused, None),
        (answer('{"ok": false}', 207), Refused, None),
    ]
    for data, kind, after in cases:
        with pytest.raises(kind) as caught:
            get(session, serve(lambda heard, data=data: data), rules=rules)
        assert getattr(caught.value, "after", None) == after
    assert get(session, serve(lambda heard: answer('{"ok": true}', 207)), rules=rules).status == 207
    with pytest.raises(ValueError, match="is:"):
        Rule.of({"status": 200, "is": "fine"})


@fault("N40")
def test_budgets_are_kept_and_shared(world: World, clock: Clock, serve: Serve) -> None:
    server = serve(lambda heard: answer())
    store = InProcess()
    budget = Budget(requests=8, seconds=8.0)
    sessions = [
        HttpSession(
            world, Egress(allow_private=True), budget=budget, store=store, credential="shop"
        )
        for _ in range(2)
    ]
    times = []
    for number in range(40):
        get(sessions[number % 2], server)
        times.append(clock.passed)
    for start in times:
        assert sum(1 for moment in times if start <= moment < start + 7.999) <= 8
    assert clock.passed < 45
    for session in sessions:
        session.close()


@fault("N07", "N40")
def test_a_slow_down_holds_all_who_share_the_credential(
    world: World, clock: Clock, serve: Serve
) -> None:
    server = serve(lambda heard: answer("{}", 429, Retry_After="30"))
    store = InProcess()
    first, second = (
        HttpSession(
            world, Egress(allow_private=True), store=store, credential="shop", patience=ONCE
        )
        for _ in range(2)
    )
    for session in (first, second):
        with pytest.raises(TryLater):
            get(session, server)
        session.close()
    assert clock.sleeps == [30.0]
