"""The files of the sandbox partner as SFTP shows them: journalled, and breaking by plan."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncssh

from crossdock.sandbox.journal import Kind, digest

if TYPE_CHECKING:
    from crossdock.sandbox.faults import Fault
    from crossdock.sandbox.partner import Partner

_WRITES = asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT


class PartnerFiles(asyncssh.SFTPServer):
    """One SFTP session in the partner's folder."""

    def __init__(self, channel: Any, partner: Partner) -> None:
        super().__init__(channel, chroot=os.fsencode(partner.root))
        self._partner = partner
        self._open: dict[int, tuple[Path, bool, Fault | None]] = {}

    # -- reading and writing -------------------------------------------------------------------
    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        """Open a file; a file that is opened for reading is journalled as exposed."""
        local = self._local(path)
        fault = self._partner.fault(f"open /{self._folder(local)}")
        if fault and fault.name == "reset_file":
            self._break()
        writes = bool(pflags & _WRITES)
        file = super().open(path, pflags, attrs)
        if not writes:
            self._note("exposed", local)
        self._open[id(file)] = (local, writes, fault)
        return file

    def read(self, file_obj: Any, offset: int, size: int) -> Any:
        """Read, at most to the half where the plan says so."""
        local, _, fault = self._open[id(file_obj)]
        if fault and fault.name == "half_file" and offset + size > local.stat().st_size // 2:
            self._break()
        return super().read(file_obj, offset, size)

    def close(self, file_obj: Any) -> Any:
        """Close; what was written under its final name is journalled as accepted."""
        from crossdock.sandbox.partner import unfinished

        local, writes, fault = self._open.pop(id(file_obj), (None, False, None))
        if local and writes and fault and fault.name == "half_file":
            os.ftruncate(file_obj.fileno(), local.stat().st_size // 2)
            file_obj.close()
            self._break()
        result = super().close(file_obj)
        if local and writes and not unfinished(local.name):
            self._note("accepted", local)
        if local and writes and fault and fault.name == "commit_then_reset":
            self._break()
        return result

    # -- moving --------------------------------------------------------------------------------
    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        """Rename, never over a file that is there."""
        return self._move(oldpath, newpath, super().rename)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> Any:
        """Rename over whatever is there."""
        return self._move(oldpath, newpath, super().posix_rename)

    def _move(self, oldpath: bytes, newpath: bytes, move: Any) -> Any:
        local = self._local(newpath)
        fault = self._partner.fault(f"rename /{self._folder(local)}")
        if fault and fault.name == "reset_file":
            self._break()
        result = move(oldpath, newpath)
        self._note("accepted", local)
        if fault and fault.name == "commit_then_reset":
            self._break()
        return result

    def remove(self, path: bytes) -> Any:
        """Remove a file; the journal says so."""
        local = self._local(path)
        data = local.read_bytes() if local.is_file() else b""
        result = super().remove(path)
        journal = self._partner.journal
        entry = journal.entry("accepted", "removed", local.name, None, body_sha256=digest(data))
        journal.write(entry)
        return result

    # -- times ---------------------------------------------------------------------------------
    def stat(self, path: bytes) -> Any:
        """Attributes with the partner's clock."""
        return self._shifted(self._local(path).stat())

    def lstat(self, path: bytes) -> Any:
        """Attributes with the partner's clock, of the link itself."""
        return self._shifted(self._local(path).lstat())

    def fstat(self, file_obj: Any) -> Any:
        """Attributes of an open file with the partner's clock."""
        return self._shifted(os.fstat(file_obj.fileno()))

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """List a folder with the partner's clock."""
        for entry in sorted(self._local(path).iterdir()):
            attrs = self._shifted(entry.lstat())
            yield asyncssh.SFTPName(os.fsencode(entry.name), attrs=attrs)

    def _shifted(self, found: os.stat_result) -> asyncssh.SFTPAttrs:
        attrs = asyncssh.SFTPAttrs.from_local(found)
        if attrs.mtime is not None:
            attrs.mtime += int(self._partner.clock_offset)
        return attrs

    # -- the rest --------------------------------------------------------------------------------
    def _local(self, path: bytes) -> Path:
        return Path(os.fsdecode(self.map_path(path)))

    def _folder(self, local: Path) -> str:
        inside = local.relative_to(self._partner.root.resolve())
        return inside.parts[0] if inside.parts else ""

    def _note(self, kind: Kind, local: Path) -> None:
        """Journal a file: entity is ``in``, ``out`` or ``archive``, reference its name."""
        journal, data = self._partner.journal, local.read_bytes()
        folder = self._folder(local)
        entry = journal.entry(
            kind, folder, local.name, {"size": len(data)}, body_sha256=digest(data)
        )
        if kind == "exposed":
            journal.expose([entry])
        else:
            journal.write(entry)

    def _break(self) -> None:
        """End the connection without an answer."""
        self.channel.get_connection().abort()
        raise asyncssh.SFTPConnectionLost("the plan ends this connection")
