"""Do what docs/tutorial.md says, word for word."""

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


@pytest.mark.timeout(240)
def test_the_tutorial_is_true(tmp_path: Path) -> None:
    here, said = tmp_path, ""
    (ROOT / "Makefile").read_text(encoding="utf-8").index("\nsetup:")  # what it begins with
    for part in PART.finditer((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")):
        if part["path"]:
            file = here / part["path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(part["text"], encoding="utf-8")
        elif part["kind"] == "text":
            for line in part["words"].splitlines():
                assert " ".join(line.split()) in " ".join(said.split()), f"{line!r} in:\n{said}"
        else:
            said = ""
            for line in part["words"].splitlines():
                words = shlex.split(line, comments=True)
                if words[0] == "cd":
                    here = here / words[1]
                elif words[0] == "crossdock":
                    said += _run(words[1:], here, line)


def _run(words: list[str], here: Path, line: str) -> str:
    wanted = re.search(r"# ends with (\d)", line)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CROSSDOCK")}
    done = subprocess.run(
        [sys.executable, "-m", "crossdock.cli", *words],
        cwd=here,
        env={**clean, "COLUMNS": "160"},
        capture_output=True,
        text=True,
    )
    expected = int(wanted[1]) if wanted else 0
    assert done.returncode == expected, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout
