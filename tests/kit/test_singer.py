"""The connector ``singer``: a tap of ours, one that fails, and one from the registry."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.singer import Singer
from crossdock import singer
from crossdock.connector import World
from crossdock.errors import Misconfigured, TryLater
from crossdock.testing import ConnectorSuite
from crossdock.testing.driving import rows_of
from crossdock.testing.stands.singer import SingerStand
from crossdock.testing.suite import stand_for


@pytest.mark.slow  # each read starts two processes
class TestSinger(ConnectorSuite):
    connector = Singer
    stand = SingerStand


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[SingerStand]:
    made = stand_for(SingerStand, Singer)(tmp_path)
    assert isinstance(made, SingerStand)
    with made as running:
        yield running


def test_pages_are_bounded_and_each_has_the_state_before_its_end(
    stand: SingerStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(singer, "PAGE_RECORDS", 3)
    tap = stand.open()
    stream = tap.reads()["items"]
    pages = list(tap.read(stream, None))
    assert [len(rows_of(tap, stream, page)) for page in pages] == [3, 3, 3, 1]
    marks = [json.loads(page.cursor)["bookmarks"]["items"] for page in pages if page.cursor]
    assert marks == [4, 8, 10]
    for page in pages:
        again = list(tap.read(stream, page.cursor)) if page.cursor else []
        got = {row.key for one in again for row in rows_of(tap, stream, one)}
        before = {row.key for one in pages[: pages.index(page) + 1]
                  for row in rows_of(tap, stream, one)}  # fmt: skip
        assert not page.cursor or got | before == stand.there("items")


def test_the_environment_of_the_hub_is_not_the_taps(
    stand: SingerStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_SECRET", "do not tell")
    text = stand.tap.read_text("utf-8")
    line = "import json, os, sys\nassert 'HUB_SECRET' not in os.environ\n"
    stand.tap.write_text(text.replace("import json, sys\n", line), encoding="utf-8")
    assert all(check.ok for check in stand.open().check())


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ('sys.exit("it is broken: tap-api-key")', TryLater, r"status 1: it is broken: \*\*\*"),
        ('say({"type": "BATCH"})', Misconfigured, "BATCH"),
        ('print("{not json")', Misconfigured, "no JSON"),
        ("import time; time.sleep(60)", TryLater, "said nothing"),
    ],
)
def test_what_a_tap_may_do(
    stand: SingerStand, line: str, error: type[Exception], words: str
) -> None:
    text = stand.tap.read_text("utf-8")
    stand.tap.write_text(
        text.replace("for name in chosen:", f"{line}\nfor name in chosen:"), "utf-8"
    )
    tap = stand.open({"silence": 2 if "sleep" in line else 60})
    with pytest.raises(error, match=words):
        list(tap.read(tap.reads()["items"], None))


def test_a_reader_that_leaves_leaves_no_process(stand: SingerStand) -> None:
    tap = stand.open()
    pages = tap.read(tap.reads()["items"], None)
    next(pages)
    pages.close()  # type: ignore[attr-defined]
    left = [path for path in (stand.folder / "scratch" / "taps" / "kit").iterdir()
            if path.name.startswith("stderr")]  # fmt: skip
    assert left == []


def test_a_stream_that_the_tap_does_not_have_is_named(stand: SingerStand) -> None:
    tap = stand.open()
    other = dataclasses.replace(tap.reads()["items"], options={"stream": "itmes"})
    with pytest.raises(Misconfigured, match=r"no stream 'itmes'.*items, other"):
        list(tap.read(other, None))


@pytest.mark.slow
def test_a_tap_from_the_registry(tmp_path: Path) -> None:
    """It is installed into an environment of its own, found out about, and read."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, capture_output=True)
    done = subprocess.run(
        [str(venv / "bin" / "pip"), "install", "--quiet", "tap-jsonl==0.3.1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (tmp_path / "orders.jsonl").write_text('{"number": "A1"}\n{"number": "A2"}\n', "utf-8")
    config = {"path": f"{tmp_path}/orders.jsonl", "stream_name": "orders",
              "primary_keys": ["number"]}  # fmt: skip
    tap = Singer(command=str(venv / "bin" / "tap-jsonl"), config=config)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    streams = {"orders": Singer.stream("orders", {"key": "number"})}
    tap.bind("tap", World(project=tmp_path, scratch=scratch), streams)
    assert [check for check in tap.check() if not check.ok] == []
    stream = tap.reads()["orders"]
    pages = list(tap.read(stream, None))
    assert {row.key for page in pages for row in rows_of(tap, stream, page)} == {"A1", "A2"}
