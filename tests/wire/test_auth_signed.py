"""Signatures and sessions, on a server that checks them by code of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest

from crossdock.auth import basic
from crossdock.auth_session import Csrf
from crossdock.auth_signed import OAuth1, Router, router_signature
from crossdock.auth_token import Grant, Login
from crossdock.connector import World
from crossdock.egress import Egress
from crossdock.errors import Misconfigured
from crossdock.exchange import Request
from crossdock.http import HttpSession
from crossdock.retry import ONCE

from .conftest import Heard, answer

Serve = Callable[..., Any]
SIGNED = {"Content-Type": "application/x-www-form-urlencoded"}


def session(world: World, auth: Any = None) -> HttpSession:
    return HttpSession(world, Egress(allow_private=True), auth=auth, patience=ONCE)


def is_signed(heard: Heard, url: str, key: str) -> bool:
    """Check OAuth 1.0a as RFC 5849, 3.4 describes it, written down step by step."""
    text = heard.headers.get("authorization", "").removeprefix("OAuth ")
    given = dict(part.split("=", 1) for part in text.split(", "))
    own = {name: bytes(value[1:-1], "ascii") for name, value in given.items()}
    from urllib.parse import unquote

    pairs = [(name, unquote(value.decode())) for name, value in own.items()]
    signature = dict(pairs)["oauth_signature"]
    pairs = [pair for pair in pairs if pair[0] != "oauth_signature"]
    pairs += parse_qsl(heard.target.partition("?")[2], keep_blank_values=True)
    if heard.headers.get("content-type") == SIGNED["Content-Type"]:
        pairs += parse_qsl(heard.body.decode(), keep_blank_values=True)
    encoded = sorted((quote(a, safe="~"), quote(b, safe="~")) for a, b in pairs)
    line = "&".join(f"{a}={b}" for a, b in encoded)
    base = "&".join(quote(part, safe="~") for part in (heard.method, url + heard.path, line))
    made = hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(made).decode(), signature)


@pytest.mark.parametrize(
    ("token", "key"), [(("", ""), "c%2Fs&"), (("t", "t&s"), "c%2Fs&t%26s")], ids=["one leg", "full"]
)
def test_oauth_1_signs_query_and_form(
    world: World, serve: Serve, token: tuple[str, str], key: str
) -> None:
    server = serve(lambda heard: answer(status=200 if is_signed(heard, server.url, key) else 401))
    with_oauth = session(world, OAuth1(world, ("ck", "c/s"), token))
    query = {"filter[name]": "a b+ü~", "empty": ""}
    assert with_oauth.send(Request("GET", f"{server.url}/orders?x=1", query=query)).status == 200
    form = urlencode({"b": "2 3", "a": "é"}).encode()
    request = Request("POST", f"{server.url}/o", headers=SIGNED, body=form, again=False)
    assert with_oauth.send(request).status == 200
    nonces = {
        heard.headers["authorization"].split("oauth_nonce=")[1][:20] for heard in server.heard
    }
    assert len(nonces) == 2
    with_oauth.close()


@pytest.mark.parametrize("method", ["md5", "hmac", "hmac-sha256"])
def test_a_router_call_is_signed_over_all_its_parameters(
    world: World, serve: Serve, method: Any
) -> None:
    def check(heard: Heard) -> bytes:
        given = {**heard.query, **dict(parse_qsl(heard.body.decode(), keep_blank_values=True))}
        claimed = given.pop("sign")
        text = "".join(name + given[name] for name in sorted(given) if given[name])
        if method == "md5":
            made = hashlib.md5(f"s3cret{text}s3cret".encode()).hexdigest()  # noqa: S324
        else:
            kind = {"hmac": "md5", "hmac-sha256": "sha256"}[method]
            made = hmac.new(b"s3cret", text.encode(), kind).hexdigest()
        return answer(status=200 if made.upper() == claimed else 400)

    server = serve(check)
    router = Router("s3cret", {"app_key": "k", "v": "2.0"}, lambda: {"timestamp": "1"},
                    method=method)  # fmt: skip
    calling = session(world, router)
    body = urlencode({"fields": "tid,名", "empty": ""}).encode()
    request = Request(
        "POST", server.url, query={"method": "trades.get"}, headers=SIGNED, body=body, again=False
    )
    assert calling.send(request).status == 200
    calling.close()


def test_the_vector_of_the_vendor() -> None:
    call = {
        "app_key": "12345678", "fields": "num_iid,title,nick,price,num", "format": "json",
        "method": "taobao.item.seller.get", "num_iid": "11223344", "session": "test",
        "sign_method": "md5", "timestamp": "2016-01-01 12:00:00", "v": "2.0",
    }  # fmt: skip
    assert router_signature(call, "helloworld") == "66987CB115214E59E6EC978214934FB8"
    assert router_signature({**call, "sign": "x", "e": ""}, "helloworld").startswith("66987CB1")


class Gateway:
    """Wants the token together with every cookie of the answer that gave it."""

    def __init__(self) -> None:
        self.sessions: dict[str, str] = {}
        self.fetched = 0

    def __call__(self, heard: Heard) -> bytes:
        if not heard.headers.get("authorization", "").startswith("Basic "):
            return answer("{}", 401)
        if heard.headers.get("x-csrf-token") == "Fetch":
            self.fetched += 1
            token = f"token-{self.fetched}"
            self.sessions = {token: f"a=1; SID_X={self.fetched}"}
            cookies = (
                "a=1; path=/",
                f"SID_X={self.fetched}; Expires=Wed, 09 Jun 2027 10:18:14 GMT; HttpOnly",
                "old=; Max-Age=0",
            )
            lines = "".join(f"Set-Cookie: {cookie}\r\n" for cookie in cookies)
            made = answer(X_CSRF_Token=token)
            return made.replace(b"\r\n", f"\r\n{lines}".encode(), 1)
        if heard.method == "GET":
            return answer()
        held = self.sessions.get(heard.headers.get("x-csrf-token", ""))
        if held is None or heard.headers.get("cookie") != held:
            return answer("CSRF token validation failed", 403, X_CSRF_Token="Required")
        return answer(status=201)


def test_a_csrf_token_goes_with_all_its_cookies_and_is_fetched_again(
    world: World, serve: Serve
) -> None:
    gateway = Gateway()
    server = serve(gateway)
    plain = session(world)
    odata = session(world, Csrf(plain, server.url, basic("u", "S3cret")))
    assert odata.send(Request("GET", server.url)).status == 200
    assert gateway.fetched == 0
    for _ in range(3):
        assert odata.send(Request("POST", server.url, body=b"{}", again=False)).status == 201
    assert gateway.fetched == 1
    gateway.sessions.clear()  # the session of theirs has ended
    assert odata.send(Request("POST", server.url, body=b"{}", again=False)).status == 201
    assert gateway.fetched == 2
    assert odata.auth is not None
    assert "S3cret" in odata.auth.secrets
    odata.close()
    plain.close()


def test_a_csrf_token_that_is_never_right_is_no_loop(world: World, serve: Serve) -> None:
    refusal = answer("no", 403, X_CSRF_Token="Required")
    server = serve(lambda heard: answer(X_CSRF_Token="t") if heard.method == "GET" else refusal)
    plain = session(world)
    odata = session(world, Csrf(plain, server.url, basic("u", "p")))
    with pytest.raises(Misconfigured, match="403"):
        odata.send(Request("POST", server.url, body=b"{}", again=False))
    assert [heard.method for heard in server.heard] == ["GET", "POST", "GET", "POST"]
    odata.close()
    plain.close()


def test_a_login_of_a_systems_own_is_renewed_as_it_says_it(world: World, serve: Serve) -> None:
    """A dead token is told by a body with status 200."""
    alive: list[str] = []

    def serving(heard: Heard) -> bytes:
        dead = heard.headers.get("x-session") not in alive
        return answer('{"code": "FORBIDDEN"}' if dead else '{"code": ""}')

    server = serve(serving)
    granted: list[int] = []

    def fetch() -> Grant:
        granted.append(1)
        alive[:] = [f"s{len(granted)}"]
        return Grant(alive[0])

    login = Login(
        fetch,
        world.monotonic,
        header="X-Session:",
        dead=lambda found: b"FORBIDDEN" in found.body,
    )
    calling = session(world, login)
    for _ in range(3):
        assert calling.send(Request("GET", server.url)).document() == {"code": ""}
    alive.clear()
    assert calling.send(Request("GET", server.url)).document() == {"code": ""}
    assert len(granted) == 2
    calling.close()
