"""Messages made from a guide: good ones, and bad ones with one known fault each.

A good message holds what the guide makes mandatory, and what its rules ask for; whether it is
good is decided by the guide itself, so a guide that contradicts itself has no specimen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from crossdock.edi import writer
from crossdock.edi.check import Checked, check_source
from crossdock.edi.facts import Component, ElementFact
from crossdock.edi.finding import Finding
from crossdock.edi.guide import Guide, Guides
from crossdock.edi.structure import Node
from crossdock.edi.writer import Address, Envelope, Layout, Plain
from crossdock.errors import Misconfigured

ROUNDS = 40
"""How often a specimen is mended before its guide is given up."""

VALUES = {
    "1004": "TEST-1", "1082": "1", "1154": "TEST-1", "1225": "9", "2379": "102",
    "2380": "20260901", "3055": "9", "4440": "TEST", "5004": "0", "5118": "1", "5125": "AAA",
    "5278": "0", "5283": "7", "5305": "S", "5153": "VAT", "6060": "1", "6066": "1", "6345": "EUR",
    "6343": "9", "6347": "2", "7140": "4006381333931", "7143": "EN", "7402": "340123450000000017",
    "7164": "1", "5025": "79", "1153": "ON", "3035": "BY", "2005": "137", "6063": "21", "1001": "",
}  # fmt: skip
"""What stands in an element, where a guide allows it."""

_DOCUMENTS = {
    "ORDERS": "220", "ORDCHG": "230", "ORDRSP": "231", "DESADV": "351", "RECADV": "632",
    "INVOIC": "380", "PRICAT": "9", "INVRPT": "35", "SLSRPT": "73", "REMADV": "481",
}  # fmt: skip
"""Code of the document (1001), by message."""

_SHOWN = frozenset({"1154", "2380", "2379", "3039", "4440", "5004", "5118", "6060", "6345", "6343",
                    "7140", "7143", "7402", "1004", "1225", "1082"})  # fmt: skip
"""Elements that are filled although they are optional: a message without them says nothing."""

Segments = list[list[str | list[str]]]


@dataclass(frozen=True)
class Bad:
    """A message with one fault: what was done to it, and the code (0085) that must be found."""

    name: str
    code: str
    data: bytes


@dataclass
class _Recipe:
    """What a specimen must hold beyond the mandatory: places, with their qualifiers."""

    wanted: dict[str, list[str]] = field(default_factory=dict)

    def add(self, place: str) -> bool:
        """Want one more segment; False when it was wanted before."""
        path, _, qualifier = place.partition("+")
        known = self.wanted.setdefault(path, [])
        if qualifier in known:
            return False
        known.append(qualifier)
        return True

    def inside(self, path: str) -> bool:
        """Say whether anything below ``path`` is wanted."""
        return any(one == path or one.startswith(f"{path}/") for one in self.wanted)


def good(
    guides: Guides,
    guide: Guide,
    us: Address,
    them: Address,
    prepared: datetime,
    *,
    layout: Layout | None = None,
    association: str = "",
) -> bytes:
    """Make a test interchange with a message that ``guide`` has no complaint about.

    Raises Misconfigured with the guide's first complaint when there is no such message.
    """  # fmt: skip
    recipe = _Recipe()
    line = next((one for one in guide.structure.nodes if one.name == "LIN"), None)
    if line is not None:
        recipe.add(line.path)
    layout = layout or Layout()
    for _ in range(ROUNDS):
        body = list(_segments(guide, recipe, {"SU": us.id, "": them.id}))
        data = _interchange(guide, body, us, them, prepared, layout, association)
        findings = _findings(data, guides, layout)
        if not findings:
            return data
        added = [recipe.add(place) for place in _mended(findings)]
        if not any(added):
            break
    raise Misconfigured(
        f"no message fits the guide {guide.name}: {findings[0].line()}",
        where=str(guide.source.path),
        fix="look whether its structure and its rules contradict each other",
    )


def _findings(data: bytes, guides: Guides, layout: Layout) -> list[Finding]:
    codec = layout.python_codec
    return [
        finding
        for item in check_source(data, guides, choose=lambda unb: codec)
        if isinstance(item, Checked) or item.findings
        for finding in item.findings
    ]


def _mended(findings: Sequence[Finding]) -> Iterator[str]:
    """Name the places that are said to be missing."""
    for finding in findings:
        if finding.code != "13":
            continue
        place = finding.expected if "/" in finding.expected or "+" in finding.expected else ""
        yield place or finding.path


def _segments(
    guide: Guide, recipe: _Recipe, parties: Mapping[str, str]
) -> Iterator[list[str | list[str]]]:
    for node in guide.structure.root.children:
        if node.name not in {"UNH", "UNT", "UIH", "UIT"}:
            yield from _node(guide, recipe, node, parties)


def _node(
    guide: Guide, recipe: _Recipe, node: Node, parties: Mapping[str, str]
) -> Iterator[list[str | list[str]]]:
    """Give the segments of a node: as often as qualifiers are wanted, once where it must be."""
    trigger = node.children[0] if node.is_group else node
    qualifiers = recipe.wanted.get(trigger.path, [])
    if not qualifiers and (node.mandatory or recipe.inside(node.path)):
        qualifiers = [""]
    for qualifier in qualifiers[: node.most]:
        if not node.is_group:
            yield _filled(guide, node, qualifier, parties)
            continue
        yield _filled(guide, trigger, qualifier, parties)
        for child in node.children[1:]:
            yield from _node(guide, recipe, child, parties)


def _filled(
    guide: Guide, node: Node, qualifier: str, parties: Mapping[str, str]
) -> list[str | list[str]]:
    """Fill one segment: mandatory elements, and those without which it says nothing."""
    allowed = qualifier or _first_allowed(guide, node)
    if node.name == "BGM":
        allowed = _DOCUMENTS.get(guide.message, "")
        allowed = allowed if allowed in guide.facts.codes.get("1001", {allowed}) else ""
    party = parties.get(qualifier, parties[""])
    segment: list[str | list[str]] = [node.name]
    for number, fact in enumerate(guide.facts.segments.get(node.name, ())):
        wish = allowed if number == 0 else ""
        values = list(_components(guide, fact, wish, party, filled=number < 3))
        segment.append(values[0] if fact.simple else values)
    return segment


def _first_allowed(guide: Guide, node: Node) -> str:
    """Give the first qualifier that a rule allows at a place."""
    for rule in guide.rules:
        values = rule.get("values")
        if isinstance(values, Mapping) and values.get("at") == node.path:
            return str(values["of"]).split()[0]
    return ""


def _components(
    guide: Guide, fact: ElementFact, qualifier: str, party: str, *, filled: bool
) -> Iterator[str]:
    begun = fact.mandatory or bool(qualifier)
    begun = begun or (filled and any(one.id in _SHOWN for one in fact.components))
    for place, component in enumerate(fact.components):
        if place == 0 and qualifier:
            yield qualifier
        elif begun and (component.mandatory or (filled and component.id in _SHOWN)):
            yield _value(guide, component, party)
        else:
            yield ""


def _value(guide: Guide, component: Component, party: str) -> str:
    codes = guide.facts.codes.get(component.id)
    wish = party if component.id == "3039" else VALUES.get(component.id, "")
    if codes is not None and wish not in codes:
        wish = min(codes, key=lambda code: (len(code), code))
    if not wish:
        wish = "1" if component.kind == "n" else "X"
    if len(wish) < component.shortest:
        wish = wish.rjust(component.shortest, "0" if component.kind == "n" else "X")
    return wish[: component.longest]


def _interchange(
    guide: Guide, body: Sequence[Plain], us: Address, them: Address, prepared: datetime,
    layout: Layout, association: str,
) -> bytes:  # fmt: skip
    version, _, release = guide.directory.partition(".")
    identifier = [guide.message, version, release, "UN", association or guide.edition]
    message = writer.message(layout, "1", identifier, body)
    envelope = Envelope(
        them, us, f"T{prepared:%y%m%d%H%M%S}", prepared, application=guide.message, test=True
    )
    return writer.interchange(layout, envelope, [message])


# -- bad ones -------------------------------------------------------------------------------
Spoil = Callable[[list[str]], list[str]]


def bad(data: bytes, layout: Layout | None = None) -> Iterator[Bad]:
    """Make bad interchanges of a good one, one fault each."""
    layout = layout or Layout()
    marks, codec = layout.separators, layout.python_codec
    end, plus, colon = marks.terminator + layout.line, marks.element, marks.component
    text = data.decode(codec)
    head = marks.una + layout.line if text.startswith("UNA") else ""
    lines = text.removeprefix(head).removesuffix(end).split(end)
    bgm = next((at for at, one in enumerate(lines) if one.startswith("BGM")), 2)
    unt = next(at for at, one in enumerate(lines) if one.startswith("UNT"))
    dtm = next((at for at, one in enumerate(lines) if one.startswith("DTM")), None)
    faults: list[tuple[str, str, Spoil]] = [
        ("a mandatory segment is missing", "13", lambda one: one[:bgm] + one[bgm + 1 :]),
        ("a segment that nobody knows", "15", lambda one: [*one[: bgm + 1], f"XYZ{plus}1",
                                                           *one[bgm + 1 :]]),
        ("a segment too often", "35", lambda one: [*one[: bgm + 1], *one[bgm:]]),
        ("too many elements", "16", lambda one: _put(one, bgm, one[bgm] + f"{plus}9" * 12)),
        ("too long", "39", lambda one: _put(one, bgm, f"BGM{plus}{plus}{'9' * 80}")),
        ("a wrong count of segments", "29", lambda one: _put(one, unt, f"UNT{plus}999{plus}1")),
        ("another reference at the end", "28",
         lambda one: _put(one, unt, one[unt].rpartition(plus)[0] + f"{plus}2")),
        ("a torn interchange", "13", lambda one: one[:-1]),
    ]  # fmt: skip
    if dtm is not None:
        wrong = f"DTM{plus}QQQ{colon}20260901{colon}102"
        faults.append(("a code that is in no list", "12", lambda one: _put(one, dtm, wrong)))
    for name, code, spoil in faults:
        made = spoil(list(lines))
        if code not in {"29", "28"} and name != "a torn interchange":
            made = _counted(made, plus)
        yield Bad(name, code, (head + end.join(made) + end).encode(codec))


def _put(lines: list[str], at: int, text: str) -> list[str]:
    return [*lines[:at], text, *lines[at + 1 :]]


def _counted(lines: list[str], plus: str) -> list[str]:
    """Set the count of UNT right, so that it is not a second fault."""
    begin = next(at for at, one in enumerate(lines) if one.startswith("UNH"))
    end = next(at for at, one in enumerate(lines) if one.startswith("UNT"))
    return _put(lines, end, f"UNT{plus}{end - begin + 1}{plus}1")
