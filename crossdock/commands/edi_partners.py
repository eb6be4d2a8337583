"""``crossdock edi partner``: begin with a partner, try everything, go live, look at all."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.commands import screen

if TYPE_CHECKING:
    from crossdock.edi.onboarding import Item
    from crossdock.home import Home
    from crossdock.store import Store

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of a file in edi/partners.")]
Who = Annotated[str | None, typer.Option("--as", help="Who does it; your login when left out.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add(edi: typer.Typer) -> None:
    """Add the group to ``crossdock edi``."""
    edi.add_typer(app, name="partner")


@app.callback()
def partners() -> None:
    """Bring partners to life: new, test, go-live; list what there is."""


@app.command()
def new(
    name: Name,
    us: Annotated[str, typer.Option(help="Our identification in UNB, as a rule our GLN.")],
    them: Annotated[str, typer.Option(help="Theirs.")],
    message: Annotated[
        list[str] | None, typer.Option(help="A message that is exchanged; again for more.")
    ] = None,
    who: Who = None,
) -> None:
    """Write a file to begin with; until go-live only tests are exchanged."""
    from crossdock.edi import onboarding

    home, store = _home_and_store()
    path = onboarding.begin(home, store, name, us, them, message or [], who or getpass.getuser())
    screen.say(f"wrote {path}")
    screen.say(f"Next: config/systems/{name}.yaml, then: crossdock edi partner test {name}")


@app.command("test")
def examine(
    name: Name,
    pack: Annotated[
        Path | None, typer.Option(help="Also write the test pack, good and bad, to this folder.")
    ] = None,
    who: Who = None,
    json: Json = False,
) -> None:
    """Go through the checklist; status 1 when something is not green."""
    from crossdock.edi import onboarding
    from crossdock.edi.partner import load
    from crossdock.sandbox.rehearsal import rehearse

    home, store = _home_and_store()
    items = onboarding.examine(home, store, name, who or getpass.getuser(), rehearse)
    if pack is not None:
        known = load(home.project / "edi" / "partners", name)
        written = onboarding.write_pack(home, known, pack)
        if not json:
            screen.say(f"wrote {len(written)} files to {pack}")
    _show(items, as_json=json)
    if not json and all(one.state == "green" for one in items):
        screen.say(f"All green. Next: crossdock edi partner go-live {name}")
    raise typer.Exit(0 if all(one.state == "green" for one in items) else 1)


@app.command("go-live")
def go_live(
    name: Name,
    without: Annotated[
        list[str] | None, typer.Option(help="Let an item go: ITEM='why'; kept with your reason.")
    ] = None,
    who: Who = None,
) -> None:
    """Exchange real documents from now on; refused while the checklist is not green."""
    from crossdock.edi import onboarding

    home, store = _home_and_store()
    pairs = (one.partition("=") for one in without or [])
    let_go = {item: reason for item, _, reason in pairs}
    onboarding.go_live(home, store, name, who or getpass.getuser(), let_go)
    screen.say(f"{name} is live.")


@app.command("list")
def listed(json: Json = False) -> None:
    """List the partners: how far each is, what is exchanged, by which accounts."""
    from crossdock.edi import onboarding

    home, store = _home_and_store()
    rows = list(onboarding.overview(home, store))
    if json:
        screen.as_json(rows)
        return
    screen.table(
        ["partner", "id", "state", "checklist", "messages", "accounts"],
        [
            [row["partner"], row["id"], row["state"],
             f"{row['green']} of {row['items']}" if row["items"] else "",
             " ".join(row["messages"]), " ".join(row["accounts"])]
            for row in rows
        ],
    )  # fmt: skip


@app.command()
def simulate(
    name: Name,
    folder: Annotated[Path, typer.Argument(help="The partner's folders: in, out, archive.")],
    fault: Annotated[
        list[str] | None, typer.Option(help="A fault for every order, such as short; or several.")
    ] = None,
    real: Annotated[bool, typer.Option("--real", help="Leave the test indicator out.")] = False,
) -> None:
    """Answer what lies in a folder as the partner would: CONTRL, ORDRSP, DESADV, INVOIC."""
    from datetime import UTC, datetime

    from crossdock.edi.partner import load
    from crossdock.errors import Misconfigured
    from crossdock.sandbox.counterparty import FAULTS, Counterparty

    home, _ = _home_and_store()
    known = load(home.project / "edi" / "partners", name)
    unknown = set(fault or []) - set(FAULTS)
    if unknown:
        raise Misconfigured(f"there is no fault {sorted(unknown)[0]!r}", fix=", ".join(FAULTS))
    other = Counterparty(
        folder, us=known.them, them=known.us, layout=known.layout, test=not real,
        faults={"*": fault or []}, now=datetime.now(UTC),
    )  # fmt: skip
    count = other.work()
    screen.say(f"{count} files: {', '.join(other.heard) or 'nothing in them'}")


def _show(items: list[Item], *, as_json: bool) -> None:
    if as_json:
        screen.as_json([vars(one) for one in items])
        return
    screen.table(
        ["item", "state", "asks", "was seen"],
        [[one.name, one.state, one.about, one.detail] for one in items],
    )


def _home_and_store() -> tuple[Home, Store]:
    from crossdock.home import Home
    from crossdock.store import open_store

    home = Home.find()
    return home, open_store(home)
