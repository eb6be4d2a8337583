"""``crossdock init``: a project of your own, with everything that Crossdock brings along."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from crossdock.errors import Misconfigured
from crossdock.home import Home

FOLDERS = ("config", "connectors", "dags", "docker", "edi", "mappings", "validation")
FILES = (
    ".airflowignore",
    ".env.example",
    "docker-compose.yml",
    "scripts/make-env.sh",
)
IGNORE = ".crossdock/\n.env\nsystems.env\n__pycache__/\n"


def content() -> Path:
    """Give the folder that holds what a project starts from.

    In the wheel that is ``crossdock/content``; in a checkout it is the checkout itself.
    """
    package = Path(__file__).parent
    packed = package / "content"
    return packed if packed.is_dir() else package.parent


def make(folder: Path) -> Iterator[str]:
    """Write a project into ``folder`` and its key into the state folder; yield what was done.

    What is there already is left as it is. Raises Misconfigured when ``folder`` is the source
    itself or no folder.
    """
    folder = folder.resolve()
    source = content()
    if folder == source.resolve():
        raise Misconfigured("this is Crossdock's own folder", fix="take another: init shop")
    if folder.exists() and not folder.is_dir():
        raise Misconfigured(f"{folder} is no folder", fix="name another one")
    folder.mkdir(parents=True, exist_ok=True)
    for name in FOLDERS:
        yield _copy(source / name, folder / name)
    for name in FILES:
        if (source / name).exists():
            yield _copy(source / name, folder / name)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text(IGNORE, encoding="utf-8")
        yield "wrote .gitignore"
    yield make_key(Home.find(folder))


def make_key(home: Home) -> str:
    """Make the key that wraps the keys of all kept bytes, unless it is there; say which."""
    fresh = not home.key_file.exists()
    home.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    home.make_key()
    return f"{'made' if fresh else 'kept'} the key {home.key_file}: put it into your backup"


def _copy(source: Path, target: Path) -> str:
    if target.exists():
        return f"kept {target.name}"
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copyfile(source, target)
    return f"wrote {target.name}"
