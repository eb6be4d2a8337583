"""The command line on a project of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import tiny

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tiny.project(tmp_path / "project")


@pytest.fixture
def crossdock(project: Path) -> Run:
    """Run the command line as a person does: a process, its words, its exit status."""

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "crossdock.cli", *words],
            cwd=project,
            env={**os.environ, **tiny.variables(project), **variables},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture
def ask(crossdock: Run) -> Callable[..., Any]:
    """Run a command with --json and read its answer."""

    def read(*words: str) -> Any:
        done = crossdock(*words, "--json")
        assert done.returncode in {0, 3}, done.stderr
        return json.loads(done.stdout)

    return read
