"""The faults that the hub lives with, and the mark of the tests that prove it.

``catalogue.yaml`` says of each fault what goes wrong and what must come of it. A test that proves
one says so with ``@fault("N02")``; one test may prove several, and several one.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import pytest

from crossdock import yaml

PAGE = Path(__file__).with_name("catalogue.yaml")


@dataclass(frozen=True)
class Fault:
    """What goes wrong, what must come of it, and why no test proves it (empty: one does)."""

    name: str
    chapter: str
    wrong: str
    wanted: str
    untested: str = ""


@functools.cache
def catalogue() -> dict[str, Fault]:
    """Read the declaration; gives the faults by name, in their order."""
    return {
        name: Fault(name, chapter, *texts)
        for chapter, faults in yaml.load(PAGE).data.items()
        for name, texts in faults.items()
    }


def fault(*names: str) -> pytest.MarkDecorator:
    """Mark a test as the proof of the faults ``names``; raises KeyError for an unknown one."""
    for name in names:
        catalogue()[name]
    return pytest.mark.fault(*names)
