"""Compressed files: a cut one is never whole, a bomb never unpacks, a bad member stands alone."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from crossdock.connector import Reads
from crossdock.errors import Misconfigured, Unreadable
from crossdock.formats import media_of, tables
from tests.faults.catalogue import fault


def read(folder: Path, data: bytes, media: str, **options: Any) -> pa.Table:
    body = folder / "body"
    body.write_bytes(data)
    stream = Reads(name="stock", key=(), media="", options=options)
    return pa.concat_tables(tables(stream, media, body))


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


ROWS = b"a,b\n" + b"".join(b"%d,tea %d\n" % (n, n * 7919) for n in range(2000))


def test_gzip_in_one_and_in_several_members(tmp_path: Path) -> None:
    half = ROWS.index(b"1000,")
    several = gzip.compress(ROWS[:half]) + gzip.compress(ROWS[half:])
    for data in (gzip.compress(ROWS), several):
        assert read(tmp_path, data, "csv.gz").num_rows == 2000


@fault("N05")
@pytest.mark.parametrize("cut", [1, 4, 8, 9, 500, 3000])
def test_a_cut_gzip_is_never_whole(tmp_path: Path, cut: int) -> None:
    with pytest.raises(Unreadable, match="cut off"):
        read(tmp_path, gzip.compress(ROWS)[:-cut], "csv.gz")


def test_a_wrong_checksum_and_a_bomb_are_refused(tmp_path: Path) -> None:
    damaged = bytearray(gzip.compress(ROWS))
    damaged[-6] ^= 1
    with pytest.raises(Unreadable, match="damaged"):
        read(tmp_path, bytes(damaged), "csv.gz")
    with pytest.raises(Unreadable, match="too much"):
        read(tmp_path, gzip.compress(b"0" * (50 << 20)), "csv.gz")
    table = read(tmp_path, zipped({"a.csv": b"0" * (50 << 20)}), "zip")
    assert "too much" in table["_fault"][0].as_py()


@fault("F18")
def test_one_bad_member_does_not_hold_the_others(tmp_path: Path) -> None:
    table = read(tmp_path, zipped({"x/a.csv": ROWS, "b.csv": b"a,a\n1,2\n", "c.csv": ROWS}), "zip")
    assert table.num_rows == 4001
    [fault] = [text for text in table["_fault"].to_pylist() if text]
    assert fault.startswith("member 2 of the zip file: the column 'a' stands twice")


def test_members_may_be_chosen(tmp_path: Path) -> None:
    data = zipped({"readme.txt": b"hello", "a.csv": ROWS})
    assert read(tmp_path, data, "zip", member="*.csv").num_rows == 2000
    with pytest.raises(Unreadable, match="no member"):
        read(tmp_path, data, "zip", member="*.xml")


def test_names_inside_of_an_archive_are_labels_only(tmp_path: Path) -> None:
    outside = tmp_path / "pwned.csv"
    assert read(tmp_path, zipped({f"../../../..{outside}": ROWS}), "zip").num_rows == 2000
    assert not outside.exists()


def test_nested_archives_and_links_are_not_opened(tmp_path: Path) -> None:
    table = read(tmp_path, zipped({"a.zip": zipped({"a.csv": ROWS})}), "zip")
    assert "archives inside" in table["_fault"][0].as_py()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("a.csv")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "is a link" in read(tmp_path, out.getvalue(), "zip")["_fault"][0].as_py()


def test_every_cut_of_a_zip_is_refused(tmp_path: Path) -> None:
    data = zipped({"a.csv": b"a,b\n1,2\n"})
    for end in range(1, len(data)):
        with pytest.raises(Unreadable):
            read(tmp_path, data[:end], "zip")


def test_an_unknown_ending_is_not_guessed() -> None:
    with pytest.raises(Misconfigured, match="media"):
        media_of("orders.dat")
    assert media_of("orders.dat", "csv") == "csv"
