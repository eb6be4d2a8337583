"""Single operations on an open SFTP session; paths are bytes, as on the wire."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

from crossdock.errors import Misconfigured

LARGEST = 8 << 30
_CHUNK = 1 << 18


def fetch(client: Any, path: bytes, target: Path) -> bool:
    """Copy a file into ``target``; False when it is gone, or changed while it was read."""
    try:
        before = client.stat(path)
        if before.st_size > LARGEST:
            raise Misconfigured("the file is larger than 8 GB")
        taken = 0
        with client.open(path, "rb") as file, target.open("wb") as out:
            _prefetch(file, before.st_size)
            while chunk := file.read(_CHUNK):
                taken += len(chunk)
                out.write(chunk)
        after = client.stat(path)
    except FileNotFoundError:
        return False
    return bool(before.st_size == taken == after.st_size and before.st_mtime == after.st_mtime)


def _prefetch(file: Any, size: int) -> None:
    """Ask for the whole file ahead of reading it; a connection that breaks is the reader's error.

    paramiko asks from a thread of its own, and a thread that dies prints a traceback
    (or fails a test) although the reader, which waits for the answers, is told of it too.
    """
    ask = file._prefetch_thread

    def quietly(*chunks: Any) -> None:
        with contextlib.suppress(Exception):
            ask(*chunks)

    file._prefetch_thread = quietly
    file.prefetch(size)


def put(client: Any, part: bytes, data: bytes | Path) -> None:
    """Write a file and verify that all of it arrived."""
    source = data.open("rb") if isinstance(data, Path) else io.BytesIO(data)
    sent = 0
    with source, client.open(part, "wb") as file:
        file.set_pipelined(True)
        while chunk := source.read(_CHUNK):
            file.write(chunk)
            sent += len(chunk)
    size = client.stat(part).st_size
    if size != sent:
        raise OSError(f"{size} of {sent} bytes arrived")


class PartGoneError(OSError):
    """The temporary file is not there any more, and no try of ours gave it its name."""


def settle(client: Any, part: bytes, final: bytes, *, again: bool) -> None:
    """Give the file its name; ``again`` says that an earlier try may have done so already.

    Raises PartGoneError where somebody took the part away.
    """
    if not exists(client, part):  # looked at first: the old file must not go for nothing
        if again and exists(client, final):
            return
        raise PartGoneError("the part is gone")
    try:
        client.posix_rename(part, final)
        return
    except FileNotFoundError:
        raise PartGoneError("the part is gone") from None
    except PermissionError:
        raise
    except OSError as error:
        if error.errno is not None:  # the connection; what a server says has no number here
            raise
    # its words differ from server to server: it may not know this rename, so the plain one is tried
    with contextlib.suppress(FileNotFoundError):
        client.remove(final)
    client.rename(part, final)


def move_aside(client: Any, source: bytes, target: bytes) -> None:
    """Rename a file; a name that is taken gets a number, a file that is gone is no error."""
    for number in range(1000):
        goal = target + (f".{number}".encode() if number else b"")
        if exists(client, goal):
            continue
        try:
            client.rename(source, goal)
        except FileNotFoundError:
            if exists(client, source):
                raise
        except OSError:
            if exists(client, goal):
                continue  # another worker took the name between the look and the move
            raise
        return
    raise Misconfigured("the archive holds a thousand files of one name", fix="clear it")


def exists(client: Any, path: bytes) -> bool:
    """True when there is something under this name."""
    try:
        client.lstat(path)
    except FileNotFoundError:
        return False
    return True
