"""Where the hub may connect to: every address is checked, and the checked one is used.

A name is resolved once for each connection; all its addresses must be allowed, and the connection
goes to one of them, so that a name cannot point elsewhere between the look and the call (DNS
rebinding). Private addresses need ``allow_private: true`` in the system's file; link-local ones
(169.254.169.254 hands out cloud credentials), multicast and the like are never allowed.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from crossdock.errors import Misconfigured, TryLater

Resolve = Callable[[str, int], Sequence[str]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "::1/128",
        "fc00::/7",
    )
)
_TRANSLATED = tuple(  # they hide an IPv4 address, which may be a private one
    ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")
)


def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver for the addresses of ``host``; raises TryLater."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise TryLater(f"the name {host!r} does not resolve", fix="check the address") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Egress:
    """What one system may connect to; ``allow_private`` is said in its file by a person.

    ``hosts`` are the only ones where there are any: an address in an answer of theirs, such as a
    next page or a file of results, leads nowhere else.
    """

    allow_private: bool = False
    resolve: Resolve = resolve
    hosts: frozenset[str] = frozenset()

    def address(self, host: str, port: int) -> str:
        """Give the address to connect to; raises Misconfigured where one is not allowed."""
        found = [ipaddress.ip_address(text.split("%")[0]) for text in self.resolve(host, port)]
        if not found:
            raise TryLater(f"the name {host!r} does not resolve", fix="check the address")
        for address in found:
            self._verify(host, address)
        return str(found[0])

    def url(self, text: str) -> SplitResult:
        """Take a URL apart; raises Misconfigured for another scheme than https.

        Plain http is for private addresses only, which are checked on connecting.
        """
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise Misconfigured("this is no URL", where=masked(text)) from None
        if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
            raise Misconfigured("a URL must begin with https:// and a host", where=masked(text))
        if parts.username or parts.password:
            raise Misconfigured(
                "a URL must not hold a user or password",
                where=masked(text),
                fix="use the settings user and password",
            )
        if self.hosts and not _named(parts.hostname, self.hosts):
            raise Misconfigured(
                f"this system has nothing to do with the host {parts.hostname}",
                where=masked(text),
                fix="name it in the system's settings if it is meant",
            )
        if parts.scheme == "http" and not self._is_near(parts.hostname, port or 80):
            raise Misconfigured(
                "plain http is refused: anyone on the way could read it",
                where=masked(text),
                fix="use https; http is for private addresses with allow_private: true",
            )
        return parts

    def _is_near(self, host: str, port: int) -> bool:
        if not self.allow_private:
            return False
        return all(_is_private(ipaddress.ip_address(text)) for text in self.resolve(host, port))

    def _verify(self, host: str, address: Address) -> None:
        plain: Address = getattr(address, "ipv4_mapped", None) or address
        where = f"{host} is {plain}" if host != str(plain) else host
        if _is_public(plain):
            return
        if not _is_private(plain):
            raise Misconfigured("this address is never allowed", where=where)
        if not self.allow_private:
            raise Misconfigured(
                "this address is private",
                where=where,
                fix="write allow_private: true in the system's file if it is meant",
            )


def hosts_in(settings: Mapping[str, Any]) -> frozenset[str]:
    """Find the hosts in settings: of addresses, and those named ``host``.

    >>> sorted(hosts_in({"url": "https://a.example/v1", "host": "b.example", "user": "u"}))
    ['a.example', 'b.example']
    """
    found = set()
    for name, value in settings.items():
        if isinstance(value, str) and value:
            if name == "host":
                found.add(value.lower())
            elif "://" in value:
                found.add((urlsplit(value).hostname or "").lower())
    return frozenset(found - {""})


def _named(host: str, hosts: frozenset[str]) -> bool:
    """Whether ``host`` is one of ``hosts``; ``*.files.example`` stands for all below it."""
    host = host.lower()
    return any(
        host == one or (one.startswith("*.") and host.endswith(one[1:])) for one in hosts
    )


def _is_public(address: Address) -> bool:
    odd = address.is_multicast or address.is_reserved
    return address.is_global and not odd and not _in(address, _TRANSLATED)


def _is_private(address: Address) -> bool:
    return _in(address, _PRIVATE)


def _in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def masked(url: str) -> str:
    """Give a URL without user, password and the values of its query, for messages and logs.

    >>> masked("https://u:p@shop.example/orders?key=secret&page=2#x")
    'https://shop.example/orders?key=***&page=***'
    """
    head, _, query = url.partition("#")[0].partition("?")
    scheme, mark, rest = head.partition("://")
    host, slash, path = rest.partition("/")
    plain = f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"
    names = [pair.partition("=")[0] for pair in query.split("&") if pair]
    text = f"{plain}?{'&'.join(f'{name}=***' for name in names)}" if names else plain
    return "".join(letter if letter.isprintable() else "?" for letter in text)
