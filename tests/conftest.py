"""What every test process sets before anything imports Airflow: a home of its own, in /tmp."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from crossdock import scheduler

FOLDER = Path(tempfile.mkdtemp(prefix="crossdock-tests-"))
AIRFLOW_PROJECT = FOLDER / "project"
"""Where a test puts the project whose flows it runs through Airflow."""

os.environ.update(
    {
        name: value
        for name, value in scheduler.settings(AIRFLOW_PROJECT, FOLDER).items()
        if name.startswith("AIRFLOW")
    }
)
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
