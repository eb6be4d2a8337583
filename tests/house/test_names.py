"""Names, sizes and words that the house keeps or refuses."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BANNED = {"utils", "util", "helpers", "helper", "common", "manager", "processor", "base", "handler"}
LONGEST = 400
LONGER = {
    "crossdock/pull.py": 430,
    "crossdock/store/schema.py": 450,
}
"""Modules that are too long, and how long they may be; this list may only shrink."""


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607
        cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def modules() -> list[Path]:
    found = [*ROOT.glob("crossdock/**/*.py"), *ROOT.glob("connectors/*.py")]
    return sorted(path for path in found if "versions" not in path.parts)  # migrations are history


def test_no_file_is_called_after_nothing() -> None:
    bad = [path for path in tracked() if path.stem.lower() in BANNED]
    assert not bad, "name a file after what it holds"


def test_no_class_is_called_after_nothing() -> None:
    bad = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                words = re.findall(r"[A-Z][a-z0-9]*", node.name)
                # the standard library's own base classes end so, and so may what derives from them
                inherits = {ast.unparse(item).split(".")[-1] for item in node.bases}
                own = {word.lower() for word in words} & BANNED
                if own and not any(base.lower().endswith(tuple(own)) for base in inherits):
                    bad.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not bad, "name a class after what it is"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_stay_small(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    name = path.relative_to(ROOT).as_posix()
    assert lines <= LONGER.get(name, LONGEST), f"{lines} lines: split it by what its parts hold"
    assert name not in LONGER or lines > LONGEST, "it is short enough now: take it off the list"


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in modules()
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent


def test_nothing_is_left_to_do() -> None:
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")
    texts = [path for path in tracked() if path.suffix in {".py", ".md", ".sh", ".yaml", ".yml"}]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in texts
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if marks.search(line)
    ]
    assert not found, "do it, or write it into the documentation as a limit"


def test_no_registry_or_private_host_in_the_repository() -> None:
    hosts = re.compile(r"pypi[.]o[r]g|python[h]osted|--(extra-)?index-url", re.I)
    found = []
    for path in tracked():
        if path.suffix in {".parquet", ".png", ".gz", ".zip", ".xlsx"} or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in hosts.finditer(text)]
    assert not found
