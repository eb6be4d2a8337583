"""Folders that files are fetched from and left in: on this machine, or on an SFTP server."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import secrets
import shutil
import stat
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from crossdock.connector import World
from crossdock.errors import Misconfigured, TryLater
from crossdock.names import shown, valid

if TYPE_CHECKING:
    from crossdock.sftp import Sftp

WILD = frozenset("*?[")
UNFINISHED = (".part", ".tmp", ".filepart")


@dataclass(frozen=True)
class Lying:
    """A file that lies there: name as text, size in bytes, time in seconds, name as bytes."""

    name: str
    size: int
    modified: float
    raw: bytes


class Place(Protocol):
    """One folder."""

    def files(self, pattern: str) -> list[Lying]:
        """Give the regular files that fit, by name, without those that are being written."""

    def fetch(self, file: Lying) -> Path | None:
        """Give a local file with its bytes, None when it is gone or still grows."""

    def archive(self, file: Lying, folder: str) -> None:
        """Move a file into ``folder``; it may be gone, and a taken name gets a number."""

    def put(self, name: str, data: bytes) -> None:
        """Leave a file, whole or not at all; the same name again replaces it."""


def fits(name: str, pattern: str) -> bool:
    """True for a finished file whose name fits the pattern.

    >>> fits("a.csv", "*.csv"), fits("a.csv.part", "*"), fits(".a.csv", "*")
    (True, False, False)
    """
    finished = not name.startswith(".") and not name.endswith(UNFINISHED)
    return finished and fnmatch.fnmatchcase(name, pattern)


def settled(
    world: World, place: Place, pattern: str, seconds: float, done: str, *, same_clock: bool
) -> list[Lying]:
    """Give the files that nobody writes any more.

    With ``done`` a file is ready when one of its name with this ending lies beside it. Else its
    size and time must be the same in two looks ``seconds`` apart; where the times are by our own
    clock, a file that has been left alone for so long needs no second look.
    """
    if done:
        names = {file.name for file in place.files("*")}
        found = place.files(pattern)
        return [f for f in found if f.name + done in names and not f.name.endswith(done)]
    first = place.files(pattern)
    if not first or seconds <= 0:
        return first
    now = world.now().timestamp()
    if same_clock and all(file.modified + seconds < now for file in first):
        return first
    world.sleep(seconds)
    second = set(place.files(pattern))
    return [file for file in first if file in second]


class LocalPlace:
    """A folder on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files(self, pattern: str) -> list[Lying]:
        """Give the regular files that fit; links, folders and pipes are left out.

        A pattern that is a plain name is one file, which must be there.
        """
        if not WILD & set(pattern):
            return single(self._folder / pattern)
        if not self._folder.is_dir():
            raise Misconfigured("there is no such folder", where=str(self._folder))
        found = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                name = shown(os.fsencode(entry.name))
                if fits(name, pattern) and entry.is_file(follow_symlinks=False):
                    found.append(lying(entry.stat(follow_symlinks=False), entry.name))
        return sorted(found, key=lambda file: file.name)

    def fetch(self, file: Lying) -> Path | None:
        """Give the file itself: the engine copies it while it lands."""
        path = self._path(file)
        return path if path.exists() else None

    def _path(self, file: Lying) -> Path:
        return self._folder / os.fsdecode(file.raw)

    def archive(self, file: Lying, folder: str) -> None:
        """Move the file, unless it was changed since it was listed."""
        source = self._path(file)
        try:
            if lying(source.stat(), source.name) != file:
                return  # somebody wrote it anew: the next run takes it
            target = self._folder / folder
            target.mkdir(parents=True, exist_ok=True)
            shutil.move(source, _free(target / source.name))
        except FileNotFoundError:
            return
        except OSError as error:
            raise TryLater(f"cannot archive: {error.strerror}", where=str(self._folder)) from None

    def put(self, name: str, data: bytes) -> None:
        """Write, sync and rename."""
        path = self._folder / valid(name)
        part = path.with_name(f".{name}.{secrets.token_hex(4)}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise TryLater(f"cannot write: {error.strerror}", where=str(self._folder)) from None


class RemotePlace:
    """A folder on an SFTP server; files are fetched into ``scratch`` under names of ours."""

    def __init__(self, sftp: Sftp, folder: str, scratch: Path) -> None:
        self._sftp = sftp
        self._folder = folder
        self._scratch = scratch

    def files(self, pattern: str) -> list[Lying]:
        """Give the regular files that fit."""
        return [
            Lying(entry.name, entry.size, entry.modified, entry.raw)
            for entry in self._sftp.list(self._folder)
            if fits(entry.name, pattern)
        ]

    def fetch(self, file: Lying) -> Path | None:
        """Download the file."""
        from crossdock.sftp import Remote

        target = self._scratch / uuid.uuid4().hex
        entry = Remote(file.name, file.size, file.modified, file.raw)
        if self._sftp.download(self._folder, entry, target):
            return target
        target.unlink(missing_ok=True)
        return None

    def archive(self, file: Lying, folder: str) -> None:
        """Move the file on the server; ``folder`` is taken from this one unless it is absolute."""
        target = folder if folder.startswith("/") else f"{self._folder.rstrip('/')}/{folder}"
        self._sftp.archive(self._folder, file.name, target, file.raw)

    def put(self, name: str, data: bytes) -> None:
        """Upload under a temporary name, verify, rename."""
        self._sftp.upload(self._folder, name, data)


def lying(found: os.stat_result, name: str) -> Lying:
    """Make the entry of a local file; ``name`` as Python gives it."""
    raw = os.fsencode(name)
    return Lying(shown(raw), found.st_size, found.st_mtime, raw)


def single(path: Path) -> list[Lying]:
    """Give the one file that a path names; raises Misconfigured where there is none."""
    try:
        found = path.stat()
    except OSError:
        raise Misconfigured(
            "there is no such file", where=str(path), fix="correct path in the system's file"
        ) from None
    if not stat.S_ISREG(found.st_mode):
        raise Misconfigured("this is no regular file", where=str(path))
    return [lying(found, path.name)]


def _free(path: Path) -> Path:
    number = 0
    free = path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}.{number}")
    return free
