"""Pallets, cartons and lines: the groups of CPS as a flat list of packages, and back.

A message says with CPS which package is in which; a document has a list ``packages``, each with
its SSCC and that of the package around it, and a list ``lines``, each with the SSCC that it is in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Document = dict[str, Any]

_MEASURES = ("gross_weight", "weight_unit", "length", "width", "height", "dimension_unit")


def unpacked(document: Document) -> None:
    """Flatten what was read; a level that only holds others says how many they are.

    Gives ``packages`` (``sscc``, ``parent_sscc``, ``package_type``, ``quantity`` and measures),
    ``lines`` (with ``package``, the number of their CPS, and ``sscc``) and ``package_count``.
    """
    levels = {level["level"]: level for level in document["packages"]}
    above = {level["parent"] for level in levels.values()}
    packages: list[Document] = []
    lines: list[Document] = []
    document["package_count"] = ""
    for level in document["packages"]:
        own = [sscc for unit in level["units"] for sscc in unit["ssccs"] or ()]
        whole = not level["parent"] and level["level"] in above and not own
        if whole:
            document["package_count"] = _sum(unit["quantity"] for unit in level["units"])
        else:
            outer = levels.get(level["parent"])
            packages += _packages(level, _sole(outer) if outer is not level else "")
        for line in level["lines"]:
            lines.append({**line, "package": level["level"], "sscc": _sole(level)})
    document["packages"], document["lines"] = packages, lines


def packed(document: Mapping[str, Any]) -> Document:
    """Nest what is to be written: the shipment, its packages, theirs, and lines in each.

    Lines whose package is not listed make it one; lines without a package stand with the whole.
    """
    given = [dict(package) for package in document.get("packages") or ()]
    lines = list(document.get("lines") or ())
    known = {package.get("sscc") for package in given}
    for line in lines:
        if line.get("sscc") and line["sscc"] not in known:
            known.add(line["sscc"])
            given.append({"sscc": line["sscc"]})
    inside: dict[str, list[Document]] = {}
    for package in given:
        parent = package.get("parent_sscc") or ""
        inside.setdefault(parent if parent in known else "", []).append(package)
    whole: Document = {"level": "1", "lines": [line for line in lines if not line.get("sscc")]}
    if document.get("package_count"):
        whole["units"] = [{"quantity": document["package_count"]}]
    levels = [whole]
    _nest("", "1", inside, lines, levels)
    return {**document, "packages": levels}


def received(document: Document) -> None:
    """Flatten a receiving advice; what is missing is a number without a sign."""
    unpacked(document)
    for line in document["lines"]:
        for name in ("missing", "damaged", "surplus"):
            line[name] = line[name].removeprefix("-")


def receiving(document: Mapping[str, Any]) -> Document:
    """Nest a receiving advice; what is missing or damaged is written below zero."""
    lines = []
    for line in document.get("lines") or ():
        less = {
            name: f"-{line[name]}"
            for name in ("missing", "damaged")
            if line.get(name) not in (None, "")
        }
        lines.append({**line, **less})
    return packed({**document, "lines": lines})


def _packages(level: Mapping[str, Any], parent: str) -> Iterator[Document]:
    for unit in level["units"]:
        measures = {name: unit[name] for name in _MEASURES if name in unit}
        plain = {"package_type": unit["package_type"], **measures, "parent_sscc": parent}
        for sscc in unit["ssccs"] or ():
            yield {"level": level["level"], "sscc": sscc, "quantity": "1", **plain}
        if not unit["ssccs"]:
            yield {"level": level["level"], "sscc": "", "quantity": unit["quantity"], **plain}


def _sole(level: Mapping[str, Any] | None) -> str:
    """The SSCC of a level that has one and no more."""
    own = [sscc for unit in (level or {}).get("units", ()) for sscc in unit["ssccs"] or ()]
    return own[0] if len(own) == 1 else ""


def _nest(
    outer: str,
    number: str,
    inside: Mapping[str, list[Document]],
    lines: list[Document],
    levels: list[Document],
) -> None:
    for package in inside.get(outer, ()):
        sscc = package.get("sscc") or ""
        level = str(len(levels) + 1)
        unit = {**package, "quantity": package.get("quantity") or "1", "ssccs": [sscc] * bool(sscc)}
        levels.append(
            {
                "level": level,
                "parent": number,
                "units": [unit],
                "lines": [line for line in lines if sscc and line.get("sscc") == sscc],
            }
        )
        if sscc and sscc != outer:
            _nest(sscc, level, inside, lines, levels)


def _sum(texts: Iterator[str]) -> str:
    found = [int(text) for text in texts if text.isdigit()]
    return str(sum(found)) if found else ""
