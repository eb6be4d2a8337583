"""Options of conversions: from the field, else from the defaults; wrong ones are found here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from crossdock.convert.registry import Conversion
from crossdock.mapping import dialect
from crossdock.mapping.dialect import At
from crossdock.model.fields import near
from crossdock.yaml import Document

_WORDS = {
    "fold": ("first", "second"),
    "day": ("start",),
    "count": ("s", "ms", "us"),
    "rounding": ("half_up", "half_even"),
}


def options_of(
    page: Document,
    place: At,
    spec: Mapping[str, Any],
    conversion: Conversion | None,
    defaults: Mapping[str, Any],
) -> dict[str, Any]:
    """Collect the options of a field's conversion.

    Raises Misconfigured for an option that the conversion does not understand or lacks, and for
    a value that no such option can have.
    """
    known = conversion.options if conversion else {}
    for key in spec:
        if key in dialect.option_keys() and key not in known:
            name = f"as: {conversion.name}" if conversion else "a value without conversion"
            raise page.wrong(f"the option {key!r} means nothing to {name}", *place, key)
    options: dict[str, Any] = {}
    for name, option in known.items():
        if name in spec:
            options[name] = _checked(page, (*place, name), name, spec[name])
        elif name in defaults:
            options[name] = defaults[name]
        elif option.required:
            raise page.wrong(
                f"as: {conversion.name if conversion else ''} needs the option {name!r}", *place
            )
    return options


def defaults_of(page: Document) -> dict[str, Any]:
    """Check the defaults of a mapping; raises Misconfigured with the line."""
    if "defaults" not in page.data:
        return {}
    found = dialect.checked(page, ("defaults",), dialect.DEFAULTS, "defaults")
    return {name: _checked(page, ("defaults", name), name, value) for name, value in found.items()}


def _checked(page: Document, place: At, name: str, value: Any) -> Any:
    if name == "zone":
        _check_zone(page, place, value)
    if name in _WORDS and value not in _WORDS[name]:
        fix = f"use one of: {', '.join(_WORDS[name])}"
        raise page.wrong(f"{name!r} cannot be {value!r}", *place, fix=fix)
    if name == "digits" and not 0 <= value <= 6:
        raise page.wrong("digits must be 0 to 6", *place)
    return tuple(str(item) for item in value) if isinstance(value, list) else value


def _check_zone(page: Document, place: At, value: str) -> None:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        known = sorted(available_timezones())
        fix = near(value, known) if known else "install tzdata"
        short = fix if len(fix) < 80 else "use an IANA name such as Europe/London"
        raise page.wrong(f"there is no time zone {value!r}", *place, fix=short) from None
