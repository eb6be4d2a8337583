"""Open a configured system: its YAML, its connector class, its secrets, its streams."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from crossdock import yaml
from crossdock.connector import Connector, Reads, World, Writes
from crossdock.errors import Misconfigured
from crossdock.home import Home
from crossdock.webhooks import endpoint
from crossdock.webhooks.endpoint import Endpoint

ENTRY_POINTS = "crossdock.connectors"
_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


def names(home: Home) -> list[str]:
    """Name every system that has a file in config/systems, sorted."""
    return sorted(path.stem for path in (home.project / "config" / "systems").glob("*.yaml"))


def document(home: Home, name: str) -> yaml.Document:
    """Read config/systems/<name>.yaml; raises Misconfigured with the nearest names."""
    path = home.project / "config" / "systems" / f"{name}.yaml"
    if not path.exists():
        raise Misconfigured(
            f"there is no system {name!r}", where=str(path.parent), fix=nearest(name, names(home))
        )
    return yaml.load(path)


def open_system(home: Home, name: str, world: World | None = None) -> Connector:
    """Build the connector of system ``name``, bound and ready; no network is touched.

    ``${NAME}`` in a setting is the environment's; ``${CROSSDOCK_STATE}`` is the home's folder.

    Raises Misconfigured naming file and line for an unknown connector, a missing or unknown
    setting, a secret written as a literal, or a stream that the connector cannot make.
    """
    page = document(home, name)
    os.environ["CROSSDOCK_STATE"] = str(home.state)
    data = page.data if isinstance(page.data, dict) else {}
    unknown = set(data) - {"about", "connector", "settings", "allow_private", "streams", "sandbox"}
    for key in sorted(unknown):
        raise page.wrong(
            f"a system has no {key!r}",
            key,
            fix="known: about, connector, settings, allow_private, streams",
        )
    if data.get("sandbox"):
        _sandbox(home)
    for part in ("settings", "streams"):
        if not isinstance(data.get(part) or {}, dict):
            raise page.wrong(f"{part} is a mapping of names", part, fix=f"{part}: {{NAME: ...}}")
    kind = connector_class(home, str(data.get("connector", "")), page)
    settings = _settings(kind, data, page)
    connector = kind(**settings)
    streams = {}
    for stream, spec in (data.get("streams") or {}).items():
        plain = _without_webhooks(spec)
        if plain is None:
            continue
        try:
            streams[stream] = kind.stream(stream, _expanded(plain, page, ("streams", stream)))
        except (TypeError, ValueError) as error:
            raise page.wrong(f"stream {stream}: {error}", "streams", stream) from None
    world = world or World(project=home.project, scratch=home.scratch)
    connector.bind(name, world, streams)
    vars(connector)["allow_private"] = bool(data.get("allow_private", False))
    vars(connector)["webhooks"] = webhooks(name, page)
    for stream in vars(connector)["webhooks"]:
        if stream not in connector.reads():
            raise page.wrong(f"nobody reads the stream {stream!r}", "streams", stream, "webhooks")
    return connector


def webhooks(name: str, page: yaml.Document) -> dict[str, Endpoint]:
    """Read what the file of system ``name`` says about webhooks, by stream; raises Misconfigured.

    No secret is opened.
    """
    data = page.data if isinstance(page.data, dict) else {}
    streams = data.get("streams") or {}
    return {
        stream: endpoint.read(page, name, stream, spec["webhooks"])
        for stream, spec in (streams.items() if isinstance(streams, dict) else ())
        if isinstance(spec, dict) and "webhooks" in spec
    }


def _without_webhooks(spec: Any) -> Any:
    """Take ``webhooks`` off a stream; None where nothing else is said: the class declares it."""
    if not isinstance(spec, dict) or "webhooks" not in spec:
        return spec
    return {key: value for key, value in spec.items() if key != "webhooks"} or None


def stream_of(connector: Connector, name: str) -> Reads | Writes:
    """Find a stream of a connector by name; raises Misconfigured with the nearest names."""
    streams: dict[str, Reads | Writes] = {**connector.reads(), **connector.writes()}
    if name not in streams:
        raise Misconfigured(
            f"system {connector.system!r} has no stream {name!r}",
            where=f"config/systems/{connector.system}.yaml",
            fix=nearest(name, streams),
        )
    return streams[name]


def connector_class(home: Home, name: str, page: yaml.Document | None = None) -> type[Connector]:
    """Find a connector by name: an installed entry point first, then ``connectors/<name>.py``.

    The file of the project is meant, also where another package ``connectors`` can be imported.
    """
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS, name=name):
        found = point.load()
        return found  # type: ignore[no-any-return]
    module = None
    if re.fullmatch(r"[a-z][a-z0-9_]*", name):
        module = module_of(home, f"connectors/{name}.py")
    classes = [
        item
        for item in vars(module or object).values()
        if isinstance(item, type)
        and issubclass(item, Connector)
        and module is not None
        and item.__module__ == module.__name__
    ]
    if len(classes) != 1:
        what = f"there is no connector {name!r}"
        fix = nearest(name, connector_names(home))
        if page is None:
            raise Misconfigured(what, fix=fix)
        raise page.wrong(what, "connector", fix=fix)
    return classes[0]


def module_of(home: Home, place: str) -> ModuleType | None:
    """Load a module of the project by its place, such as ``connectors/shop.py``; None if not there.

    It keeps its usual name where that name leads to this very file; otherwise it gets one of the
    project's own, so that a file of the same name elsewhere never stands in for it.
    """
    path = (home.project / place).resolve()
    usual = place.removesuffix(".py").replace("/", ".")
    if str(home.project) not in sys.path:
        sys.path.append(str(home.project))
    known = _spec(usual)
    if not path.exists():
        return importlib.import_module(usual) if known is not None else None
    if known is not None and known.origin and Path(known.origin).resolve() == path:
        return importlib.import_module(usual)
    name = f"project_{hashlib.sha256(str(home.project).encode()).hexdigest()[:12]}.{usual}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            return None
        made = importlib.util.module_from_spec(spec)
        sys.modules[name] = made
        try:
            spec.loader.exec_module(made)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _spec(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


def connector_names(home: Home) -> list[str]:
    """Name every connector that can be used here."""
    found = {path.stem for path in (home.project / "connectors").glob("[a-z]*.py")}
    found |= {point.name for point in importlib.metadata.entry_points(group=ENTRY_POINTS)}
    return sorted(found)


def nearest(word: str, known: Any) -> str:
    """Say what was perhaps meant.

    >>> nearest("prodcts", ["products", "orders"])
    "did you mean 'products'? Known: orders, products"
    """
    options = sorted(known)
    close = difflib.get_close_matches(word, options, n=1)
    listed = ", ".join(options[:20]) or "none"
    return f"did you mean {close[0]!r}? Known: {listed}" if close else f"known: {listed}"


def _sandbox(home: Home) -> None:
    """Have the bundled systems running, unless the environment names others."""
    if "SANDBOX_ERP_URL" in os.environ and "_SANDBOX_OWN" not in os.environ:
        return
    from crossdock.sandbox.service import ensure

    os.environ.update(ensure(home.state / "sandbox"), _SANDBOX_OWN="1")


def _settings(kind: type[Connector], data: dict[str, Any], page: yaml.Document) -> dict[str, Any]:
    declared: Any = kind  # every subclass is a dataclass, which the type of the base cannot say
    fields = {item.name: item for item in dataclasses.fields(declared) if item.init}
    given = data.get("settings") or {}
    result: dict[str, Any] = {}
    for key, value in given.items():
        if key not in fields:
            raise page.wrong(
                f"connector {data['connector']!r} has no setting {key!r}",
                "settings",
                key,
                fix=nearest(key, fields),
            )
        if fields[key].metadata.get("secret"):
            result[key] = secret_value(page, value, "settings", key)
        else:
            result[key] = _expanded(value, page, ("settings", key))
    for name, item in fields.items():
        if name not in result and item.default is dataclasses.MISSING:
            hint = item.metadata.get("help", "")
            example = item.metadata.get("example", "")
            raise page.wrong(
                f"the setting {name!r} is missing ({hint})",
                "settings",
                fix=f"add {name}: {example}" if example else f"add {name}",
            )
    return result


def secret_value(page: yaml.Document, value: Any, *at: Any) -> str:
    """Fetch a secret from where ``{env: ...}``, ``{connection: ...}`` or ``{file: ...}`` says.

    Raises Misconfigured when it is not there, or stands in the file itself.
    """
    if isinstance(value, Mapping) and set(value) in ({"env"}, {"env", "default"}):
        return _named(value, page, at)
    if isinstance(value, Mapping) and set(value) == {"connection"}:
        from crossdock.airflow import connection_value

        return str(connection_value(str(value["connection"])))
    if isinstance(value, Mapping) and set(value) == {"file"}:
        path = Path(str(_expanded(value["file"], page, at)))
        if not path.exists():
            raise page.wrong(f"the secret file {path} does not exist", *at)
        return path.read_text(encoding="utf-8").strip()
    raise page.wrong(
        f"the secret {at[-1]!r} stands in the file itself",
        *at,
        fix=f"write {at[-1]}: {{env: NAME}} or {{connection: id.password}} or {{file: path}}",
    )


def _expanded(value: Any, page: yaml.Document, at: tuple[Any, ...]) -> Any:
    if isinstance(value, Mapping):
        if set(value) in ({"env"}, {"env", "default"}):
            return _named(value, page, at)
        return {key: _expanded(item, page, (*at, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_expanded(item, page, (*at, number)) for number, item in enumerate(value)]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _environment(match[1], page, at), value)
    return value


def _named(value: Mapping[str, Any], page: yaml.Document, at: tuple[Any, ...]) -> str:
    """Read ``{env: NAME, default: text}``; a default is for what is no secret of anybody."""
    name = str(value["env"])
    if not os.environ.get(name) and "default" in value:
        return str(_expanded(str(value["default"]), page, at))
    return _environment(name, page, at)


def _environment(name: str, page: yaml.Document, at: tuple[Any, ...]) -> str:
    value = os.environ.get(name)
    if not value:
        raise page.wrong(
            f"the environment variable {name} is not set", *at, fix=f"export {name}=..."
        )
    return value
