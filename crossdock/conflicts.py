"""Settle what two systems say of one document, field by field, against what each last agreed on.

A field conflicts only when both sides changed it since the base. Then the first rule for the
field decides: ``prefer`` a system, ``newest``, ``most_complete``, or ``ask`` a person. The result
does not depend on the order in which the sides arrive.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from crossdock import documents, yaml
from crossdock.errors import Misconfigured
from crossdock.model import entity as entity_of
from crossdock.store import bulk, schema
from crossdock.systems import nearest

WORDS = ("newest", "most_complete", "ask")
_TIME = "source_updated_at"


@dataclass(frozen=True)
class ConflictRules:
    """Who wins, field by field; ``default`` is for fields that have no rule."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    default: Any = "newest"

    def rule(self, name: str) -> Any:
        """Give the rule of a field: a word of ``WORDS`` or ``{"prefer": [systems]}``."""
        return self.fields.get(name, self.default)


class Asked(NamedTuple):
    """A field that only a person can settle; the values are for the person's eyes."""

    field: str
    value: str
    message: str


@dataclass
class Merged:
    """Outcome by row: texts of merged documents, rows older than what is known, open questions."""

    replaced: dict[int, str] = field(default_factory=dict)
    stale: dict[int, str] = field(default_factory=dict)
    asked: dict[int, list[Asked]] = field(default_factory=dict)


def load(folder: Path, entity: str) -> ConflictRules:
    """Read validation/conflicts/<entity>.yaml; without the file the newest wins.

    Raises Misconfigured with file and line for an unknown field or rule.
    """
    path = folder / "conflicts" / f"{entity}.yaml"
    if not path.exists():
        return ConflictRules()
    page = yaml.load(path)
    data = page.data or {}
    for name, rule in (data.get("fields") or {}).items():
        try:
            entity_of(entity).field(name)
        except Misconfigured as error:
            raise page.wrong(error.what, "fields", name, fix=error.fix) from None
        _checked(rule, page, "fields", name)
    _checked(data.get("default", "newest"), page, "default")
    return ConflictRules(data.get("fields") or {}, data.get("default", "newest"))


def _checked(rule: Any, page: yaml.Document, *at: Any) -> None:
    if isinstance(rule, dict) and set(rule) == {"prefer"}:
        return
    if rule not in WORDS:
        raise page.wrong(
            f"there is no conflict rule {rule!r}", *at, fix=nearest(str(rule), [*WORDS, "prefer"])
        )


def settle(
    base: Mapping[str, Any],
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    rules: ConflictRules,
    *,
    our_system: str,
    their_system: str,
) -> tuple[dict[str, Any], list[Asked]]:
    """Merge one document three ways; gives the document and the fields left to a person.

    ``base`` is what the incoming side and we last agreed on, ``ours`` the present document,
    ``theirs`` the incoming one. A field that is absent is empty.

    >>> rules = ConflictRules({"name": {"prefer": ["erp"]}})
    >>> settle({"name": "a"}, {"name": "b"}, {"name": "c"}, rules,
    ...        our_system="erp", their_system="shop")
    ({'name': 'b'}, [])
    """
    result: dict[str, Any] = {}
    asked: list[Asked] = []
    for name in sorted(set(ours) | set(theirs)):
        old, mine, new = base.get(name), ours.get(name), theirs.get(name)
        if name == _TIME:
            value: Any = max(filter(None, (mine, new)), default=None)
        elif mine == new or new == old:
            value = mine
        elif mine == old:
            value = new
        else:
            value = _winner(rules.rule(name), name, ours, theirs, our_system, their_system)
            if value is _OPEN:
                asked.append(
                    Asked(
                        name,
                        f"ours {_shown(mine)}, theirs {_shown(new)}",
                        f"{our_system} and {their_system} both changed {name}"
                        f" (it was {_shown(old)})",
                    )
                )
                continue
        if value is not None:
            result[name] = value
    return result, asked


_OPEN = object()


