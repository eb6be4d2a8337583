"""Read one rule of a suite's YAML: its kind, options, level, severity and words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from crossdock import when
from crossdock.errors import Misconfigured
from crossdock.expectation_list import EXPECTATIONS
from crossdock.model import Entity
from crossdock.model.fields import near
from crossdock.rows import DOCUMENT
from crossdock.rule import OFF, PLACES, SEVERITIES, Limit, Rule, version_of
from crossdock.rule_options import check_expectation, field_for, make_commerce
from crossdock.rules import registry
from crossdock.rules.contract import RUN, CommerceRule
from crossdock.yaml import Document

_WORDS = ("rule", "name", "on", "severity", "at_most", "then", "message", "when", "about")
_THEN = ("hold_batch", "stop_flow")


@dataclass(frozen=True)
class Entry:
    """One item of ``rules:``, with what it takes over from an inherited rule of its name.

    ``spec`` holds the words of the rule; ``kind`` and ``options`` what it judges.
    """

    document: Document
    at: tuple[Any, ...]
    name: str
    kind: str
    options: Mapping[str, Any]
    spec: Mapping[str, Any]

    @property
    def is_off(self) -> bool:
        """Whether the rule is switched off."""
        return self.spec.get("severity") == OFF

    @classmethod
    def read(cls, document: Document, number: int, spec: Any, known: Mapping[str, Entry]) -> Entry:
        """Read item ``number`` of the rules; one without a kind alters the known rule of its name.

        Raises Misconfigured with the place for whatever is wrong.
        """
        at = ("rules", number)
        if not isinstance(spec, dict):
            raise document.wrong("a rule is a mapping", *at, fix="write - rule: <name>")
        words = {key: value for key, value in spec.items() if key in _WORDS}
        kind, given = _kind(document, at, spec)
        name = str(spec.get("name") or kind or "")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise document.wrong(
                f"{name!r} is no name for a rule",
                *at,
                "name",
                fix="use small letters, digits and underscores",
            )
        if kind:
            return cls(document, at, name, kind, given, words)
        if name not in known:
            raise document.wrong(
                f"rule {name!r} does not say what to judge",
                *at,
                fix="add rule: <name>, or an expectation with its options",
            )
        old = known[name]
        return cls(document, at, name, old.kind, old.options, {**old.spec, **words})

    def wrong(self, what: str, *at: Any, fix: str = "") -> Misconfigured:
        """Build the error for a fault in this rule."""
        return self.document.wrong(what, *self.at, *at, fix=fix)


def _kind(document: Document, at: tuple[Any, ...], spec: dict[str, Any]) -> tuple[str, Any]:
    """Find the one key that names what to judge, with its options."""
    others = [key for key in spec if key not in _WORDS]
    known = [*registry(), *EXPECTATIONS]
    for key in others:
        if key not in known:
            words = [*known, *_WORDS]
            raise document.wrong(f"there is no rule {key!r}", *at, key, fix=near(str(key), words))
    if "rule" in spec:
        others.append(str(spec["rule"]))
    if len(others) > 1:
        raise document.wrong("a rule judges one thing", *at, fix=f"split it: {', '.join(others)}")
    if not others:
        return "", {}
    kind = str(others[0])
    if kind not in known:
        raise document.wrong(f"there is no rule {kind!r}", *at, "rule", fix=near(kind, known))
    given = spec.get(kind) or {}
    if not isinstance(given, dict):
        raise document.wrong(f"the options of {kind} are a mapping", *at, kind)
    return kind, given


def read_rule(entry: Entry, entity: Entity) -> Rule:
    """Turn an entry into a rule for ``entity``; raises Misconfigured with the place."""
    commerce = registry().get(entry.kind)
    level = _level(entry, entity, commerce)
    severity = entry.spec.get("severity")
    if severity not in SEVERITIES:
        raise entry.wrong(
            f"rule {entry.name} has severity {severity!r}",
            "severity",
            fix=f"use one of: {', '.join(SEVERITIES)}",
        )
    at_most, then = _threshold(entry, severity)
    made = make_commerce(entry, entity, level, commerce) if commerce else None
    if not commerce:
        check_expectation(entry, entity, level)
    message = entry.spec.get("message")
    default = commerce.message if commerce else EXPECTATIONS[entry.kind].message
    content = {**entry.spec, "name": entry.name, "kind": entry.kind, "options": entry.options}
    return Rule(
        name=entry.name,
        kind=entry.kind,
        on=level,
        severity=severity,
        entity=entity,
        message=default if message is None else _message(entry, message),
        version=version_of(content),
        where=entry.document.where(*entry.at),
        options=dict(entry.options),
        at_most=at_most,
        then=then,
        when=_when(entry, entity, level),
        commerce=made,
        about=str(entry.spec.get("about") or ""),
    )


def _level(entry: Entry, entity: Entity, commerce: type[CommerceRule] | None) -> str:
    level = str(entry.spec.get("on") or (commerce.on if commerce else DOCUMENT))
    if commerce:
        allowed = [
            name
            for name in commerce.levels or (commerce.on,)
            if name in (DOCUMENT, RUN, *entity.lists)
        ]
    else:
        allowed = [DOCUMENT, *entity.lists]
    if level not in allowed:
        words = ", ".join(allowed)
        fix = f"use on: {words}" if words else f"{entity.name} has no {level}"
        raise entry.wrong(f"rule {entry.name} does not run on {level!r}", "on", fix=fix)
    return level


def _threshold(entry: Entry, severity: str) -> tuple[Limit | None, str]:
    then = entry.spec.get("then", "stop_flow")
    if "at_most" not in entry.spec:
        if "then" in entry.spec:
            raise entry.wrong("then: needs a threshold", "then", fix="add at_most: 2%")
        return None, then
    if then not in _THEN:
        raise entry.wrong(f"then: cannot be {then!r}", "then", fix="use hold_batch or stop_flow")
    if SEVERITIES.index(then) <= SEVERITIES.index(severity):
        raise entry.wrong(f"then: {then} is no graver than severity: {severity}", "then")
    try:
        return Limit.read(entry.spec["at_most"]), then
    except ValueError as error:
        raise entry.wrong(str(error), "at_most", fix="write 5 or 2%") from None


def _message(entry: Entry, message: Any) -> str:
    text = str(message)
    for place in re.findall(r"{([^{}]*)}", text):
        if place not in PLACES:
            raise entry.wrong(
                f"the message names {{{place}}}",
                "message",
                fix="use only {field}, {value} and {expected}",
            )
    if re.search(r"[{}]", re.sub(r"{[^{}]*}", "", text)):
        raise entry.wrong("the message has a brace that stands alone", "message")
    return text


def _when(entry: Entry, entity: Entity, level: str) -> when.When | None:
    if "when" not in entry.spec:
        return None
    if level == RUN:
        raise entry.wrong("a rule on the run takes no condition", "when")
    expectation = EXPECTATIONS.get(entry.kind)
    if expectation and expectation.whole_rows and "column_A" not in expectation.options:
        raise entry.wrong(f"{entry.kind} compares rows and takes no condition", "when")
    find = partial(field_for, entry, entity, level)
    return when.read(entry.document, (*entry.at, "when"), entry.spec["when"], find)
