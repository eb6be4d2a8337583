"""A partner's folders on this machine, with the same manners as a partner's SFTP server."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from crossdock.errors import Misconfigured, TryLater

UNFINISHED = (".part", ".tmp", ".filepart")


class Entry(Protocol):
    """A file that lies there: its name, its size in bytes and its time in seconds."""

    @property
    def name(self) -> str:
        """The name, without its folder."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def modified(self) -> float:
        """Seconds since 1970, by the clock of the place."""

    @property
    def raw(self) -> bytes:
        """The name as bytes, where ``name`` had to be escaped."""


class Exchange(Protocol):
    """Where files are fetched and left: ``crossdock.sftp.Sftp``, or folders of this machine."""

    def list(self, folder: str) -> Sequence[Any]:
        """List the regular files of ``folder`` by name. Raises TryLater, Misconfigured."""

    def download(self, folder: str, entry: Any, target: Path) -> bool:
        """Fetch a listed file; False when it is gone or still grows. Raises TryLater."""

    def upload(self, folder: str, name: str, data: bytes) -> None:
        """Leave a file under a temporary name, verify its size, rename it. Raises TryLater."""

    def archive(self, folder: str, name: str, target: str, raw: bytes = b"") -> None:
        """Move a fetched file into ``target``; a file that is gone already is no error."""

    def close(self) -> None:
        """Give connections back."""


def unfinished(name: str) -> bool:
    """Say whether a file of this name is still being written, by the custom of the trade."""
    return name.startswith(".") or name.endswith(UNFINISHED)


@dataclass(frozen=True)
class LocalFile:
    """A file in a folder of this machine."""

    name: str
    size: int
    modified: float
    raw: bytes = b""


class LocalFolders:
    """Folders below ``root``; made when they are missing, never left by a name with ``..``."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def _path(self, folder: str, name: str = "") -> Path:
        path = (self._root / folder.strip("/") / name).resolve()
        if not path.is_relative_to(self._root):
            raise Misconfigured(f"{folder}/{name} leaves {self._root}", fix="name a folder in it")
        return path

    def list(self, folder: str) -> Sequence[LocalFile]:
        """List regular files by name; links and folders are passed over."""
        path = self._path(folder)
        path.mkdir(parents=True, exist_ok=True)
        entries = []
        with os.scandir(path) as found:
            for item in found:
                if item.is_file(follow_symlinks=False):
                    state = item.stat(follow_symlinks=False)
                    entries.append(LocalFile(item.name, state.st_size, state.st_mtime))
        return sorted(entries, key=lambda entry: entry.name)

    def download(self, folder: str, entry: LocalFile, target: Path) -> bool:
        """Copy the file; False when it is gone or its size changed meanwhile."""
        source = self._path(folder, entry.name)
        try:
            shutil.copyfile(source, target)
            return source.stat().st_size == entry.size == target.stat().st_size
        except FileNotFoundError:
            return False

    def upload(self, folder: str, name: str, data: bytes) -> None:
        """Write, sync and rename; what stood under the name is replaced."""
        path = self._path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{name}.{secrets.token_hex(4)}.part")
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise TryLater(
                f"cannot write {name}: {error.strerror}", where=str(path.parent)
            ) from None

    def archive(self, folder: str, name: str, target: str, raw: bytes = b"") -> None:
        """Move the file; when the name is taken there, a number is put behind it."""
        source, goal = self._path(folder, name), self._path(target, name)
        goal.parent.mkdir(parents=True, exist_ok=True)
        number = 1
        while goal.exists():
            number += 1
            goal = goal.with_name(f"{name}.{number}")
        with contextlib.suppress(FileNotFoundError):
            source.rename(goal)

    def close(self) -> None:
        """Nothing to give back."""
