"""The one HTTP session of the hub. The only door to requests.

https only, verification on, redirects and proxies off, addresses checked (``crossdock.egress``),
a deadline for the whole call, a limit on its size, and no body taken for whole that was cut off.
"""

from __future__ import annotations

import http.cookiejar
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.errors import MultipartInvariantViolationDefect, StartBoundaryNotFoundDefect
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NewConnectionError

from crossdock import __version__, retry
from crossdock.auth import Auth
from crossdock.budget import Allowance, BudgetStore, InProcess
from crossdock.connection import pools
from crossdock.connector import Budget, World
from crossdock.deadline import Watch, in_time
from crossdock.egress import Egress
from crossdock.errors import CrossdockError, Misconfigured, TryLater, Unreadable
from crossdock.exchange import Answer, NoAnswer, Request, heard_of, hidden
from crossdock.formats.packed import Gunzip
from crossdock.retry import ONCE, PATIENT, Patience
from crossdock.verdict import error_of, say

_CHUNK = 1 << 16


class HttpSession:
    """Sends the requests of one system.

    ``headers`` go with every request; ``credential`` names the account whose ``budget`` is used;
    ``ca`` is a file of certificates to trust instead of the bundled ones. Close it when a step
    ends.
    """

    def __init__(
        self,
        world: World,
        egress: Egress,
        *,
        auth: Auth | None = None,
        headers: Mapping[str, str] | None = None,
        budget: Budget | None = None,
        store: BudgetStore | None = None,
        credential: str = "",
        patience: Patience = PATIENT,
        ca: Path | None = None,
    ) -> None:
        self.world = world
        self.auth = auth
        self._egress = egress
        self._headers = dict(headers or {})
        self._patience = patience
        self._credential = credential
        self._store = store or InProcess()
        self._allowance = Allowance(world, self._store, credential, budget or Budget())
        self._meters: dict[str, Allowance] = {}
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(ca) if ca else True
        self._session.headers.clear()
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, _Adapter(egress))

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def try_login(self, url: str) -> None:
        """Try the address and the credentials without a request of their own where possible.

        Raises Misconfigured, TryLater.
        """
        self._egress.url(url)
        if self.auth:
            self.auth.sign(Request("GET", url))

    def send(self, request: Request) -> Answer:
        """Send a request, again where that does no harm; gives a good answer.

        Raises TryLater, Refused, Misconfigured; NoAnswer (a TryLater) when the effect is
        unknown. With ``judged`` False only what is no answer at all is raised.
        """
        self._egress.url(request.url)
        return retry.call(
            self.world, self._patience if request.again else ONCE, lambda: self._once(request)
        )

    def _once(self, request: Request) -> Answer:
        signed, answer = self._sent(request)
        if self.auth and self.auth.renew(signed, answer):
            _, answer = self._sent(request)
        error = self._judge(request, answer)
        if isinstance(error, TryLater) and error.after:
            self._allowances(request)[-1].slow_down(error.after)
        if error and request.judged:
            raise error
        if request.verify:
            request.verify(answer)
        return answer

    def _sent(self, request: Request) -> tuple[Request, Answer]:
        """Send once, within all budgets, and take from the answer what it says about them."""
        for allowance in self._allowances(request):
            allowance.take(request.cost)
        signed = self.auth.sign(request) if self.auth else request
        answer = self._exchange(signed)
        for allowance in self._allowances(request):
            allowance.learn(request.cost, answer)
        return signed, answer

    def _allowances(self, request: Request) -> list[Allowance]:
        """The account's budget, and that of the stream where it has its own."""
        if request.budget is None:
            return [self._allowance]
        name = f"{self._credential}/{request.meter}"
        if name not in self._meters:
            self._meters[name] = Allowance(self.world, self._store, name, request.budget)
        return [self._allowance, self._meters[name]]

    def _judge(self, request: Request, answer: Answer) -> CrossdockError | None:
        if 200 <= answer.status < 300 and _is_page(answer) and not _wants_page(request):
            return TryLater("an HTML page came instead of data", where=request.where)
        heard = heard_of(answer)
        said = say(heard, request.rules, self.world.now())
        error = error_of(said, heard, request.where)
        return scrubbed(error, self._secrets()) if error else None

    def scrubbed(self, words: str) -> str:
        """Take our own secrets out of words of theirs, which may quote the request."""
        return hidden(words, self._secrets())

    def _secrets(self) -> Sequence[str]:
        return self.auth.secrets if self.auth else ()

    def _exchange(self, request: Request) -> Answer:
        start = time.monotonic()
        url = request.url
        if request.query:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(request.query)}"
        headers = {
            "User-Agent": f"crossdock/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            **self._headers,
            **request.headers,
        }
        with Watch(request.deadline) as watch, _named(request, watch):
            response = self._session.request(
                request.method,
                url,
                headers=headers,
                data=request.body,
                timeout=(min(10.0, request.deadline), _silence(request)),
                allow_redirects=False,
                stream=True,
            )
            with response:
                lower = {name.lower(): value for name, value in response.headers.items()}
                cookies = tuple(response.raw.headers.getlist("set-cookie"))
                body = b"".join(_body(response, lower, request))
        whole = "content-length" in lower or _is_gzip(lower) or bool(response.raw.chunked)
        elapsed = time.monotonic() - start
        return Answer(response.status_code, lower, body, elapsed, whole, cookies)


