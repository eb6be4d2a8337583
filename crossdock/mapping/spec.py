"""A mapping after compiling: what each target field is made of, with nothing left to look up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from crossdock.convert.registry import Conversion, Holds
from crossdock.mapping.frames import Path
from crossdock.mapping.groups import Take
from crossdock.mapping.lookup import Table
from crossdock.mapping.when import Condition

Origin = Literal[
    "path", "constant", "join", "first_of", "multiply", "add", "subtract", "sum", "number"
]
Missing = Literal["ask", "fail", "default", "keep"]
Differs = Literal["fault", "note", "ignore"]


@dataclass(frozen=True)
class Value:
    """One target field.

    ``holds`` is what the entity wants, None where the target takes what comes. ``operands`` are
    names of fields beside this one, or values of their own. ``after`` converts what the value
    table gave. ``words`` are the only words allowed (empty: any).
    """

    name: str
    origin: Origin
    holds: Holds | None = None
    path: Path = ()
    operands: tuple[str | Value, ...] = ()
    constant: Any = None
    separator: str = ""
    conversion: Conversion | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    lookup: Table | None = None
    missing: Missing = "ask"
    after: Conversion | None = None
    words: frozenset[str] = frozenset()
    empty: tuple[str, ...] = ("",)
    default: Any = None
    required: bool = False
    optional: bool = False
    take: Take | None = None
    differs: Differs | None = None


@dataclass(frozen=True)
class Also:
    """A part of a list that is made of the head."""

    fields: Fields
    where: Condition | None = None


@dataclass(frozen=True)
class Listed:
    """One target list: its source list, what counts in it, its order, and its fields.

    ``keeps`` says that its parts have an extension bag of their own.
    """

    name: str
    path: Path
    fields: Fields
    where: Condition | None = None
    order_by: tuple[Path, ...] = ()
    one_or_many: bool = False
    keeps: bool = False
    also: tuple[Also, ...] = ()


Fields = Mapping[str, Value | Listed]
