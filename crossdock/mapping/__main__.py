"""``python -m crossdock.mapping docs [FOLDER]``: write the reference page and the JSON Schema."""

from __future__ import annotations

import sys
from pathlib import Path

from crossdock.mapping import pages


def main(arguments: list[str]) -> int:
    """Write the generated files below FOLDER (default ``docs``); 2 for a wrong command."""
    if not arguments or arguments[0] != "docs" or len(arguments) > 2:
        sys.stderr.write("usage: python -m crossdock.mapping docs [FOLDER]\n")
        return 2
    for path in pages.write(Path(arguments[1] if len(arguments) == 2 else "docs")):
        sys.stdout.write(f"wrote {path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
