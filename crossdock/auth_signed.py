"""Signatures over a request: OAuth 1.0a, and the routers of Chinese marketplaces.

https://www.rfc-editor.org/rfc/rfc5849 https://open.taobao.com/doc.htm?docId=101617
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets as entropy
from collections.abc import Callable, Mapping, Sequence
from typing import Literal
from urllib.parse import parse_qsl, quote, urlsplit

from crossdock.auth import with_credentials
from crossdock.connector import World
from crossdock.exchange import Answer, Request

Method = Literal["md5", "hmac", "hmac-sha256"]


def oauth1_signature(method: str, url: str, parameters: Sequence[tuple[str, str]], key: str) -> str:
    """Sign a request by HMAC-SHA256 as RFC 5849, 3.4 says; gives base64.

    ``parameters`` are all of query, form and OAuth, decoded; ``key`` is both secrets joined.

    >>> oauth1_signature("GET", "https://h.example/a", [("b", "1 2")], "k&")[:12]
    '+p6emslBFBjs'
    """
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    place = f"{parts.scheme.lower()}://{(parts.hostname or '').lower()}{port}{parts.path or '/'}"
    pairs = sorted((_quoted(name), _quoted(value)) for name, value in parameters)
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    text = "&".join((method.upper(), _quoted(place), _quoted(joined)))
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), "sha256")).decode()


def _quoted(text: str) -> str:
    return quote(text, safe="-._~")


class OAuth1:
    """OAuth 1.0a with HMAC-SHA256; without a token it is one-legged.

    ``in_query`` puts the parameters into the URL, for hosts that strip ``Authorization``.
    """

    def __init__(
        self,
        world: World,
        consumer: tuple[str, str],
        token: tuple[str, str] = ("", ""),
        *,
        in_query: bool = False,
        nonce: Callable[[], str] = lambda: entropy.token_hex(16),
    ) -> None:
        self._world = world
        self._consumer = consumer
        self._token = token
        self._in_query = in_query
        self._nonce = nonce
        self.secrets = tuple(part for part in (consumer[1], token[1]) if part)

    def sign(self, request: Request) -> Request:
        """Add the OAuth parameters with a signature over method, address and parameters."""
        own = {
            "oauth_consumer_key": self._consumer[0],
            "oauth_nonce": self._nonce(),
            "oauth_signature_method": "HMAC-SHA256",
            "oauth_timestamp": str(int(self._world.now().timestamp())),
            "oauth_version": "1.0",
        }
        if self._token[0]:
            own["oauth_token"] = self._token[0]
        given = [
            *parse_qsl(urlsplit(request.url).query, keep_blank_values=True),
            *request.query.items(),
            *_form(request),
            *own.items(),
        ]
        key = f"{_quoted(self._consumer[1])}&{_quoted(self._token[1])}"
        own["oauth_signature"] = oauth1_signature(request.method, request.url, given, key)
        if self._in_query:
            return with_credentials(request, {}, own)
        text = ", ".join(f'{name}="{_quoted(value)}"' for name, value in sorted(own.items()))
        return with_credentials(request, {"Authorization": f"OAuth {text}"})

    def renew(self, sent: Request, answer: Answer) -> bool:
        """Say that nothing else can be tried."""
        return False


def _form(request: Request) -> list[tuple[str, str]]:
    media = {name.lower(): value for name, value in request.headers.items()}.get("content-type", "")
    if not request.body or not media.startswith("application/x-www-form-urlencoded"):
        return []
    return parse_qsl(request.body.decode(), keep_blank_values=True)


def router_signature(parameters: Mapping[str, str], secret: str, method: Method = "md5") -> str:
    """Sign the parameters of a router call: sorted names and values, without gaps, and the secret.

    ``md5`` puts the secret on both ends, the others use it as the key. Empty values and ``sign``
    itself stay out. The first vector is Taobao's own.

    >>> call = {"app_key": "12345678", "fields": "num_iid,title,nick,price,num", "format": "json",
    ...         "method": "taobao.item.seller.get", "num_iid": "11223344", "session": "test",
    ...         "sign_method": "md5", "timestamp": "2016-01-01 12:00:00", "v": "2.0"}
    >>> router_signature(call, "helloworld")
    '66987CB115214E59E6EC978214934FB8'
    """
    text = "".join(
        f"{name}{value}"
        for name, value in sorted(parameters.items())
        if value != "" and name != "sign"
    )
    if method == "md5":
        code = hashlib.md5(f"{secret}{text}{secret}".encode(), usedforsecurity=False).hexdigest()
    else:
        digest = "md5" if method == "hmac" else "sha256"
        code = hmac.new(secret.encode(), text.encode(), digest).hexdigest()
    return code.upper()


class Router:
    """Signs the parameters of a call to a router (Taobao, JD, Pinduoduo and their like).

    ``constant`` are the parameters of every call; ``stamp`` gives the one of the time. The
    parameters of a request are those of its query and of its form, and all are signed together.
    """

    def __init__(
        self,
        secret: str,
        constant: Mapping[str, str],
        stamp: Callable[[], Mapping[str, str]],
        *,
        method: Method = "md5",
        secrets: Sequence[str] = (),
    ) -> None:
        self._secret = secret
        self._constant = dict(constant)
        self._stamp = stamp
        self._method = method
        self.secrets = (secret, *secrets)

    def sign(self, request: Request) -> Request:
        """Add the constant parameters, the time and the signature to the query."""
        own = {**self._constant, **self._stamp()}
        signed = {**own, **request.query, **dict(_form(request))}
        own["sign"] = router_signature(signed, self._secret, self._method)
        return with_credentials(request, {}, own)

    def renew(self, sent: Request, answer: Answer) -> bool:
        """Say that nothing else can be tried."""
        return False
