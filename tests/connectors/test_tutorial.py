"""Do what docs/tutorials/connector.md says: its files, its commands, what they say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PART = re.compile(
    r"^`(?P<path>[\w./-]+)`:\n\n```\w+\n(?P<text>.*?)^```|^```(?P<kind>sh|text)\n(?P<words>.*?)^```",
    re.M | re.S,
)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_tutorial_is_true(tmp_path: Path) -> None:
    (tmp_path / "config" / "flows").mkdir(parents=True)
    page = (ROOT / "docs" / "tutorials" / "connector.md").read_text(encoding="utf-8")
    said, commands = "", 0
    for part in PART.finditer(page):
        if part["path"]:
            file = tmp_path / part["path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(part["text"], encoding="utf-8")
        elif part["kind"] == "text":
            for line in part["words"].splitlines():
                assert " ".join(line.split()) in " ".join(said.split()), f"{line!r} in:\n{said}"
        else:
            said = "".join(run(line, tmp_path) for line in part["words"].splitlines())
            commands += 1
    assert commands >= 3
    lines = (tmp_path / "connectors" / "larder.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 70


def run(line: str, folder: Path) -> str:
    words = shlex.split(line, comments=True)
    assert words[0] == "crossdock"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CROSSDOCK")}
    done = subprocess.run(
        [sys.executable, "-m", "crossdock.cli", *words[1:]],
        cwd=folder, env={**clean, "COLUMNS": "160"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout
