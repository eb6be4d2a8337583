"""What a flow is: one YAML in config/flows, read cheaply enough for Airflow's parser."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crossdock import yaml
from crossdock.errors import Misconfigured
from crossdock.home import Home
from crossdock.systems import nearest

_KEYS = ("about", "every", "after", "owner", "legs", "push", "batch_lines", "partitions",
         "expect_at_least", "organisation", "shop")  # fmt: skip
_LEG_KEYS = ("pull", "map", "check")
_PUSH_KEYS = ("to", "entity", "map", "when", "type")


@dataclass(frozen=True)
class Leg:
    """One stream of a flow and what is made of its records.

    ``maps`` are mapping names in the order in which they are tried; ``suites`` names the suites
    of each entity.
    """

    number: int
    system: str
    stream: str
    maps: tuple[str, ...]
    suites: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Route:
    """Where documents of an entity go: a target stream, the outbound mapping, and which ones.

    ``when`` is a condition of the mapping dialect over the canonical document, None for all.
    """

    system: str
    stream: str
    entity: str
    mapping: str
    when: Any = None

    @property
    def target(self) -> str:
        """The target's name in ledger and outbox: ``system.stream``."""
        return f"{self.system}.{self.stream}"


@dataclass(frozen=True)
class Flow:
    """A flow as its YAML says it."""

    name: str
    about: str
    every: str | None
    after: tuple[str, ...]
    owner: str
    legs: tuple[Leg, ...]
    routes: tuple[Route, ...]
    batch_lines: int
    partitions: int
    expect_at_least: str
    organisation: str
    shop: str
    page: yaml.Document = field(repr=False, compare=False)

    @property
    def entities(self) -> list[str]:
        """The entities that the flow delivers, in the order of its routes."""
        return list(dict.fromkeys(route.entity for route in self.routes))

    @property
    def mappings(self) -> list[str]:
        """Every mapping that the flow uses, inbound and outbound."""
        inbound = [name for leg in self.legs for name in leg.maps]
        return list(dict.fromkeys([*inbound, *(route.mapping for route in self.routes)]))

    def doc(self) -> str:
        """Say in Markdown what the flow does, for people who look at it in Airflow."""
        lines = [self.about.strip() or f"Flow {self.name}.", "", "**Takes**", ""]
        for leg in self.legs:
            lines.append(f"- `{leg.system}.{leg.stream}` through {', '.join(map(_code, leg.maps))}")
            for entity, suites in leg.suites.items():
                lines.append(f"  - {entity} is checked by {', '.join(map(_code, suites))}")
        lines += ["", "**Delivers**", ""]
        for route in self.routes:
            some = " (some of them, see the file)" if route.when else ""
            lines.append(f"- {route.entity} to `{route.target}` as `{route.mapping}`{some}")
        lines += ["", f"Runs: {self.every or 'when it is started'}."]
        if self.after:
            lines.append(f"Wakes up after new: {', '.join(self.after)}.")
        lines.append(f"Declared in `config/flows/{self.name}.yaml`.")
        return "\n".join(lines)


def names(home: Home) -> list[str]:
    """Name every flow of the project, sorted."""
    return sorted(path.stem for path in (home.project / "config" / "flows").glob("*.yaml"))


def load(home: Home, name: str) -> Flow:
    """Read config/flows/<name>.yaml.

    Raises Misconfigured naming file and line for anything that is not as it should be; names of
    systems, mappings and suites are checked to exist as files, without opening them.
    """
    path = flow_path(home, name)
    if not path.exists():
        raise Misconfigured(
            f"there is no flow {name!r}", where=str(path.parent), fix=nearest(name, names(home))
        )
    page = yaml.load(path)
    data = page.data
    if not isinstance(data, dict):
        raise page.wrong("a flow is a mapping with legs and push", fix="see docs/howto/flow.md")
    _known(data, _KEYS, page)
    legs = tuple(
        _leg(home, number, spec, page) for number, spec in enumerate(_listed(data, "legs", page))
    )
    if not legs:
        raise page.wrong("a flow needs at least one leg", fix="add legs: with pull, map and check")
    routes = tuple(
        _route(home, number, spec, page)
        for number, spec in enumerate(_listed(data, "push", page))
    )
    return Flow(
        name=name,
        about=str(data.get("about") or ""),
        every=data.get("every"),
        after=tuple(data.get("after") or ()),
        owner=str(data.get("owner") or "crossdock"),
        legs=legs,
        routes=routes,
        batch_lines=_whole(data, "batch_lines", 50_000, page),
        partitions=_whole(data, "partitions", 1, page),
        expect_at_least=_percent(data, "expect_at_least", "10%", page),
        organisation=str(data.get("organisation") or "main"),
        shop=str(data.get("shop") or "main"),
        page=page,
    )


