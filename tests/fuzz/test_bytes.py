"""Whatever bytes come: our errors and no others, soon, and nothing outside is touched."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossdock import yaml
from crossdock.errors import CrossdockError
from crossdock.soap import faults
from crossdock.webhooks import endpoint
from crossdock.webhooks.endpoint import SIGNATURES, Endpoint
from crossdock.webhooks.signatures import Heard, verify
from tests.faults.catalogue import fault
from tests.fuzz.golden import GOLDEN

CORPUS = Path(__file__).parent / "corpus"
ROOT = Path(__file__).parents[2]
CONFIG = [
    path.read_bytes() for path in sorted((ROOT / "config").rglob("*.yaml")) if path.stat().st_size
]
PIECES = st.sampled_from(
    [b'"', b"'", b"\n", b"\r\n", b"\0", b",", b"\t", b"<", b">", b"&", b"<!DOCTYPE a [", b"]]>",
     b"{", b"}", b"[", b"]", b":", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3", b"PK\x03\x04", b"PAR1",
     b"\x1f\x8b", b"*a", b"&a", b"- ", b"!!python/none", b"1e999", b"NaN", b"\\ud800", b"%"]
)  # fmt: skip
EDITS = st.lists(
    st.tuples(st.floats(0, 1), PIECES | st.binary(max_size=4), st.integers(0, 40)), max_size=5
)
QUICK = settings(
    max_examples=25, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
LONG = settings(QUICK, max_examples=1_500)

Work = Callable[[bytes], Any]


def _yaml(data: bytes) -> Any:
    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        file.write(data)
        file.flush()
        return yaml.load(Path(file.name))


def _soap(data: bytes) -> Any:
    return faults.read(200, {"content-type": "text/xml"}, data, faults.Codes({}))


def _parser(name: str) -> Work:
    return lambda data: GOLDEN[name].read(data)


WORK: dict[str, tuple[Work, list[bytes]]] = {
    **{name: (_parser(name), [golden.data]) for name, golden in GOLDEN.items()},
    "soap": (_soap, [GOLDEN["soap"].data]),
    "yaml": (_yaml, CONFIG),
}


ALSO = {"json": ("json", "webhook"), "xml": ("xml", "soap")}
"""Which parsers read the files of a folder of the corpus, where it is not the one of its name."""


def edited(data: bytes, edits: list[tuple[float, bytes, int]]) -> bytes:
    for share, new, drop in edits:
        at = int(share * len(data))
        data = data[:at] + new + data[at + drop :]
    return data


def only_ours(work: Work, data: bytes) -> None:
    try:
        work(data)
    except CrossdockError:
        return


@fault("L10", "L11")
@pytest.mark.parametrize("name", sorted(WORK))
def test_bytes_that_were_changed(name: str) -> None:
    _fuzz(name, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(WORK))
def test_bytes_that_were_changed_for_long(name: str) -> None:
    _fuzz(name, LONG)


def _fuzz(name: str, how: settings) -> None:
    work, samples = WORK[name]

    @how
    @given(st.sampled_from(samples), EDITS)
    def run(data: bytes, edits: list[tuple[float, bytes, int]]) -> None:
        only_ours(work, edited(data, edits))

    run()


@pytest.mark.parametrize(
    "path", sorted(p for p in CORPUS.rglob("*") if p.is_file()), ids=lambda path: path.name
)
def test_the_corpus(path: Path) -> None:
    """Files that once broke a parser, here or elsewhere; none opens a file or a connection."""
    touched: list[str] = []
    watching = True

    def audit(event: str, given: tuple[Any, ...]) -> None:
        if watching and event == "socket.connect":
            touched.append(event)
        if watching and event == "open" and "hostname" in str(given[0]):
            touched.append(str(given[0]))

    sys.addaudithook(audit)
    start = time.process_time()
    for name in ALSO.get(path.parent.name, (path.parent.name,)):
        only_ours(WORK[name][0], path.read_bytes())
    watching = False
    assert not touched
    assert time.process_time() - start < 20, "processor seconds, however busy the machine is"


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


@QUICK
@given(st.dictionaries(st.sampled_from(endpoint.KEYS) | st.text(max_size=4), JSONISH))
def test_whatever_webhooks_says(spec: dict[str, Any]) -> None:
    page = yaml.load(Path("fuzz.yaml"), "a: 1")
    only_ours(lambda _: endpoint.read(page, "shop", "orders", spec), b"")


@QUICK
@given(
    st.sampled_from(SIGNATURES),
    st.dictionaries(
        st.sampled_from(
            ["x-shopify-hmac-sha256", "x-wc-webhook-signature", "webhook-id", "webhook-timestamp",
             "webhook-signature", "content-type"]
        ),
        st.text(max_size=40) | st.just("application/x-www-form-urlencoded") | st.just("5"),
    ),
    st.binary(max_size=60),
    st.binary(max_size=60),
)  # fmt: skip
def test_no_call_is_believed_by_chance(
    signature: str, headers: dict[str, str], query: bytes, body: bytes
) -> None:
    one = Endpoint("shop", "orders", signature, ())
    assert verify(one, ["a secret that nobody has"], Heard(headers, query, body), 5.0) is None
