"""Settle what two systems say of one document, field by field, against what each last agreed on.

A field conflicts only when both sides changed it since the base. Then the first rule for the
field decides: ``prefer`` a system, ``newest``, ``most_complete``, or ``ask`` a person. The result
does not depend on the order in which the sides arrive.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from crossdock import documents, yaml
from crossdock.errors import Misconfigured
from crossdock.model import entity as entity_of
from crossdock.store import bulk, schema
from crossdock.systems import nearest

if TYPE_CHECKING:
    from crossdock.resolve.work import Incoming

WORDS = ("newest", "most_complete", "ask")
_TIME = "source_updated_at"
STALE = "superseded: older than the version that is known"


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
    said: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[dict[str, Any], list[Asked]]:
    """Merge one document three ways; gives the document and the fields left to a person.

    ``base`` is what the incoming side and we last agreed on, ``ours`` the present document,
    ``theirs`` the incoming one. A field that is absent is empty. ``our_system`` made the present
    version; ``said`` is what each system last agreed on, and tells whose a present value is.

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
            value: Any = max(filter(None, (mine, new)), default=None, key=_when)
        elif mine == new or new == old:
            value = mine
        elif mine == old:
            value = new
        else:
            owners = [system for system, has in (said or {}).items() if has.get(name) == mine]
            sides = owners or [our_system], their_system
            value = _winner(rules.rule(name), name, ours, theirs, *sides)
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
    our_systems: Sequence[str],
    their_system: str,
) -> Any:
    mine, new = ours.get(name), theirs.get(name)
    if rule == "ask":
        return _OPEN
    if isinstance(rule, Mapping):
        order = list(rule["prefer"] if isinstance(rule["prefer"], list) else [rule["prefer"]])
        rank = {system: place for place, system in enumerate(order)}
        a = min(rank.get(system, len(order)) for system in our_systems)
        b = rank.get(their_system, len(order))
        if a != b:
            return mine if a < b else new
    elif rule == "most_complete":
        a, b = len(_shown(mine)) if mine else 0, len(_shown(new)) if new else 0
        if a != b:
            return mine if a > b else new
    if ours.get(_TIME) != theirs.get(_TIME):
        return mine if _when(ours.get(_TIME)) > _when(theirs.get(_TIME)) else new
    return max(mine, new, key=_shown)  # equal age: the same side wins whatever came first


def _when(instant: Any) -> str:
    """Make canonical instants comparable as text: a fraction comes after none."""
    return str(instant or "").removesuffix("Z")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


class Present(NamedTuple):
    """The present state of documents: our id (0: none), version and hash, as numpy arrays."""

    ids: Any
    versions: Any
    hashes: Any

    def rows(self, keep: Any) -> Present:
        """Keep some of them."""
        return Present(self.ids[keep], self.versions[keep], self.hashes[keep])


def merge(
    connection: sa.Connection,
    came: Incoming,
    source: tuple[str, str],
    present: Present,
    rules: ConflictRules,
    released: Set[int] = frozenset(),
) -> Merged:
    """Settle the incoming documents of one source against the present ones.

    Documents that only this source has ever changed need no settling, nor those that a person
    ``released``: the incoming one replaces them.
    """
    hashes = came.hashes.to_pylist()
    rows = [
        n for n in range(len(hashes)) if present.ids[n] and present.hashes[n] != hashes[n]
    ]
    result = Merged()
    if not rows:
        return result
    wanted = pa.array([int(present.ids[n]) for n in rows])
    heads = _heads(connection, came.entity, wanted)
    bases = _bases(connection, came.entity, source, wanted)
    times = came.table[_TIME].to_pylist()
    for row in rows:
        document_id = int(present.ids[row])
        head, base = heads[document_id], bases.get(document_id)
        mine = head.changed_by == ".".join(source)
        known_at = head.source_updated_at
        if mine and times[row] and known_at and times[row] < known_at:
            result.stale[row] = STALE
            continue
        if row in released or (
            mine and base is not None and bytes(base.base_hash) == present.hashes[row]
        ):
            continue
        ours = _body(connection, came.entity, document_id, int(present.versions[row]))
        theirs = _opened(came.bodies[row].as_py())
        last = agreed(connection, came.entity, document_id, base)
        if times[row] and _when(theirs[_TIME]) < _when(last.get(_TIME)):
            result.stale[row] = STALE
            continue
        merged, asked = settle(
            last,
            ours,
            theirs,
            rules,
            our_system=str(head.changed_by).split(".")[0],
            their_system=source[0],
            said=_said(connection, came.entity, document_id, source[0], rules),
        )
        if asked:
            result.asked[row] = asked
        elif merged != theirs:
            result.replaced[row] = json.dumps(merged)
    return result


def _heads(connection: sa.Connection, entity: str, ids: pa.Array) -> dict[int, Any]:
    head = schema.typed[entity][0]
    rows = connection.execute(
        sa.select(head.c.document_id, head.c.changed_by, head.c.source_updated_at).where(
            bulk.among(head.c.document_id, ids, connection.dialect.name)
        )
    )
    return {row.document_id: row for row in rows}


def _bases(
    connection: sa.Connection, entity: str, source: tuple[str, str], ids: pa.Array
) -> dict[int, Any]:
    table = schema.binding
    rows = connection.execute(
        sa.select(table).where(
            table.c.system == source[0],
            table.c.stream == source[1],
            table.c.entity == entity,
            bulk.among(table.c.document_id, ids, connection.dialect.name),
        )
    )
    return {row.document_id: row for row in rows}


def agreed(connection: sa.Connection, entity: str, document_id: int, base: Any) -> Any:
    """Read what the source and we last agreed on; nothing when it is new to the document."""
    if base is None:
        return {}
    if base.base is not None:
        return _opened(base.base)
    return _body(connection, entity, document_id, base.base_version)


def _said(
    connection: sa.Connection, entity: str, document_id: int, theirs: str, rules: ConflictRules
) -> dict[str, Any]:
    """Read what every other system last agreed on, where some rule prefers a system."""
    if not any(isinstance(rule, Mapping) for rule in (*rules.fields.values(), rules.default)):
        return {}
    table = schema.binding
    rows = connection.execute(
        sa.select(table).where(
            table.c.entity == entity,
            table.c.document_id == document_id,
            table.c.system != theirs,
        )
    ).all()
    return {row.system: agreed(connection, entity, document_id, row) for row in rows}


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
