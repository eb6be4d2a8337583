"""What is safe without anybody having set it: each default is tried out, not believed.

``crossdock doctor`` prints a line a default. Servers of our own on loopback play whoever means ill;
nothing leaves this machine. docs/reference/security.md says what each is for.
"""

from __future__ import annotations

import base64
import gzip
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from crossdock.connector import World
from crossdock.errors import Misconfigured, Unreadable
from crossdock.home import Home
from crossdock.trials import all_refused, refused, request, server, session

Trial = Callable[[Home], str]
"""Tries a default; gives "" where it holds, or what went wrong."""

_BOMB = gzip.compress(b"\0" * (8 << 20))
_TEXT = b"a name and a street"


class Default(NamedTuple):
    """One default: what it promises, and how that is tried."""

    name: str
    trial: Trial


class Tried(NamedTuple):
    """What came of a trial; ``why`` is "" where the default holds."""

    name: str
    why: str


def tried(home: Home) -> Iterator[Tried]:
    """Try every default; one that cannot be tried does not hold."""
    for default in DEFAULTS:
        try:
            yield Tried(default.name, default.trial(home))
        except Exception as error:  # noqa: BLE001 - whatever it is, the default was not seen to hold
            yield Tried(default.name, f"it could not be tried: {type(error).__name__}")


# -- outgoing ----------------------------------------------------------------------------------
def _only_https(home: Home) -> str:
    from crossdock.egress import Egress

    bad = ("http://shop.example/", "ftp://shop.example/", "file:///etc/hostname", "gopher://x/")
    public = Egress(resolve=lambda host, port: ["93.184.216.34"])
    return all_refused(lambda url: public.url(url), bad, Misconfigured)


def _no_private_addresses(home: Home) -> str:
    from crossdock.egress import Egress

    near = ("127.0.0.1", "127.1", "2130706433", "10.0.0.1", "192.168.1.1", "::1", "fc00::1",
            "::ffff:127.0.0.1", "169.254.169.254")  # fmt: skip
    why = all_refused(lambda host: Egress().address(host, 443), near, Misconfigured)
    never = ("169.254.169.254", "fe80::1", "224.0.0.1")
    allowed = Egress(allow_private=True)
    return why or all_refused(lambda host: allowed.address(host, 443), never, Misconfigured)


def _checked_address_is_used(home: Home) -> str:
    """A name that points elsewhere at the second look leads nowhere else."""
    from crossdock.egress import Egress

    answers = iter([["127.0.0.1"], ["10.255.255.1"], ["10.255.255.1"]])
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    with server({"/": (200, {}, b"{}")}) as port, session(home, Egress(True, resolve)) as http:
        http._exchange(request(f"http://shop.test:{port}/"))
    return "" if len(asked) == 1 else "the name was asked again for the connection"


def _no_redirects(home: Home) -> str:
    heard: list[str] = []
    with server({"/there": (200, {}, b"{}")}, heard) as other:
        away = {"Location": f"http://127.0.0.1:{other}/there"}
        for status in (301, 302, 303, 307, 308):
            with server({"/": (status, away, b"")}) as port, session(home) as http:
                refused(lambda s=http, p=port: s.send(request(f"http://127.0.0.1:{p}/")))  # type: ignore[misc]
    return f"{len(heard)} redirects were followed" if heard else ""


def _no_proxy_from_outside(home: Home) -> str:
    with session(home) as http:
        used = http._session
        return "the environment may name a proxy" if used.trust_env else ""


def _certificates_are_checked(home: Home) -> str:
    with session(home) as http:
        return "" if http._session.verify is True else "certificates are not checked"


def _answers_end(home: Home) -> str:
    asked = replace(request(""), deadline=0.3, again=False)
    with server({"/": (200, {}, b"x" * 50)}, drip=0.1) as port, session(home) as http:
        start = time.monotonic()
        if not refused(lambda: http.send(replace(asked, url=f"http://127.0.0.1:{port}/"))):
            return "an answer in drops was waited for"
        if time.monotonic() - start > 4:
            return "the deadline came late"
    from crossdock.exchange import DEADLINE

    return "" if DEADLINE <= 60 else f"a call may take {DEADLINE:g} s"


