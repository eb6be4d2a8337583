"""Files in a folder of this machine or on an SFTP server: read them, and leave files there.

See docs/reference/connectors/files.md for what a stream may say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from crossdock.connector import (
    Check,
    Connector,
    Found,
    Outcome,
    Page,
    Parcel,
    Reads,
    Verified,
    Writes,
    secret,
    setting,
)
from crossdock.egress import Egress
from crossdock.errors import CrossdockError, Misconfigured, Refused
from crossdock.formats import media_of
from crossdock.outbox_file import content, file_name, row, verify
from crossdock.places import WILD, LocalPlace, Lying, Place, RemotePlace, settled

SETTLE = 2.0


class Files(Connector):
    """Files by name; which of them are new is told by their content, not by their name."""

    kind: ClassVar[str] = "files"
    versions: ClassVar[tuple[Verified, ...]] = (
        Verified("local folders", "real server"),
        Verified("SFTP version 3", "own sandbox"),
    )

    path: str = setting(
        "A file, a folder, a pattern, or sftp://host:port/folder", example="/data/in/*.csv"
    )
    user: str = setting("SFTP user", default="")
    password: str = secret("SFTP password, where no key is used", default="")
    key: str = secret("SFTP private key in OpenSSH form", default="")
    passphrase: str = secret("Passphrase of that key", default="")
    host_key: str = setting(
        "The server's public key, pinned", default="", example="ssh-ed25519 AAAA..."
    )

    @classmethod
    def stream(cls, name: str, spec: Mapping[str, Any]) -> Reads | Writes:
        """Make a stream; a list whose ``media`` is not declared takes it from each file's name."""
        if "delivery" not in spec:
            return super().stream(name, {"media": "", **spec})
        made = super().stream(name, spec)
        if isinstance(made, Writes):
            verify(made)
        return made

    # -- reading --------------------------------------------------------------------------------
    def read(self, stream: Reads, cursor: str | None) -> Iterator[Page]:
        """Yield the files by name; no cursor moves."""
        place, pattern = self._place(stream)
        for file in self._ready(stream, place, pattern):
            body = place.fetch(file)
            if body is not None:
                media = media_of(file.name, stream.media)
                temporary = isinstance(place, RemotePlace)
                once = bool(stream.options.get("archive"))
                yield Page(file.name, body, media, None, file, temporary, once)

    def _ready(self, stream: Reads, place: Place, pattern: str) -> Sequence[Lying]:
        given = stream.options
        return settled(
            self.world,
            place,
            pattern,
            float(given.get("settle", SETTLE)),
            str(given.get("done", "")),
            same_clock=isinstance(place, LocalPlace),
        )

    def landed(self, stream: Reads, page: Page) -> None:
        """Archive the file, where the stream says a folder for that."""
        folder = stream.options.get("archive")
        if folder and isinstance(page.origin, Lying):
            self._place(stream)[0].archive(page.origin, str(folder))

    # -- writing --------------------------------------------------------------------------------
    def write(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Leave one file with all parcels that the format can hold."""
        rows: dict[str, str] = {}
        refused: dict[str, str] = {}
        for parcel in parcels:
            try:
                text = row(stream, parcel)
                content(stream, [text])
                rows[parcel.reference] = text
            except (Refused, UnicodeEncodeError) as error:
                refused[parcel.reference] = (
                    error.what if isinstance(error, Refused) else "a letter is not in the encoding"
                )
        taken = [parcel for parcel in parcels if parcel.reference in rows]
        name = file_name(stream, taken) if taken else ""
        if taken:
            self._place(stream)[0].put(name, content(stream, [rows[p.reference] for p in taken]))
        return [
            Outcome(p.reference, "delivered", name)
            if p.reference in rows
            else Outcome(p.reference, "refused", message=refused[p.reference])
            for p in parcels
        ]

    def lookup(self, stream: Writes, parcels: Sequence[Parcel]) -> dict[str, Found | None]:
        """Look whether the file of each parcel lies there; one that was fetched does not."""
        names = {file.name for file in self._place(stream)[0].files("*")}
        expected = {parcel.reference: file_name(stream, [parcel]) for parcel in parcels}
        return {
            reference: Found(name) if name in names else None
            for reference, name in expected.items()
        }

    # -- places ---------------------------------------------------------------------------------
    def check(self) -> Iterator[Check]:
        """List the files of every stream."""
        streams: dict[str, Reads | Writes] = {**self.reads(), **self.writes()}
        for name, stream in streams.items():
            if stream.options.get("of"):
                continue
            try:
                place, pattern = self._place(stream)
                found = place.files(pattern)
            except CrossdockError as error:
                yield Check(name, ok=False, detail=str(error))
            else:
                yield Check(name, ok=True, detail=f"{len(found)} files")

    def close(self) -> None:
        """Close the SFTP connection, if there is one."""
        if "_sftp" in vars(self):
            vars(self).pop("_sftp").close()

    def _place(self, stream: Reads | Writes) -> tuple[Place, str]:
        """Give the folder of a stream and the pattern of its files."""
        own = str(stream.options.get("path", ""))
        if self.path.startswith("sftp://"):
            base = unquote(urlsplit(self.path).path) or "."
            folder, pattern = _parted(f"{base.rstrip('/')}/{own}" if own else base, stream)
            return RemotePlace(self._sftp, folder, self.world.scratch), pattern
        path = self.world.project / self.path / own
        if path.is_dir():
            return LocalPlace(path), "*"
        folder, pattern = _parted(str(path), stream)
        return LocalPlace(Path(folder)), pattern

    @cached_property
    def _sftp(self) -> Any:
        from crossdock.sftp import Login, Sftp

        parts = urlsplit(self.path)
        if not parts.hostname:
            raise Misconfigured("path has no host", where=self.system)
        login = Login(
            host=parts.hostname,
            port=parts.port or 22,
            user=self.user or parts.username or "",
            password=self.password,
            key=self.key,
            passphrase=self.passphrase,
            host_key=self.host_key,
        )
        return Sftp(self.world, Egress(self.allow_private), login)


def _parted(path: str, stream: Reads | Writes) -> tuple[str, str]:
    """Split a path into a folder and a pattern; a last part with a dot or a * means files."""
    head, _, last = path.rpartition("/")
    means_files = bool(WILD & set(last)) or "." in last[1:]
    if isinstance(stream, Writes) or not means_files:
        return path, "*"
    return head or "/", last
