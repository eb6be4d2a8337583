"""Kept bytes: by content hash, through fsspec, encrypted with a data key of their own.

An object is AES-256-GCM in frames of one mebibyte; each frame's nonce carries its number and
whether it is the last, so that a cut, swapped or doubled frame does not open (the STREAM
construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015). The data key is wrapped by the
home's key; destroying the wrapped key erases the object and leaves its hash.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crossdock.errors import Misconfigured
from crossdock.home import Home

FRAME = 1 << 20
_TAG = 16


@dataclass(frozen=True)
class Kept:
    """What the store must remember of an object: its hash, size in bytes, path, wrapped key."""

    sha256: str
    size: int
    path: str
    wrapped_key: bytes


class Objects:
    """The object store of one home."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._files = _Files(home.objects_url)

    def keep(self, body: bytes | Path) -> Kept:
        """Store bytes, or a local file by streaming; durable when it returns."""
        sha256, size = _digest(body)
        key = secrets.token_bytes(32)
        path = f"raw/{sha256[:2]}/{sha256[2:]}-{secrets.token_hex(4)}"
        self._files.write(path, _seal(_frames(body), key))
        return Kept(sha256, size, path, self._wrap(key, sha256))

    def open(self, kept: Kept) -> Iterator[bytes]:
        """Yield the plain bytes of an object in frames; raises Misconfigured when damaged."""
        key = self._unwrap(kept.wrapped_key, kept.sha256)
        yield from _unseal(self._files.read(kept.path), key, kept.path)

    def seal(self, body: bytes, sha256: str) -> tuple[bytes, bytes]:
        """Encrypt bytes for a column of the store; gives their wrapped key, and them."""
        key = secrets.token_bytes(32)
        return self._wrap(key, sha256), b"".join(_seal(_frames(body), key))

    def unseal(self, sealed: bytes, wrapped_key: bytes, sha256: str) -> bytes:
        """Give sealed bytes back; raises Misconfigured when they are damaged or the key is gone."""
        key = self._unwrap(wrapped_key, sha256)
        return b"".join(_unseal(_cut(memoryview(sealed)), key, sha256))

    def put(self, path: str, body: bytes) -> None:
        """Store a step file under a name of ours, its wrapped key in its head; durable."""
        key = secrets.token_bytes(32)
        wrapped = self._wrap(key, path)
        head = struct.pack(">H", len(wrapped)) + wrapped
        self._files.write(path, _with_head(head, _seal(_frames(body), key)))

    def get(self, path: str) -> bytes:
        """Read a step file back whole; raises FileNotFoundError when there is none."""
        frames = self._files.read(path)
        body = b"".join(frames)
        length = int.from_bytes(body[:2], "big")
        key = self._unwrap(body[2 : 2 + length], path)
        view = memoryview(body)[2 + length :]
        return b"".join(_unseal(_cut(view), key, path))

    def exists(self, path: str) -> bool:
        """Say whether a step file is there."""
        return self._files.exists(path)

    def remove(self, path: str) -> None:
        """Remove a step file or a folder of them; nothing happens when it is not there."""
        self._files.remove(path)

    def _wrap(self, key: bytes, purpose: str) -> bytes:
        nonce = secrets.token_bytes(12)
        return nonce + AESGCM(self._home.key).encrypt(nonce, key, purpose.encode())

    def _unwrap(self, wrapped: bytes, purpose: str) -> bytes:
        if not wrapped:
            raise Misconfigured("these kept bytes were erased; only their hash is left")
        try:
            return AESGCM(self._home.key).decrypt(wrapped[:12], wrapped[12:], purpose.encode())
        except (InvalidTag, ValueError):  # ValueError: too short to be a wrapped key
            raise Misconfigured(
                "this home's key does not open a kept object",
                where=str(self._home.key_file),
                fix="use the key file that was in place when the object was kept",
            ) from None


def _digest(body: bytes | Path) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    for frame in _frames(body):
        digest.update(frame)
        size += len(frame)
    return digest.hexdigest(), size


def _frames(body: bytes | Path) -> Iterator[bytes | memoryview]:
    if isinstance(body, Path):
        with body.open("rb") as file:
            while frame := file.read(FRAME):
                yield frame
    else:
        yield from _cut(memoryview(body), FRAME)


def _cut(view: memoryview, size: int = FRAME + _TAG) -> Iterator[memoryview]:
    for start in range(0, len(view), size):
        yield view[start : start + size]


def _seal(frames: Iterator[bytes | memoryview], key: bytes) -> Iterator[bytes]:
    cipher = AESGCM(key)
    held: bytes | memoryview = b""
    number = 0
    for frame in frames:
        if number:
            yield cipher.encrypt(_nonce(number, last=False), held, None)
        held, number = frame, number + 1
    yield cipher.encrypt(_nonce(max(number, 1), last=True), held, None)


def _unseal(frames: Iterator[Any], key: bytes, path: str) -> Iterator[bytes]:
    cipher = AESGCM(key)
    held: Any = None
    number = 0
    try:
        for frame in frames:
            if held is not None:
                yield cipher.decrypt(_nonce(number, last=False), held, None)
            held, number = frame, number + 1
        if held is None:
            raise InvalidTag
        yield cipher.decrypt(_nonce(number, last=True), held, None)
    except InvalidTag:
        raise Misconfigured(
            "a kept object is damaged or cut", where=path, fix="restore it from the backup"
        ) from None


def _nonce(number: int, *, last: bool) -> bytes:
    return struct.pack(">7xIB", number, last)


def _with_head(head: bytes, frames: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from frames


class _Files:
    """Paths under the objects' address; local files are fsynced, others are fsspec's."""

    def __init__(self, url: str) -> None:
        self._root = url.removeprefix("file://").rstrip("/") if "://" not in url[7:] else url
        self._local = url.startswith("file://") or "://" not in url
        self._remote: Any = None
        if not self._local:
            import fsspec

            self._remote, self._root = fsspec.url_to_fs(url)

    def write(self, path: str, frames: Iterator[bytes]) -> None:
        if not self._local:
            with self._remote.open(f"{self._root}/{path}", "wb") as file:
                for frame in frames:
                    file.write(frame)
            return
        target = Path(self._root, path)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        with temporary.open("wb") as file:
            for frame in frames:
                file.write(frame)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name is durable too, before any row names it
        finally:
            os.close(folder)

    def read(self, path: str) -> Iterator[bytes]:
        name = f"{self._root}/{path}"
        with Path(name).open("rb") if self._local else self._remote.open(name, "rb") as file:
            while frame := file.read(FRAME + _TAG):
                yield frame

    def exists(self, path: str) -> bool:
        if self._local:
            return Path(self._root, path).exists()
        return bool(self._remote.exists(f"{self._root}/{path}"))

    def remove(self, path: str) -> None:
        if not self._local:
            if self.exists(path):
                self._remote.rm(f"{self._root}/{path}", recursive=True)
            return
        target = Path(self._root, path)
        if target.is_dir():
            for child in target.iterdir():
                self.remove(f"{path}/{child.name}")
            target.rmdir()
        elif target.exists():
            target.unlink()
