"""Pages and schema files made from the declarations: they cannot disagree with the code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from crossdock.model import ENTITIES, Entity, Field
from crossdock.model.fields import KIND_HELP

_ABOUT = """\
# Entities

Every document in Crossdock is one of the entities below. Mappings of sources end in them;
mappings to targets start from them.

This page is made from the code: `python -m crossdock.model docs`.

## What all of them share

- `organisation`, `shop` and `id` together are the key of a document.
- Headers are flat. Parts that repeat, such as order lines, are child lists; they are flat too.
- Names follow UBL 2.3 and GS1 where those have one. The column *follows* says which.
- Fields marked *required* must be there. All others may be missing; a missing field is left out
  of the JSON and is never an empty string.
- Fields marked *personal* are about a person. Redaction and erasure cover them.
- Fields of the source that no mapping names are kept in `extension`, as the text of one JSON
  object.
- A code with listed words takes no other word.

## Kinds of fields

| kind | meaning | Arrow type | in JSON |
|---|---|---|---|
"""

_JSON = {
    "string": "string",
    "decimal128(18, 6)": 'string, such as `"2.55"`',
    "timestamp[us, tz=UTC]": 'string, such as `"2010-12-01T08:26:00Z"`',
    "date32[day]": 'string, such as `"2010-12-31"`',
    "bool": "`true` or `false`",
    "int64": "number",
}


def files() -> Mapping[str, str]:
    """Make every generated file: path below ``docs`` -> content."""
    made = {"reference/entities.md": page()}
    for entity in ENTITIES.values():
        text = json.dumps(entity.json_schema, indent=2, ensure_ascii=False)
        made[f"schemas/{entity.name}.schema.json"] = text + "\n"
    return made


def write(docs: Path) -> list[Path]:
    """Write the files that changed below the folder ``docs``; give their paths."""
    changed = []
    for name, text in files().items():
        path = docs / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def page() -> str:
    """Make docs/reference/entities.md."""
    return _ABOUT + "\n".join([*_kinds(), "", *_index(), *_sections()]).rstrip() + "\n"


def _kinds() -> Iterator[str]:
    from crossdock.model.arrow import kind_type

    for kind, meaning in KIND_HELP.items():
        if kind == "children":
            yield f"| `{kind}` | {meaning} | list of struct | array of objects |"
        else:
            arrow = str(kind_type(kind))
            yield f"| `{kind}` | {meaning} | `{arrow}` | {_JSON[arrow]} |"


def _index() -> Iterator[str]:
    yield "## All entities"
    yield ""
    yield "| entity | what it is | follows |"
    yield "|---|---|---|"
    for entity in ENTITIES.values():
        yield f"| [{entity.name}](#{entity.name}) | {entity.help} | {entity.standard} |"
    yield ""


def _sections() -> Iterator[str]:
    for entity in ENTITIES.values():
        yield f"## {entity.name}"
        yield ""
        yield entity.help
        yield ""
        yield from _facts(entity)
        yield ""
        yield from _table(entity.fields)
        yield ""
        for field in entity.fields:
            if field.fields:
                yield f"### {entity.name}.{field.name}"
                yield ""
                yield f"{field.help}" + (f" Follows {field.term}." if field.term else "")
                yield ""
                yield from _table(field.fields)
                yield ""


def _facts(entity: Entity) -> Iterator[str]:
    yield f"Follows {entity.standard}. JSON Schema: `docs/schemas/{entity.name}.schema.json`."
    if entity.amount_field:
        yield (
            f"The books count `{entity.amount_field}`, in the currency of "
            f"`{entity.currency_field}`."
        )


def _table(fields: tuple[Field, ...]) -> Iterator[str]:
    yield "| field | kind | meaning | example | follows | |"
    yield "|---|---|---|---|---|---|"
    for field in fields:
        marks = [word for word in ("required", "personal") if getattr(field, word)]
        words = f" One of: {', '.join(f'`{word}`' for word in field.values)}." * bool(field.values)
        example = f"`{field.example}`" if field.example else ""
        yield (
            f"| `{field.name}` | {field.kind} | {field.help}{words} | {example} | {field.term} "
            f"| {', '.join(marks)} |"
        )
