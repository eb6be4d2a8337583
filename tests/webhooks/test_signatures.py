"""A call is believed for a signature over its very bytes, and for nothing else."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from crossdock.sandbox.calls import _SIGN, Call
from crossdock.webhooks.endpoint import SIGNATURES, Endpoint
from crossdock.webhooks.signatures import Heard, Told, is_ping, md5_sign, verify
from tests.faults.catalogue import fault

NOW = 1_772_000_000.0
NEW = "whsec_" + base64.b64encode(b"a new secret of thirty-two bytes").decode()
OLD = "whsec_" + base64.b64encode(b"an old secret of thirty-two byte").decode()
BODY = b'{"id":7,"total":"12.50","name":"\xc5\xbb"}'


def endpoint(signature: str, **more: Any) -> Endpoint:
    return Endpoint("shop", "orders", signature, ({"env": "X"},), **more)


def heard(
    signature: str, secret: str, at: float = NOW, body: bytes = BODY, **headers: str
) -> Heard:
    call = Call("evt-1", "orders/create", body)
    made, query = _SIGN[signature](secret, call, datetime.fromtimestamp(at, UTC))
    lower = {name.lower(): value for name, value in made.items()}
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return Heard({**lower, **more}, query.encode(), body)


def ask(signature: str, given: Heard, *secrets: str, now: float = NOW, **more: Any) -> Told | None:
    return verify(endpoint(signature, **more), secrets or (NEW,), given, now)


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_true_call_is_believed(signature: str) -> None:
    told = ask(signature, heard(signature, NEW))
    assert told is not None
    assert told.event
    assert told.test is False


@fault("W10")
@pytest.mark.parametrize("signature", SIGNATURES)
def test_while_a_secret_changes_both_are_good(signature: str) -> None:
    assert ask(signature, heard(signature, OLD), NEW, OLD)
    assert ask(signature, heard(signature, NEW), NEW, OLD)
    assert ask(signature, heard(signature, OLD), NEW) is None


@pytest.mark.parametrize("signature", SIGNATURES)
@pytest.mark.parametrize(
    "body", [BODY + b" ", BODY[:-1], b"", b'{"id": 7, "total": "12.50"}', BODY.replace(b"7", b"8")]
)
def test_other_bytes_are_not_believed(signature: str, body: bytes) -> None:
    given = heard(signature, NEW)
    assert ask(signature, Heard(given.headers, given.query, body)) is None


@pytest.mark.parametrize("signature", SIGNATURES)
def test_without_a_signature_or_with_a_cut_one_nothing_is_believed(signature: str) -> None:
    assert ask(signature, Heard({}, b"", BODY)) is None
    given = heard(signature, NEW)
    for name in given.headers:
        value = given.headers[name]
        for cut in (value[:-1], value[1:], "", "é" * 8, "=" * 44, value + value):
            told = ask(signature, Heard({**given.headers, name: cut}, given.query, BODY))
            if "signature" in name or "hmac" in name:
                assert told is None, (name, cut)
    if given.query:
        assert ask(signature, Heard({}, given.query[:-1], BODY)) is None


@pytest.mark.parametrize("signature", ["standard", "md5"])
@pytest.mark.parametrize(
    ("late", "good"), [(0, True), (299, True), (301, False), (-299, True), (-301, False)]
)
def test_an_old_call_is_a_replay(signature: str, late: int, good: bool) -> None:
    assert (ask(signature, heard(signature, NEW), now=NOW + late) is not None) is good


def test_the_time_of_a_standard_call_is_signed() -> None:
    given = heard("standard", NEW, at=NOW - 900)
    again = {**given.headers, "webhook-timestamp": str(int(NOW))}
    assert ask("standard", Heard(again, b"", BODY)) is None
    other = {**heard("standard", NEW).headers, "webhook-id": "evt-2"}
    assert ask("standard", Heard(other, b"", BODY)) is None


def test_one_of_several_standard_signatures_is_enough() -> None:
    given = heard("standard", NEW)
    good = given.headers["webhook-signature"]
    several = {**given.headers, "webhook-signature": f"v1a,xyz v1,AAAA {good}"}
    assert ask("standard", Heard(several, b"", BODY))
    only = {**given.headers, "webhook-signature": good.replace("v1,", "v2,")}
    assert ask("standard", Heard(only, b"", BODY)) is None


def test_the_example_of_taobaos_guide() -> None:
    parameters = {
        "app_key": "12345678",
        "fields": "num_iid,title,nick,price,num",
        "format": "json",
        "method": "taobao.item.seller.get",
        "num_iid": "11223344",
        "session": "test",
        "sign_method": "md5",
        "timestamp": "2016-01-01 12:00:00",
        "v": "2.0",
    }
    sign = md5_sign("helloworld", parameters)
    assert sign == "66987CB115214E59E6EC978214934FB8"
    noon = datetime(2016, 1, 1, 4, 0, tzinfo=UTC).timestamp()
    form = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    body = urlencode({**parameters, "sign": sign}).encode()
    point = endpoint("md5", zone="Asia/Shanghai")
    assert verify(point, ["helloworld"], Heard(form, b"", body), noon) == Told(
        sign, "taobao.item.seller.get"
    )
    assert verify(point, ["helloworld"], Heard(form, b"v=2.0", body), noon) is None
    assert verify(endpoint("md5"), ["helloworld"], Heard(form, b"", body), noon) is None
    many = b"&".join(b"a%d=1" % number for number in range(300))
    assert verify(point, ["helloworld"], Heard(form, b"", many), noon) is None


def test_who_sends_can_be_pinned() -> None:
    for signature, sender in (
        ("shopify", "sandbox.myshopify.example"),
        ("woocommerce", "https://sandbox.example"),
    ):
        given = heard(signature, NEW)
        assert ask(signature, given, sender=sender)
        assert ask(signature, given, sender="other.myshopify.example") is None


@fault("W11")
def test_tests_and_pings_bring_no_record() -> None:
    told = ask("shopify", heard("shopify", NEW, x_shopify_test="true"))
    assert told is not None
    assert told.test
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert is_ping(endpoint("woocommerce"), Heard(form, b"", b"webhook_id=7"))
    assert not is_ping(endpoint("woocommerce"), Heard(form, b"", b"webhook_id=7&total=5"))
    assert not is_ping(endpoint("shopify"), Heard(form, b"", b"webhook_id=7"))


def test_calls_without_an_id_get_one_of_ours() -> None:
    given = heard("shopify", NEW)
    plain = {name: v for name, v in given.headers.items() if name != "x-shopify-webhook-id"}
    first = ask("shopify", Heard(plain, b"", BODY))
    second = ask("shopify", Heard(plain, b"", BODY))
    assert first is not None
    assert second is not None
    assert first.event != second.event


def test_topics_say_what_a_call_brings() -> None:
    some = endpoint("shopify", topics=frozenset({"orders/create"}))
    assert some.of_topic("orders/create") == "record"
    assert some.of_topic("orders/delete") == "news"
    assert endpoint("shopify").of_topic("anything") == "record"
