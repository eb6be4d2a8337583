"""Targets of a flow, opened once a run in each process."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from crossdock import loaded, systems
from crossdock.connector import Writes
from crossdock.errors import Misconfigured
from crossdock.flows import Route
from crossdock.home import Home
from crossdock.push import Target
from crossdock.store import Store
from crossdock.store.shared import opened_system

_open: dict[tuple[str, str, str, str], Any] = {}


def kept_target(home: Home, store: Store, run_id: str, route: Route) -> Any:
    """Give a route's target, opened once a run in this process; those of other runs are closed."""
    key = (run_id, str(home.state), route.target, route.mapping)
    for old in [known for known in _open if known[:2] != key[:2]]:
        _open.pop(old).connector.close()
    if key not in _open:
        _open[key] = open_target(home, store, route)
    return _open[key]


def close_targets() -> None:
    """Give back the connections of every target that this process has open."""
    while _open:
        _open.popitem()[1].connector.close()


def open_target(home: Home, store: Store, route: Route) -> Any:
    """Open a route's target: its connector, its stream, and its outbound mapping."""
    connector = opened_system(home, store, route.system)
    stream = systems.stream_of(connector, route.stream)
    if not isinstance(stream, Writes):
        raise Misconfigured(
            f"{route.target} offers records, it takes none",
            where=f"config/systems/{route.system}.yaml",
            fix="declare its delivery class: delivery: upsert",
        )
    outbound = loaded.mapping_of(home, route.mapping)

    def payload(table: pa.Table) -> tuple[pa.Table, pa.Table]:
        made = outbound.apply(table)
        return made.documents, made.faults

    judge = None
    if hasattr(type(connector), "known"):  # it speaks with a partner
        from crossdock.edi.family import judge_for

        judge = judge_for(home, store, route, connector, stream)
    return Target(route, connector, stream, payload, outbound.bodies, outbound.hash, judge)
