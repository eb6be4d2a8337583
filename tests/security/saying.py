"""Run commands one after another in one process, every logger open; print all that they said.

``python -m tests.security.saying LOG`` reads JSON lines of {"words": [...], "environment": {...}}
and writes a JSON line each: exit status, stdout, stderr.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
import time
import traceback
from unittest.mock import patch


def say(words: list[str], environment: dict[str, str]) -> dict[str, object]:
    """Run one command as ``crossdock`` would, and show a traceback where Python would."""
    from crossdock.cli import main

    output, errors = io.StringIO(), io.StringIO()
    status: object = 0
    with (
        patch.dict(os.environ, environment),
        patch.object(sys, "argv", ["crossdock", *words]),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            traceback.print_exc()
            logging.getLogger("canaries").exception("it ended so")
            status = 70
    return {"status": status, "stdout": output.getvalue(), "stderr": errors.getvalue()}


def run() -> None:
    """Take commands from stdin until it ends."""
    sleep = time.sleep
    time.sleep = lambda seconds: sleep(min(seconds, 0.02))  # before anything keeps it
    logging.basicConfig(filename=sys.argv[1], level=logging.DEBUG)
    for name in ("great_expectations", "matplotlib", "asyncio"):
        logging.getLogger(name).setLevel(logging.INFO)  # they say a lot, before any record is there
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        asked = json.loads(line)
        answers.write(json.dumps(say(asked["words"], asked.get("environment", {}))) + "\n")
        answers.flush()


if __name__ == "__main__":
    run()
