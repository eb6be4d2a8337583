"""Where the project and its state are: folders, addresses and the key, from the environment."""

from __future__ import annotations

import base64
import os
import secrets
import stat
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from crossdock.errors import Misconfigured

KEY_BYTES = 32


@dataclass(frozen=True)
class Home:
    """One project and its state.

    ``project`` holds config/, mappings/, validation/, edi/ and connectors/. ``state`` is
    CROSSDOCK_HOME: database, objects, keys and reports of the embedded default lie under it.
    """

    project: Path
    state: Path
    database_url: str = field(repr=False)  # both may hold a password
    objects_url: str = field(repr=False)

    @classmethod
    def find(cls, project: Path | None = None) -> Home:
        """Find the project from CROSSDOCK_PROJECT, the working folder or its parents.

        CROSSDOCK_HOME, CROSSDOCK_DATABASE_URL and CROSSDOCK_OBJECTS_URL say where the state is;
        without them it is ``.crossdock`` in the project, SQLite and local files.
        Raises Misconfigured when no folder with ``config/flows`` is found.
        """
        folder = project or _project_folder()
        state = Path(os.environ.get("CROSSDOCK_HOME") or folder / ".crossdock").resolve()
        return cls(
            project=folder,
            state=state,
            database_url=os.environ.get("CROSSDOCK_DATABASE_URL")
            or f"sqlite:///{state / 'hub.db'}",
            objects_url=os.environ.get("CROSSDOCK_OBJECTS_URL") or f"file://{state / 'objects'}",
        )

    @property
    def scratch(self) -> Path:
        """A private folder for temporary files; made when it is missing."""
        return self._private("scratch")

    @property
    def reports(self) -> Path:
        """The folder of the HTML reports; made when it is missing."""
        return self._private("reports")

    def _private(self, name: str) -> Path:
        folder = self.state / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    @property
    def key_file(self) -> Path:
        """The file of the key that wraps all data keys (CROSSDOCK_KEY_FILE)."""
        return Path(os.environ.get("CROSSDOCK_KEY_FILE") or self.state / "keys" / "master.key")

    @cached_property
    def key(self) -> bytes:
        """The wrapping key, 32 bytes.

        Raises Misconfigured when the file is missing, readable by others, or damaged.
        """
        path = self.key_file
        if not path.exists():
            raise Misconfigured(
                "the key that encrypts the kept bytes is missing",
                where=str(path),
                fix="restore the key file from the backup; without it kept bytes stay closed",
            )
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Misconfigured(
                "the key file can be read by other users", where=str(path), fix=f"chmod 600 {path}"
            )
        try:
            key = base64.b64decode(path.read_text(encoding="ascii").strip(), validate=True)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise Misconfigured(
                "the key file is damaged", where=str(path), fix="restore it from the backup"
            )
        return key

    def make_key(self) -> None:
        """Make the wrapping key of a new home; an existing one is left alone."""
        path = self.key_file
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = secrets.token_bytes(KEY_BYTES)
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(base64.b64encode(key).decode("ascii") + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass  # another process was first; its key wins
        finally:
            temporary.unlink()


def _project_folder() -> Path:
    named = os.environ.get("CROSSDOCK_PROJECT")
    starts = [Path(named)] if named else [Path.cwd(), *Path.cwd().parents]
    for folder in starts:
        if (folder / "config" / "flows").is_dir():
            return folder.resolve()
    raise Misconfigured(
        "there is no Crossdock project here: no folder config/flows",
        where=str(starts[0]),
        fix="run `crossdock init` in an empty folder, or set CROSSDOCK_PROJECT",
    )
