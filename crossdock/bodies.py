"""Compare what a document wants with what a system holds, and send documents one at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from crossdock.connector import Outcome, Parcel
from crossdock.errors import Refused, TryLater
from crossdock.exchange import NoAnswer


def one_by_one(parcels: Sequence[Parcel], put: Callable[[Parcel], str]) -> list[Outcome]:
    """Put each parcel by itself; ``put`` gives their id, or raises what becomes its outcome.

    Raises Misconfigured where nothing was sent yet; later it ends the rest as try_later.
    """
    outcomes: list[Outcome] = []
    for parcel in parcels:
        try:
            outcomes.append(Outcome(parcel.reference, "delivered", put(parcel)))
        except NoAnswer as error:
            outcomes.append(Outcome(parcel.reference, "uncertain", message=error.what))
        except Refused as error:
            outcomes.append(Outcome(parcel.reference, "refused", message=error.what))
        except TryLater as error:
            words, after = error.what, error.after
            outcomes.append(Outcome(parcel.reference, "try_later", None, words, after))
    return outcomes


def paths(body: Any, before: str = "") -> set[str]:
    """Name the fields that a body gives, with dots.

    >>> sorted(paths({"party": {"code": "7"}, "lines": [{"quantity": 1}], "note": None}))
    ['lines.quantity', 'note', 'party.code']
    """
    if isinstance(body, (list, tuple)):
        return {path for item in body for path in paths(item, before)}
    if isinstance(body, Mapping):
        return {path for name in body for path in paths(body[name], f"{before}.{name}")}
    return {before.removeprefix(".")}


def same(there: Any, wanted: Any) -> bool:
    """Say whether all that is wanted is there; what else is there does not matter.

    A list holds what is wanted where each wanted item is among its own.

    >>> same({"code": "7", "id": 1}, {"code": "7"}), same([{"n": "1.00"}], [{"n": Decimal(1)}])
    (True, True)
    """
    if isinstance(wanted, Mapping):
        items = there if isinstance(there, list) else [there]
        return any(
            isinstance(item, Mapping) and all(same(item.get(k), v) for k, v in wanted.items())
            for item in items
        )
    if isinstance(wanted, (list, tuple)):
        return all(same(there, item) for item in wanted)
    if isinstance(wanted, Decimal):
        return there is not None and Decimal(str(there)) == wanted
    return wanted is None or str(there) == str(wanted)


def numbered(body: Any) -> Any:
    """Make lists of objects whose names are numbers, and leave out what has no value.

    >>> numbered({"ways": {"1": {"kind": "email"}, "2": None}, "place": {"city": None}})
    {'ways': [{'kind': 'email'}]}
    """
    if isinstance(body, list):
        return [numbered(item) for item in body]
    if not isinstance(body, Mapping):
        return body
    made = {name: numbered(value) for name, value in body.items()}
    made = {name: value for name, value in made.items() if value not in (None, {}, [])}
    if made and all(name.isdigit() for name in made):
        return list(made.values())
    return made


def in_units(value: Any, digits: int, names: Collection[str], name: str = "") -> Any:
    """Move the point of whole-numbered money, wherever it stands under one of ``names``.

    >>> in_units({"lines": [{"price": 1299, "quantity": 2}]}, 2, {"price"})
    {'lines': [{'price': '12.99', 'quantity': 2}]}
    """
    if isinstance(value, dict):
        return {key: in_units(item, digits, names, key) for key, item in value.items()}
    if isinstance(value, list):
        return [in_units(item, digits, names) for item in value]
    whole = isinstance(value, int) and not isinstance(value, bool)
    return f"{Decimal(value).scaleb(-digits):f}" if whole and name in names else value


def in_whole(amount: Any, digits: int) -> int:
    """Turn an amount into whole-numbered money; raises Refused where digits would be lost.

    >>> in_whole("12.99", 2)
    1299
    """
    scaled = Decimal(str(amount)).scaleb(digits)
    if scaled != scaled.to_integral_value():
        raise Refused(f"{digits} digits of money are kept there, {amount} has more")
    return int(scaled)