def flow_path(home: Home, name: str) -> Path:
    """Say where a flow's file is."""
    return home.project / "config" / "flows" / f"{name}.yaml"


def mapping_path(home: Home, name: str) -> Path:
    """Give the file of the mapping ``system/entity``."""
    return home.project / "mappings" / f"{name}.yaml"


def suite_path(home: Home, name: str) -> Path:
    """Give the file of a suite."""
    return home.project / "validation" / f"{name}.yaml"


def _leg(home: Home, number: int, spec: Any, page: yaml.Document) -> Leg:
    at = ("legs", number)
    if not isinstance(spec, dict):
        raise page.wrong("a leg is a mapping with pull and map", *at)
    _known(spec, _LEG_KEYS, page, *at)
    system, stream = _address(home, spec.get("pull"), page, *at, "pull")
    maps = tuple(_words(spec.get("map")))
    for name in maps:
        _exists(home, mapping_path(home, name), "mapping", name, page, *at, "map")
    suites = {}
    checks = spec.get("check") or {}
    if not isinstance(checks, dict):
        raise page.wrong("check names suites by entity", *at, "check", fix="check: {ENTITY: SUITE}")
    for entity, listed in checks.items():
        _entity(entity, page, *at, "check", entity)
        suites[entity] = tuple(_words(listed))
        for name in suites[entity]:
            _exists(home, suite_path(home, name), "suite", name, page, *at, "check", entity)
    return Leg(number, system, stream, maps, suites)


def _route(home: Home, number: int, spec: Any, page: yaml.Document) -> Route:
    at = ("push", number)
    if not isinstance(spec, dict):
        raise page.wrong("a push is a mapping with to, entity and map", *at)
    _known(spec, _PUSH_KEYS, page, *at)
    system, stream = _address(home, spec.get("to"), page, *at, "to")
    entity = _entity(str(spec.get("entity") or ""), page, *at, "entity")
    mapping = str(spec.get("map") or "")
    _exists(home, mapping_path(home, mapping), "mapping", mapping, page, *at, "map")
    return Route(system, stream, entity, mapping, spec.get("when"))


def _entity(name: str, page: yaml.Document, *at: Any) -> str:
    from crossdock.model import ENTITIES

    if name not in ENTITIES:
        raise page.wrong(f"there is no entity {name!r}", *at, fix=nearest(str(name), ENTITIES))
    return name


def _address(home: Home, value: Any, page: yaml.Document, *at: Any) -> tuple[str, str]:
    system, _, stream = str(value or "").partition(".")
    if not stream:
        raise page.wrong("this names a stream as system.stream", *at, fix="e.g. shop.orders")
    path = home.project / "config" / "systems" / f"{system}.yaml"
    if not path.exists():
        known = [file.stem for file in path.parent.glob("*.yaml")]
        raise page.wrong(f"there is no system {system!r}", *at, fix=nearest(system, known))
    return system, stream


def _exists(
    home: Home, path: Path, what: str, name: str, page: yaml.Document, *at: Any
) -> None:
    if path.exists():
        return
    folder = home.project / ("mappings" if what == "mapping" else "validation")
    known = [
        str(file.relative_to(folder).with_suffix(""))
        for file in folder.rglob("*.yaml")
        if not {"examples", "tables", "conflicts"} & set(file.relative_to(folder).parts)
    ]
    raise page.wrong(f"there is no {what} {name!r}", *at, fix=nearest(name, known))


def _known(data: dict[str, Any], keys: tuple[str, ...], page: yaml.Document, *at: Any) -> None:
    for key in data:
        if key not in keys:
            raise page.wrong(f"unknown key {key!r}", *at, key, fix=nearest(str(key), keys))


def _listed(data: dict[str, Any], key: str, page: yaml.Document) -> list[Any]:
    value = data.get(key) or []
    if not isinstance(value, list):
        raise page.wrong(f"{key} is a list", key, fix="begin each entry with a dash")
    return value


def _words(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _whole(data: dict[str, Any], key: str, default: int, page: yaml.Document) -> int:
    value = data.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise page.wrong(f"{key} is a whole number above zero", key)
    return value


def _percent(data: dict[str, Any], key: str, default: str, page: yaml.Document) -> str:
    value = str(data.get(key) or default).strip()
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]+)?%?", value):
        raise page.wrong(f"{key} is a share", key, fix=f"write it as {key}: {default}")
    return value


def _code(word: str) -> str:
    return f"`{word}`"
