"""The commerce rule pack: one small module for a rule or a family of rules.

A new rule is a new module here with a subclass of ``CommerceRule``; there is nothing to register.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from crossdock.rules.contract import CommerceRule


@cache
def registry() -> Mapping[str, type[CommerceRule]]:
    """Find every rule of the pack by walking its modules, in order of their names."""
    found: dict[str, type[CommerceRule]] = {}
    for module in pkgutil.iter_modules(__path__):
        for item in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if isinstance(item, type) and issubclass(item, CommerceRule) and item.name:
                found[item.name] = item
    return MappingProxyType(dict(sorted(found.items())))


__all__ = ["CommerceRule", "registry"]
