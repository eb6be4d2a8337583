"""How fast reading and checking are, measured against pydifact in the same run; and memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from crossdock.edi import bench


def measured(*words: object):
    """A process of its own: what other tests left in this one would be measured with it."""
    command = [sys.executable, "-m", "crossdock.edi.bench", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=bench.ROOT)
    return json.loads(done.stdout.splitlines()[-1])


def test_the_bench_prints_figures_and_why_a_peer_is_left_out():
    found = measured("--bytes", 60_000, "--memory", 100_000, "--times", 1)
    assert found["bytes"] > 60_000
    assert all(found["over_pydifact"][name] > 1 for name in ("reading", "checking", "documents"))
    assert bool(found["mb_per_s"]["bots"]) is not bool(found["bots_left_out"])
    assert found["memory"]["peak_mib"] > 10


@pytest.mark.slow
def test_we_are_faster_than_pydifact_by_what_we_promise():
    ratios = measured("--bytes", 2_000_000, "--memory", 0)["over_pydifact"]
    # what `make bench-edi` promises is twice this; a busy machine must not fail the tests
    assert ratios["reading"] > 15
    assert ratios["checking"] > 5
    assert ratios["documents"] > 2.5


@pytest.mark.slow
def test_a_hundred_megabytes_stay_small(tmp_path: Path):
    path = tmp_path / "big.edi"
    part = bench.orders(10_000_000)
    with path.open("wb") as file:
        while file.tell() < 100_000_000:
            file.write(part)
    assert measured("--checked", path) < 150
