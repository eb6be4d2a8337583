"""Pages that cannot lie: generated ones are current, links lead somewhere, commands exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crossdock import errors, flows, pages
from crossdock.home import Home

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> Iterator[str]:
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(rf"^( *)```{language}\n(.*?)^\1```", text, re.M | re.S):
        yield match[2]


GENERATED = [f"docs/reference/{name}.md" for name in ("cli", "connectors", "connector_kit")]


@pytest.mark.parametrize("name", GENERATED)
def test_generated_pages_are_current(name: str) -> None:
    made = pages.pages(Home.find(ROOT))[Path(name)]
    assert (ROOT / name).read_text(encoding="utf-8") == made, "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=place)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{place(page)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=place)
def test_commands_exist(page: Path) -> None:
    for block in blocks(page, "sh"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            names = [word for word in words if word.rsplit("/", 1)[-1] == "crossdock"]
            if names and (words.index(names[0]) == 0 or _prefix(words[: words.index(names[0])])):
                _assert_command(words[words.index(names[0]) + 1 :], line)


def _prefix(words: list[str]) -> bool:
    """Variables before a command, or ``docker compose run``."""
    return all("=" in word for word in words) or words[:3] == ["docker", "compose", "run"]


def _assert_command(words: list[str], line: str) -> None:
    import typer

    from crossdock.cli import app

    command: Any = typer.main.get_command(app)
    known = {"--help", "-h", "--debug", "--version"}
    for word in words:
        below = getattr(command, "commands", None)
        if below and not word.startswith("-"):
            assert word in below, f"there is no such command: {line}"
            command = below[word]
        elif word.startswith("--"):
            options = {name for item in command.params for name in item.opts}
            assert word.partition("=")[0] in options | known, f"no option {word}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=place)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for block in blocks(page, "sh"):
        for line in block.splitlines():
            words = [word for word in shlex.split(line, comments=True) if "=" not in word]
            if words[:1] == ["make"]:
                assert set(words[1:]) <= targets, line


def test_every_variable_of_the_environment_is_documented() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    code = [*ROOT.glob("crossdock/**/*.py"), *ROOT.glob("connectors/*.py")]
    code += [ROOT / "tests/postgres.py"]
    read = {
        name
        for path in code
        for name in re.findall(r"\"((?:CROSSDOCK|ONLINE)_[A-Z_]+)\"", path.read_text("utf-8"))
    }
    assert read, "nothing found: is the pattern still right?"
    assert not {name for name in read if f"`{name}`" not in text}
    named = set(re.findall(r"^\| `([A-Z_]+)`", text, re.M))
    assert named <= read, "the page names what nobody reads"


def test_every_key_of_a_flow_is_documented() -> None:
    text = (ROOT / "docs/howto/flow.md").read_text(encoding="utf-8")
    shown = "\n".join(blocks(ROOT / "docs/howto/flow.md", "yaml")) + text
    for key in flows._KEYS:
        assert re.search(rf"(`{key}`|^{key}:)", shown, re.M), key


def test_every_error_stands_in_the_glossary() -> None:
    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    for name in ("TryLater", "Refused", "Misconfigured", "Unreadable"):
        assert getattr(errors, name).__doc__
        assert f"**{name}.**" in text


def test_every_entity_stands_in_the_glossary() -> None:
    from crossdock.model import ENTITIES

    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8").lower().replace("\n", " ")
    for name in ENTITIES:
        assert name.rstrip("_").replace("_", " ") in text, name


def test_every_decision_is_listed_and_numbered_once() -> None:
    folder = ROOT / "docs/decisions"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    files = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert all(name in listed for name in files)
    numbers = [name[:4] for name in files]
    assert len(numbers) == len(set(numbers))


def test_readme_shows_the_two_commands_first() -> None:
    screen = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:20]
    commands = [line.split("#")[0].strip() for line in screen if line.startswith("make ")]
    assert commands == ["make demo", "make test"]
