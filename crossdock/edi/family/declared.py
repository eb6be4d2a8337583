"""The checks as ``edi/family.yaml`` declares them: documents, severity, message, override."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crossdock import yaml
from crossdock.edi.family.case import CHECKS, Misfit
from crossdock.systems import nearest

SEVERITIES = ("hold", "note", "off")
DOCUMENTS = (
    "sales_order", "purchase_order", "order_response", "shipment", "receiving_advice", "invoice"
)  # fmt: skip
_KEYS = ("documents", "severity", "message", "override")


@dataclass(frozen=True)
class Declared:
    """One check: what it is asked of, what follows, what it says, whether a person may pass it."""

    name: str
    documents: frozenset[str]
    severity: str
    message: str
    override: bool = True

    def words(self, misfit: Misfit) -> str:
        """Say what is wrong with one document."""
        text = self.message.replace("{value}", shown(misfit.value))
        return text.replace("{expected}", shown(misfit.expected))


def load(path: Path) -> dict[str, Declared]:
    """Read the checks; raises Misconfigured with the line for one that does not exist."""
    from crossdock.edi.family import money, orders, packages, quantities  # noqa: F401 - they register

    page = yaml.load(path)
    data = page.data
    if not isinstance(data, dict) or not data:
        raise page.wrong("checks are a mapping of their names")
    return {name: _declared(page, str(name), spec) for name, spec in data.items()}


def for_partner(
    checks: Mapping[str, Declared], wishes: Mapping[str, str], page: yaml.Document | None
) -> dict[str, Declared]:
    """Give the checks with the severities that a partner's file states differently."""
    changed = dict(checks)
    for name, severity in wishes.items():
        if page is not None and name not in checks:
            raise page.wrong(f"there is no check {name!r}", "family", name,
                             fix=nearest(name, checks))  # fmt: skip
        if page is not None and severity not in SEVERITIES:
            raise page.wrong(f"severity {severity!r}", "family", name, fix=", ".join(SEVERITIES))
        changed[name] = replace(changed[name], severity=severity)
    return changed


def _declared(page: yaml.Document, name: str, spec: Any) -> Declared:
    if name not in CHECKS:
        raise page.wrong(f"there is no check {name!r}", name, fix=nearest(name, CHECKS))
    if not isinstance(spec, dict) or not spec.get("message"):
        raise page.wrong(f"{name} needs documents and a message", name)
    for key in spec:
        if key not in _KEYS:
            raise page.wrong(f"a check has no {key!r}", name, key, fix=", ".join(_KEYS))
    documents = spec.get("documents") or []
    for one in documents:
        if one not in DOCUMENTS:
            raise page.wrong(f"{one!r} is sent to no partner", name, "documents",
                             fix=nearest(str(one), DOCUMENTS))  # fmt: skip
    severity = str(spec.get("severity") or "hold")
    if severity not in SEVERITIES:
        raise page.wrong(f"severity {severity!r}", name, "severity", fix=", ".join(SEVERITIES))
    return Declared(
        name, frozenset(documents), severity, str(spec["message"]), bool(spec.get("override", True))
    )


def shown(value: Any) -> str:
    """Write a value for people: no needless zeros, a day without its hour."""
    if value is None:
        return "nothing"
    if hasattr(value, "normalize"):
        return format(value.normalize(), "f")
    return f"{value:%Y-%m-%d}" if hasattr(value, "strftime") else str(value)
