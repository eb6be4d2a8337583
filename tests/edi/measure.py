"""Measure reading and checking against pydifact, in a process of its own: prints JSON.

``python tests/edi/measure.py speed`` gives bytes a second of CPU time; ``memory FILE`` checks a
file and gives the most memory that it took, in MiB.
"""

import json
import sys
import time
import warnings
from pathlib import Path

from crossdock.edi import flat
from crossdock.edi.check import check_source
from crossdock.edi.guide import Guides
from crossdock.edi.interchange import Message
from crossdock.edi.reader import read

GUIDES = Guides(Path(__file__).parents[2] / "edi" / "guides")


def big(messages: int) -> bytes:
    """Orders of 40 lines, each line with its own numbers and a released character."""
    out = ["UNB+UNOC:3+4098765000003:14+4012345000009:14+260901:0930+41"]
    for number in range(1, messages + 1):
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
        out += [*body, f"UNT+{len(body) + 1}+{number}"]
    out.append(f"UNZ+{messages}+41")
    return ("'\n".join(out) + "'\n").encode()


def rate(data: bytes, work, times: int = 3) -> float:
    """Bytes a second of CPU time, the best of ``times``."""
    best = 0.0
    for _ in range(times):
        begin = time.process_time()
        work(data)
        best = max(best, len(data) / (time.process_time() - begin))
    return best


def reading(data: bytes) -> None:
    for item in read(data):
        assert item.findings == []


def checking(data: bytes) -> None:
    for item in check_source(data, GUIDES):
        assert item.findings == []


def documents(data: bytes) -> None:
    for item in read(data):
        if isinstance(item, Message):
            flat.read(item)


def peer(data: bytes) -> None:
    from pydifact.segmentcollection import Interchange

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Interchange.from_str(data.decode("latin-1"))


def speed() -> dict[str, float]:
    data = big(200)
    theirs = rate(data, peer, 2)
    rates = {work.__name__: rate(data, work) / theirs for work in (reading, checking, documents)}
    return {"pydifact MB/s": theirs / 1e6, **rates}


def memory(path: Path) -> int:
    for item in check_source(path, GUIDES):
        assert item.findings == []
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024


if __name__ == "__main__":
    asked = sys.argv[1]
    print(json.dumps(speed() if asked == "speed" else memory(Path(sys.argv[2]))))  # noqa: T201
