"""Read YAML so that every later complaint can name file and line. The one door to PyYAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml as _yaml

from crossdock.errors import Misconfigured

_Loader: Any = getattr(_yaml, "CSafeLoader", _yaml.SafeLoader)


class Document:
    """One YAML file: its data, and where each part of it stands.

    ``data`` is plain dicts, lists, strings, ints, bools and None; numbers with a point stay
    strings, so that no price passes through a float. ``where("fields", "lines", 0)`` answers
    ``mappings/shop/order.yaml:12``.
    """

    def __init__(self, path: Path, data: Any, places: dict[tuple[Any, ...], int]) -> None:
        self.path = path
        self.data = data
        self._places = places

    def where(self, *at: Any) -> str:
        """Name ``file:line`` of the part at the path ``at``, or of its nearest parent."""
        while at and at not in self._places:
            at = at[:-1]
        return f"{self.path}:{self._places.get(at, 1)}"

    def wrong(self, what: str, *at: Any, fix: str = "") -> Misconfigured:
        """Build the error for a fault at ``at``; the caller raises it."""
        return Misconfigured(what, where=self.where(*at), fix=fix)


def load(path: Path, text: str | None = None) -> Document:
    """Read the YAML file ``path`` (or ``text`` that came from it).

    Raises Misconfigured for a missing file, a syntax error, a duplicate key or an anchor bomb.
    """
    try:
        if text is None:
            text = path.read_text(encoding="utf-8")
        node = _yaml.compose(text, Loader=_Loader)
    except FileNotFoundError:
        raise Misconfigured(
            f"there is no file {path}", fix="create it or correct the name"
        ) from None
    except UnicodeDecodeError as error:
        raise Misconfigured(
            f"{path} is not UTF-8 text: {error.reason}", where=str(path)
        ) from None
    except _yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise Misconfigured(
            f"this is not YAML: {error.problem or error.context}",
            where=f"{path}:{line}",
            fix="look at the indentation and the quotes of this line",
        ) from None
    except (_yaml.YAMLError, UnicodeError):
        raise Misconfigured(
            "this is not YAML: it holds characters that no text has", where=str(path)
        ) from None
    except RecursionError:
        raise _too_much(path) from None
    places: dict[tuple[Any, ...], int] = {(): 1}
    data = None if node is None else _build(node, (), places, path, 0)
    return Document(path, data, places)


def _build(
    node: Any, at: tuple[Any, ...], places: dict[tuple[Any, ...], int], path: Path, depth: int
) -> Any:
    if depth > 40 or len(places) > 250_000:
        raise _too_much(path)
    places[at] = node.start_mark.line + 1
    if isinstance(node, _yaml.MappingNode):
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = _scalar(key_node) if isinstance(key_node, _yaml.ScalarNode) else None
            line = key_node.start_mark.line + 1
            if key is None:
                raise Misconfigured("a key must be plain text", where=f"{path}:{line}")
            key = key if isinstance(key, str) else key_node.value
            if key in result:
                raise Misconfigured(
                    f"the key {key!r} stands twice",
                    where=f"{path}:{line}",
                    fix="remove one of them",
                )
            result[key] = _build(value_node, (*at, key), places, path, depth + 1)
            places[(*at, key)] = line
        return result
    if isinstance(node, _yaml.SequenceNode):
        return [
            _build(item, (*at, number), places, path, depth + 1)
            for number, item in enumerate(node.value)
        ]
    return _scalar(node)


def _too_much(path: Path) -> Misconfigured:
    return Misconfigured("this YAML is nested too deeply or too large", where=str(path))


def _scalar(node: Any) -> Any:
    """Give the value of a scalar; what YAML takes for a float, date or octal stays text."""
    tag = node.tag.rsplit(":", 1)[-1]
    text = node.value
    if tag == "null":
        return None
    if tag == "bool" and text.lower() in {"true", "false"}:
        return text.lower() == "true"  # YAML 1.1 would also take Norway's NO for a bool
    if tag == "int":
        digits = text.lstrip("+-")
        plain = digits.isdigit() and (digits == "0" or digits[0] != "0") and len(digits) < 20
        return int(text) if plain else text
    return text
