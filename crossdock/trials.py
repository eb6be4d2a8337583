"""What tries the defaults out: a session of the hub's, and a server on loopback that means ill."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from crossdock.connector import World
from crossdock.errors import CrossdockError
from crossdock.home import Home

if TYPE_CHECKING:
    from crossdock.egress import Egress
    from crossdock.exchange import Request
    from crossdock.http import HttpSession


def all_refused(
    attempt: Callable[[str], object] | Callable[[bytes], object],
    given: tuple[str, ...] | tuple[bytes, ...],
    kind: type[CrossdockError],
) -> str:
    """Give "" where each of ``given`` is refused with an error of ``kind``, or which was taken."""
    for one in given:
        if not refused(lambda text=one: attempt(text), kind):  # type: ignore[misc]
            shown = one if isinstance(one, str) else one[:40].decode()
            return f"{re.sub('[^ -~]', '?', shown)} was taken"
    return ""


def refused(
    attempt: Callable[[], object], kind: type[CrossdockError] = CrossdockError
) -> bool:
    """Say whether ``attempt`` was refused with one of our errors."""
    try:
        attempt()
    except kind:
        return True
    return False


@contextmanager
def session(home: Home, egress: Egress | None = None) -> Iterator[HttpSession]:
    """Open the hub's session; private addresses are allowed unless ``egress`` says otherwise."""
    from crossdock.egress import Egress
    from crossdock.http import HttpSession

    world = World(project=home.project, scratch=home.scratch, sleep=lambda seconds: None)
    session = HttpSession(world, egress or Egress(allow_private=True))
    try:
        yield session
    finally:
        session.close()


def request(url: str) -> Request:
    """Make a plain request."""
    from crossdock.exchange import Request

    return Request("GET", url)


@contextmanager
def server(
    pages: Mapping[str, tuple[int, Mapping[str, str], bytes]],
    heard: list[str] | None = None,
    drip: float = 0.0,
) -> Iterator[int]:
    """Answer on a free port of loopback: path -> status, headers, body; a drop each ``drip`` s."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if heard is not None:
                heard.append(self.path)
            status, headers, body = pages[self.path]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            size = 1 if drip else len(body) or 1
            try:
                for at in range(0, len(body), size):
                    self.wfile.write(body[at : at + size])
                    stop.wait(drip)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Stay silent."""

    stop = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            stop.set()
            server.shutdown()
            thread.join()
