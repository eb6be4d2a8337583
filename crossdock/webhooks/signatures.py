"""Is this call from whom it says? Signatures over the raw bytes, compared in constant time.

Shopify: https://shopify.dev/docs/apps/build/webhooks/verify-deliveries
WooCommerce: https://woocommerce.github.io/woocommerce-rest-api-docs (webhooks, signature)
Standard Webhooks 1.0: https://github.com/standard-webhooks/standard-webhooks
md5: the signature of Taobao's open platform over sorted parameters and the body.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets as randoms
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from crossdock.webhooks.endpoint import Endpoint

_FORM = "application/x-www-form-urlencoded"
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")


@dataclass(frozen=True)
class Heard:
    """One call as it came: header names in lower case, the query and the body as raw bytes."""

    headers: Mapping[str, str]
    query: bytes
    body: bytes


@dataclass(frozen=True)
class Told:
    """What a true call says about itself: the sender's id of it, its topic, is it only a test."""

    event: str
    topic: str = ""
    test: bool = False


def verify(endpoint: Endpoint, secrets: Sequence[str], heard: Heard, now: float) -> Told | None:
    """Check a call with any of ``secrets``; None when it is not to be believed.

    ``now`` is in seconds since 1970.
    """
    return _SCHEMES[endpoint.signature](endpoint, secrets, heard, now)


def is_ping(endpoint: Endpoint, heard: Heard) -> bool:
    """Say whether this is WooCommerce trying an address on saving it: unsigned, without data."""
    return (
        endpoint.signature == "woocommerce"
        and heard.headers.get("content-type", "").startswith(_FORM)
        and _PING.fullmatch(heard.body) is not None
    )


def _shopify(
    endpoint: Endpoint, secrets: Sequence[str], heard: Heard, now: float
) -> Told | None:
    headers = heard.headers
    given = _from_base64(headers.get("x-shopify-hmac-sha256", ""))
    if not _any_equal(given, (_sha256(s.encode(), heard.body) for s in secrets)):
        return None
    if not _is_from(endpoint, headers.get("x-shopify-shop-domain", "")):
        return None
    return Told(
        _event(headers.get("x-shopify-webhook-id", "")),
        headers.get("x-shopify-topic", "")[:200],
        headers.get("x-shopify-test", "") == "true",
    )


def _woocommerce(
    endpoint: Endpoint, secrets: Sequence[str], heard: Heard, now: float
) -> Told | None:
    headers = heard.headers
    given = _from_base64(headers.get("x-wc-webhook-signature", ""))
    if not _any_equal(given, (_sha256(s.encode(), heard.body) for s in secrets)):
        return None
    if not _is_from(endpoint, headers.get("x-wc-webhook-source", "").rstrip("/")):
        return None
    return Told(
        _event(headers.get("x-wc-webhook-delivery-id", "")),
        headers.get("x-wc-webhook-topic", "")[:200],
    )


def _standard(
    endpoint: Endpoint, secrets: Sequence[str], heard: Heard, now: float
) -> Told | None:
    event = heard.headers.get("webhook-id", "")
    stamp = heard.headers.get("webhook-timestamp", "")
    if not event or len(event) > 200 or not re.fullmatch("[0-9]{1,12}", stamp):
        return None
    if abs(now - int(stamp)) > endpoint.tolerance:
        return None
    signed = f"{event}.{stamp}.".encode() + heard.body
    wanted = [_sha256(_standard_key(secret), signed) for secret in secrets]
    for part in heard.headers.get("webhook-signature", "").split(" ")[:10]:
        version, _, text = part.partition(",")
        if version == "v1" and _any_equal(_from_base64(text), wanted):
            return Told(event)
    return None


def _standard_key(secret: str) -> bytes:
    """Give the bytes of a secret: base64 after ``whsec_``; anything else is its own text."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return secret.encode()


def md5_sign(secret: str, parameters: Mapping[str, str], body: bytes = b"") -> str:
    """Sign as Taobao's open platform does: md5 of the secret around sorted names and values.

    >>> md5_sign("helloworld", {"v": "2.0", "app_key": "12345678", "session": "test"})
    '9F9F8935160B561680FDA835C5474C74'
    """
    joined = "".join(f"{name}{parameters[name]}" for name in sorted(parameters))
    text = secret.encode() + joined.encode() + body + secret.encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest().upper()  # the vendor's own choice


def _md5(endpoint: Endpoint, secrets: Sequence[str], heard: Heard, now: float) -> Told | None:
    form = heard.headers.get("content-type", "").startswith(_FORM)
    try:
        pairs = parse_qsl(
            heard.query.decode("ascii") + "&" + (heard.body.decode("utf-8") if form else ""),
            keep_blank_values=True,
            max_num_fields=200,
        )
    except ValueError:  # too many fields, or bytes that are no text
        return None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):  # which of two equal names was signed?
        return None
    given = parameters.pop("sign", "").upper().encode("utf-8", "replace")
    wanted = (md5_sign(s, parameters, b"" if form else heard.body).encode() for s in secrets)
    if not _any_equal(given, wanted):
        return None
    when = _moment(parameters.get("timestamp", ""), endpoint.zone)
    if when is None or abs(now - when) > endpoint.tolerance:
        return None
    return Told(given.decode("ascii"), parameters.get("method", parameters.get("topic", ""))[:200])


def _moment(text: str, zone: str) -> float | None:
    """Read ``2016-01-01 12:00:00`` of the declared zone, or seconds or milliseconds since 1970."""
    if re.fullmatch("[0-9]{10}", text):
        return float(text)
    if re.fullmatch("[0-9]{13}", text):
        return int(text) / 1000
    try:
        plain = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - the next line says it
    except ValueError:
        return None
    return plain.replace(tzinfo=ZoneInfo(zone)).timestamp()


def _event(text: str) -> str:
    """Give the sender's id of a call, or one of our own, which no other call has."""
    return text[:200] or f"own-{randoms.token_hex(12)}"


def _is_from(endpoint: Endpoint, sender: str) -> bool:
    return not endpoint.sender or sender.lower() == endpoint.sender.lower().rstrip("/")


def _sha256(secret: bytes, body: bytes) -> bytes:
    return hmac.digest(secret, body, "sha256")


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _any_equal(given: bytes, wanted: Iterable[bytes]) -> bool:
    """Compare with all, whatever the first says, so that time tells nothing."""
    found = False
    for one in wanted:
        found = hmac.compare_digest(given, one) or found
    return found


_SCHEMES: Mapping[
    str, Callable[[Endpoint, Sequence[str], Heard, float], Told | None]
] = {
    "shopify": _shopify,
    "woocommerce": _woocommerce,
    "standard": _standard,
    "md5": _md5,
}
