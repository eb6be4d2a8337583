"""Bring a partner to life: a file to begin with, a checklist, a test pack, and then go live.

Nothing of a partner that was begun here is taken or sent without the test indicator before every
item of the checklist is green, or let go by a person with a reason.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crossdock import systems
from crossdock.edi import account as accounts
from crossdock.edi import partner as partners
from crossdock.edi import specimen, strangers
from crossdock.edi.check import check_source
from crossdock.edi.guide import Guides
from crossdock.edi.life import StoreLife
from crossdock.edi.partner import Partner
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.home import Home
from crossdock.store import Store, edi_tables

_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")
SCAFFOLD = """\
partner: {name}
about: What a reader should know about this partner.
us: {{id: "{us}", qualifier: "14"}}
them: {{id: "{them}", qualifier: "14"}}
write: {{syntax: UNOC, line_end: lf, transliterate: true}}
messages:
{messages}
answers: {{contrl: always, aperak: on_reject}}
await: {{CONTRL: 4 hours}}
"""

Result = tuple[bool, str]
"""Whether an item is green, and what was seen."""


@dataclass(frozen=True)
class Item:
    """One item of the checklist as it stands: never tried, red or green."""

    name: str
    about: str
    state: str
    detail: str = ""


def begin(
    home: Home, store: Store, name: str, us: str, them: str, messages: list[str], who: str
) -> Path:
    """Write the partner's file and note that the partner is new; gives the file.

    Raises Misconfigured for a name or file that cannot be, and for an id that another one has.
    """
    if not _NAME.fullmatch(name):
        raise Misconfigured(
            f"{name!r} is no name for a partner", fix="small letters, digits and _, such as north"
        )
    folder = home.project / "edi" / "partners"
    path = folder / f"{name}.yaml"
    if path.exists():
        raise Misconfigured(f"there is a partner {name} already", where=str(path))
    same = [other for other, ids in strangers.partners(folder).items() if them in ids]
    if same:
        raise Misconfigured(f"{them} is {same[0]}", fix=f"see {folder / same[0]}.yaml")
    shapes = "\n".join(f"  {one}: {{directory: D.96A}}" for one in messages or ["ORDERS"])
    folder.mkdir(parents=True, exist_ok=True)
    text = SCAFFOLD.format(name=name, us=us, them=them, messages=shapes)
    path.write_text(text, encoding="utf-8")
    StoreLife(store).move(name, "new", who, {"file": path.name})
    return path


def fingerprint(home: Home, name: str) -> str:
    """Give the hash of what a checklist was made of: the partner's file and its guides."""
    digest = hashlib.sha256()
    known = partners.load(home.project / "edi" / "partners", name)
    assert known.source is not None  # noqa: S101 - it came from a file
    digest.update(known.source.path.read_bytes())
    for message, shape in sorted(known.messages.items()):
        path = home.project / "edi" / "guides" / shape.directory / f"{message}.yaml"
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


# -- the checklist --------------------------------------------------------------------------
def _ids(home: Home, store: Store, known: Partner) -> Result:
    from crossdock.convert.codes import gln

    for side, address in (("us", known.us), ("them", known.them)):
        if address.qualifier == "14":
            try:
                gln(address.id)
            except (CrossdockError, ValueError):
                return False, f"{side}: {address.id} is no GLN"
    others = strangers.partners(home.project / "edi" / "partners")
    same = [name for name, ids in others.items() if known.them.id in ids and name != known.name]
    if same:
        return False, f"{known.them.id} is also {same[0]}"
    return True, f"{known.us.id} and {known.them.id}"


def _guides(home: Home, store: Store, known: Partner) -> Result:
    guides = guides_of(home, known)
    missing = [
        f"{message} {shape.directory}"
        for message, shape in known.messages.items()
        if guides.find(message, shape.directory, shape.association) is None
    ]
    if missing or not known.messages:
        return False, f"no guide for {', '.join(missing) or 'any message: name one'}"
    return True, ", ".join(known.messages)


def _good(home: Home, store: Store, known: Partner) -> Result:
    guides = guides_of(home, known)
    for message, data in pack(home, known).items():
        found = _codes(data, guides, known)
        if found:
            return False, f"{message} is at fault: {', '.join(sorted(found))}"
    return True, f"{len(known.messages)} messages, made from the guides"


def _bad(home: Home, store: Store, known: Partner) -> Result:
    guides, count = guides_of(home, known), 0
    for message, data in pack(home, known).items():
        for one in specimen.bad(data, known.layout):
            count += 1
            if one.code not in _codes(one.data, guides, known):
                return False, f"{message}: {one.name} was not found"
    return True, f"{count} messages with one fault each"


def _account(home: Home, store: Store, known: Partner) -> Result:
    mine = [name for name in systems.names(home) if _partner_of(home, name) == known.name]
    if not mine:
        return False, "no file in config/systems names this partner"
    for name in mine:
        connector = systems.open_system(home, name)
        try:
            bad = [one for one in connector.check() if not one.ok]
        finally:
            connector.close()
        if bad:
            return False, f"{name}: {bad[0].what}: {bad[0].detail}"
    return True, ", ".join(mine)


def _their_test(home: Home, store: Store, known: Partner) -> Result:
    table = edi_tables.received
    with store.reading() as connection:
        row = connection.execute(
            sa.select(table)
            .where(table.c.partner == known.name, table.c.test, table.c.findings == "[]",
                   table.c.messages > 0)
            .order_by(table.c.id.desc())
            .limit(1)
        ).first()  # fmt: skip
    if row is None:
        return False, "no test interchange of theirs came in without a fault"
    return True, f"{row.types} {row.reference}, {row.state}"


