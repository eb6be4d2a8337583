"""Where the tokens that a server rotates are kept, so that all workers go on with the newest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class TokenStore(Protocol):
    """Keeps texts by name, encrypted where they lie, and lets one worker at a time renew them."""

    def get(self, name: str) -> str:
        """Give what was put last, or ""."""

    def put(self, name: str, text: str) -> None:
        """Keep ``text``; durable when it returns."""

    def alone(self, name: str) -> AbstractContextManager[None]:
        """Hold off all others that want to renew ``name``; raises TryLater after a minute."""


class InMemory:
    """Tokens of this process only, for tests and for a single command."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._lock = threading.RLock()

    def get(self, name: str) -> str:
        """Give what was put last, or ""."""
        return self._texts.get(name, "")

    def put(self, name: str, text: str) -> None:
        """Keep ``text``."""
        self._texts[name] = text

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Hold off all others; one lock serves all names."""
        with self._lock:
            yield