def _answers_are_short(home: Home) -> str:
    from crossdock.exchange import MOST_BYTES

    packed = {"Content-Encoding": "gzip"}
    pages = {"/large": (200, {}, b"x" * 5000), "/bomb": (200, packed, _BOMB)}
    with server(pages) as port, session(home) as http:
        small = replace(request(f"http://127.0.0.1:{port}/large"), most_bytes=4000, again=False)
        if not refused(lambda: http.send(small)):
            return "an answer was longer than allowed"
        bomb = replace(request(f"http://127.0.0.1:{port}/bomb"), again=False)
        if not refused(lambda: http.send(bomb)):
            return "a gzip bomb was unpacked"
    return "" if MOST_BYTES <= 50 << 20 else "answers may be longer than 50 MB"


def _pages_end(home: Home) -> str:
    from crossdock.paging import MOST_PAGES

    return "" if MOST_PAGES <= 10_000 else f"{MOST_PAGES} pages would be read"


def _host_keys_are_pinned(home: Home) -> str:
    from crossdock.egress import Egress
    from crossdock.sftp import Login, Sftp, _pinned

    first, second = (_pinned(_public_key(letter)) for letter in b"ab")
    sftp = Sftp(
        World(project=home.project, scratch=home.scratch), Egress(True), Login("127.0.0.1")
    )
    if not refused(lambda: sftp._verify(None, first), Misconfigured):
        return "a server was believed whose key nobody pinned"
    if not refused(lambda: sftp._verify(second, first), Misconfigured):
        return "a server was believed that shows another key"
    return ""


def _public_key(letter: int) -> str:
    parts = (b"ssh-ed25519", bytes([letter]) * 32)
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


# -- what is read ------------------------------------------------------------------------------
def _xml_without_dtd(home: Home) -> str:
    from crossdock import xml

    bad = (
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>',
    )
    return all_refused(lambda text: xml.parse(text), bad, Unreadable)


def _archives_stay_small(home: Home) -> str:
    from crossdock.formats import packed

    with tempfile.TemporaryDirectory(dir=home.scratch) as name:
        bomb, plain = Path(name, "bomb.gz"), Path(name, "plain")
        bomb.write_bytes(_BOMB)
        with plain.open("wb") as file:
            if not refused(lambda: packed.gunzip(bomb, file, "doctor"), Unreadable):
                return "a gzip bomb was unpacked"
        zipped = Path(name, "bomb.zip")
        with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("../../bomb.csv", b"\0" * (8 << 20))
        [(_, label, entry)] = packed.members(zipped, "*", "doctor")
        with plain.open("wb") as file:
            if not refused(lambda: packed.unzip(zipped, entry, file, "doctor"), Unreadable):
                return "a zip bomb was unpacked"
        return "" if label == "bomb.csv" else "a member's name was a path"


def _no_macros(home: Home) -> str:
    from crossdock import excel

    with tempfile.TemporaryDirectory(dir=home.scratch) as name:
        path = Path(name, "macros.xlsx")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("xl/vbaProject.bin", b"")
        turned_away = refused(lambda: list(excel.rows(path, None, "doctor")), Unreadable)
    return "" if turned_away else "a workbook with macros was opened"


def _json_is_exact(home: Home) -> str:
    from crossdock import json

    bad = (b'{"a":1,"a":2}', b"[NaN]", b"[Infinity]", b"[" * 100_000)
    return all_refused(lambda text: json.loads(text), bad, Unreadable)


def _patterns_end(home: Home) -> str:
    from crossdock import yaml
    from crossdock.when import pattern

    page = yaml.load(Path("doctor.yaml"), "a: 1")
    bad = ("(?=a)b", r"(a)\1", "(?<!a)b")
    return all_refused(lambda text: pattern(page, (), text), bad, Misconfigured)


# -- what is written ---------------------------------------------------------------------------
def _no_formulas(home: Home) -> str:
    from crossdock import export

    for start in "=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20":
        for text in (f"{start}1+1", f" {start}1+1"):
            if not str(export.safe(text)).startswith("'"):
                return f"a cell may begin with {start!r}"
    return ""


