"""The calls of a sandbox shop: webhooks that it sends, loses, sends twice or sends late.

Signed as the vendors sign, independently of ``crossdock.webhooks``. A call that is not answered
with 2xx is sent again, a few times; then it is lost, as it is at vendors.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from crossdock.sandbox.faults import NO_FAULTS, Plan

Signed = tuple[dict[str, str], str]


@dataclass(frozen=True)
class Call:
    """One call: its id, which every repetition keeps, its topic and its body."""

    id: str
    topic: str
    body: bytes


@dataclass
class Calls:
    """Sends the calls of one address.

    ``signature`` is shopify, woocommerce, standard or md5. ``plan`` has the faults ``lost_call``,
    ``doubled_call`` and ``late_call`` (sent after the next call, or by ``flush``), with endpoints
    such as ``CALL orders/updated``. ``answers`` counts what was answered.
    """

    url: str
    secret: str
    signature: str = "shopify"
    plan: Plan = NO_FAULTS
    tries: int = 3
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    answers: Counter[int] = field(default_factory=Counter)
    late: list[Call] = field(default_factory=list)
    lost: list[Call] = field(default_factory=list)
    told: int = 0

    def tell(self, topic: str, body: Mapping[str, Any]) -> bool:
        """Tell of something that happened; False when the call was lost on the way."""
        self.told += 1
        call = Call(uuid.uuid4().hex, topic, json.dumps(body, ensure_ascii=False).encode())
        fault = self.plan.fault(self.told, f"CALL {topic}", self.told)
        name = fault.name if fault else ""
        if name == "lost_call":
            self.lost.append(call)
            return False
        if name == "late_call":
            self.late.append(call)
            return True
        for _ in range(2 if name == "doubled_call" else 1):
            self.send(call)
        self.flush()
        return True

    def flush(self) -> None:
        """Send what was kept back, the last one first."""
        while self.late:
            self.send(self.late.pop())

    def send(self, call: Call) -> int:
        """Send one call until it is answered with 2xx; gives the last status, 0 for none."""
        status = 0
        for _ in range(self.tries):
            status = self._once(call)
            self.answers[status] += 1
            if 200 <= status < 300:
                return status
        self.lost.append(call)
        return status

    def _once(self, call: Call) -> int:
        parts = urlsplit(self.url)
        headers, query = _SIGN[self.signature](self.secret, call, self.now())
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
        try:
            path = f"{parts.path}?{query}" if query else parts.path
            connection.request(
                "POST", path, call.body, {"Content-Type": "application/json", **headers}
            )
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


def _hmac(secret: bytes, data: bytes) -> str:
    return base64.b64encode(hmac.new(secret, data, hashlib.sha256).digest()).decode()


def _shopify(secret: str, call: Call, now: datetime) -> Signed:
    return {
        "X-Shopify-Hmac-SHA256": _hmac(secret.encode(), call.body),
        "X-Shopify-Topic": call.topic,
        "X-Shopify-Shop-Domain": "sandbox.myshopify.example",
        "X-Shopify-Webhook-Id": call.id,
        "X-Shopify-Triggered-At": now.isoformat(),
    }, ""


def _woocommerce(secret: str, call: Call, now: datetime) -> Signed:
    return {
        "X-WC-Webhook-Signature": _hmac(secret.encode(), call.body),
        "X-WC-Webhook-Topic": call.topic.replace("/", "."),
        "X-WC-Webhook-Source": "https://sandbox.example/",
        "X-WC-Webhook-Delivery-ID": call.id,
    }, ""


def _standard(secret: str, call: Call, now: datetime) -> Signed:
    stamp = str(int(now.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{call.id}.{stamp}.".encode() + call.body
    return {
        "webhook-id": call.id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{_hmac(key, signed)}",
    }, ""


def _md5(secret: str, call: Call, now: datetime) -> Signed:
    values = {"method": call.topic, "timestamp": now.strftime("%Y-%m-%d %H:%M:%S"), "id": call.id}
    text = secret + "".join(name + values[name] for name in sorted(values))
    data = text.encode() + call.body + secret.encode()
    values["sign"] = hashlib.md5(data, usedforsecurity=False).hexdigest().upper()
    return {}, "&".join(f"{name}={quote(value)}" for name, value in values.items())


_SIGN: Mapping[str, Callable[[str, Call, datetime], Signed]] = {
    "shopify": _shopify,
    "woocommerce": _woocommerce,
    "standard": _standard,
    "md5": _md5,
}
