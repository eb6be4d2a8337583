"""Tokens: one at a time, renewed once when they die on the way, never told to anyone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from crossdock.auth import basic, header_key
from crossdock.auth_token import OAuth2
from crossdock.connector import World
from crossdock.egress import Egress
from crossdock.errors import Misconfigured, TryLater
from crossdock.exchange import Request
from crossdock.http import HttpSession
from crossdock.retry import ONCE
from crossdock.tokens import InMemory
from tests.faults.catalogue import fault

from .conftest import Clock, Heard, answer


class Tokens:
    """A token server and an API in one; a token lives for ``calls`` calls."""

    def __init__(self, calls: int = 3) -> None:
        self.calls = calls
        self.left: dict[str, int] = {}
        self.forms: list[dict[str, str]] = []
        self.refusal: bytes | None = None
        self.refresh_tokens: list[str] = []

    def __call__(self, heard: Heard) -> bytes:
        if heard.path == "/token":
            return self.grant(heard)
        token = heard.headers.get("authorization", "").removeprefix("Bearer ")
        if self.left.get(token, 0) < 1:
            return answer('{"message": "token expired"}', 401)
        self.left[token] -= 1
        return answer()

    def grant(self, heard: Heard) -> bytes:
        form = {name: values[0] for name, values in parse_qs(heard.body.decode()).items()}
        self.forms.append(form)
        if self.refusal:
            return self.refusal
        token = f"token-{len(self.forms)}"
        self.left[token] = self.calls
        body: dict[str, Any] = {"access_token": token, "expires_in": 3600}
        if "refresh_token" in form:
            if form["refresh_token"] not in self.refresh_tokens[-1:]:
                return answer('{"error": "invalid_grant"}', 400)
            self.refresh_tokens.append(f"refresh-{len(self.forms)}")
            body["refresh_token"] = self.refresh_tokens[-1]
        return answer(json.dumps(body))


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def session(
    world: World, serve: Callable[..., Any], tokens: Tokens
) -> Iterator[tuple[HttpSession, str]]:
    server = serve(tokens)
    plain = HttpSession(world, Egress(allow_private=True), patience=ONCE)
    auth = OAuth2(plain, server.url + "/token", "hub", "S3cret")
    session = HttpSession(world, Egress(allow_private=True), auth=auth, patience=ONCE)
    yield session, server.url
    session.close()
    plain.close()


@fault("N18")
def test_a_token_that_dies_is_renewed_once_and_the_call_goes_on(
    session: tuple[HttpSession, str], tokens: Tokens
) -> None:
    http, url = session
    for _ in range(7):
        assert http.send(Request("POST", url, body=b"{}", again=False)).status == 200
    assert len(tokens.forms) == 3
    assert tokens.forms[0] == {
        "grant_type": "client_credentials",
        "client_id": "hub",
        "client_secret": "S3cret",
    }


def test_a_token_is_renewed_before_it_ends(
    session: tuple[HttpSession, str], tokens: Tokens, clock: Clock
) -> None:
    http, url = session
    http.send(Request("GET", url))
    clock.passed += 3541
    http.send(Request("GET", url))
    assert len(tokens.forms) == 2


@fault("N18", "N20")
def test_a_refused_token_is_no_retry_storm(
    session: tuple[HttpSession, str], tokens: Tokens
) -> None:
    http, url = session
    tokens.calls = 0
    with pytest.raises(Misconfigured, match="status 401: token expired"):
        http.send(Request("GET", url))
    assert len(tokens.forms) == 2


@pytest.mark.parametrize(
    ("refusal", "error", "words"),
    [
        (answer('{"error": "invalid_client"}', 401), Misconfigured, "says no.*invalid_client"),
        (answer('{"error": "S3cret is wrong"}', 400), Misconfigured, "says no"),
        (answer("{}", 503), TryLater, "503"),
        (answer("{}"), Misconfigured, "gave no token"),
        (answer('{"access_token": "a\\nb"}'), Misconfigured, "gave no token"),
        (answer("<html>"), TryLater, "HTML"),
    ],
)
def test_what_a_token_server_may_say(
    session: tuple[HttpSession, str],
    tokens: Tokens,
    refusal: bytes,
    error: type[Exception],
    words: str,
) -> None:
    http, url = session
    tokens.refusal = refusal
    with pytest.raises(error, match=words) as caught:
        http.send(Request("GET", url))
    assert "S3cret" not in str(caught.value)


def test_threads_share_one_token(session: tuple[HttpSession, str], tokens: Tokens) -> None:
    http, url = session
    tokens.calls = 1000
    threads = [threading.Thread(target=lambda: http.send(Request("GET", url))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens.forms) == 1


@fault("N19")
def test_a_rotated_refresh_token_is_kept_and_the_old_one_tried(
    world: World, serve: Callable[..., Any], tokens: Tokens
) -> None:
    tokens.refresh_tokens = ["refresh-0"]
    kept = InMemory()
    server = serve(tokens)
    plain = HttpSession(world, Egress(allow_private=True), patience=ONCE)
    auth = OAuth2(
        plain,
        server.url + "/token",
        "hub",
        "S3cret",
        refresh_token="refresh-0",
        in_header=True,
        tokens=kept,
        name="hub",
    )
    session = HttpSession(world, Egress(allow_private=True), auth=auth, patience=ONCE)
    for _ in range(4):
        session.send(Request("GET", server.url))
    assert kept.get("hub").split() == ["refresh-2", "refresh-1"]
    assert server.heard[0].headers["authorization"].startswith("Basic ")
    tokens.refresh_tokens.append("refresh-1")  # a backup of theirs came back
    for _ in range(3):
        session.send(Request("GET", server.url))
    tokens.refresh_tokens.append("another")
    tokens.left.clear()
    with pytest.raises(Misconfigured, match="authorise again"):
        session.send(Request("GET", server.url))
    session.close()
    plain.close()


def test_fixed_credentials_are_checked() -> None:
    assert header_key("X-Api-Key", "k").headers == {"X-Api-Key": "k"}
    with pytest.raises(Misconfigured):
        header_key("X-Api-Key", "k\nHost: other")
    with pytest.raises(Misconfigured):
        basic("a:b", "c")
