"""Fixtures of the sandbox's tests."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from crossdock.sandbox.shop import Shop


class Caller:
    """Calls a shop over a real socket, one connection, with a token of its own."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.token = ""
        self.headers: Mapping[str, str] = {}
        self._connection = http.client.HTTPConnection("127.0.0.1", shop.server.port, timeout=10)

    def sign_in(self) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.shop.client_id,
            "client_secret": self.shop.client_secret,
        }
        status, body = self("POST", "/oauth/token", urlencode(form), {})
        assert status == 200
        self.token = body["access_token"]
        return self.token

    def __call__(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        sent = {"Authorization": f"Bearer {self.token}"} if headers is None else dict(headers)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            sent = {"Content-Type": "application/json", **sent}
        if headers is not None and headers:
            sent = {"Authorization": f"Bearer {self.token}", **sent}
        try:
            self._connection.request(method, path, body, sent)
            answer = self._connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        media = self.headers.get("content-type", "")
        return answer.status, json.loads(data) if "json" in media and data else data

    def path_of(self, url: str) -> str:
        parts = urlsplit(url)
        return f"{parts.path}?{parts.query}"

    def close(self) -> None:
        self._connection.close()


def record(number: int, minute: int | None = None, **rest: Any) -> dict[str, Any]:
    """A shop's order, changed at a minute of one hour."""
    minute = number // 3 if minute is None else minute
    return {
        "id": number,
        "number": f"S{number}",
        "created_at": "2024-03-01T00:00:00+01:00",
        "updated_at": f"2024-03-01T{minute // 60:02}:{minute % 60:02}:00+01:00",
        "currency": "EUR",
        "total": "12.30",
        "status": "open",
        "line_items": [{"sku": "A", "quantity": 1, "price": "12.30"}],
        **rest,
    }


PRODUCT = {"sku": "A", "title": "Bolt", "updated_at": "2024-03-01T00:00:00+00:00"}
NEW = {
    "number": "N1",
    "currency": "EUR",
    "total": "3.00",
    "line_items": [{"sku": "A", "quantity": 1, "price": "3.00"}],
}


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    return [record(number) for number in range(1, 48)]
