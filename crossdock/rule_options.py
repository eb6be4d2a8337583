"""Check the options of a rule in a suite against its declaration and the fields of its entity."""

from __future__ import annotations

import dataclasses
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, get_type_hints

from crossdock import when
from crossdock.errors import Misconfigured
from crossdock.expectation_list import EXPECTATIONS, fits, option_for_column
from crossdock.model import ENTITIES, Entity
from crossdock.model.fields import Field, near
from crossdock.rule import field_on
from crossdock.rules.contract import CommerceRule, options

if TYPE_CHECKING:
    from crossdock.rule_reader import Entry


def field_for(entry: Entry, entity: Entity, level: str, name: Any) -> Field:
    """Find a field on a level, complaining at the place of the rule."""
    try:
        return field_on(entity, level, str(name))
    except Misconfigured as error:
        raise entry.wrong(f"rule {entry.name}: {error.what}", fix=error.fix) from None


def check_expectation(entry: Entry, entity: Entity, level: str) -> None:
    """Check the options of an expectation against its declaration and its columns."""
    declared = EXPECTATIONS[entry.kind]
    for name in entry.options:
        if name not in declared.options:
            raise entry.wrong(
                f"{entry.kind} has no option {name!r}",
                entry.kind,
                name,
                fix=near(str(name), list(declared.options)),
            )
    missing = [name for name in declared.required if name not in entry.options]
    if missing:
        raise entry.wrong(f"{entry.kind} needs {', '.join(missing)}", entry.kind)
    bounds = [name for name in ("min_value", "max_value") if name in declared.options]
    if bounds and not any(name in entry.options for name in bounds):
        raise entry.wrong(f"{entry.kind} needs min_value, max_value or both", entry.kind)
    fields = [field_for(entry, entity, level, name) for name in declared.columns(entry.options)]
    reason = fits(declared, fields)
    if reason:
        raise entry.wrong(f"rule {entry.name}: {reason}", entry.kind)
    for name, value in entry.options.items():
        _option(entry, declared.options[name], name, value, fields[0])
    if {"min_value", "max_value"} <= set(entry.options):
        _bounds(entry, fields[0])


def _bounds(entry: Entry, field: Field) -> None:
    """Refuse bounds that nothing can lie between."""
    low, high = (
        option_for_column(EXPECTATIONS[entry.kind].options[name], entry.options[name], field)
        for name in ("min_value", "max_value")
    )
    if low > high:
        raise entry.wrong("min_value is above max_value", entry.kind, "min_value")


def _option(entry: Entry, kind: str, name: str, value: Any, field: Field) -> None:
    at = (entry.kind, name)
    if kind == "pattern":
        when.pattern(entry.document, (*entry.at, *at), value)
    elif kind == "flag" and not isinstance(value, bool):
        raise entry.wrong(f"{name} is true or false", *at)
    elif kind == "length" and (not isinstance(value, int) or value < 0):
        raise entry.wrong(f"{name} is a whole number", *at)
    elif kind == "choice" and value not in ("any", "all"):
        raise entry.wrong(f"{name} is any or all", *at)
    elif kind in ("values", "pairs", "patterns", "columns"):
        if not isinstance(value, list) or not value:
            raise entry.wrong(f"{name} is a list", *at)
        for item in value if kind == "patterns" else ():
            when.pattern(entry.document, (*entry.at, *at), item)
    try:
        option_for_column(kind, value, field)
    except (ValueError, TypeError) as error:
        raise entry.wrong(f"rule {entry.name}: {error}", *at) from None


def make_commerce(
    entry: Entry, entity: Entity, level: str, kind: type[CommerceRule]
) -> CommerceRule:
    """Make the rule of the pack with its options, checked against the entity."""
    declared = options(kind)
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, given in entry.options.items():
        if name not in declared:
            fix = near(str(name), list(declared)) if declared else "it has no options"
            raise entry.wrong(f"{kind.name} has no option {name!r}", kind.name, name, fix=fix)
        values[name] = _typed(entry, name, given, hints[name], declared[name].metadata["kind"])
    missing = [
        name
        for name, field in declared.items()
        if field.default is dataclasses.MISSING and name not in values
    ]
    if missing:
        raise entry.wrong(
            f"{kind.name} needs {', '.join(missing)}",
            kind.name,
            fix=f"write {kind.name}: {{{missing[0]}: ...}}",
        )
    made = kind(**values)
    for name in (*kind.needs, *_fields_of(made)):
        field_for(entry, entity, level, name)
    return made


def _fields_of(made: CommerceRule) -> list[str]:
    """List the fields that the options of a rule name."""
    names: list[str] = []
    for name, field in options(type(made)).items():
        value = getattr(made, name)
        if field.metadata["kind"] == "field":
            names.append(value)
        elif field.metadata["kind"] == "fields":
            names.extend(value)
    return names


def _typed(entry: Entry, name: str, given: Any, wanted: Any, kind: str) -> Any:
    """Turn a YAML value into the type of an option."""
    at = (entry.kind, name)
    if kind == "entity" and given not in ENTITIES:
        raise entry.wrong(f"there is no entity {given!r}", *at, fix=near(str(given), [*ENTITIES]))
    if kind == "tolerance" and given not in ("cent", "exact"):
        _decimal(entry, at, given)
    if wanted is Decimal:
        return _decimal(entry, at, given)
    if wanted is str and not isinstance(given, list | dict | bool):
        return str(given)
    if wanted == tuple[str, ...]:
        items = given if isinstance(given, list) else [given]
        if items and all(isinstance(item, str) for item in items):
            return tuple(items)
    elif isinstance(wanted, type) and type(given) is wanted:
        return given
    raise entry.wrong(f"option {name} of {entry.kind} cannot be {given!r}", *at)


def _decimal(entry: Entry, at: tuple[Any, ...], given: Any) -> Decimal:
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        raise entry.wrong(f"{given!r} is no number", *at) from None
    if isinstance(given, bool) or not value.is_finite() or value < 0:
        raise entry.wrong(f"{given!r} is no number from 0 up", *at)
    return value
