"""Kept bytes: what goes in comes out, and nothing that was touched comes out at all."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.errors import Misconfigured
from crossdock.home import Home
from crossdock.objects import FRAME, Kept, Objects

TAG = 16
EDGES = [0, 1, TAG, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 3 * FRAME + 7]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path, tmp_path / "state", "", f"file://{tmp_path / 'objects'}")
    found.make_key()
    return found


def _bytes(size: int) -> bytes:
    pattern = bytes(range(256)) * 4096
    return (pattern * (size // len(pattern) + 1))[:size]


def _file(home: Home, kept: Kept) -> Path:
    return Path(home.objects_url.removeprefix("file://"), kept.path)


@pytest.mark.parametrize("size", EDGES)
def test_bytes_come_back_at_the_edges_of_frames(home: Home, tmp_path: Path, size: int) -> None:
    body = _bytes(size)
    path = tmp_path / "body"
    path.write_bytes(body)
    objects = Objects(home)
    for kept in (objects.keep(body), objects.keep(path)):
        assert b"".join(objects.open(kept)) == body
        assert kept.size == size
    objects.put("batches/run/0-0/map", body)
    assert objects.get("batches/run/0-0/map") == body


@pytest.mark.parametrize("size", [0, 1, FRAME, FRAME + 1, 2 * FRAME + 5])
def test_a_cut_object_does_not_open(home: Home, size: int) -> None:
    objects = Objects(home)
    kept = objects.keep(_bytes(size))
    file = _file(home, kept)
    whole = file.read_bytes()
    cuts = {1, TAG - 1, TAG, len(whole) // 2, len(whole) - 1, FRAME + TAG, 2 * (FRAME + TAG), 0}
    for length in sorted(cut for cut in cuts if 0 <= cut < len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(Misconfigured, match="damaged or cut"):
            list(objects.open(kept))


def test_swapped_doubled_and_longer_frames_do_not_open(home: Home) -> None:
    objects = Objects(home)
    kept = objects.keep(_bytes(3 * FRAME))
    file = _file(home, kept)
    whole = file.read_bytes()
    step = FRAME + TAG
    a, b, c = whole[:step], whole[step : 2 * step], whole[2 * step :]
    for broken in (b + a + c, a + a + c, a + b + c + c, a + c, b + c, a + b + c + b"x"):
        file.write_bytes(broken)
        with pytest.raises(Misconfigured, match="damaged"):
            list(objects.open(kept))


@settings(max_examples=40, deadline=None)
@given(place=st.integers(0, 80) | st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_does_not_open(place: int, bit: int) -> None:
    import tempfile

    folder = Path(tempfile.mkdtemp())
    try:
        home = Home(folder, folder / "state", "", f"file://{folder / 'objects'}")
        home.make_key()
        objects = Objects(home)
        kept = objects.keep(_bytes(3000))
        objects.put("batches/x", _bytes(3000))
        file = _file(home, kept)
        for path, read in (
            (file, lambda: list(objects.open(kept))),
            (folder / "objects" / "batches" / "x", lambda: objects.get("batches/x")),
        ):
            body = bytearray(path.read_bytes())
            body[place % len(body)] ^= 1 << bit
            path.write_bytes(body)
            with pytest.raises(Misconfigured):
                read()
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("length", [0, 1, 2, 20, 61, 62, 70])
def test_a_cut_step_file_does_not_open(home: Home, length: int) -> None:
    objects = Objects(home)
    objects.put("batches/a", b"one")
    file = Path(home.objects_url.removeprefix("file://")) / "batches" / "a"
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(Misconfigured):
        objects.get("batches/a")


def test_one_object_cannot_stand_in_for_another(home: Home) -> None:
    objects = Objects(home)
    one, other = objects.keep(b"one"), objects.keep(b"two")
    with pytest.raises(Misconfigured):
        list(objects.open(dataclasses.replace(one, wrapped_key=other.wrapped_key)))
    with pytest.raises(Misconfigured):
        list(objects.open(dataclasses.replace(one, path=other.path)))
    objects.put("batches/a", b"one")
    objects.put("batches/b", b"two")
    root = Path(home.objects_url.removeprefix("file://")) / "batches"
    (root / "a").write_bytes((root / "b").read_bytes())
    with pytest.raises(Misconfigured):
        objects.get("batches/a")


def test_another_key_does_not_open(home: Home) -> None:
    kept = Objects(home).keep(b"secret")
    home.key_file.unlink()
    stranger = dataclasses.replace(home)
    stranger.make_key()
    with pytest.raises(Misconfigured, match="does not open"):
        list(Objects(stranger).open(kept))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.chmod(0o640), "read by other users"),
        (lambda path: path.write_text("bm90IGEga2V5"), "damaged"),
        (lambda path: path.write_text("%%%"), "damaged"),
        (lambda path: path.write_text(""), "damaged"),
    ],
)
def test_a_bad_key_file_says_so(home: Home, spoil: object, words: str) -> None:
    spoil(home.key_file)  # type: ignore[operator]
    with pytest.raises(Misconfigured, match=words) as raised:
        Objects(dataclasses.replace(home)).keep(b"x")
    assert str(home.key_file) in str(raised.value)


def test_erasure_needs_no_file_access(home: Home) -> None:
    objects = Objects(home)
    kept = objects.keep(b"about a person")
    erased = dataclasses.replace(kept, wrapped_key=b"")
    with pytest.raises(Misconfigured, match="erased"):
        list(objects.open(erased))


def test_nothing_is_in_clear(home: Home) -> None:
    canary = b"canary-7f3a91" * 50
    objects = Objects(home)
    objects.keep(canary)
    objects.put("batches/run/0-0/pull", canary)
    for path in Path(home.objects_url.removeprefix("file://")).rglob("*"):
        if path.is_file():
            assert b"canary" not in path.read_bytes()
            assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0


def test_no_temporary_file_stays_behind(home: Home, tmp_path: Path) -> None:
    objects = Objects(home)
    objects.keep(b"x")
    with pytest.raises(FileNotFoundError):
        objects.keep(tmp_path / "not there")
    root = Path(home.objects_url.removeprefix("file://"))
    assert not [path for path in root.rglob(".*") if path.is_file()]
