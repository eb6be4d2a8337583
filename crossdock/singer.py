"""Run a Singer tap as a process of its own and read what it writes, a page at a time.

https://hub.meltano.com/singer/spec (SCHEMA, RECORD, STATE, ACTIVATE_VERSION on standard output)
"""

from __future__ import annotations

import json as loosely
import os
import selectors
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from crossdock import json
from crossdock.errors import Misconfigured, TryLater, Unreadable
from crossdock.exchange import hidden

PAGE_RECORDS = 5_000
PAGE_BYTES = 8 << 20
LONGEST_LINE = 64 << 20
_KNOWN = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True)
class Tap:
    """One installed tap: its command, its configuration, what of it must not be told.

    ``silence`` is the longest time in seconds without a line; ``folder`` is private.
    """

    command: Sequence[str]
    config: Mapping[str, Any]
    secrets: Sequence[str]
    folder: Path
    silence: float = 300.0

    def catalog(self) -> dict[str, Any]:
        """Ask the tap what it has; raises Misconfigured, TryLater."""
        with self._run(["--discover"]) as process:
            text = b"".join(_lines(process, self.silence))
            self._end(process)
        try:
            found = json.loads(text, "the tap's catalog")
        except Unreadable as error:
            raise Misconfigured(f"the tap's catalog is no JSON: {error.what}") from None
        if not isinstance(found, dict) or not isinstance(found.get("streams"), list):
            raise Misconfigured("the tap's catalog has no streams")
        return found

    def pages(self, stream: str, state: str | None) -> Iterator[tuple[Path, str | None]]:
        """Read ``stream`` after ``state``: gives files of its messages, and the state with each.

        A state covers what came before it, so it goes with the page that ends behind it.
        """
        chosen = self._file(json.dumps(_selected(self.catalog(), stream)))
        words = ["--catalog", str(chosen)]
        if state:
            words += ["--state", str(self._file(state))]
        with self._run(words) as process:
            page = _Page(self.folder)
            try:
                for line in _lines(process, self.silence):
                    page.take(line, stream)
                    if page.records >= PAGE_RECORDS or page.size >= PAGE_BYTES:
                        yield page.close()
                        page = page.following()
                self._end(process)
                if page.records or page.state:
                    yield page.close()
            finally:
                page.drop()

    @contextmanager
    def _run(self, words: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
        config = self._file(json.dumps(self.config))
        environment = {name: os.environ[name] for name in _KNOWN if name in os.environ}
        environment["HOME"] = str(self.folder)
        command = [*self.command, "--config", str(config), *words]
        with (self.folder / f"stderr-{uuid.uuid4().hex}").open("w+b") as said:
            try:
                process = subprocess.Popen(
                    command, stdout=subprocess.PIPE, stderr=said, stdin=subprocess.DEVNULL,
                    env=environment, cwd=self.folder,
                )  # fmt: skip
            except OSError as error:
                raise Misconfigured(
                    f"the tap {self.command[0]!r} cannot be started: {error.strerror}",
                    fix="install it in an environment of its own and give its path",
                ) from None
            vars(process)["said"] = said
            try:
                yield process
            finally:
                _stop(process)
                Path(said.name).unlink(missing_ok=True)
                config.unlink(missing_ok=True)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Raise TryLater unless the tap ended well; its last words are told without secrets."""
        status = process.wait()
        if status:
            words = hidden(_last_words(vars(process)["said"]), self.secrets)
            raise TryLater(f"the tap ended with status {status}: {words}")

    def _file(self, text: str) -> Path:
        path = self.folder / f"{uuid.uuid4().hex}.json"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        return path


class _Page:
    """Messages on their way to a file."""

    def __init__(self, folder: Path, state: str | None = None) -> None:
        self._folder = folder
        self.path = folder / f"{uuid.uuid4().hex}.ndjson"
        self._file: IO[bytes] = self.path.open("wb")
        self.records = 0
        self.size = 0
        self.state: str | None = None
        self._closed = False

    def take(self, line: bytes, stream: str) -> None:
        """Take one message: records of the stream are kept as they came, a state is noted."""
        if not line.strip():
            return
        try:
            message = loosely.loads(line)  # only its kind is looked at; records are read later
        except (ValueError, RecursionError):
            if line.lstrip().startswith(b"{"):
                raise Misconfigured("the tap wrote a message that is no JSON") from None
            return  # a tap that prints what it should log
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "STATE":
            self.state = json.dumps(message.get("value"))
        elif kind == "BATCH":
            raise Misconfigured(
                "the tap sends files of records (BATCH)", fix="switch batching off in its config"
            )
        elif kind == "RECORD" and message.get("stream") == stream:
            self._file.write(line.rstrip(b"\r\n") + b"\n")
            self.records += 1
            self.size += len(line)

    def close(self) -> tuple[Path, str | None]:
        """End the file; gives it with the last state that came before its end."""
        self._file.close()
        self._closed = True
        return self.path, self.state

    def following(self) -> _Page:
        """Begin the next page."""
        return _Page(self._folder)

    def drop(self) -> None:
        """Remove a page that nobody took."""
        if not self._closed:
            self._file.close()
            self.path.unlink(missing_ok=True)


def _selected(catalog: Mapping[str, Any], stream: str) -> dict[str, Any]:
    """Select one stream with all its fields; raises Misconfigured where it is not there."""
    streams = [dict(one) for one in catalog["streams"]]
    names = [str(one.get("stream", one.get("tap_stream_id"))) for one in streams]
    if stream not in names:
        raise Misconfigured(
            f"the tap has no stream {stream!r}", fix=f"it has {', '.join(sorted(names)[:20])}"
        )
    for one, name in zip(streams, names, strict=True):
        chosen = name == stream
        metadata = [dict(item) for item in one.get("metadata", [])]
        if not any(not item.get("breadcrumb") for item in metadata):
            metadata.append({"breadcrumb": [], "metadata": {}})
        for item in metadata:
            always = dict(item.get("metadata", {})).get("inclusion") == "unsupported"
            item["metadata"] = {**item.get("metadata", {}), "selected": chosen and not always}
        one["metadata"], one["selected"] = metadata, chosen
    return {**catalog, "streams": streams}


def _lines(process: subprocess.Popen[bytes], silence: float) -> Iterator[bytes]:
    """Yield the lines that a process writes; raises TryLater where it says nothing for long."""
    stdout = process.stdout
    if stdout is None:
        return
    rest = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(stdout, selectors.EVENT_READ)
        while True:
            if not waiting.select(silence):
                raise TryLater(f"the tap said nothing for {silence:g} s")
            chunk = os.read(stdout.fileno(), 1 << 16)
            if not chunk:
                break
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line + b"\n"
            if len(rest) > LONGEST_LINE:
                raise Misconfigured(f"the tap wrote a line of more than {LONGEST_LINE >> 20} MB")
    if rest:
        yield rest


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _last_words(said: IO[bytes]) -> str:
    said.flush()
    said.seek(0, os.SEEK_END)
    said.seek(max(0, said.tell() - 2_000))
    lines = [line.strip() for line in said.read().decode(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "it said nothing")[:200]
