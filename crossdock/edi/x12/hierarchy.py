"""The tree of an 856: shipment, orders, pallets, cartons and items as levels of HL.

Documents have it as EDIFACT's DESADV does: ``packages`` that name the one around them, and lines
in each (see ``crossdock.edi.packing``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from crossdock.edi.separators import part
from crossdock.edi.writer import Plain
from crossdock.edi.x12 import slots
from crossdock.edi.x12.interchange import X12Message
from crossdock.edi.x12.shape import Line, parse
from crossdock.errors import Refused

Document = dict[str, Any]

_HEAD = """\
BSN+{function|function=00}+{number!}+{@date!}+{time=0000}
DTM+011|010+{@despatch_date}
DTM+017|067|002+{@delivery_date}
"""

_SHIPMENT = """\
TD1+=CTN25+{package_count}++++=G+{#gross_weight}+{^weight_unit=KG}
TD5+=B+2+{carrier}++{carrier_name}
REF+CN|BM|2I+{tracking}
DTM+011|010+{@despatch_date}
DTM+017|067|002+{@delivery_date}
N1+SU|VN|SE+{supplier_name}+{&supplier}
N1+SF+{origin_name}+{&origin}
  N3+{origin_street}
  N4+{origin_city}++{origin_postal_code}+{origin_country}
N1+ST+{delivery_name}+{&delivery}
  N3+{delivery_street}
  N4+{delivery_city}++{delivery_postal_code}+{delivery_country}
N1+BY+{buyer_name}+{&buyer}
  PER+BD|*++TE+{buyer_phone}
  PER+BD|*++EM+{buyer_email}
"""

_ITEM = """\
LIN+{line}+{%}
SN1++{#quantity!}+{^unit=EA}++{#ordered}+{^ordered_unit}
PID+F++++{description}
REF+LT+{lot}
REF+SE+{serial}
DTM+036|361+{@best_before}
"""

_TARE = frozenset("TP")


@cache
def _shape(text: str) -> Line:
    return parse(text)


def read(
    message: X12Message,
    paths: list[str],
    document: Document,
    entry: Callable[[str, str], Document],
) -> None:
    """Fill ``document`` with what the levels say; raises Refused with the place."""
    whole: Document = {**entry("DESADV", "packages"), "level": "1", "parent": "", "units": []}
    levels: dict[str, Document] = {}
    orders: dict[str, str] = {}
    state: dict[str, Any] = {"kind": "", "at": whole, "line": None, "order": ""}
    packages = [whole]
    party: Line | None = None
    for position, (elements, path) in enumerate(zip(message.parsed, paths, strict=True)):
        values = [part(elements, at) for at in range(len(elements))]
        tag = message.tags[position]
        try:
            if tag == "HL":
                _level(values, state, levels, orders, packages, document, entry)
                party = None
            elif path.count("/") < 2 or tag == "N1":
                party = _taken(tag, values, state, document)
            elif party is not None:
                _fill(party.children, tag, values, document)
        except slots.WrongError as error:
            where = f"set {message.reference}, segment {position + 1} {tag}"
            raise Refused(str(error), where=where) from None
    count = document.pop("package_count", "")
    if count:
        whole["units"] = [{**entry("DESADV", "units"), "quantity": count, "ssccs": []}]
    for line in (line for package in packages for line in package["lines"]):
        line.pop("ordered_unit", None)
    document["packages"] = packages


def _level(
    values: list[str],
    state: dict[str, Any],
    levels: dict[str, Document],
    orders: dict[str, str],
    packages: list[Document],
    document: Document,
    entry: Callable[[str, str], Document],
) -> None:
    own, above, kind = ((*values[1:], "", "", "")[at] for at in range(3))
    holder = levels.get(above, packages[0])
    order = orders.get(above, "")
    state.update(kind=kind, line=None, own=own)
    if kind == "S":
        packages[0]["level"] = own
    if kind in _TARE:
        unit = {**entry("DESADV", "units"), "quantity": "1", "ssccs": []}
        parent = holder["level"]
        made = {**entry("DESADV", "packages"), "level": own, "parent": parent, "units": [unit]}
        packages.append(made)
        holder = made
    elif kind == "I":
        line = {**entry("DESADV", "lines"), "line": str(_count(packages) + 1)}
        line["order_number"] = order
        holder["lines"].append(line)
        state["line"] = line
    levels[own], orders[own] = holder, order
    state["at"], state["orders"] = holder, orders


def _count(packages: list[Document]) -> int:
    return sum(len(package["lines"]) for package in packages)


def _taken(tag: str, values: list[str], state: dict[str, Any], document: Document) -> Line | None:
    """Read one segment of the open level; gives the party whose address may follow."""
    kind = state["kind"]
    if tag == "PRF":
        number = values[1] if len(values) > 1 else ""
        state["orders"][state["own"]] = number
        document["order_number"] = document["order_number"] or number
        if state["line"] is not None:
            state["line"]["order_number"] = number
    elif tag == "MAN" and kind in _TARE:
        if values[1:2] and values[1] in {"GM", "AA", "SM"} and len(values) > 2:
            state["at"]["units"][0]["ssccs"].append(_sscc(values[2]))
    elif kind == "I":
        line = state["line"]
        if tag == "LIN" and len(values) > 1 and values[1]:
            line["order_line"] = values[1]
        _fill(_shape(_ITEM).children, tag, values, line)
    else:
        return _fill(_shape(_HEAD if not kind else _SHIPMENT).children, tag, values, document)
    return None


def _fill(lines: list[Line], tag: str, values: list[str], target: Document) -> Line | None:
    for line in lines:
        if line.tag == tag and line.takes(values):
            slots.take(line, target, values)
            return line
    return None


def _sscc(text: str) -> str:
    """An SSCC without the application identifier 00 before it."""
    return text[2:] if len(text) == 20 and text.startswith("00") else text


# -- the other way ------------------------------------------------------------------------------
def write(document: Mapping[str, Any]) -> list[Plain]:
    """Make the segments of an 856 of a document whose ``packages`` are nested levels.

    Where all lines are of one order it stands above the packages, else within each.
    """
    out: list[Plain] = []
    _emit(_HEAD, document, "", out)
    numbers: dict[str, str] = {}
    orders = {_order(line, document) for level in document["packages"] for line in level["lines"]}
    _hl(out, "", "S")
    numbers["1"] = "1"
    _emit(_SHIPMENT, document, "", out)
    one = orders.pop() if len(orders) == 1 else ""
    if one:
        numbers["1"] = _hl(out, "1", "O")
        out.append(["PRF", one])
    for level in document["packages"]:
        own = numbers["1"]
        if level["level"] != "1":
            outer = any(one["parent"] == level["level"] for one in document["packages"][1:])
            kind = "T" if outer else "P"
            own = numbers[level["level"]] = _hl(out, numbers[level["parent"]], kind)
            unit = level["units"][0]
            out += [["MAN", "GM", f"00{sscc}"] for sscc in unit.get("ssccs") or ()]
        _items(level["lines"], own, one, document, out)
    out.append(["CTT", str(sum(plain[0] == "HL" for plain in out))])
    return out


def _items(
    lines: list[Mapping[str, Any]],
    above: str,
    one: str,
    document: Mapping[str, Any],
    out: list[Plain],
) -> None:
    last, parent = one, above
    for at, line in enumerate(lines):
        number = _order(line, document)
        if number != last:
            parent, last = _hl(out, above, "O"), number
            if number:
                out.append(["PRF", number])
        _hl(out, parent, "I")
        shown = {**line, "line": line.get("order_line") or line.get("line") or ""}
        shown["ordered_unit"] = (line.get("unit") or "PCE") if line.get("ordered") else ""
        _emit(_ITEM, shown, f"lines[{at}].", out)


def _order(line: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    return str(line.get("order_number") or document.get("order_number") or "")


def _hl(out: list[Plain], above: str, kind: str) -> str:
    own = str(sum(plain[0] == "HL" for plain in out) + 1)
    out.append(["HL", own, above, kind])
    return own


def _emit(text: str, target: Mapping[str, Any], where: str, out: list[Plain]) -> None:
    for line in _shape(text).children:
        made = slots.segment(line, target, where, out)
        if made is not None:
            out.append(made)
            for child in line.children:
                below = slots.segment(child, target, where, out)
                if below is not None:
                    out.append(below)
