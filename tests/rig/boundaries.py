"""Count every contact with the outside, and die or stop at one of them.

Nothing in the product knows of this: statements and commits are SQLAlchemy's, requests go through
the one HTTP session, SFTP through paramiko's client, files through ``os`` and ``open``, objects
elsewhere through fsspec. New code that touches the world is counted by itself.

A boundary is an *effect* when something lasting happens between its two sides: a commit of a
transaction that wrote, a request, a change of a file. A statement inside a transaction is none:
whoever dies before or after it leaves what the last effect left.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
import signal
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from tests.rig.board import Board

_DEFINING = ("CREATE", "DROP", "ALTER")
_READING_SFTP = {4, 7, 8, 11, 12, 16, 17, 19}  # CLOSE, LSTAT, FSTAT, OPENDIR, READDIR, ...
_SFTP = {3: "OPEN", 4: "CLOSE", 5: "READ", 6: "WRITE", 7: "LSTAT", 8: "FSTAT", 9: "SETSTAT",
         11: "OPENDIR", 12: "READDIR", 13: "REMOVE", 14: "MKDIR", 16: "REALPATH", 17: "STAT",
         18: "RENAME", 200: "EXTENDED"}  # fmt: skip


class Watch:
    """Counts the boundaries of this process on a board; armed, it dies or stops at one."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._slot = 0
        self._at: int | None = None
        self._signal = signal.SIGKILL
        self._counts = False

    def install(self) -> None:
        """Put the watch around every door; once a process, before anything is forked from it."""
        _watch_sql(self)
        _watch_http(self)
        _watch_sftp(self)
        _watch_files(self)
        _watch_objects(self)

    def arm(self, slot: int, at: int | None, *, stop: bool = False) -> None:
        """Begin to count in ``slot``; at number ``at`` die by SIGKILL, or stop by SIGSTOP."""
        self._slot, self._at, self._counts = slot, at, True
        self._signal = signal.SIGSTOP if stop else signal.SIGKILL

    def disarm(self) -> None:
        """Count no more: what follows is the rig's own."""
        self._counts = False

    def passed(self, name: str, *, effect: bool) -> None:
        """Note a boundary."""
        if self._counts and self._board.passed(self._slot, name, effect=effect) == self._at:
            os.kill(os.getpid(), self._signal)

    def around(
        self,
        owner: Any,
        name: str,
        describe: Callable[..., str],
        counts: Callable[..., bool] | None = None,
        effect: Callable[..., bool] | None = None,
    ) -> None:
        """Count both sides of each call of ``owner.name``; effects, unless ``effect`` says no."""
        inner = getattr(owner, name)

        @functools.wraps(inner)
        def wrapped(*given: Any, **options: Any) -> Any:
            if not self._counts or (counts is not None and not counts(*given, **options)):
                return inner(*given, **options)
            what = describe(*given)
            lasts = effect is None or effect(*given)
            self.passed(f"before {what}", effect=lasts)
            answer = inner(*given, **options)
            self.passed(f"after {what}", effect=lasts)
            return answer

        setattr(owner, name, wrapped)


def _watch_sql(watch: Watch) -> None:
    def short(statement: str) -> str:
        return " ".join(statement.split())[:70]

    def before(connection: sa.Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip()[:7].upper().startswith(_DEFINING):
            connection.info["defined"] = True
        watch.passed(f"before {short(statement)}", effect=False)

    def after(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        watch.passed(f"after {short(statement)}", effect=False)

    sa.event.listen(sa.Engine, "before_cursor_execute", before)
    sa.event.listen(sa.Engine, "after_cursor_execute", after)
    _watch_commit(watch)


def _watch_commit(watch: Watch) -> None:
    """Count commits as both dialects do them; one that wrote nothing is no effect."""
    inner = sa.Connection._commit_impl

    @functools.wraps(inner)
    def wrapped(connection: sa.Connection) -> None:
        wrote = _wrote(connection)
        watch.passed("before COMMIT", effect=wrote)
        inner(connection)
        watch.passed("after COMMIT", effect=wrote)

    sa.Connection._commit_impl = wrapped  # type: ignore[method-assign]


def _wrote(connection: sa.Connection) -> bool:
    """Say whether the transaction changed anything: SQLite counts rows; elsewhere, assume so."""
    changes = getattr(connection.connection.driver_connection, "total_changes", None)
    defined = connection.info.pop("defined", False)
    before = connection.info.get("changes", 0)
    connection.info["changes"] = changes
    return bool(defined or changes is None or changes != before)


def _watch_http(watch: Watch) -> None:
    from crossdock import http

    def name(_self: Any, request: Any, *_: Any) -> str:
        path = str(request.url).split("/", 3)[3].split("?")[0]
        action = str(request.headers.get("SOAPAction", b"")).strip("b'\"").rsplit("/", 1)[-1]
        return f"{request.method} /{path} {action}".strip()

    watch.around(http._Adapter, "send", name)


def _watch_sftp(watch: Watch) -> None:
    import paramiko

    def name(_self: Any, kind: Any, *_: Any) -> str:
        return f"SFTP {_SFTP.get(kind, kind)}"

    def lasts(_self: Any, kind: Any, *_: Any) -> bool:
        return kind not in _READING_SFTP

    watch.around(paramiko.SFTPClient, "_request", name, effect=lasts)
    watch.around(  # what is written is sent without waiting for an answer
        paramiko.SFTPClient, "_async_request", lambda *_: "SFTP WRITE",
        counts=lambda _self, _file, kind, *_: kind == 6,
    )  # fmt: skip


def _watch_files(watch: Watch) -> None:
    for name in ("fsync", "replace", "rename", "link", "unlink", "remove", "truncate"):

        def described(what: Any, *_: Any, verb: str = name) -> str:
            place = what if isinstance(what, str) else getattr(what, "name", "")
            return f"{verb} {os.path.basename(str(place))[:40]}"  # noqa: PTH119

        watch.around(os, name, described)
    for owner in (io, builtins):
        watch.around(owner, "open", _opened, counts=_writes)


def _opened(what: Any, *_: Any) -> str:
    return f"open {os.path.basename(str(what))[:40]}"  # noqa: PTH119


def _writes(what: Any, mode: str = "r", *_: Any, **__: Any) -> bool:
    """Say whether a file of ours is opened to be written; what is no path is a pipe."""
    return isinstance(what, str | os.PathLike) and bool(set("wax+") & set(mode))


def _watch_objects(watch: Watch) -> None:
    """Count what goes to an object store that is no folder."""
    import fsspec

    for name in ("pipe_file", "rm_file", "mv"):
        watch.around(
            fsspec.AbstractFileSystem, name, lambda _fs, path, *_, verb=name: f"object {verb}"
        )
    watch.around(
        fsspec.spec.AbstractBufferedFile, "flush", lambda *_: "object flush",
        counts=lambda file, *_, **__: file.mode != "rb",
    )  # fmt: skip
