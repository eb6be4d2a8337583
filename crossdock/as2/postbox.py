"""The post box of one partner: what came, what was sent, and which receipts are owed or awaited.

Everything is a file that is written, synced and renamed, so that nothing is said before it is
kept. ``raw`` holds requests as they came, ``out`` contents for the connector to fetch (as a
partner's SFTP server would offer them), ``in`` what was sent, ``state`` one JSON file a message.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crossdock.errors import TryLater


def mark(*parts: str) -> str:
    """Give the file name that stands for a message: a Message-ID may hold anything."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Postbox:
    """Folders below ``root``. Raises TryLater where the disk does not take what must be kept."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, folder: str, name: str, data: bytes) -> Path:
        """Keep a file: it is whole and on the disk when this returns."""
        path = self.root / folder / name
        part = path.with_name(f".{name}.{secrets.token_hex(4)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            part.replace(path)
            folder_descriptor = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder_descriptor)
            finally:
                os.close(folder_descriptor)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise TryLater(f"cannot keep {name}: {error.strerror}", where=str(self.root)) from None
        return path

    def keep(self, name: str, headers: Mapping[str, str], body: bytes) -> None:
        """Keep a request as it came: its headers as one line of JSON, then its body."""
        head = json.dumps(dict(headers), ensure_ascii=True)
        self.write("raw", f"{name}.http", head.encode() + b"\n" + body)

    def state(self, kind: str, name: str) -> dict[str, Any] | None:
        """Give what is known of a message; ``kind`` is received, sent or owed."""
        try:
            found = json.loads((self.root / "state" / kind / f"{name}.json").read_bytes())
        except FileNotFoundError:
            return None
        return found if isinstance(found, dict) else None

    def note(self, kind: str, name: str, state: Mapping[str, Any]) -> None:
        """Write down what is known of a message."""
        self.write(f"state/{kind}", f"{name}.json", json.dumps(dict(state)).encode())

    def forget(self, kind: str, name: str) -> None:
        """Take a note away."""
        (self.root / "state" / kind / f"{name}.json").unlink(missing_ok=True)

    def names(self, kind: str) -> Iterator[str]:
        """Yield the names of all messages of ``kind``, in order."""
        for path in sorted((self.root / "state" / kind).glob("*.json")):
            yield path.stem

    @contextlib.contextmanager
    def only(self, name: str) -> Iterator[None]:
        """Work on a message alone: a retry that comes meanwhile waits."""
        folder = self.root / "state" / "locks"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (folder / name[:2]).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
