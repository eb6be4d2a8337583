"""A thousand calls at once are all kept; how long they waited is printed, not judged, here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.catalogue import fault

ROOT = Path(__file__).parents[2]


@fault("W12")
@pytest.mark.slow
def test_a_burst_is_kept_whole(capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crossdock.webhooks.bench"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=dict(os.environ),
    )
    found = json.loads(done.stdout.splitlines()[-1])
    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}")
    assert (found["yes"], found["stored"]) == (1000, 1000)