def _kept_bytes_are_sealed(home: Home) -> str:
    from crossdock.objects import Objects

    if not home.key_file.exists():
        return ""  # nothing was kept yet; the first run makes the key
    wrapped, sealed = Objects(home).seal(_TEXT, "doctor")
    if _TEXT in sealed or _TEXT in wrapped:
        return "bytes are kept as they came"
    return ""


def _secrets_are_no_literals(home: Home) -> str:
    from crossdock import systems, yaml

    page = yaml.load(Path("doctor.yaml"), "settings: {token: abc}")
    turned_away = refused(lambda: systems.secret_value(page, "abc", "settings", "token"))
    return "" if turned_away else "a secret may stand in a file"


def _secrets_are_hidden(home: Home) -> str:
    from crossdock.egress import masked
    from crossdock.sftp import Login
    from crossdock.store import open_store

    canary = "canary-5b1f"
    shown = [repr(Login("h", password=canary, key=canary)),
             masked(f"https://u:{canary}@h/p?key={canary}"), repr(home)]  # fmt: skip
    if any(canary in text for text in shown):
        return "a secret is shown"
    if home.database_url.startswith("sqlite") and not (home.state / "hub.db").exists():
        return ""
    return "" if open_store(home).engine.hide_parameters else "values stand in database errors"


def _calls_are_signed(home: Home) -> str:
    from crossdock.webhooks.endpoint import SIGNATURES, Endpoint
    from crossdock.webhooks.signatures import Heard, verify

    for signature in SIGNATURES:
        endpoint = Endpoint("doctor", "orders", signature, ())
        for headers in ({}, {"x-shopify-hmac-sha256": base64.b64encode(b"x" * 32).decode()}):
            if verify(endpoint, ["a secret that is long enough"], Heard(headers, b"", b"{}"), 0.0):
                return f"an unsigned call is believed ({signature})"
    return ""


def _receiver_is_near(home: Home) -> str:
    from crossdock.webhooks.listening import Listening

    if Listening().host != "127.0.0.1":
        return "the receiver is reached from other machines"
    far = refused(Listening("192.0.2.1").verify)
    return "" if far else "calls may travel unencrypted"


def _trail_is_whole(home: Home) -> str:
    from crossdock import audit
    from crossdock.store import open_store

    if home.database_url.startswith("sqlite") and not (home.state / "hub.db").exists():
        return ""
    number = audit.broken_at(open_store(home))
    return "" if number is None else f"row {number} of the audit trail was changed or removed"


DEFAULTS = (
    Default("only https, or http to private addresses that a system allows", _only_https),
    Default("private addresses are refused, however they are spelled", _no_private_addresses),
    Default("the address that was checked is the one that is used", _checked_address_is_used),
    Default("redirects are not followed", _no_redirects),
    Default("no proxy from the environment", _no_proxy_from_outside),
    Default("certificates are checked", _certificates_are_checked),
    Default("a call ends within 60 seconds in all", _answers_end),
    Default("answers end at 50 MB, and unpack to no more than 100:1", _answers_are_short),
    Default("lists end at 10,000 pages", _pages_end),
    Default("SFTP logs in to servers with a pinned key only", _host_keys_are_pinned),
    Default("XML has no DTD, no entities, no network", _xml_without_dtd),
    Default("archives unpack to no more than 100:1, under names of ours", _archives_stay_small),
    Default("workbooks with macros are refused", _no_macros),
    Default("JSON has no doubled names, no NaN, no endless depth", _json_is_exact),
    Default("patterns of suites and mappings always end (RE2)", _patterns_end),
    Default("exports for people hold no formula", _no_formulas),
    Default("kept bytes are sealed", _kept_bytes_are_sealed),
    Default("a secret is no literal of a file", _secrets_are_no_literals),
    Default("secrets stay out of words and errors", _secrets_are_hidden),
    Default("unsigned webhooks are turned away", _calls_are_signed),
    Default("the webhook receiver listens here, or with TLS", _receiver_is_near),
    Default("the audit trail is whole", _trail_is_whole),
)
