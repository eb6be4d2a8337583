"""The receiver keeps before it says yes, and nobody can make it slow, full or talkative."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
import uvicorn

from crossdock.errors import Misconfigured, TryLater
from crossdock.sandbox.calls import _SIGN, Call, Calls
from crossdock.store import schema
from crossdock.webhooks.app import application
from crossdock.webhooks.listening import Listening
from crossdock.webhooks.serve import doors, server
from tests.faults.catalogue import fault
from tests.webhooks.conftest import OLD_SECRET, SECRET, Receiver, World, running

Listen = Callable[..., Receiver]
BODY = b'{"id":5001,"number":"W1","updated_at":"2026-03-01T10:00:00+00:00"}'


def request(
    body: bytes = BODY,
    path: str = "/webhooks/shop/orders",
    method: str = "POST",
    length: int | None = None,
    secret: str = SECRET,
    event: str = "e1",
    **headers: str,
) -> bytes:
    """Write a signed request."""
    made, _ = _SIGN["shopify"](secret, Call(event, "orders/create", body), datetime.now(UTC))
    lines = [f"{method} {path} HTTP/1.1", "Host: hub.example"]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    lines += [f"{name}: {value}" for name, value in made.items()]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def kept(world: World) -> int:
    with world.store.reading() as connection:
        return int(
            connection.execute(sa.select(sa.func.count()).select_from(schema.inbox)).scalar_one()
        )


@pytest.fixture
def receiver(listen: Listen) -> Receiver:
    return listen()


@fault("W07")
def test_a_true_call_is_kept_and_answered(world: World, receiver: Receiver) -> None:
    answer = receiver.raw(request())
    assert status(answer) == 200
    assert answer.endswith(b'{"ok":true}')
    assert b"server:" not in answer.lower()
    assert kept(world) == 1
    assert status(receiver.raw(request(secret=OLD_SECRET, event="e2"))) == 200
    assert kept(world) == 2


def test_strangers_learn_a_number_and_nothing_is_kept(world: World, receiver: Receiver) -> None:
    wrong = request(secret="another secret that is long")
    unsigned = b"POST /webhooks/shop/orders HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
    for data, code in (
        (wrong, 401),
        (unsigned, 401),
        (request(path="/webhooks/shop/products"), 404),
        (request(path="/webhooks/nobody/orders"), 404),
        (request(path="/webhooks/shop/orders/more"), 404),
        (request(path="/"), 404),
        (request(path="/docs", method="GET"), 404),
        (request(path="/openapi.json", method="GET"), 404),
        (request(Content_Encoding="gzip"), 415),
        (request(Transfer_Encoding="chunked"), 400),
    ):
        answer = receiver.raw(data)
        assert status(answer) == code, answer
        assert b"shop" not in answer.partition(b"\r\n\r\n")[2]
        assert b"orders" not in answer
    assert kept(world) == 0


def test_there_are_no_other_routes(world: World) -> None:
    made = application(doors(world.home), lambda calls: None)
    paths = {getattr(route, "path", "") for route in made.routes}
    assert paths == {"/health", "/webhooks/{system}/{stream}"}


def test_a_body_that_is_too_long_is_refused_before_it_is_read(
    world: World, receiver: Receiver
) -> None:
    claimed = request(b"", length=10 << 20)
    assert status(receiver.raw(claimed)) == 413
    head = b"POST /webhooks/shop/orders HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=30) as sock:
        sock.sendall(head)
        sent = 0
        try:
            for _ in range(640):  # forty megabytes, if it would take them
                sock.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass
        else:
            pytest.fail("it took everything")
    assert sent < 30 << 20
    assert kept(world) == 0


def test_lengths_that_lie_bring_nothing(world: World, listen: Listen) -> None:
    receiver = listen(body_seconds=0.3)
    short = receiver.raw(request(length=len(BODY) + 10))
    assert status(short) == 408
    gone = receiver.raw(request(length=len(BODY) + 10), end=True)
    assert status(gone) in {0, 400, 408}
    cut = receiver.raw(request(length=len(BODY) - 1))
    assert status(cut) == 401
    assert kept(world) == 0


def test_a_head_that_does_not_end_is_refused(receiver: Receiver) -> None:
    answer = receiver.raw(b"POST / HTTP/1.1\r\nX: " + b"y" * 40_000)
    assert status(answer) in {0, 400}
    assert status(receiver.raw(b"\x16\x03\x01\x02\x00\x01\x00 no http at all\r\n\r\n")) == 400


@fault("N14")
def test_slow_callers_keep_nobody_out(world: World, listen: Listen) -> None:
    receiver = listen(head_seconds=1.0, body_seconds=1.0)
    slow = [socket.create_connection(("127.0.0.1", receiver.port), timeout=30) for _ in range(40)]
    for number, sock in enumerate(slow):
        part = b"POST /webhooks/shop/orders HTTP/1.1\r\nHost: h\r\n"
        sock.sendall(part if number % 2 else part + b"Content-Length: 50\r\n\r\n{")
    assert status(receiver.raw(request())) == 200
    for number, sock in enumerate(slow):
        with sock:
            answer = b""
            try:
                while part := sock.recv(4096):
                    answer += part
            except ConnectionError:
                pass
            assert status(answer) == (0 if number % 2 else 408)
    assert kept(world) == 1


@fault("W01")
def test_one_call_in_parallel_fifty_times_is_one_item(world: World, receiver: Receiver) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: status(receiver.raw(request())), range(50)))
    assert answers == [200] * 50
    assert kept(world) == 1


@fault("W01")
def test_a_known_call_stays_known_after_a_restart(world: World) -> None:
    for _ in range(2):
        with running(server(world.home, Listening())) as receiver:
            assert status(receiver.raw(request())) == 200
    assert kept(world) == 1
    with running(server(world.home, Listening())) as receiver:
        other = request(BODY.replace(b"W1", b"W2"))  # the same id, and other bytes
        assert status(receiver.raw(other)) == 200
    assert kept(world) == 2


@fault("W07", "W08")
def test_what_cannot_be_kept_is_not_taken(world: World, listen: Listen) -> None:
    receiver = listen()
    blocked = world.store.engine.raw_connection()
    try:
        blocked.execute("BEGIN IMMEDIATE")  # type: ignore[attr-defined]
        slow = listen(patience=0.2)
        answer = slow.raw(request())
        assert status(answer) == 503
        assert b"retry-after: 30" in answer.lower()
    finally:
        blocked.rollback()
        blocked.close()
    assert status(receiver.raw(request(event="e3"))) == 200


@fault("P16")
def test_a_full_disk_closes_the_door(world: World) -> None:
    def full(calls: object) -> None:
        raise OSError(28, "No space left on device")

    def away(calls: object) -> None:
        raise TryLater("the hub's database cannot answer")

    for keep in (full, away):
        made = application(doors(world.home), keep)
        config = uvicorn.Config(made, log_level="critical", lifespan="on", http="h11", ws="none")
        with running(uvicorn.Server(config)) as receiver:
            assert status(receiver.raw(request())) == 503


def test_woocommerce_may_try_the_address_out(world: World, listen: Listen) -> None:
    world.say(signature="woocommerce")
    receiver = listen()
    ping = (
        b"POST /webhooks/shop/orders HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\nwebhook_id=7"
    )
    assert status(receiver.raw(ping)) == 200
    assert kept(world) == 0


@pytest.mark.parametrize("signature", ["shopify", "woocommerce", "standard", "md5"])
def test_every_signature_from_the_shop_to_the_inbox(
    world: World, listen: Listen, signature: str
) -> None:
    world.say(signature=signature)
    receiver = listen()
    good = Calls(receiver.url, SECRET, signature)
    assert good.tell("orders/create", {"id": 1})
    bad = Calls(receiver.url, OLD_SECRET.replace("MA==", "Mg=="), signature, tries=1)
    bad.tell("orders/create", {"id": 2})
    assert (good.answers, bad.answers) == ({200: 1}, {401: 1})
    assert kept(world) == 1


def test_closed_unless_configured(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_WEBHOOK_OLD_SECRET")
    with pytest.raises(Misconfigured, match="SHOP_WEBHOOK_OLD_SECRET is not set"):
        server(world.home, Listening())
    monkeypatch.setenv("SHOP_WEBHOOK_OLD_SECRET", "short")
    with pytest.raises(Misconfigured, match="shorter than 16"):
        server(world.home, Listening())
    path = world.folder / "config/systems/shop.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("    webhooks:")], encoding="utf-8")
    with pytest.raises(Misconfigured, match="no system declares webhooks"):
        server(world.home, Listening())


def test_other_machines_need_tls(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "10.0.0.5", "hub.example"):  # noqa: S104
        with pytest.raises(Misconfigured, match="unencrypted"):
            Listening(host).verify()
        Listening(host, behind_proxy=True).verify()
        Listening(host, certificate=tmp_path / "c.pem").verify()
    for host in ("127.0.0.1", "::1", "localhost"):
        Listening(host).verify()
