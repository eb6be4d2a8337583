"""What a rule of the commerce pack is: a few options, a message, and a judgement over columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, dataclass_transform

if TYPE_CHECKING:
    import pyarrow as pa

    from crossdock.history import History
    from crossdock.rows import Rows

RUN = "run"
OptionKind = Literal["", "field", "fields", "entity", "tolerance"]


def option(help: str, *, default: Any = dataclasses.MISSING, kind: OptionKind = "") -> Any:  # noqa: A002
    """Declare an option of a rule; ``kind`` says what ``suite.load`` checks it against.

    ``field`` and ``fields`` are names of the level that the rule runs on, ``entity`` a name of
    the model, ``tolerance`` is ``cent``, ``exact`` or an amount.
    """
    return dataclasses.field(default=default, metadata={"help": help, "kind": kind})


@dataclass(frozen=True)
class Fault:
    """Rows of one field that break a rule.

    ``mask`` is true where the rule is broken; null means that the row cannot be judged and
    counts as kept. ``expected`` is what would have been right, ``values`` what stands there when
    that is not the column ``field`` itself.
    """

    field: str
    mask: pa.Array
    expected: pa.Array | None = None
    values: pa.Array | None = None


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(option,))
class CommerceRule:
    """Base of the commerce pack: a subclass declares options and judges rows.

    ``name`` is its word in a suite, ``on`` the level that it runs on unless the suite says
    otherwise (``run`` rules are judged by the gate), ``needs`` the fields that the level must
    have, ``message`` the words for a steward: ``{field}``, ``{value}`` and ``{expected}`` only.
    The docstring is its entry in docs/reference/rules.md.
    """

    name: ClassVar[str] = ""
    on: ClassVar[str] = "document"
    levels: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[str, ...]] = ()
    message: ClassVar[str] = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclasses.dataclass(kw_only=True, frozen=True)(cls)

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Yield the faults of ``rows``, one per field that can be wrong."""
        raise NotImplementedError


def options(kind: type[CommerceRule]) -> dict[str, dataclasses.Field[Any]]:
    """Give the options of a rule by name."""
    return {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
