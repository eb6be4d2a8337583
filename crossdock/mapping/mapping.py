"""A loaded mapping: read its YAML, apply it to batches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from crossdock import yaml
from crossdock.errors import Misconfigured
from crossdock.mapping import dialect, identifiers, output, when
from crossdock.mapping.compile import Compiler
from crossdock.mapping.dialect import At
from crossdock.mapping.faults import Faults
from crossdock.mapping.frames import Ints
from crossdock.mapping.level import Level, Run
from crossdock.mapping.lookup import Table
from crossdock.mapping.options import defaults_of
from crossdock.mapping.paths import Known
from crossdock.mapping.source import Source
from crossdock.mapping.spec import Fields, Listed, Value
from crossdock.mapping.when import Condition
from crossdock.model import ENTITIES, Entity, entity
from crossdock.model.fields import near
from crossdock.yaml import Document


@dataclass(frozen=True)
class Mapped:
    """What a mapping made of a batch.

    ``documents`` has one row per record without a fault, ``record`` first; ``faults`` all faults
    (record, path, value, message, rule); ``new_fields`` counts fields that the mapping does not
    know, by path.
    """

    documents: pa.Table
    faults: pa.Table
    new_fields: dict[str, int]


@dataclass(frozen=True)
class Mapping:
    """A compiled mapping. ``hash`` covers its YAML and its value tables, not the comments.

    ``source`` and ``target`` are what ``from`` and ``to`` say, ``entity`` the canonical one of
    the two; ``when`` is None where it takes every record.
    """

    path: Path
    name: str
    source: str
    target: str
    entity: str
    hash: str
    when: Condition | None
    fields: Fields
    known: Known
    examples: tuple[Path, ...]

    def apply(self, batch: pa.Table) -> Mapped:
        """Map every record of a raw batch, or every row of a canonical table.

        ``when`` is not asked. Raises Misconfigured where the batch has another shape than the
        mapping reads.
        """
        source = Source(self._completed(batch))
        faults = Faults(source.size)
        source.report(faults)
        documents, new_fields = self.read(source, source.readable(), faults)
        return Mapped(documents, faults.table(), new_fields)

    def read(
        self, source: Source, records: Ints, faults: Faults
    ) -> tuple[pa.Table, dict[str, int]]:
        """Map some records of an opened batch; add to ``faults``, which may have those of others.

        Answers the documents, and the fields that the mapping does not know.
        """
        self._check_shape(source)
        frame = source.frame(records)
        run = Run(frame, faults, self.known)
        level = Level(self.fields, frame, run)
        level.evaluate()
        made = (
            output.documents(level, entity(self.target))
            if self.target in ENTITIES
            else output.target(level)
        )
        if self.target in ENTITIES:
            words = f"is longer than {identifiers.LONGEST} bytes, which no number is"
            for row, path, value in identifiers.too_long(made):
                faults.one(int(frame.records[row]), path, value, words, "too_long")
        held = faults.held[frame.records]
        kept = made.filter(pa.array(~held)) if held.any() else made
        return kept, run.new_fields

    def bodies(self, documents: pa.Table) -> list[dict[str, Any]]:
        """Write ``Mapped.documents`` as dicts, one a document; nulls are left out.

        Decimals are ``Decimal``, instants aware ``datetime`` in UTC, dotted names nested dicts.
        """
        return output.bodies(documents)

    def _completed(self, batch: pa.Table) -> pa.Table:
        """Give canonical documents the columns that they lack, as nulls."""
        if self.source not in ENTITIES:
            return batch
        for field in entity(self.source).arrow:
            if field.name not in batch.column_names:
                batch = batch.append_column(field, pa.nulls(batch.num_rows, field.type))
        return batch

    def _check_shape(self, source: Source) -> None:
        canonical = self.source in ENTITIES
        if canonical != (source.kind == "documents"):
            want = "canonical documents" if canonical else "a raw batch"
            raise Misconfigured(f"the mapping {self.name} reads {want}, and got another table")
        lists = [item for item in self.fields.values() if isinstance(item, Listed)]
        for listed in lists:
            if source.kind == "rows" and listed.path != ("rows",):
                raise Misconfigured(
                    f"the mapping {self.name} reads a list {'.'.join(listed.path)!r}, and the"
                    " records are rows of a table",
                    where=str(self.path),
                    fix="write each: rows",
                )


def load(path: Path) -> Mapping:
    """Read and compile ``mappings/<system>/<entity>.yaml``.

    Raises Misconfigured with file and line for everything that is wrong in it, or in its value
    tables, and for a missing file of examples.
    """
    page = yaml.load(Path(path))
    data = dialect.checked(page, (), dialect.MAPPING, "a mapping")
    source, target = _side(page, "from"), _side(page, "to")
    if source is None and target is None:
        raise page.wrong("neither side is an entity", "from", fix=near(data["to"], list(ENTITIES)))
    known = Known()
    condition = when.at(page, ("when",)) if "when" in data else None
    compiler = Compiler(page, page.path.parent.parent, source, target, defaults_of(page), known)
    fields = compiler.fields(("fields",))
    for used in [*(condition.paths if condition else ()), *_ignored(data)]:
        known.add(used).leaf = True
    known_entity = source or target
    assert known_entity is not None  # noqa: S101 - one of them is, see above
    return Mapping(
        path=page.path,
        name=f"{page.path.parent.name}/{page.path.stem}",
        source=data["from"],
        target=data["to"],
        entity=(target or known_entity).name,
        hash=_hash(data, fields),
        when=condition,
        fields=fields,
        known=known,
        examples=_examples(page, data["examples"]),
    )


def _side(page: Document, word: str) -> Entity | None:
    """Find the entity on one side; None for system.stream."""
    name = page.data[word]
    if "." in name:
        return None
    if name not in ENTITIES:
        raise page.wrong(
            f"{name!r} is neither an entity nor system.stream", word, fix=near(name, list(ENTITIES))
        )
    return entity(name)


def _ignored(data: AnyMapping[str, Any]) -> list[tuple[str, ...]]:
    return [tuple(str(item).split(".")) for item in data.get("ignore", [])]


def _examples(page: Document, names: list[Any]) -> tuple[Path, ...]:
    found = []
    for number, name in enumerate(names):
        path = page.path.parent / str(name)
        at: At = ("examples", number)
        if not path.is_file():
            raise page.wrong(f"there is no file of examples {name!r}", *at, fix=f"create {path}")
        found.append(path)
    if not found:
        raise page.wrong("a mapping needs at least one example", "examples")
    return tuple(found)


def _hash(data: AnyMapping[str, Any], fields: Fields) -> str:
    content = {key: item for key, item in data.items() if key not in ("about", "examples")}
    tables = {table.name: dict(table.values) for table in _tables(fields)}
    text = json.dumps([content, tables], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _tables(fields: Fields) -> list[Table]:
    found: list[Table] = []
    for field in fields.values():
        if isinstance(field, Listed):
            found += _tables(field.fields)
        elif isinstance(field, Value):
            found += [field.lookup] if field.lookup else []
            inner = {
                str(n): item for n, item in enumerate(field.operands) if isinstance(item, Value)
            }
            found += _tables(inner)
    return found