Judge = Callable[[Home, Store, Partner], Result]
Rehearse = Callable[[Home, Partner], Result]
CHECKLIST: dict[str, tuple[str, Judge | None]] = {
    "ids": ("both identifications are right, and nobody else's", _ids),
    "guides": ("there is a guide for each message", _guides),
    "good": ("good messages are taken", _good),
    "bad": ("bad messages are found out", _bad),
    "account": ("the account works", _account),
    "rehearsal": ("the exchange works with a simulated partner", None),
    "their_test": ("a test interchange of theirs came in and is right", _their_test),
}
"""The checklist: what each item asks, and how it is judged; the rehearsal is lent by the caller."""


def checklist(home: Home, store: Store, name: str) -> list[Item]:
    """Give the checklist as it stands, without trying anything."""
    results = StoreLife(store).results(name, fingerprint(home, name))
    items = []
    for item, (about, _) in CHECKLIST.items():
        row = results.get(item)
        state = "open" if row is None else "green" if row["ok"] else "red"
        items.append(Item(item, about, state, row["detail"] if row else ""))
    return items


def examine(home: Home, store: Store, name: str, who: str, rehearse: Rehearse) -> list[Item]:
    """Try every item and keep the results; gives the checklist.

    ``rehearse`` plays an exchange with a simulated partner (``crossdock.sandbox.rehearsal``).
    """
    known = partners.load(home.project / "edi" / "partners", name)
    results: dict[str, Result] = {}
    for item, (_, judge) in CHECKLIST.items():
        try:
            results[item] = judge(home, store, known) if judge else rehearse(home, known)
        except CrossdockError as error:
            results[item] = False, str(error)
    life = StoreLife(store)
    life.note(name, fingerprint(home, name), results)
    if life.state(name) == "new":
        life.move(name, "testing", who, {item: ok for item, (ok, _) in results.items()})
    return checklist(home, store, name)


def go_live(
    home: Home, store: Store, name: str, who: str, without: Mapping[str, str] | None = None
) -> None:
    """Let the partner exchange real documents; ``without`` lets items go, with a reason each.

    Raises Misconfigured with what is not green.
    """
    let_go = dict(without or {})
    unknown = set(let_go) - set(CHECKLIST)
    if unknown:
        known = ", ".join(CHECKLIST)
        raise Misconfigured(f"the checklist has no item {sorted(unknown)[0]!r}", fix=known)
    if any(not reason.strip() for reason in let_go.values()):
        raise Misconfigured("to let an item go needs a reason", fix="--without ITEM='why'")
    missing = [one for one in checklist(home, store, name)
               if one.state != "green" and one.name not in let_go]  # fmt: skip
    if missing:
        words = "; ".join(
            f"{one.name} is {one.state} ({one.detail or one.about})" for one in missing
        )
        raise Misconfigured(
            f"{name} cannot go live yet: {words}", fix=f"crossdock edi partner test {name}"
        )
    detail = {"without": let_go, "fingerprint": fingerprint(home, name)}
    StoreLife(store).move(name, "live", who, detail)


# -- the test pack --------------------------------------------------------------------------
def guides_of(home: Home, known: Partner) -> Guides:
    """Give the guides with the partner's differences."""
    return Guides(home.project / "edi" / "guides", known.guides)


def pack(home: Home, known: Partner, prepared: datetime | None = None) -> dict[str, bytes]:
    """Make a good test interchange of each message, as the partner would send it."""
    guides, made = guides_of(home, known), {}
    for message, shape in known.messages.items():
        guide = guides.find(message, shape.directory, shape.association)
        if guide is None:
            raise Misconfigured(f"there is no guide {message} {shape.directory}")
        made[message] = specimen.good(
            guides, guide, known.us, known.them, prepared or datetime.now(UTC),
            layout=known.layout, association=shape.association,
        )  # fmt: skip
    return made


def write_pack(home: Home, known: Partner, folder: Path) -> list[Path]:
    """Write the test pack: the good messages, and the bad ones named after their fault."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for message, data in pack(home, known).items():
        files = {f"{message}_good.edi": data}
        for one in specimen.bad(data, known.layout):
            name = re.sub(r"[^a-z]+", "_", one.name)
            files[f"{message}_bad_{one.code}_{name}.edi"] = one.data
        for name, content in files.items():
            (folder / name).write_bytes(content)
            written.append(folder / name)
    return written


def _codes(data: bytes, guides: Guides, known: Partner) -> set[str]:
    codec = known.layout.python_codec
    return {
        finding.code
        for item in check_source(data, guides, choose=lambda unb: codec)
        for finding in item.findings
    }


def _partner_of(home: Home, name: str) -> Any:
    if not accounts.is_account(home, name):
        return None
    return systems.document(home, name).data["settings"]["partner"]


def overview(home: Home, store: Store) -> Iterator[dict[str, Any]]:
    """Give every partner with its state, its checklist and its accounts."""
    states = StoreLife(store).states()
    folder = home.project / "edi" / "partners"
    by_partner: dict[Any, list[str]] = {}
    for name in systems.names(home):
        by_partner.setdefault(_partner_of(home, name), []).append(name)
    for path in sorted(folder.glob("*.yaml")):
        known = partners.load(folder, path.stem)
        row = states.get(path.stem)
        items = checklist(home, store, path.stem) if row else []
        yield {
            "partner": path.stem,
            "id": known.them.id,
            "state": row["state"] if row else "live",
            "since": row["since"] if row else None,
            "messages": sorted(known.messages),
            "green": sum(one.state == "green" for one in items),
            "items": len(items),
            "accounts": by_partner.get(path.stem, []),
        }
