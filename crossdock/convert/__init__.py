"""Named conversions: what ``as:`` in a mapping may say. docs/reference/conversions.md lists them.

A connector's module adds its own, as ``as: <module>.<function>``, with the same decorator.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from crossdock.convert import codes, numbers, texts, times
from crossdock.convert.registry import Conversion, conversion, no_such, of_module


@cache
def conversions() -> Mapping[str, Conversion]:
    """All conversions of Crossdock itself, by name."""
    found: dict[str, Conversion] = {}
    for module in (texts, numbers, codes, times):
        found |= of_module(module)
    return MappingProxyType(found)


def find(name: str, where: str = "") -> Conversion:
    """Find a conversion by the word after ``as:``.

    ``<module>.<function>`` is looked for in ``connectors/<module>.py``. Raises Misconfigured
    with the nearest name when there is none.

    >>> find("upper")("gbp")
    'GBP'
    """
    module, dot, function = name.rpartition(".")
    if not dot:
        known = conversions()
        if name not in known:
            raise no_such(name, sorted(known), where)
        return known[name]
    return _local(module, function, where)


def _local(module: str, function: str, where: str) -> Conversion:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", module) or not _exists(f"connectors.{module}"):
        raise no_such(f"{module}.{function}", sorted(conversions()), where)
    found = of_module(importlib.import_module(f"connectors.{module}"))
    if function not in found:
        known = sorted(found) or sorted(conversions())
        raise no_such(f"{module}.{function}", [f"{module}.{item}" for item in known], where)
    return found[function]


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # there is no folder connectors at all
        return False


__all__ = ["Conversion", "conversion", "conversions", "find"]
