"""The scripts behind make: what they find, and what they say when it is not there."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

from tests.tiny import ROOT


def script(name: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / name)],
        cwd=folder,
        env={"PATH": str(folder / "bin"), **variables},
        capture_output=True,
        text=True,
    )


def program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_a_supported_python_is_found(tmp_path: Path) -> None:
    program(tmp_path / "bin/python3", "#!/bin/sh\nexit 1\n")
    program(tmp_path / "bin/python3.12", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    assert script("find-python.sh", tmp_path).stdout == "python3.12\n"


def test_without_a_python_it_says_what_to_install(tmp_path: Path) -> None:
    for name in ("requirements.lock", "scripts"):
        (tmp_path / name).symlink_to(ROOT / name)
    program(tmp_path / "bin/sh", '#!/bin/sh\nexec /bin/sh "$@"\n')
    done = script("set-up.sh", tmp_path)
    assert done.returncode == 1
    assert "apt install python3" in done.stderr


def test_a_python_without_venv_is_explained(tmp_path: Path) -> None:
    for name in ("requirements.lock", "scripts"):
        (tmp_path / name).symlink_to(ROOT / name)
    broken = f"""#!/bin/sh
if [ "$1" = -m ] && [ "$2" = venv ]; then echo 'ensurepip is not available' >&2; exit 1; fi
exec {sys.executable} "$@"
"""
    program(tmp_path / "bin/python3", broken)
    done = script("set-up.sh", tmp_path, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert "ensurepip is not available" in done.stderr
    assert "apt install python3-venv" in done.stderr
    assert "packages, about" in done.stdout, "it says beforehand what it would download"
    assert not (tmp_path / ".venv").exists()
