"""Compile the fields of a mapping: every name is found here, so that a run can only meet data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

from crossdock import convert
from crossdock.convert.registry import Conversion, Holds
from crossdock.errors import Misconfigured
from crossdock.mapping import dialect, lookup, when
from crossdock.mapping.dialect import At, checked, part
from crossdock.mapping.frames import Path
from crossdock.mapping.operands import check_operands, checked_fields
from crossdock.mapping.options import options_of
from crossdock.mapping.paths import ROOT, Known, dotted, split
from crossdock.mapping.spec import Also, Fields, Listed, Value
from crossdock.model.entity import Entity
from crossdock.model.fields import DECIMALS, Field, near
from crossdock.yaml import Document

CONVERSIONS: Mapping[str, str] = {
    "identifier": "identifier",
    "text": "text",
    "code": "text",
    "country": "country",
    "currency": "currency",
    "unit": "unit",
    "instant": "instant",
    "date": "date",
    "flag": "flag",
    "whole": "whole_number",
    **dict.fromkeys(DECIMALS, "decimal"),
}
"""The conversion of a canonical field where a mapping names none, by kind of field."""

_HOLDS: Mapping[str, Holds] = {
    "instant": "instant",
    "date": "date",
    "flag": "flag",
    "whole": "whole",
    **dict.fromkeys(DECIMALS, "decimal"),
}


def held(declared: Field) -> Holds:
    """Say what a canonical field holds, in the words of conversions."""
    return _HOLDS.get(declared.kind, "text")


@dataclass
class Compiler:
    """Compiles one file. ``folder`` is the folder mappings; an entity is None on the raw side."""

    page: Document
    folder: File
    source: Entity | None
    target: Entity | None
    defaults: Mapping[str, Any]
    known: Known

    def fields(self, at: At, above: Path = (), name: str = "") -> Fields:
        """Compile the fields at a place.

        ``above`` leads to them in the source, ``name`` is the list of ours that they belong to.
        """
        made: dict[str, Value | Listed] = {}
        for key in checked_fields(self.page, at):
            place = (*at, key)
            spec = part(self.page, place)
            if isinstance(spec, dict) and "each" in spec:
                made[key] = self._listed(key, place, above, name)
            else:
                declared = self._declared(f"{name}.{key}" if name else key, place, listed=False)
                made[key] = self.value(key, place, above, declared)
        check_operands(self.page, at, made)
        self._check_complete(at, made, name)
        return made

    def _check_complete(self, at: At, made: Fields, name: str) -> None:
        """See that every field that the entity requires is mapped.

        The flow says organisation and shop, where the mapping does not.
        """
        if self.target is None:
            return
        wanted = self.target.field(name).fields if name else self.target.fields
        there = {*made, "organisation", "shop"}
        lacking = [item.name for item in wanted if item.required and item.name not in there]
        if lacking:
            where = f"{self.target.name}.{name}" if name else self.target.name
            raise self.page.wrong(
                f"{where} needs {', '.join(lacking)}", *at, fix="map it, or give a constant"
            )

    def _declared(self, path: str, place: At, *, listed: bool) -> Field | None:
        if self.target is None:
            return None
        try:
            found = self.target.field(path)
        except Misconfigured as error:
            raise self.page.wrong(error.what, *place, fix=error.fix) from None
        if (found.kind == "children") != listed or found.kind == "extension":
            what = "is a list: write each" if found.kind == "children" else "is filled by itself"
            what = "is no list" if listed else what
            raise self.page.wrong(f"the field {path!r} of {self.target.name} {what}", *place)
        return found

    def _listed(self, name: str, place: At, above: Path, outer: str) -> Listed:
        spec = checked(self.page, place, dialect.LIST, "a list")
        declared = self._declared(f"{outer}.{name}" if outer else name, place, listed=True)
        path = split(spec["each"])
        self._source_field((*above, *path), (*place, "each"), listed=True)
        node = self.known.add((*above, *path))
        keeps = declared is not None and any(item.name == "extension" for item in declared.fields)
        keeps, node.carried = keeps and not node.carried, node.carried or keeps
        condition = when.at(self.page, (*place, "where")) if "where" in spec else None
        order = tuple(split(item) for item in spec.get("order_by", []))
        below = (*above, *path)
        for used in (*order, *(condition.paths if condition else ())):
            self._source_field((*below, *used), place)
            self.known.add((*below, *used)).leaf = True
        inner = self.fields((*place, "fields"), below, declared.name if declared else name)
        one = bool(spec.get("one_or_many", False))
        outer_name = declared.name if declared else name
        also = self._also(spec, place, above, outer_name)
        if also and any(isinstance(item, Listed) for item in inner.values()):
            raise self.page.wrong("a list with also cannot hold lists", *place, "also")
        return Listed(name, path, inner, condition, order, one, keeps, also)

    def _also(self, spec: Mapping[str, Any], place: At, above: Path, name: str) -> tuple[Also, ...]:
        """Compile the parts of a list that are made of its head."""
        made = []
        for number in range(len(spec.get("also", []))):
            at = (*place, "also", number)
            part_spec = checked(self.page, at, dialect.PART, "a part")
            condition = when.at(self.page, (*at, "where")) if "where" in part_spec else None
            for used in condition.paths if condition else ():
                self._source_field((*above, *used), at)
                self.known.add((*above, *used)).leaf = True
            made.append(Also(self.fields((*at, "fields"), above, name), condition))
        return tuple(made)

    def value(
        self,
        name: str,
        place: At,
        above: Path,
        declared: Field | None,
        usual: Mapping[str, Any] | None = None,
    ) -> Value:
        """Compile one target field; ``usual`` holds what a bare path in first_of inherits."""
        spec = part(self.page, place)
        if isinstance(spec, str):
            spec = {**(usual or {}), "path": spec}
        else:
            spec = checked(self.page, place, _value_keys(), f"the field {name!r}")
        origin = self._origin(spec, name, place)
        path, source = self._path(spec, place, above)
        conversion, after = self._conversions(spec, place, declared, source, origin)
        common = {
            "name": name,
            "origin": origin,
            "path": path,
            "holds": held(declared) if declared else None,
            "conversion": conversion,
            "after": after,
            "options": self._options(spec, place, origin, conversion),
            "words": frozenset(declared.values) if declared else frozenset(),
            **self._plain(spec, declared),
        }
        return Value(
            **common,
            operands=self._operands(spec, origin, place, above, declared),
            constant=self._constant(spec, "constant", place, declared),
            default=self._constant(spec, "default", place, declared or _shown_as(spec, source)),
            lookup=self._lookup(spec, place),
        )

    def _options(
        self, spec: Mapping[str, Any], place: At, origin: str, conversion: Conversion | None
    ) -> dict[str, Any]:
        if origin == "first_of":
            return {}
        return options_of(self.page, place, spec, conversion, self.defaults)

    def _origin(self, spec: Mapping[str, Any], name: str, place: At) -> Any:
        found = [word for word in dialect.SOURCES if word in spec]
        if len(found) != 1:
            fix = f"write exactly one of: {', '.join(dialect.SOURCES)}"
            what = "does not say where it comes from" if not found else f"says both {found}"
            raise self.page.wrong(f"the field {name!r} {what}", *place, fix=fix)
        return found[0]

    def _path(self, spec: Mapping[str, Any], place: At, above: Path) -> tuple[Path, Field | None]:
        if "path" not in spec:
            return (), None
        path = split(spec["path"])
        whole = path[1:] if path[:1] == (ROOT,) else (*above, *path)
        source = self._source_field(whole, place, taken="take" in spec, above=above)
        self.known.add(whole).leaf = True
        return path, source

    def _source_field(
        self, path: Path, place: At, *, listed: bool = False, taken: bool = True, above: Path = ()
    ) -> Field | None:
        """Find a field of the entity that is mapped from; None where the source is raw."""
        if self.source is None:
            return None
        try:
            found = self.source.field(dotted(path))
        except Misconfigured as error:
            raise self.page.wrong(error.what, *place, fix=error.fix) from None
        if (found.kind == "children") != listed:
            what = "is no list" if listed else "is a list: map it with each"
            raise self.page.wrong(f"{dotted(path)!r} of {self.source.name} {what}", *place)
        if len(path) > max(len(above), 1) and not taken and not above:
            raise self.page.wrong(
                f"{dotted(path)!r} stands in a list of {self.source.name}",
                *place,
                fix="say with take which one counts",
            )
        return found

    def _conversions(
        self,
        spec: Mapping[str, Any],
        place: At,
        declared: Field | None,
        source: Field | None,
        origin: str,
    ) -> tuple[Conversion | None, Conversion | None]:
        """Find the conversion of the source value, and the one of what a value table gives."""
        usual = convert.find(CONVERSIONS[declared.kind]) if declared else None
        if origin == "first_of":  # each of its fields is converted by itself
            return None, None
        if "as" in spec:
            named = convert.find(spec["as"], self.page.where(*place, "as"))
            self._check_takes(named, _given(source, origin), (*place, "as"))
            self._check_gives(named, spec, declared, (*place, "as"))
            return named, usual if "lookup" in spec else None
        if "lookup" in spec:
            return None, usual
        if origin not in ("path", "join"):
            return None, None
        given = _given(source, origin)
        return (None if declared and given == held(declared) != "text" else usual), None

    def _check_takes(self, named: Conversion, given: Holds, place: At) -> None:
        if named.takes not in ("text", given):
            raise self.page.wrong(
                f"as: {named.name} takes {_a(named.takes)}, the source gives {_a(given)}", *place
            )

    def _check_gives(
        self, named: Conversion, spec: Mapping[str, Any], declared: Field | None, place: At
    ) -> None:
        wanted = "text" if "lookup" in spec else held(declared) if declared else named.gives
        if named.gives != wanted:
            for_what = "a value table" if "lookup" in spec else "the field"
            raise self.page.wrong(
                f"as: {named.name} gives {_a(named.gives)}, {for_what} wants {_a(wanted)}", *place
            )

    def _plain(self, spec: Mapping[str, Any], declared: Field | None) -> dict[str, Any]:
        """Take over what needs no name to be found."""
        optional = bool(spec.get("optional", False))
        wanted = bool(declared and declared.required and not optional)
        empty = spec.get("empty", self.defaults.get("empty", [""]))
        return {
            "separator": spec.get("separator", ""),
            "missing": spec.get("missing", "ask"),
            "empty": tuple(str(item) for item in empty),
            "required": bool(spec.get("required", wanted)),
            "optional": optional,
            "take": spec.get("take"),
            "differs": spec.get("differs"),
        }

    def _operands(
        self,
        spec: Mapping[str, Any],
        origin: str,
        place: At,
        above: Path,
        declared: Field | None,
    ) -> tuple[str | Value, ...]:
        if origin == "sum":
            return tuple(spec["sum"].rpartition(".")[::2])
        if origin not in ("join", "first_of", "multiply", "add", "subtract"):
            return ()
        made: list[str | Value] = []
        kind = Field("", "text" if origin == "join" else "amount", "")
        usual = {key: spec[key] for key in spec if key == "as" or key in dialect.option_keys()}
        for number, operand in enumerate(spec[origin]):
            at = (*place, origin, number)
            name = f"{origin} {number + 1}"
            if origin == "first_of":
                made.append(self.value(name, at, above, declared, usual))
            elif isinstance(operand, str) and origin != "join":
                made.append(operand)
            else:
                made.append(self.value(name, at, above, kind))
        return tuple(made)

    def _constant(
        self, spec: Mapping[str, Any], word: str, place: At, declared: Field | None
    ) -> Any:
        """Convert a constant like a value of the source, so that GPB is found here."""
        if word not in spec:
            return None
        given = spec[word]
        named = spec.get("as") if word == "constant" else None
        if declared is None and named is None:
            return given
        text = str(given).lower() if isinstance(given, bool) else str(given)
        usual = convert.find(named or (CONVERSIONS[declared.kind] if declared else "text"))
        marks = {key: value for key, value in self.defaults.items() if key in ("zone", "fold")}
        options = {key: value for key, value in marks.items() if key in usual.options}
        try:
            value = usual(text, **options)
        except ValueError as error:
            raise self.page.wrong(f"{word} {text!r} {error}", *place, word) from None
        if declared and declared.values and value not in declared.values:
            raise self.page.wrong(
                f"{word} {text!r} is no word of {declared.name}",
                *place,
                word,
                fix=near(text, list(declared.values)),
            )
        return value

    def _lookup(self, spec: Mapping[str, Any], place: At) -> lookup.Table | None:
        if "lookup" not in spec:
            for word in ("missing", "reverse"):
                if word in spec:
                    raise self.page.wrong(f"{word!r} needs a lookup", *place, word)
            return None
        if spec.get("missing") == "default" and "default" not in spec:
            raise self.page.wrong("missing: default needs a default", *place, "missing")
        name = spec["lookup"] if "/" in spec["lookup"] else f"{_system(self.page)}/{spec['lookup']}"
        return lookup.load(
            self.folder,
            name,
            reverse=bool(spec.get("reverse", False)),
            page=self.page,
            at=(*place, "lookup"),
        )


def _value_keys() -> dict[str, dialect.Key]:
    return {**dialect.VALUE, **dialect.option_keys()}


def _shown_as(spec: Mapping[str, Any], source: Field | None) -> Field | None:
    """Say of which kind a field of a target is, so that its default can be of the same."""
    if "as" in spec:
        gives = convert.find(spec["as"]).gives
        return Field("", {"decimal": "amount"}.get(gives, gives), "")  # type: ignore[arg-type]
    if "lookup" in spec:
        return Field("", "text", "")
    return source


def _system(page: Document) -> str:
    return page.path.parent.name


def _given(source: Field | None, origin: str) -> Holds:
    """Say what a value is before its conversion."""
    if origin in ("multiply", "add", "subtract", "sum"):
        return "decimal"
    return held(source) if source else "text"


def _a(word: str) -> str:
    names = {"instant": "an instant", "whole": "a whole number", "text": "text"}
    return names.get(word, f"a {word}")
