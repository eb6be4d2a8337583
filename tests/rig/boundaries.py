"""Count every contact with the outside, and die at one of them.

Nothing in the product knows of this: statements and commits are SQLAlchemy's, requests go through
the one HTTP session, SFTP through paramiko's client, files through ``os``. New code that touches
the world is counted by itself.
"""

from __future__ import annotations

import functools
import mmap
import os
import signal
import struct
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

SIZE = 1 << 20
_HEAD = struct.Struct("<qdq")  # boundaries passed, virtual seconds ahead, bytes of names


class Board:
    """Memory that the rig and its forked attempts share; what stands there survives a kill -9."""

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, SIZE)

    def begin(self) -> None:
        """Forget the boundaries of the last attempt; the time goes on."""
        _, ahead, _ = _HEAD.unpack_from(self._map)
        _HEAD.pack_into(self._map, 0, 0, ahead, 0)

    @property
    def ahead(self) -> float:
        """How far virtual time is ahead of real time, in seconds."""
        return float(_HEAD.unpack_from(self._map)[1])

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        count, ahead, used = _HEAD.unpack_from(self._map)
        _HEAD.pack_into(self._map, 0, count, ahead + max(0.0, seconds), used)

    def restart(self) -> None:
        """Begin a new world: no boundaries, no time passed."""
        _HEAD.pack_into(self._map, 0, 0, 0.0, 0)

    def passed(self, name: str) -> int:
        """Note a boundary; gives its number, from 1."""
        count, ahead, used = _HEAD.unpack_from(self._map)
        line = name.encode(errors="replace")[:96] + b"\n"
        at = _HEAD.size + used
        if at + len(line) <= SIZE:
            self._map[at : at + len(line)] = line
            used += len(line)
        _HEAD.pack_into(self._map, 0, count + 1, ahead, used)
        return int(count) + 1

    def names(self) -> list[str]:
        """Name the boundaries that the last attempt passed, in order."""
        _, _, used = _HEAD.unpack_from(self._map)
        text = self._map[_HEAD.size : _HEAD.size + used].decode(errors="replace")
        return text.splitlines()


def watch(board: Board, kill_at: int | None) -> None:
    """From now on count the boundaries of this process, and kill it at number ``kill_at``."""

    def passed(name: str) -> None:
        if board.passed(name) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    _watch_sql(passed)
    _watch_http(passed)
    _watch_sftp(passed)
    _watch_files(passed)


def _watch_sql(passed: Callable[[str], None]) -> None:
    def short(statement: str) -> str:
        return " ".join(statement.split())[:70]

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def before(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        passed(f"before {short(statement)}")

    @sa.event.listens_for(sa.Engine, "after_cursor_execute")
    def after(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        passed(f"after {short(statement)}")

    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
    from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

    for dialect in (PGDialect_psycopg, SQLiteDialect_pysqlite):
        _around(dialect, "do_commit", passed, lambda _self, *_: "COMMIT")


def _watch_http(passed: Callable[[str], None]) -> None:
    from crossdock import http

    def name(_self: Any, request: Any, *_: Any) -> str:
        path = str(request.url).split("/", 3)[3].split("?")[0]
        action = str(request.headers.get("SOAPAction", b"")).strip("b'\"").rsplit("/", 1)[-1]
        return f"{request.method} /{path} {action}".strip()

    _around(http._Adapter, "send", passed, name)


def _watch_sftp(passed: Callable[[str], None]) -> None:
    import paramiko

    _around(paramiko.SFTPClient, "_request", passed, lambda _self, kind, *_: f"SFTP {kind}")


def _watch_files(passed: Callable[[str], None]) -> None:
    for name in ("fsync", "replace", "rename", "link", "unlink"):

        def described(what: Any, *_: Any, verb: str = name) -> str:
            place = what if isinstance(what, str) else getattr(what, "name", "")
            return f"{verb} {os.path.basename(str(place))[:40]}"  # noqa: PTH119

        _around(os, name, passed, described)


def _around(
    owner: Any, name: str, passed: Callable[[str], None], describe: Callable[..., str]
) -> None:
    inner = getattr(owner, name)

    @functools.wraps(inner)
    def wrapped(*given: Any, **options: Any) -> Any:
        what = describe(*given)
        passed(f"before {what}")
        answer = inner(*given, **options)
        passed(f"after {what}")
        return answer

    setattr(owner, name, wrapped)
