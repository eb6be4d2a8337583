"""JSON whose exact values say of which class they are, as Tryton writes it.

``{"__class__": "Decimal", "decimal": "1.50"}``; a record that another one refers to stands under
its name with a point behind it. https://docs.tryton.org/projects/server/en/latest/topics/rpc.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

_DAY = ("year", "month", "day")
_TIME = ("hour", "minute", "second", "microsecond")


def typed(value: Any) -> Any:
    """Write decimals, days and instants as values that name their class.

    >>> typed(Decimal("1.50"))
    {'__class__': 'Decimal', 'decimal': '1.5'}
    """
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": f"{value.normalize():f}"}
    if isinstance(value, date):
        instant = isinstance(value, datetime)
        made = {name: getattr(value, name) for name in (*_DAY, *(_TIME if instant else ()))}
        return {"__class__": "datetime" if instant else "date", **made}
    if isinstance(value, Mapping):
        return {name: typed(item) for name, item in value.items()}
    return [typed(item) for item in value] if isinstance(value, (list, tuple)) else value


def plain(value: Any) -> Any:
    """Read such JSON: values become text, and the record ``party.`` becomes ``party``.

    >>> plain({"party.": {"code": "7"}, "total": {"__class__": "Decimal", "decimal": "1.50"}})
    {'party': {'code': '7'}, 'total': '1.50'}
    """
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    if kind == "Decimal":
        return value["decimal"]
    if kind in {"date", "datetime"}:
        parts = [int(value[name]) for name in (*_DAY, *(_TIME if kind == "datetime" else ()))]
        made = datetime(*parts)  # type: ignore[arg-type] # noqa: DTZ001 - Tryton says no zone
        return made.isoformat(timespec="microseconds") if kind == "datetime" else f"{made:%Y-%m-%d}"
    return {name.removesuffix("."): plain(item) for name, item in value.items()}
