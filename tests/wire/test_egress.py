"""No spelling, redirect or second look of a name leads the hub to where it must not go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crossdock.connector import World
from crossdock.egress import Egress, masked, resolve
from crossdock.errors import CrossdockError, Misconfigured, TryLater
from crossdock.exchange import Request
from crossdock.http import HttpSession
from tests.faults.catalogue import fault

LOOPBACK = ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "::1", "localhost"]
NEVER = [
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "fe80::1",
    "0.0.0.0",  # noqa: S104
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "240.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "::7f00:1",
]
PRIVATE = ["10.1.2.3", "192.168.0.1", "172.16.0.1", "100.64.0.1", "fc00::1", "::ffff:127.0.0.1"]


@pytest.mark.parametrize("host", LOOPBACK + PRIVATE)
def test_private_addresses_are_refused_unless_the_system_says_so(host: str) -> None:
    with pytest.raises(Misconfigured, match="private"):
        Egress().address(host, 443)
    assert Egress(allow_private=True).address(host, 443)


@pytest.mark.parametrize("host", NEVER)
@pytest.mark.parametrize("allow", [False, True])
def test_addresses_that_are_never_allowed(host: str, allow: bool) -> None:
    with pytest.raises(Misconfigured, match="never allowed"):
        Egress(allow_private=allow).address(host, 443)


def test_all_addresses_of_a_name_must_be_allowed() -> None:
    mixed = Egress(resolve=lambda host, port: ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(Misconfigured, match=r"shop\.example is 10\.0"):
        mixed.address("shop.example", 443)
    public = Egress(resolve=lambda host, port: ["93.184.216.34"])
    assert public.address("shop.example", 443) == "93.184.216.34"


@fault("N01")
def test_a_name_that_does_not_resolve_is_for_later() -> None:
    with pytest.raises(TryLater, match="does not resolve"):
        resolve("no-such-host.invalid", 443)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://93.184.216.34/", "plain http"),
        ("ftp://shop.example/", "https://"),
        ("file:///etc/passwd", "https://"),
        ("https://user:secret@shop.example/", "user or password"),
        ("https://shop.example:99999/", "no URL"),
        ("//shop.example", "https://"),
    ],
)
def test_urls_that_are_refused(url: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words) as caught:
        Egress(allow_private=True).url(url)
    assert "secret" not in str(caught.value)


def test_plain_http_is_for_private_addresses_only() -> None:
    assert Egress(allow_private=True).url("http://127.0.0.1:8080/x").port == 8080
    with pytest.raises(Misconfigured, match="plain http"):
        Egress().url("http://127.0.0.1:8080/x")


def test_secrets_in_a_url_are_masked() -> None:
    assert masked("https://a:b@h/p?key=1&n=2") == "https://h/p?key=***&n=***"
    assert "\n" not in masked("https://h/a\nb")


def test_the_checked_address_is_the_one_that_is_called(
    world: World, serve: Callable[..., Any]
) -> None:
    server = serve(lambda heard: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    asked: list[str] = []

    def flip(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) <= 2 else ["169.254.169.254"]

    session = HttpSession(world, Egress(allow_private=True, resolve=flip))
    url = f"http://shop.example:{server.port}/x"
    assert session.send(Request("GET", url)).status == 200
    assert server.heard[0].headers["host"] == f"shop.example:{server.port}"
    assert asked == ["shop.example"] * 2  # once for the scheme, once for the connection
    session.close()


def test_a_private_address_is_found_out_when_connecting(
    world: World, serve: Callable[..., Any]
) -> None:
    server = serve(lambda heard: b"")
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    session = HttpSession(world, Egress(resolve=lambda host, port: answers[-1]))
    with pytest.raises(CrossdockError, match="private"):
        session.send(Request("GET", f"https://shop.example:{server.port}/"))
    assert not server.heard
    session.close()
