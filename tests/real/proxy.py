"""A way to a real server on which answers get lost: the server did it, and nobody hears of it."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Way:
    """Forwards to one server; ``loses`` says of a request's body whether its answer is lost."""

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.loses: Callable[[bytes], bool] = lambda body: False
        self.lost = 0
        self.url = ""

    def lose(self, word: bytes, times: int = 1) -> None:
        """Lose the answers to the next ``times`` requests that hold ``word``."""
        left = [times]

        def decide(body: bytes) -> bool:
            if word not in body or not left[0]:
                return False
            left[0] -= 1
            self.lost += 1
            return True

        self.loses = decide


@contextlib.contextmanager
def way_to(target: str) -> Iterator[Way]:
    """Listen on a free port of loopback until the block ends."""
    way = Way(target)

    class Forward(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            connection = http.client.HTTPConnection(way.target.netloc, timeout=120)
            try:
                sent = {
                    name: value
                    for name, value in self.headers.items()
                    if name.lower() not in {"host", "connection"}
                }
                connection.request("POST", way.target.path, body, sent)
                answer = connection.getresponse()
                text = answer.read()
            finally:
                connection.close()
            if way.loses(body):
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up is no error."""

    server = Quiet(("127.0.0.1", 0), Forward)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    way.url = f"http://127.0.0.1:{server.server_address[1]}{way.target.path}"
    try:
        yield way
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
