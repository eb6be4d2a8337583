"""What a connector says of itself: settings, streams, checks, and what it never says."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

from crossdock.connector import Connector, Reads, Writes
from crossdock.errors import CrossdockError
from crossdock.streams import How
from crossdock.testing.cases import case, expect
from crossdock.testing.driving import lists, rows_of, targets
from crossdock.testing.stand import Stand
from crossdock.testing.watching import connections


def secrets_of(connector: Connector) -> list[str]:
    """Give the values of a connector's secrets that are long enough to be recognised."""
    declared: Any = type(connector)
    values = [
        getattr(connector, item.name)
        for item in dataclasses.fields(declared)
        if item.metadata.get("secret")
    ]
    return [value for value in values if isinstance(value, str) and len(value) > 5]


@case(live=True)
def it_describes_itself(stand: Stand) -> None:
    """It says its kind, its streams, and against what it was verified."""
    kind = stand.connector
    expect(bool(kind.kind), "the class has no kind")
    expect(bool(kind.versions), "versions says nothing: Verified(version, by)")
    for verified in kind.versions:
        expect(verified.by in get_args(How), f"verified by {verified.by!r} is no way to verify")
    made = stand.open()
    streams: list[Reads | Writes] = [*made.reads().values(), *made.writes().values()]
    expect(bool(streams), "it has no stream")
    for stream in streams:
        expect(bool(stream.key), f"the stream {stream.name} has no key")
    for target in made.writes().values():
        expect(target.batch >= 1, f"{target.name}: batch is at least 1")
        looks = type(made).lookup is not Connector.lookup
        expect(target.delivery != "lookup_before_create" or looks,
               f"{target.name} is looked up before it is created: lookup is missing")  # fmt: skip
        follows = type(made).follow is not Connector.follow
        expect(not target.accepts or follows,
               f"{target.name} may be accepted first, and there is no follow")  # fmt: skip


@case(live=True)
def every_setting_has_help(stand: Stand) -> None:
    """Each setting says what it is, and what looks like a secret is one."""
    declared: Any = stand.connector
    for item in dataclasses.fields(declared):
        if not item.init:
            continue
        expect(bool(item.metadata.get("help")), f"the setting {item.name} has no help")
        word = item.name.lower()
        looks_secret = any(part in word for part in ("password", "secret", "token", "passphrase"))
        plain = any(part in word for part in ("url", "header", "name", "path", "in_"))
        expect(not looks_secret or plain or bool(item.metadata.get("secret")),
               f"the setting {item.name} should be declared with secret()")  # fmt: skip


@case(live=True)
def it_opens_without_network(stand: Stand) -> None:
    """Opening it, and asking for its streams, connects to nothing."""
    with connections() as seen:
        made = stand.open()
        made.reads()
        made.writes()
    expect(not seen, f"it connected to {', '.join(sorted(map(str, seen)))} on opening")


@case(live=True)
def its_check_says_yes(stand: Stand) -> None:
    """``crossdock check`` finds nothing wrong with a good account."""
    lines = list(stand.open().check())
    expect(bool(lines), "check tries nothing")
    bad = [f"{line.what}: {line.detail}" for line in lines if not line.ok]
    expect(not bad, f"check is not content: {'; '.join(bad)}")


@case()
def its_check_finds_wrong_credentials(stand: Stand) -> None:
    """Credentials that are turned down show as a failed line, not as an exception."""
    lines = list(stand.open(stand.wrong()).check())
    expect(any(not line.ok for line in lines), "check says yes to wrong credentials")


@case()
def its_check_finds_nobody_there(stand: Stand) -> None:
    """A system that is not there shows as a failed line, not as an exception."""
    lines = list(stand.open(stand.unreachable()).check())
    expect(any(not line.ok for line in lines), "check says yes, and nobody is there")
    said = all(line.detail for line in lines if not line.ok)
    expect(said, "a failed line does not say what is wrong")


