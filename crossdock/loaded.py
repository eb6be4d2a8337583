"""Flows, mappings and suites by name, read again only when their file changed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from crossdock import flows, mapping, suite
from crossdock.flows import Flow
from crossdock.home import Home


def mapping_of(home: Home, name: str) -> Any:
    """Load a mapping by name, again only when its file changed."""
    path = flows.mapping_path(home, name)
    return _loaded_mapping(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _loaded_mapping(path: Path, changed: int) -> Any:
    return mapping.load(path)


def flow_of(home: Home, name: str) -> Flow:
    """Load a flow by name, again only when its file changed."""
    path = flows.flow_path(home, name)
    changed = path.stat().st_mtime_ns if path.exists() else 0
    return _loaded_flow(home, name, changed)


@lru_cache(maxsize=64)
def _loaded_flow(home: Home, name: str, changed: int) -> Flow:
    return flows.load(home, name)


def suite_of(home: Home, name: str) -> Any:
    """Load a suite by name, again only when its file changed."""
    path = flows.suite_path(home, name)
    return _loaded_suite(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _loaded_suite(path: Path, changed: int) -> Any:
    return suite.load(path)
