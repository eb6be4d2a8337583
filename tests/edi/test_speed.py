"""How fast reading and checking are, measured against pydifact in the same run; and memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MEASURE = Path(__file__).parent / "measure.py"


def measured(*words: object):
    """A process of its own: what other tests left in this one would be measured with it."""
    command = [sys.executable, str(MEASURE), *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(MEASURE.parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout)


@pytest.mark.slow
def test_we_are_faster_than_pydifact_by_what_we_promise():
    times = measured("speed")
    assert times["reading"] > 30
    assert times["checking"] > 10
    assert times["documents"] > 5


@pytest.mark.slow
def test_a_hundred_megabytes_stay_small(tmp_path):
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("measure", MEASURE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    part = module.big(1000)
    path = tmp_path / "big.edi"
    with path.open("wb") as file:
        for _ in range(100_000_000 // len(part) + 1):
            file.write(part)
    assert path.stat().st_size > 100_000_000
    assert measured("memory", path) < 150
