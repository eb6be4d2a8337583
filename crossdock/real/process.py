"""A server as a process of ours: started, waited for, asked, stopped."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from crossdock import processes
from crossdock.errors import TryLater

START_SECONDS = 180.0
STOP_SECONDS = 10.0


@contextlib.contextmanager
def serving(
    words: Sequence[str], log: Path, says: str, environment: Mapping[str, str]
) -> Iterator[str]:
    """Run a server until the block ends; gives the word that follows ``says`` in its log.

    Raises TryLater when it ends, or does not say so in time.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )
    try:
        yield _said(process, log, says)
    finally:
        left = processes.family(process.pid)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        process.kill()
        process.wait()
        processes.end(left)


def _said(process: subprocess.Popen[bytes], log: Path, says: str) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        _, found, rest = log.read_text(encoding="utf-8", errors="replace").partition(says)
        if found and "\n" in rest:
            return rest.split()[0]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise TryLater(f"{Path(process.args[0]).name} did not start", where=str(log), fix="read it")  # type: ignore[index,arg-type]


def ask(url: str, body: Any, headers: Mapping[str, str]) -> tuple[Any, Mapping[str, str]]:
    """Post JSON to a server of ours; gives the answer's document and headers (lower case).

    Raises TryLater with the server's words for any status but 200.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=120)
    try:
        sent = {"Content-Type": "application/json", **headers}
        connection.request("POST", parts.path, json.dumps(body), sent)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise TryLater(f"status {answer.status}: {text[:300]!r}", where=url)
        return json.loads(text), {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()
