"""What ``webhooks:`` of a stream says: who may call, what a call brings, how often we still ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from zoneinfo import ZoneInfo

from crossdock import yaml
from crossdock.errors import Misconfigured

SIGNATURES = ("shopify", "woocommerce", "standard", "md5")
MEDIA = ("json", "ndjson", "xml")
KEYS = ("signature", "secrets", "brings", "records", "media", "topics", "sender", "newer_by",
        "tolerance", "zone", "most_kb", "reconcile", "because")  # fmt: skip
_UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0}

SecretOf = Callable[[Any], str]


@dataclass(frozen=True)
class Endpoint:
    """One address that a system calls: ``/webhooks/<system>/<stream>``.

    ``brings`` is ``record`` where a body is what the list of the stream gives, ``news`` where it
    only says that something changed; a call of a topic that ``topics`` does not name is news as
    well. ``newer_by`` is the field that orders versions of a record, None for the stream's cursor.
    ``reconcile`` is how many seconds may pass until the stream is read from the system itself, 0
    for every run, None for never. ``tolerance`` is in seconds, ``most_bytes`` the longest body.
    """

    system: str
    stream: str
    signature: str
    secrets: tuple[Any, ...] = field(repr=False)
    brings: Literal["record", "news"] = "record"
    records: str = ""
    media: str = "json"
    topics: frozenset[str] | None = None
    sender: str = ""
    newer_by: str | None = None
    tolerance: float = 300.0
    zone: str = "UTC"
    most_bytes: int = 1 << 20
    reconcile: float | None = 0.0
    because: str = ""

    @property
    def path(self) -> str:
        """The path that the system calls."""
        return f"/webhooks/{self.system}/{self.stream}"

    def of_topic(self, topic: str) -> Literal["record", "news"]:
        """Say what a call of ``topic`` brings."""
        if self.topics is not None and topic not in self.topics:
            return "news"
        return self.brings


def read(page: yaml.Document, system: str, stream: str, spec: Any) -> Endpoint:
    """Read ``webhooks:`` of a stream.

    Raises Misconfigured for an unknown key, a missing secret, or a stream that nobody would ever
    read from the system itself without a reason for it.
    """
    at = ("streams", stream, "webhooks")
    if not isinstance(spec, dict):
        raise page.wrong("webhooks is a mapping with signature and secrets", *at)
    for key in spec:
        if key not in KEYS:
            raise page.wrong(f"unknown key {key!r}", *at, key, fix=f"known: {', '.join(KEYS)}")
    one_of = _Chosen(page, at, spec)
    topics = spec.get("topics")
    return Endpoint(
        system=system,
        stream=stream,
        signature=one_of("signature", SIGNATURES, ""),
        secrets=_secrets(page, at, spec),
        brings=one_of("brings", ("record", "news"), "record"),  # type: ignore[arg-type]
        records=str(spec.get("records") or ""),
        media=one_of("media", MEDIA, "json"),
        topics=None if topics is None else frozenset(_names(page, (*at, "topics"), topics)),
        sender=str(spec.get("sender") or ""),
        newer_by=spec.get("newer_by"),
        tolerance=_whole(page, at, spec, "tolerance", 300, 3600),
        zone=_zone(page, at, spec),
        most_bytes=_whole(page, at, spec, "most_kb", 1024, 20 * 1024) << 10,
        reconcile=_reconcile(page, at, spec),
        because=str(spec.get("because") or ""),
    )


@dataclass(frozen=True)
class _Chosen:
    page: yaml.Document
    at: tuple[Any, ...]
    spec: Mapping[str, Any]

    def __call__(self, key: str, known: tuple[str, ...], default: str) -> str:
        value = self.spec.get(key, default)
        if value not in known:
            raise self.page.wrong(
                f"{key} is one of {', '.join(known)}", *self.at, key, fix=f"write {key}: {known[0]}"
            )
        return str(value)


def _secrets(page: yaml.Document, at: tuple[Any, ...], spec: Mapping[str, Any]) -> tuple[Any, ...]:
    given = spec.get("secrets")
    listed = given if isinstance(given, list) else [given]
    if not given or len(listed) > 3:
        raise page.wrong(
            "an address without a secret is closed: it needs one, or two while they change",
            *at,
            "secrets",
            fix="secrets: [{env: NAME}], the new one first while the old one is still used",
        )
    for number, value in enumerate(listed):
        if not isinstance(value, dict):
            raise page.wrong(
                "the secret stands in the file itself",
                *at,
                "secrets",
                number,
                fix="write {env: NAME} or {connection: id.password} or {file: path}",
            )
    return tuple(listed)


def _names(page: yaml.Document, at: tuple[Any, ...], value: Any) -> list[str]:
    if not isinstance(value, list) or not value:
        raise page.wrong("topics is a list of names", *at, fix="topics: [orders/create]")
    return [str(item) for item in value]


def _whole(
    page: yaml.Document, at: tuple[Any, ...], spec: Mapping[str, Any], key: str, usual: int,
    most: int,
) -> int:  # fmt: skip
    value = spec.get(key, usual)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise page.wrong(f"{key} is a whole number from 1 to {most}", *at, key)
    return value


def _zone(page: yaml.Document, at: tuple[Any, ...], spec: Mapping[str, Any]) -> str:
    zone = str(spec.get("zone", "UTC"))
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise page.wrong(f"there is no time zone {zone!r}", *at, "zone") from None
    return zone


def _reconcile(
    page: yaml.Document, at: tuple[Any, ...], spec: Mapping[str, Any]
) -> float | None:
    """Read how often the stream is still read; calls get lost, so never needs a reason."""
    value = spec.get("reconcile", True)
    if value is True:
        return 0.0
    if value is False:
        if not str(spec.get("because") or "").strip():
            raise page.wrong(
                "nobody would notice a call that got lost: the system is never asked itself",
                *at,
                "reconcile",
                fix="leave reconcile out, or write because: and who finds what is missing",
            )
        return None
    number, _, unit = str(value).partition(" ")
    seconds = _UNITS.get(unit.strip().removesuffix("s"))
    if not number.isdigit() or not int(number) or seconds is None:
        raise page.wrong(
            "reconcile is true, false or a time", *at, "reconcile", fix="write reconcile: 1 hour"
        )
    return int(number) * seconds


def opened(endpoint: Endpoint, secret_of: SecretOf) -> tuple[str, ...]:
    """Fetch the secrets of an endpoint; raises Misconfigured for one that is not there or short.

    A secret below sixteen characters can be guessed by whoever saw one signed call.
    """
    found = tuple(secret_of(value) for value in endpoint.secrets)
    for number, value in enumerate(found):
        if len(value) < 16:
            raise Misconfigured(
                f"secret {number + 1} of {endpoint.path} is shorter than 16 characters",
                where=f"config/systems/{endpoint.system}.yaml",
                fix="make a longer one: openssl rand -base64 32",
            )
    return found
