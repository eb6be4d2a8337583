"""``init``, ``doctor``, and what the command line says when something is wrong."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from crossdock import doctor, init
from crossdock.errors import Misconfigured
from crossdock.home import Home
from tests import tiny
from tests.cli.conftest import Run


def test_init_makes_a_project_that_doctor_finds_fit(tmp_path: Path) -> None:
    said = list(init.make(tmp_path / "hub"))
    assert any("key" in line for line in said)
    home = Home.find(tmp_path / "hub")
    assert stat.S_IMODE(home.key_file.stat().st_mode) == 0o600
    lines = list(doctor.examine(home))
    assert not [line for line in lines if line.state == "FAIL"]
    again = list(init.make(tmp_path / "hub"))
    assert all(line.startswith("kept") for line in again), "what is there is left alone"


def test_init_refuses_its_own_folder_and_a_file(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="own folder"):
        list(init.make(tiny.ROOT))
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match="no folder"):
        list(init.make(tmp_path / "file"))


@pytest.mark.slow
def test_the_wheel_carries_what_init_copies(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=tiny.ROOT,
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    subprocess.run(
        [sys.executable, "-m", "zipfile", "-e", str(wheel), str(tmp_path / "site")], check=True
    )
    code = (
        "import sys; from pathlib import Path; import crossdock.init as init\n"
        "assert Path(init.__file__).is_relative_to(sys.argv[1]), init.__file__\n"
        "list(init.make(Path(sys.argv[2])))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "site"), str(tmp_path / "hub")],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        check=True,
    )
    made = {path.name for path in (tmp_path / "hub").iterdir()}
    assert {*init.FOLDERS, ".airflowignore", "docker-compose.yml"} <= made


def test_doctor_names_what_must_change(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in tiny.variables(project).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AIRFLOW_HOME", str(project / "airflow"))
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    home = Home.find()
    home.make_key()
    home.key_file.chmod(0o644)
    (project / ".airflowignore").write_text("*.txt\n")
    shop = project / "config/systems/shop.yaml"
    shop.write_text(shop.read_text().replace("{env: TINY_SHOP_URL}", "'sqlite:///secret.db'"))
    (project / "config/systems/letters.yaml").write_text(
        "about: A partner.\nconnector: files\nsettings: {path: 'sftp://partner.example/out'}\n"
    )
    bad = {line.what: line.detail for line in doctor.examine(home) if line.state == "FAIL"}
    assert "host_key is missing" in bad["system letters"]
    assert "chmod 600" in bad["key"]
    assert "PostgreSQL" in bad["SQLite under CeleryExecutor"]
    assert "!dags/" in bad[".airflowignore"]
    assert "stands in the file itself" in bad["system shop"]
    assert "FAB" in bad["Airflow's logins"]


def test_doctor_ends_with_one_and_speaks_json(crossdock: Run, project: Path) -> None:
    fit = crossdock("doctor", "--json")
    assert fit.returncode == 0, fit.stdout
    assert json.loads(fit.stdout)["ok"] is True
    (project / "config/flows/orders.yaml").write_text("legs: []\n", encoding="utf-8")
    unfit = crossdock("doctor")
    assert unfit.returncode == 1
    assert "FAIL  flow orders" in unfit.stdout


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("run", "ordrs"), 1, "did you mean 'orders'?"),
        (("quarantine", "show", "99"), 1, "there is no hold 99"),
        (("quarantine", "resubmit"), 1, "name holds by number"),
        (("quarantine", "release", "1"), 2, "--reason"),
        (("ledger", "orders"), 1, "has not run yet"),
        (("check", "nowhere"), 1, "there is no system 'nowhere'"),
        (("map", "try", "shop/sales_order", "none.json"), 1, "there is no file"),
        (("nonsense",), 2, "No such command"),
    ],
)
def test_an_error_says_what_to_do_and_shows_no_traceback(
    crossdock: Run, words: tuple[str, ...], status: int, says: str
) -> None:
    done = crossdock(*words, COLUMNS="200")
    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback(crossdock: Run) -> None:
    done = crossdock("run", "ordrs", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
