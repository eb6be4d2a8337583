"""The second tutorial: what its page says that one sees is what one sees."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorials" / "real_systems.md"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not shutil.which("npm"), reason="Node is not installed: no real Vendure")
def test_the_demo_on_real_servers_does_what_its_tutorial_says(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert "crossdock demo real" in text
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "KEEP")) and name != "CROSSDOCK_PROJECT"
    }
    done = subprocess.run(
        [sys.executable, "-m", "crossdock.cli", "demo", "real"],
        cwd=ROOT,
        env={**clean, "CROSSDOCK_HOME": str(tmp_path / "state")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in re.findall(r"^```text\n(.*?)^```", text, re.M | re.S):
        for line in shown.splitlines():
            assert line in done.stdout
    assert "NOT BALANCED" not in done.stdout
    assert not re.search(r"Traceback|Warning|WARNING", done.stdout + done.stderr)