def _winner(
    rule: Any,
    name: str,
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    our_system: str,
    their_system: str,
) -> Any:
    mine, new = ours.get(name), theirs.get(name)
    if rule == "ask":
        return _OPEN
    if isinstance(rule, Mapping):
        order = list(rule["prefer"] if isinstance(rule["prefer"], list) else [rule["prefer"]])
        rank = {system: place for place, system in enumerate(order)}
        a, b = rank.get(our_system, len(order)), rank.get(their_system, len(order))
        if a != b:
            return mine if a < b else new
    elif rule == "most_complete":
        a, b = len(_shown(mine)) if mine else 0, len(_shown(new)) if new else 0
        if a != b:
            return mine if a > b else new
    if ours.get(_TIME) != theirs.get(_TIME):
        return mine if str(ours.get(_TIME) or "") > str(theirs.get(_TIME) or "") else new
    return max(mine, new, key=_shown)  # equal age: the same side wins whatever came first


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def merge(
    connection: sa.Connection,
    entity: str,
    *,
    source: tuple[str, str],
    table: pa.Table,
    bodies: pa.Array,
    hashes: Any,
    current: tuple[Any, Any, Any],
    rules: ConflictRules,
) -> Merged:
    """Settle the incoming documents of one source against the present ones.

    ``current`` is (document ids, versions, hashes), zero where the document is new. Rows whose
    source alone has ever changed the document need no settling: the incoming one replaces it.
    """
    ids, versions, present = current
    rows = [n for n in range(len(ids)) if ids[n] and present[n] != hashes[n]]
    result = Merged()
    if not rows:
        return result
    head = schema.typed[entity][0]
    wanted = pa.array([int(ids[n]) for n in rows])
    dialect = connection.dialect.name
    known = {
        row.document_id: row
        for row in connection.execute(
            sa.select(head.c.document_id, head.c.changed_by, head.c.source_updated_at).where(
                bulk.among(head.c.document_id, wanted, dialect)
            )
        )
    }
    binding = schema.binding
    bound = {
        row.document_id: row
        for row in connection.execute(
            sa.select(binding).where(
                binding.c.system == source[0],
                binding.c.stream == source[1],
                binding.c.entity == entity,
                bulk.among(binding.c.document_id, wanted, dialect),
            )
        )
    }
    times = table[_TIME].to_pylist()
    for row in rows:
        head_row, base = known[int(ids[row])], bound.get(int(ids[row]))
        mine = head_row.changed_by == ".".join(source)
        known_at = head_row.source_updated_at
        if mine and times[row] and known_at and times[row] < known_at:
            result.stale[row] = "superseded: older than the version that is known"
            continue
        if mine and base is not None and bytes(base.base_hash) == present[row]:
            continue
        _three_way(
            connection, entity, source, row, bodies, ids, versions, head_row, base, rules, result
        )
    return result


def _three_way(
    connection: sa.Connection,
    entity: str,
    source: tuple[str, str],
    row: int,
    bodies: pa.Array,
    ids: Any,
    versions: Any,
    head: Any,
    base: Any,
    rules: ConflictRules,
    result: Merged,
) -> None:
    ours = _body(connection, entity, int(ids[row]), int(versions[row]))
    agreed: Mapping[str, Any] = {}
    if base is not None:
        agreed = (
            _opened(base.base)
            if base.base is not None
            else _body(connection, entity, int(ids[row]), base.base_version)
        )
    theirs = _opened(bodies[row].as_py())
    merged, asked = settle(
        agreed,
        ours,
        theirs,
        rules,
        our_system=str(head.changed_by).split(".")[0],
        their_system=source[0],
    )
    if asked:
        result.asked[row] = asked
    elif merged != theirs:
        result.replaced[row] = json.dumps(merged)


def _body(connection: sa.Connection, entity: str, document_id: int, version: int) -> Any:
    table = schema.document_version
    body = connection.execute(
        sa.select(table.c.body).where(
            table.c.entity == entity,
            table.c.document_id == document_id,
            table.c.version == version,
        )
    ).scalar_one()
    return _opened(body)


def _opened(body: bytes) -> Any:
    return json.loads(documents.decompress(pa.array([bytes(body)], pa.large_binary()))[0].as_py())
