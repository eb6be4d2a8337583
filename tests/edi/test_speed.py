"""How fast reading and checking are, measured against pydifact in the same run; and memory."""

import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

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


def rate(data: bytes, work) -> float:
    """Bytes a second, the best of three."""
    best = 0.0
    for _ in range(3):
        begin = time.process_time()
        work(data)
        best = max(best, len(data) / (time.process_time() - begin))
    return best


def reading(data):
    return sum(isinstance(item, Message) for item in read(data))


def checking(data):
    for item in check_source(data, GUIDES):
        assert item.findings == []


def documents(data):
    return [flat.read(item) for item in read(data) if isinstance(item, Message)]


@pytest.mark.slow
def test_we_are_faster_than_pydifact_by_what_we_promise():
    from pydifact.segmentcollection import Interchange

    data = big(150)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = rate(data, lambda given: Interchange.from_str(given.decode("latin-1")))
    assert rate(data, reading) > 30 * theirs
    assert rate(data, checking) > 10 * theirs
    assert rate(data, documents) > 5 * theirs


_MEASURE = """
import resource, sys
from pathlib import Path
from crossdock.edi.check import check_source
from crossdock.edi.guide import Guides
for item in check_source(Path(sys.argv[1]), Guides(Path(sys.argv[2]))):
    assert not item.findings
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_a_hundred_megabytes_stay_small(tmp_path):
    path = tmp_path / "big.edi"
    part = big(1000)
    with path.open("wb") as file:
        for _ in range(100_000_000 // len(part) + 1):
            file.write(part)
    assert path.stat().st_size > 100_000_000
    command = [sys.executable, "-c", _MEASURE, str(path), str(GUIDES.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 150
