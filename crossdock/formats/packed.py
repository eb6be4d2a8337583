"""Compressed bytes: .gz and .zip, unpacked to a file of our own, with limits on what comes out."""

from __future__ import annotations

import fnmatch
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from crossdock.errors import Unreadable

RATIO = 100
SMALL = 4 << 20
LARGEST = 8 << 30
MOST_MEMBERS = 1000
_CHUNK = 1 << 20


class Gunzip:
    """Unpacks gzip piece by piece; knows whether the stream came to its proper end.

    Raises Unreadable when more than 100 times of what went in comes out, or for a wrong checksum.
    """

    def __init__(self, where: str, largest: int = LARGEST) -> None:
        self.taken = self.given = 0
        self._where = where
        self._largest = largest
        self._stream = zlib.decompressobj(wbits=31)

    @property
    def ended(self) -> bool:
        """True when the last byte seen was the last of a whole gzip member."""
        return self._stream.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Unpack ``data``; several members after each other are one stream."""
        self.taken += len(data)
        while data:
            if self._stream.eof:
                self._stream = zlib.decompressobj(wbits=31)
            try:
                out = self._stream.decompress(data, _CHUNK)
            except zlib.error:
                raise Unreadable("the gzip stream is damaged", where=self._where) from None
            self.given += len(out)
            limit = max(SMALL, RATIO * self.taken)
            if self.given > min(limit, self._largest):
                raise Unreadable("the gzip stream unpacks to too much", where=self._where)
            yield out
            data = self._stream.unconsumed_tail or self._stream.unused_data


def gunzip(body: Path, target: IO[bytes], where: str) -> None:
    """Unpack a .gz file into ``target``; raises Unreadable when it is cut off."""
    stream = Gunzip(where)
    with body.open("rb") as file:
        while chunk := file.read(_CHUNK):
            for piece in stream.feed(chunk):
                target.write(piece)
    target.flush()
    if not stream.ended:
        raise Unreadable("the gzip file is cut off", where=where, fix="get the file again")


@contextmanager
def own_file() -> Iterator[IO[bytes]]:
    """Give a temporary file with a name of ours; it is removed at the end."""
    with tempfile.NamedTemporaryFile(prefix="crossdock-") as file:
        yield file


def members(body: Path, pattern: str, where: str) -> Iterator[tuple[int, str, zipfile.ZipInfo]]:
    """Yield (number, plain name, entry) of the files in a .zip that fit ``pattern``.

    Folders are left out; the name serves as a label and for its ending only.
    """
    try:
        with zipfile.ZipFile(body) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError):
        raise Unreadable("the zip file is damaged or cut off", where=where) from None
    if len(entries) > MOST_MEMBERS:
        raise Unreadable(f"the zip file has more than {MOST_MEMBERS} members", where=where)
    for number, entry in enumerate(entries, 1):
        name = PurePosixPath(entry.filename.replace("\\", "/")).name
        if not entry.is_dir() and fnmatch.fnmatchcase(name, pattern):
            yield number, name, entry


def unzip(body: Path, entry: zipfile.ZipInfo, target: IO[bytes], where: str) -> None:
    """Unpack one member into ``target``; raises Unreadable for links, locks and bombs."""
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise Unreadable("the member is a link", where=where)
    if entry.flag_bits & 1:
        raise Unreadable("the member is locked with a password", where=where)
    limit = max(SMALL, RATIO * entry.compress_size)
    given = 0
    try:
        with zipfile.ZipFile(body) as archive, archive.open(entry) as file:
            while chunk := file.read(_CHUNK):
                given += len(chunk)
                if given > min(limit, LARGEST):
                    raise Unreadable("the member unpacks to too much", where=where)
                target.write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError):
        raise Unreadable("the member is damaged", where=where) from None
    target.flush()