class _Adapter(HTTPAdapter):
    """Uses connections that are checked and watched; never tries again by itself."""

    def __init__(self, egress: Egress) -> None:
        self._pools = pools(egress)
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def send(self, *given: Any, **options: Any) -> requests.Response:
        """Send, unless the time for it is over: the last moment to see that is now."""
        in_time()
        return super().send(*given, **options)


def _silence(request: Request) -> float:
    """How long a server may say nothing at all, in seconds."""
    return min(30.0, request.deadline)


@contextmanager
def _named(request: Request, watch: Watch) -> Iterator[None]:
    """Turn what the libraries raise into our errors: what surely did not happen, and what may."""
    where = request.where
    try:
        yield
    except requests.exceptions.ConnectTimeout:
        raise TryLater("the server does not answer", where=where) from None
    except requests.exceptions.ReadTimeout:  # no ConnectionError; the request may have been taken
        raise NoAnswer(f"no answer within {_silence(request):g} s", where=where) from None
    except requests.exceptions.SSLError as error:
        raise _tls(error, where) from None
    except (requests.exceptions.ConnectionError, HTTPError) as error:
        if watch.late:
            raise NoAnswer(f"no answer within {request.deadline:g} s", where=where) from None
        if _was_not_sent(error):
            raise TryLater("the server cannot be reached", where=where) from None
        raise NoAnswer("the connection broke before the answer was whole", where=where) from None
    except (requests.exceptions.RequestException, ValueError) as error:
        raise Misconfigured(
            f"this request cannot be sent: {type(error).__name__}", where=where
        ) from None


def _was_not_sent(error: Exception) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)


def _tls(error: Exception, where: str) -> CrossdockError:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate" in text.lower():
        return Misconfigured(
            "the certificate of the server is not trusted",
            where=where,
            fix="let the owner renew it, or name the authority with the setting ca",
        )
    if "VERSION" in text or "PROTOCOL" in text:
        return Misconfigured("the server does not speak TLS 1.2 or later", where=where)
    return TryLater("the TLS connection could not be made", where=where)


def _body(
    response: requests.Response, headers: Mapping[str, str], request: Request
) -> Iterator[bytes]:
    """Yield the plain body; raises NoAnswer where it was cut off, Misconfigured for its size."""
    stream = Gunzip(request.where, request.most_bytes) if _is_gzip(headers) else None
    if headers.get("content-encoding", "identity") not in {"identity", "", "gzip", "x-gzip"}:
        raise Misconfigured("the body has an encoding that was not asked for", where=request.where)
    original = getattr(response.raw, "_original_response", None)
    if original is not None and any(map(_cut, original.msg.defects)):
        raise NoAnswer("the headers of the answer were cut off", where=request.where)
    taken = 0
    while chunk := response.raw.read1(_CHUNK, decode_content=False):
        taken += len(chunk)
        if taken > request.most_bytes:
            raise Misconfigured(
                f"the answer is larger than {request.most_bytes >> 20} MB",
                where=request.where,
                fix="ask for smaller pages",
            )
        if stream is None:
            yield chunk
        else:
            yield from _unpacked(stream, chunk, request)
    if stream and taken and not stream.ended:
        raise NoAnswer("the compressed answer was cut off", where=request.where)


def _cut(defect: Exception) -> bool:
    """Whether headers ended too early; they never hold the parts that a multipart announces."""
    return not isinstance(defect, StartBoundaryNotFoundDefect | MultipartInvariantViolationDefect)


def _unpacked(stream: Gunzip, chunk: bytes, request: Request) -> Iterator[bytes]:
    try:
        yield from stream.feed(chunk)
    except Unreadable as error:
        raise NoAnswer(error.what, where=request.where) from None


def _is_gzip(headers: Mapping[str, str]) -> bool:
    return headers.get("content-encoding", "") in {"gzip", "x-gzip"}


def _is_page(answer: Answer) -> bool:
    start = answer.body[:200].lstrip().lower()
    kind = answer.headers.get("content-type", "").lower()
    return "text/html" in kind or start.startswith((b"<!doctype html", b"<html"))


def _wants_page(request: Request) -> bool:
    return "html" in {name.lower(): value for name, value in request.headers.items()}.get(
        "accept", ""
    )


def scrubbed(error: CrossdockError, secrets: Sequence[str]) -> CrossdockError:
    """Take our own secrets out of their words, which may quote the request."""
    words = hidden(error.what, secrets)
    if words == error.what:
        return error
    again = type(error)(words, where=error.where, fix=error.fix)
    if isinstance(again, TryLater) and isinstance(error, TryLater):
        again.after = error.after
    return again
