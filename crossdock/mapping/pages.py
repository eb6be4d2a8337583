"""Generated documentation: the list of conversions and the JSON Schema of the dialect."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

from crossdock.convert import Conversion, codes, numbers, texts, times
from crossdock.convert.registry import of_module
from crossdock.mapping.schema import schema

_MODULES = {"Text": texts, "Numbers": numbers, "Codes": codes, "Times": times}
_WORDS = {"whole": "whole number", "flag": "yes or no"}
_HEAD = """# Conversions

What `as:` in a mapping may say. A connector's module adds its own, as `as: <module>.<function>`.
This page is made from the functions (`python -m crossdock.mapping docs`); the examples run as
tests.
"""


def conversions_page() -> str:
    """Write docs/reference/conversions.md."""
    parts = [_HEAD]
    for title, module in _MODULES.items():
        parts.append(f"## {title}\n")
        parts += [_entry(name, item) for name, item in of_module(module).items()]
    return "\n".join(parts)


def _entry(name: str, item: Conversion) -> str:
    words, _, code = (inspect.getdoc(item.function) or "").partition(">>>")
    taken, given = (_WORDS.get(word, word) for word in (item.takes, item.gives))
    options = [
        f"`{option.name}`" + (" (needed)" if option.required else "")
        for option in item.options.values()
    ]
    lines = [f"### {name}", "", words.strip(), "", f"Takes {taken}, gives {given}."]
    if options:
        lines.append(f"Options: {', '.join(options)}.")
    return "\n".join([*lines, "", "```pycon", f">>>{code}".rstrip(), "```", ""])


def schema_text() -> str:
    """Write docs/schemas/mapping.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> list[Path]:
    """Write both files below ``folder`` (the folder docs); answer their paths."""
    made = {
        folder / "schemas" / "mapping.schema.json": schema_text(),
        folder / "reference" / "conversions.md": conversions_page(),
    }
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(made)
