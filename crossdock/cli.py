"""The command line: ``crossdock``. Every command imports what it needs when it runs."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import Annotated

import typer

from crossdock.errors import CrossdockError

GROUPS = ("running", "webhooks", "books", "holds", "mappings", "connector", "project")

app = typer.Typer(
    name="crossdock",
    help="Integration hub for commerce: pull, map, check, resolve, push, with books that balance.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 balanced, 1 failed, 3 ran but a steward is needed.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from crossdock import __version__

        typer.echo(f"crossdock {__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error (anywhere in a line).")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Integration hub for commerce: pull, map, check, resolve, push, with books that balance."""


EDI_GROUPS = ("edi_desk", "edi_partners", "edi_as2")


def _mount() -> None:
    for group in GROUPS:
        importlib.import_module(f"crossdock.commands.{group}").add(app)
    if importlib.util.find_spec("crossdock.edi.commands"):
        edi = importlib.import_module("crossdock.edi.commands").app
        for group in EDI_GROUPS:
            importlib.import_module(f"crossdock.commands.{group}").add(edi)
        app.add_typer(
            edi,
            name="edi",
            help="Look into EDI files, guides and partners.",
            rich_help_panel="Look",
        )


_mount()


def spelled(words: list[str]) -> list[str]:
    """Allow ``--debug`` anywhere, and ``report --html`` without a path.

    >>> spelled(["report", "--html", "--debug"]), spelled(["report", "--html", "page.html"])
    (['report'], ['report', '--html', 'page.html'])
    """
    words = [word for word in words if word != "--debug"]
    if "report" in words and "--html" in words:
        after = words[words.index("--html") + 1 :]
        if not after or after[0].startswith("-"):
            words.remove("--html")
    return words


def main() -> None:
    """Run the command line and end with its exit status."""
    debug = "--debug" in sys.argv or bool(os.environ.get("CROSSDOCK_DEBUG"))
    try:
        app(spelled(sys.argv[1:]))
    except CrossdockError as error:
        if debug:
            raise
        from crossdock.commands.screen import complain

        complain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        lines = str(error).splitlines() or [""]
        sys.stderr.write(
            f"Error: {type(error).__name__}: {lines[0][:300]}\n"
            "Next:  this is a fault of Crossdock; run it again with --debug and report it\n"
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
