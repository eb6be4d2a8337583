"""What a newcomer sees."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import ROOT


def play(home: Path) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "CROSSDOCK", "ONLINE_RETAIL", "KEEP"))
    }
    return subprocess.run(
        [sys.executable, "-m", "crossdock.cli", "demo"],
        cwd=ROOT,
        env={**clean, "CROSSDOCK_HOME": str(home)},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_the_demo_ends_with_books_a_hold_and_links(tmp_path: Path) -> None:
    home = tmp_path / "state"
    done = play(home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "NOT BALANCED" not in done.stdout
    assert not re.search(r"Traceback|Warning|WARNING", done.stdout)
    release = re.search(r"quarantine release (\d+) --reason", done.stdout)
    assert release
    page = re.search(r"Report:  file://(\S+)", done.stdout)
    assert page
    assert Path(page[1]).is_file()
    shown = subprocess.run(
        [sys.executable, "-m", "crossdock.cli", "quarantine", "show", release[1]],
        cwd=ROOT,
        env={**os.environ, "CROSSDOCK_HOME": str(home), "CROSSDOCK_PROJECT": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 0, shown.stderr


def test_the_demo_leaves_a_hub_of_your_own_alone(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(b"mine")
    done = play(tmp_path)
    assert done.returncode == 1
    assert "does not touch it" in done.stderr
    assert (tmp_path / "hub.db").read_bytes() == b"mine"
