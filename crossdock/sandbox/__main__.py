"""Run the sandbox systems until terminated: ``python -m crossdock.sandbox --folder F``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
from pathlib import Path

from crossdock.sandbox.bundle import furnish, sandbox
from crossdock.sandbox.faults import NO_FAULTS, Plan
from crossdock.sandbox.service import wait_while_used


def main() -> int:
    """Start the systems, print one JSON line with their addresses, wait for SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m crossdock.sandbox", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where state and journals are kept")
    parser.add_argument("--faults", type=Path, help="JSON file of fault plans by system")
    parser.add_argument("--orders", type=int, default=200, help="sample orders, on first use")
    parser.add_argument("--idle", type=float, help="end after so many seconds without use")
    parser.add_argument("--shop-port", type=int, default=0)
    parser.add_argument("--erp-port", type=int, default=0)
    parser.add_argument("--partner-port", type=int, default=0)
    given = parser.parse_args()
    plans = json.loads(given.faults.read_text()) if given.faults else {}
    options = {
        name: {
            "port": getattr(given, f"{name}_port"),
            "plan": Plan(plans[name]) if name in plans else NO_FAULTS,
        }
        for name in ("shop", "erp", "partner")
    }
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="crossdock-sandbox-") as own:
        folder = given.folder or Path(own)
        furnish(folder, given.orders)
        with sandbox(folder, **options) as running:
            sys.stdout.write(json.dumps(running.addresses()) + "\n")
            sys.stdout.flush()
            if given.idle and given.folder:
                wait_while_used(given.folder, given.idle, stop)
            else:
                stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
