"""``crossdock edi``: check, show, convert and answer EDI files; look into guides."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crossdock.edi.guide import Guides
    from crossdock.edi.partner import Partner

app = typer.Typer(no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]})

File = Annotated[Path, typer.Argument(help="An EDI file, or - for what is piped in.")]
PartnerName = Annotated[str, typer.Option("--partner", help="Name of a file in edi/partners.")]


@app.command()
def check(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders with files.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a file.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Ask for right dates, and for sums in any case.")
    ] = False,
    partner: PartnerName = "",
) -> None:
    """Check files against syntax, envelope and guides; status 1 when something is wrong."""
    from crossdock.edi.check import check_file

    known = _partner(partner)
    guides = _guides(known, strict=strict)
    choose = known.choose if known else None
    wrong = False
    for path in _files(paths):
        verdict = check_file(path, guides, choose=choose)
        wrong = wrong or verdict.state not in {"valid", "unchecked"}
        if as_json:
            record = {
                "file": verdict.file,
                "state": verdict.state,
                "findings": [finding.record() for finding in verdict.findings],
            }
            if verdict.doubts:
                record["doubts"] = verdict.doubts
            typer.echo(json.dumps(record, ensure_ascii=True))
            continue
        typer.echo(f"{verdict.file}: {verdict.state}, {verdict.messages} messages")
        for finding in verdict.findings:
            typer.echo(f"  {finding.line()}")
        for name in sorted(set(verdict.unchecked)):
            typer.echo(f"  no guide for {name}: only syntax and envelope were checked")
        for doubt in verdict.doubts:
            typer.echo(f"  in doubt: {doubt}")
    if wrong:
        raise typer.Exit(1)


@app.command()
def show(file: File, partner: PartnerName = "") -> None:
    """Show a file as a tree: groups, segments, elements, and what is wrong with them."""
    from crossdock.edi.tree import lines

    known = _partner(partner)
    for line in lines(_source(file), _guides(known), choose=known.choose if known else None):
        typer.echo(line.encode("utf-8", "backslashreplace").decode())


@app.command("to-json")
def to_json(file: File, partner: PartnerName = "") -> None:
    """Print a file as JSON that `from-json` turns into the same bytes."""
    from crossdock.edi import jsonform

    known = _partner(partner)
    out = sys.stdout.buffer
    for text in jsonform.to_json(_source(file), choose=known.choose if known else None):
        out.write(text.encode())
    out.flush()


@app.command("from-json")
def from_json(
    file: Annotated[Path, typer.Argument(help="A JSON file, or - for what is piped in.")],
) -> None:
    """Print the EDI file that a JSON file of `to-json` describes."""
    from crossdock.edi import jsonform
    from crossdock.errors import Unreadable

    data = _source(file)
    raw = data.read_bytes() if isinstance(data, Path) else data
    try:
        parsed = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"this is not JSON: {error}", where=str(file)) from None
    sys.stdout.buffer.write(jsonform.from_json(parsed))
    sys.stdout.buffer.flush()


@app.command()
def answer(
    file: File,
    partner: PartnerName = "",
    references: Annotated[
        Path | None, typer.Option(help="File that counts the control references.")
    ] = None,
    reference: Annotated[
        str, typer.Option(help="Control reference in place of a counted one.")
    ] = "",
) -> None:
    """Print the CONTRL (for X12 the 997 and TA1) that answers a file; nothing for an answer."""
    import hashlib
    from datetime import UTC, datetime

    from crossdock.edi import contrl
    from crossdock.edi.control import ReferenceFile
    from crossdock.edi.reader import first_opening
    from crossdock.edi.x12 import acknowledge

    known = _partner(partner)
    source = _source(file)
    moment = datetime.now(UTC)
    opening = first_opening(source)
    x12 = opening is not None and opening.standard == "x12"
    answers = acknowledge.answers if x12 else contrl.answers
    for one in answers(source, _guides(known), choose=known.choose if known else None):
        asked = one.interchange
        if not one.wanted:
            typer.echo(f"interchange {asked.reference} is not answered", err=True)
            continue
        number = reference or moment.strftime("%y%m%d%H%M%S")
        if references is not None:
            key = f"contrl {asked.sender} {asked.reference}"
            key = hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()
            number = str(ReferenceFile(references).next(known.name if known else "any", key))
        if isinstance(one, acknowledge.X12Answer):
            data = acknowledge.write(one, int(number) % 10**9, moment)
        else:
            data = contrl.write(one, number, moment, known.layout if known else None)
        sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@app.command()
def guide(
    message: Annotated[str, typer.Argument(help="Message type, such as ORDERS or 850.")] = "",
    directory: Annotated[str, typer.Argument(help="Directory, such as D.96A.")] = "D.96A",
    association: Annotated[str, typer.Argument(help="Edition, such as EAN008.")] = "",
    partner: PartnerName = "",
) -> None:
    """List the guides, or print one: its segments, groups, repeats and rules."""
    from crossdock.errors import Misconfigured

    guides = _guides(_partner(partner))
    if not message:
        for name, place in guides.names():
            typer.echo(f"{name} {place}".rstrip())
        return
    directory = "004010" if message.isdigit() and directory == "D.96A" else directory
    found = guides.find(message.upper(), directory, association)
    if found is None:
        raise Misconfigured(f"there is no guide {message} {directory}", fix="crossdock edi guide")
    typer.echo(f"{found.name}: {found.about}")
    for node in found.structure.nodes[1:]:
        fact = found.facts.segments.get(node.name, ())
        elements = " + ".join(one.id + ("" if one.mandatory else "?") for one in fact)
        indent = "  " * node.path.count("/")
        typer.echo(f"  {indent}{node.name} {node.status} {node.most}  {elements}".rstrip())
    for rule in found.rules:
        typer.echo(f"  rule {json.dumps(rule)}")


# -- where things are -----------------------------------------------------------------------
def _project() -> Path:
    """The project, or what Crossdock brings along where there is none."""
    from crossdock.errors import Misconfigured
    from crossdock.home import Home
    from crossdock.init import content

    try:
        project = Home.find().project
    except Misconfigured:
        return content()
    return project if (project / "edi" / "guides").is_dir() else content()


def _guides(partner: Partner | None, *, strict: bool = False) -> Guides:
    from crossdock.edi.guide import Guides

    return Guides(_project() / "edi" / "guides", partner.guides if partner else None, strict=strict)


def _partner(name: str) -> Partner | None:
    from crossdock.edi.partner import load

    return load(_project() / "edi" / "partners", name) if name else None


def _source(file: Path) -> Path | bytes:
    return sys.stdin.buffer.read() if str(file) == "-" else file


def _files(paths: list[Path]) -> list[Path]:
    """Every file of ``paths``, those of folders too, in the order of their names."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(item for item in path.rglob("*") if item.is_file())
        else:
            found.append(path)
    return found
