"""Memory that a batch used, given back to the system before the next batch."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

import pyarrow as pa


def give_back() -> None:
    """Give free memory back; without it each batch leaves a little more behind.

    Measured over sixty batches: 769 MB in place of 881 MB at the worst moment.
    """
    pa.default_memory_pool().release_unused()
    _trim()(0)


@cache
def _trim() -> Callable[[int], int]:
    """Find glibc's ``malloc_trim``; another C library keeps what it keeps."""
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return lambda _: 0
    return found
