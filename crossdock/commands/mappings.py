"""``map try``: see what a mapping makes of a sample, before any flow runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crossdock.commands import screen

group = typer.Typer(no_args_is_help=True, help="Try a mapping on a sample.")


def add(app: typer.Typer) -> None:
    """Add the group to the command line."""
    app.add_typer(group, name="map", rich_help_panel="Set up")


@group.callback()
def mappings() -> None:
    """Try a mapping on a sample."""
