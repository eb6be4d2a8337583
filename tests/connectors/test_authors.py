"""For those who write connectors: new, list, describe, test; and a package of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from crossdock import systems
from crossdock.cli import app
from crossdock.errors import Misconfigured
from crossdock.home import Home
from crossdock.testing import run, stand_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with nothing of ours in it."""
    (tmp_path / "config" / "flows").mkdir(parents=True)
    (tmp_path / "connectors").mkdir()
    monkeypatch.setenv("CROSSDOCK_PROJECT", str(tmp_path))
    monkeypatch.setenv("CROSSDOCK_HOME", str(tmp_path / "state"))
    return tmp_path


def call(*words: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == status, done.output or repr(done.exception)
    return done.output


def test_a_new_connector_is_whole(project: Path) -> None:
    said = call("connector", "new", "acme_shop")
    assert "wrote connectors/acme_shop.py" in said
    for name in ("product", "stock_level"):
        assert "FAIL" not in call("map", "test", f"acme_shop/{name}")
    page = json.loads(call("connector", "describe", "acme_shop", "--json"))
    assert [item["name"] for item in page["streams"]] == ["products", "stock"]
    assert [item["name"] for item in page["settings"] if item["secret"]] == ["token"]
    assert page["versions"] == [{"version": "1", "by": "documents only"}]
    assert "acme_shop" in call("connector", "list")
    shown = call("connector", "describe", "acme_shop")
    assert "documents only" in shown
    assert "upsert" in shown
    with pytest.raises(Misconfigured, match="there already"):
        CliRunner().invoke(app, ["connector", "new", "acme_shop"], catch_exceptions=False)
    with pytest.raises(Misconfigured, match="no name"):
        CliRunner().invoke(app, ["connector", "new", "Acme-Shop"], catch_exceptions=False)


def test_a_new_connector_is_below_sixty_lines_of_code(project: Path) -> None:
    call("connector", "new", "acme")
    lines = (project / "connectors" / "acme.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60


def test_the_kit_says_what_it_found(project: Path) -> None:
    call("connector", "new", "acme")
    said = call("connector", "test", "acme", "--only", "its_check")
    assert "4 passed, 0 failed, 0 skipped" in said
    file = project / "connectors" / "stands" / "acme.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"token": self.hostile.key}', '"token": "other"}'), "utf-8")
    found = call_outside(project, "connector", "test", "acme", "--only", "its_check_says", "--json")
    report = json.loads(found)
    assert (report["failed"], report["cases"][0]["state"]) == (1, "failed")


def call_outside(project: Path, *words: str) -> str:
    """Run the command in a process of its own, which has loaded nothing yet."""
    done = subprocess.run(
        [sys.executable, "-m", "crossdock.cli", *words],
        capture_output=True, text=True, cwd=project, check=False,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_new_connector_passes_the_whole_kit(project: Path) -> None:
    call("connector", "new", "acme")
    results = list(run(stand_of(Home.find(), "acme")))
    assert [one.detail for one in results if one.state == "failed"] == []
    assert sum(one.state == "passed" for one in results) >= 35


def test_a_projects_own_connector_is_meant_whatever_can_be_imported(project: Path) -> None:
    """``connectors.rest`` of the checkout is importable here, and must not stand in for it."""
    import connectors.rest

    own = (
        "from crossdock import Connector\n\n\n"
        'class Mine(Connector):\n    """Ours."""\n\n    kind = "rest"\n'
    )
    (project / "connectors" / "rest.py").write_text(own, encoding="utf-8")
    found = systems.connector_class(Home.find(), "rest")
    assert (found.__name__, found.kind) == ("Mine", "rest")
    assert systems.connector_class(Home.find(ROOT), "rest") is connectors.rest.Rest


def test_a_live_account_is_only_read(project: Path) -> None:
    from crossdock.testing.hostile import Hostile

    call("connector", "new", "acme")
    with Hostile(count=4) as system:
        system.routes = {"products": "changes"}  # type: ignore[misc]
        text = (
            "about: x\nconnector: acme\nallow_private: true\nsettings:\n"
            f"  url: {system.url}\n  token: {{env: ACME_TOKEN}}\n"
        )
        (project / "config" / "systems" / "acme.yaml").write_text(text, encoding="utf-8")
        os.environ["ACME_TOKEN"] = system.key
        said = call("connector", "test", "acme", "--live", "acme")
        assert " 0 failed" in said
        assert "a read resumes from every cursor" in said
        assert system.targets.effects == {}
    del os.environ["ACME_TOKEN"]


PACKAGE: dict[str, Any] = {
    "pyproject.toml": """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "crossdock-acme"
version = "1.0"

[project.entry-points."crossdock.connectors"]
acme_plugin = "crossdock_acme:Acme"

[project.entry-points."crossdock.stands"]
acme_plugin = "crossdock_acme.stand:AcmeStand"
""",
}


@pytest.mark.slow
def test_a_package_of_somebody_elses_is_found(project: Path, tmp_path: Path) -> None:
    """Built, installed and named by its entry point, it is a connector like any other."""
    call("connector", "new", "acme")
    package = tmp_path / "package"
    (package / "crossdock_acme").mkdir(parents=True)
    for source, target in (("connectors/acme.py", "__init__.py"),
                           ("connectors/stands/acme.py", "stand.py")):  # fmt: skip
        (project / source).rename(package / "crossdock_acme" / target)
    for name, text in PACKAGE.items():
        (package / name).write_text(text, encoding="utf-8")
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
         "--no-build-isolation", "--target", str(site), str(package)],
        check=True, capture_output=True,
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "crossdock.cli", "connector", "test", "acme_plugin", "--json"],
        capture_output=True, text=True, cwd=project, check=False,
        env={**os.environ, "PYTHONPATH": str(site)},
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert report["failed"] == 0, [c for c in report["cases"] if c["state"] == "failed"]
    assert report["passed"] >= 35
