"""The lock: every package by version and hash, no address, nothing that takes our names."""

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
FOLDERS = {"crossdock", "connectors", "mappings", "validation", "edi", "config", "dags", "docs"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_line_is_pinned_and_hashed(lock: Path) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", lock.read_text(encoding="utf-8").strip(), flags=re.I)
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z0-9,_-]+\])?==[^\s]+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_no_address_stands_in_it(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text


def test_nobody_else_provides_our_names() -> None:
    taken = {
        name: sorted(set(owners) - {"crossdock"})
        for name, owners in importlib.metadata.packages_distributions().items()
        if name in FOLDERS
    }
    assert not {name: owners for name, owners in taken.items() if owners}


def test_content_folders_hold_no_package() -> None:
    for folder in FOLDERS - {"crossdock", "connectors"}:
        assert not list((ROOT / folder).glob("**/__init__.py")), f"{folder}/ is data, not a package"


def test_one_lock_serves_every_supported_python() -> None:
    assert (3, 11) <= sys.version_info[:2] <= (3, 13)
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "python_full_version" in text or "python_version" in text, "make it with --universal"
