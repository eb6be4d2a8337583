"""One rule of a suite: what to judge, how grave a fault is, and from when on it is graver."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, get_args

from crossdock.model import Entity
from crossdock.model.fields import Field
from crossdock.rows import DOCUMENT, HEADER
from crossdock.rules.contract import RUN, CommerceRule
from crossdock.when import When

Severity = Literal["note", "hold_record", "hold_batch", "stop_flow"]
SEVERITIES: tuple[str, ...] = get_args(Severity)
HOLDS = ("hold_record", "hold_batch", "stop_flow")
OFF = "off"
PLACES = ("field", "value", "expected")


@dataclass(frozen=True)
class Limit:
    """How many documents or lines of a run may break a rule: a count, or a share of those seen.

    >>> Limit.read("2%").exceeded(3, of=100), Limit.read(5).exceeded(5, of=5)
    (True, False)
    """

    count: int | None = None
    share: Decimal | None = None

    @classmethod
    def read(cls, text: str | int) -> Limit:
        """Read ``5`` or ``2%``; raises ValueError for anything else."""
        words = str(text).strip()
        if words.endswith("%"):
            percent = Decimal(words[:-1].strip()) if _plain(words[:-1]) else Decimal(-1)
            if not 0 <= percent <= 100:
                raise ValueError(f"{text!r} is no percentage from 0% to 100%")
            return cls(share=percent / 100)
        if not words.isascii() or not words.isdigit():
            raise ValueError(f"{text!r} is neither a whole number nor a percentage")
        return cls(count=int(words))

    def exceeded(self, broken: int, *, of: int) -> bool:
        """Say whether ``broken`` rows ``of`` those seen are too many."""
        if self.count is not None:
            return broken > self.count
        return self.share is not None and broken > self.share * of

    def __str__(self) -> str:
        return str(self.count) if self.share is None else f"{(self.share * 100).normalize():f}%"


def _plain(text: str) -> bool:
    return text.strip().replace(".", "", 1).isdigit()


@dataclass(frozen=True, eq=False)
class Rule:
    """A rule as a suite configures it.

    ``kind`` is a rule of the commerce pack (then ``commerce`` holds it, with its options) or an
    expectation without ``expect_``; ``on`` is ``document``, a list such as ``lines``, or ``run``.
    ``version`` changes with every word of the rule; ``where`` is ``file:line``.
    """

    name: str
    kind: str
    on: str
    severity: str
    entity: Entity
    message: str
    version: str
    where: str
    options: Mapping[str, Any]
    at_most: Limit | None = None
    then: str = "stop_flow"
    when: When | None = None
    commerce: CommerceRule | None = None
    about: str = ""

    def field_of(self, name: str) -> Field:
        """Find a field by the name that it has on this rule's level."""
        return field_on(self.entity, self.on, name)

    def masked(self, name: str) -> bool:
        """Say whether the model marks a field as personal, so that its values stay hidden."""
        bare = name.removeprefix(HEADER)
        if bare != name or self.on in (DOCUMENT, RUN):
            return bare in self.entity.personal
        return f"{self.on}.{name}" in self.entity.personal


def field_on(entity: Entity, level: str, name: str) -> Field:
    """Find a field of ``level``; ``document.x`` on a list is a field of the header.

    Raises Misconfigured when there is none.
    """
    if level in (DOCUMENT, RUN):
        return entity.field(name)
    if name.startswith(HEADER):
        return entity.field(name.removeprefix(HEADER))
    return entity.field(f"{level}.{name}")


def version_of(spec: Mapping[str, Any]) -> str:
    """Name the content of a rule: 12 hexadecimal digits of the SHA-256 of its canonical JSON."""
    text = json.dumps(spec, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