@case()
def its_check_names_a_missing_right(stand: Stand) -> None:
    """An account without a right is told the vendor's name of it."""
    settings, right = stand.without_right()
    lines = [line for line in stand.open(settings).check() if not line.ok]
    expect(any(right in line.detail for line in lines),
           f"no line names the right {right!r}: {[line.detail for line in lines]}")  # fmt: skip


class _Listening(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())
        if record.exc_info:
            self.texts.append(str(record.exc_info[1]))


@contextmanager
def _logs() -> Iterator[list[str]]:
    """Take down what is logged at any level."""
    root, handler = logging.getLogger(), _Listening()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield handler.texts
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


@case(live=True)
def it_never_tells_a_secret(stand: Stand) -> None:
    """No secret stands in its repr, a log, a check, an outcome or an error."""
    made = stand.open()
    hidden = secrets_of(made)
    with _logs() as said:
        said.append(repr(made))
        said += [f"{line.what} {line.detail}" for line in made.check()]
        for stream in made.reads().values():
            if not stream.options.get("of"):
                said += _words_of_a_read(made, stream)
    _expect_silent(hidden, said)


@case()
def it_keeps_secrets_that_are_quoted_back(stand: Stand) -> None:
    """A system that quotes our headers in its errors makes us tell nothing."""
    made = stand.open()
    hidden = secrets_of(made)
    with _logs() as said:
        for position in (1, 2):
            stand.fail("echo", at=position, times=20)
            said += [f"{line.what} {line.detail}" for line in made.check()]
            for stream in made.reads().values():
                if not stream.options.get("of"):
                    said += _words_of_a_read(made, stream)
            for target in made.writes().values():
                if target.name in stand.targets():
                    said += _words_of_a_write(stand, made, target)
    _expect_silent([*hidden, *_on_the_wire(made)], said)


def _on_the_wire(made: Connector) -> list[str]:
    session = vars(made).get("http") or vars(made).get("_session")
    auth = getattr(session, "auth", None)
    return [text for text in getattr(auth, "secrets", ()) if len(text) > 5]


def _words_of_a_read(made: Connector, stream: Any) -> list[str]:
    try:
        for page in made.read(stream, None):
            rows_of(made, stream, page)
    except CrossdockError as error:
        return [str(error), repr(error), str(error.__cause__), str(error.__context__)]
    return []


def _words_of_a_write(stand: Stand, made: Connector, target: Any) -> list[str]:
    try:
        found = stand.send(made, target, [stand.parcel(target.name, 1)])
    except CrossdockError as error:
        return [str(error), repr(error)]
    return [outcome.message for outcome in found]


def _expect_silent(hidden: list[str], said: list[str]) -> None:
    for secret in hidden:
        told = [text for text in said if secret in text]
        where = told[0].replace(secret, "<the secret>")[:200] if told else ""
        expect(not told, f"a secret was told: {where}")


@case(live=True)
def it_connects_to_declared_hosts_only(stand: Stand) -> None:
    """Every connection goes to a host that its settings name."""
    made = stand.open()
    declared = made.hosts()
    with connections() as seen:
        for _ in made.check():
            pass
        for stream in lists(stand):
            for page in made.read(stream, None):
                rows_of(made, stream, page)
    strangers = {host for host in seen if host not in _addresses(declared)}
    expect(not strangers, f"it connected to {', '.join(sorted(strangers))}, and its settings name "
                          f"{', '.join(sorted(declared)) or 'no host'}")  # fmt: skip


@case()
def it_writes_to_declared_hosts_only(stand: Stand) -> None:
    """Writing connects to hosts that its settings name, and to no others."""
    made = stand.open()
    with connections() as seen:
        for target in targets(stand):
            stand.send(made, target, [stand.parcel(target.name, 1)])
    strangers = {host for host in seen if host not in _addresses(made.hosts())}
    expect(not strangers, f"it connected to {', '.join(sorted(strangers))}")


def _addresses(hosts: frozenset[str]) -> set[str]:
    import socket

    found = set(hosts)
    for host in hosts:
        try:
            found |= {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
        except OSError:
            continue
    return found
